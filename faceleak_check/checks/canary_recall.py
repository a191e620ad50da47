"""``canary_recall``: whether the gate is awake."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import ClassVar

from faceleak_check.policy.types import PositiveCount, PositiveShare, Threshold, check_keys
from faceleak_check.records import AboutCheck, CanaryKind, Measurement, Outcome

__all__ = ["CanaryRecall"]


@check_keys
class CanaryRecall:
    """The share of altered copies of source faces that the gate catches, on the whole way from file to verdict.

    Attributes:
        at_least: Lowest share that must be caught.
        threshold: At which a copy counts as caught; where it is left out, the strictest of the policy's other checks
            on this source.
        n: How many source images are altered, each in every way.
    """

    about: ClassVar[AboutCheck] = AboutCheck(
        title="Is the gate awake?",
        question=(
            "Are altered copies of source photographs, sent through the whole gate, caught as they should be?"
        ),
        kind="awake",
        not_shown="Whether anything leaks: it tells only whether this gate would notice copies.",
    )
    roles: ClassVar[tuple[tuple[str, ...], ...]] = (("source",),)
    may_name: ClassVar[tuple[str, ...]] = ("control", "calibration")
    can_agree: ClassVar[bool] = False
    needs_whole_set: ClassVar[bool] = True
    needs_labels: ClassVar[bool] = False

    at_least: PositiveShare
    threshold: Threshold | None = None
    n: PositiveCount = 30

    def measure_canaries(
        self, canaries: Mapping[str, Sequence[str]], caught: Collection[str], lowest: Mapping[str, float]
    ) -> tuple[Measurement, tuple[CanaryKind, ...]]:
        """The share that was caught, and which kinds were not.

        Args:
            canaries: Ids of all canaries by kind, also of those that could not be compared.
            caught: Ids of those that were caught.
            lowest: Lowest cosine of a kind's canaries to their originals.
        """
        assert self.threshold is not None
        kinds = tuple(
            CanaryKind(
                kind=kind,
                n=len(ids),
                n_caught=sum(one in caught for one in ids),
                lowest=lowest.get(kind),
                missed=tuple(one for one in ids if one not in caught),
            )
            for kind, ids in canaries.items()
        )
        n, n_caught = sum(kind.n for kind in kinds), sum(kind.n_caught for kind in kinds)
        missed = ", ".join(f"{kind.n - kind.n_caught:,} {kind.kind}" for kind in kinds if kind.missed)
        measured = Measurement(
            value=n_caught / n,
            limit=self.at_least,
            unit="share",
            n=n,
            rule=self.threshold.describe(),
            pairs=(),
            finding=(
                f"{n_caught:,} of {n:,} canaries ({{value}}) were caught"
                f"{f', missed: {missed}' if missed else ''}"
            ),
            at_least=True,
            missed=Outcome.INCONCLUSIVE,
        )
        return measured, kinds
