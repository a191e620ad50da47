"""``excess_risk``: leaks beyond what people whom the generator never saw would give."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from faceleak_check.checks.leaks import leaking, metric_of, people_of, worst_first
from faceleak_check.checks.statistics import excess
from faceleak_check.checks.statistics.rates import USUAL_CONFIDENCE
from faceleak_check.matches import Matches
from faceleak_check.policy.types import Confidence, Share, Threshold, check_keys
from faceleak_check.records import AboutCheck, Figure, IntArray, Interval, Measurement, Pair

__all__ = ["ExcessRisk"]


@check_keys
class ExcessRisk:
    """The share of generated images that match source people, beyond the share that match a control set's people.

    Attributes:
        threshold: From where on a match is a hit; an FPIR of 1% where it is left out.
        at_most: Highest excess risk allowed.
        confidence: If given, the upper end of the interval at this confidence must meet the limit.
    """

    about: ClassVar[AboutCheck] = AboutCheck(
        title="Matches beyond chance",
        question=(
            "Do generated images match the source set more often than they match people whom the "
            "generator never saw?"
        ),
        kind="excess",
        not_shown="That no single person comes back: it is an average over the whole set.",
    )
    roles: ClassVar[tuple[tuple[str, ...], ...]] = (
        ("generated", "source", "control"),
        ("matches", "control"),
    )
    may_name: ClassVar[tuple[str, ...]] = ("calibration",)
    can_agree: ClassVar[bool] = False
    needs_whole_set: ClassVar[bool] = True
    needs_labels: ClassVar[bool] = False

    threshold: Threshold = Threshold(fpir=0.01)
    at_most: Share
    confidence: Confidence | None = None

    @property
    def metric(self) -> str:
        """What decides which neighbour is nearest."""
        return metric_of(self.threshold)

    def doubt(self, measured: Measurement, n_people: int | None) -> str:  # noqa: ARG002  other checks ask
        """Why the figure shows nothing although it may meet the limit; empty where it shows something.

        Args:
            measured: The figure.
            n_people: Number of people whom the source names.
        """
        if measured.interval is None or measured.interval.high >= 0:
            return ""
        return "the control is hit more often than the source, so what leaks cannot stand out from it: is it a control?"

    def leaking(self, matches: Matches) -> npt.NDArray[np.bool_]:
        """Which neighbours are hits, shape (n, k)."""
        return leaking(matches, self.threshold)

    def measure_parts(self, source: Sequence[Matches], control: Sequence[Matches]) -> Measurement:
        """The excess over the control.

        Args:
            source: The best matches of the same n generated images in each of m parts of the source.
            control: The same in parts of the control, each of about as many people.
        """
        found = excess.excess_risk(
            np.stack(self._people_hit(source), axis=1),
            np.stack(self._people_hit(control), axis=1),
            people_of([image.labels for image in source[0].generated]),
            confidence=self.confidence or USUAL_CONFIDENCE,
        )
        pairs = [pair for part in source for pair in worst_first(part, self.leaking(part))]
        parts = (
            ""
            if len(source) == 1
            else f" in each of {len(source):,} parts of the source as large as the control"
        )
        return self._measurement(found, tuple(sorted(pairs, key=_nearest_first)), f"hit{parts}")

    def measure_lists(self, matches: Matches, control: Matches) -> Measurement:
        """The excess of one generated set's hits over those of another that cannot have learned the source."""
        hits = self._people_hit([matches, control])
        mine, other = (people_of([image.labels for image in one.generated]) for one in (matches, control))
        found = excess.excess_risk_of_lists(
            *hits, source_groups=mine, control_groups=other, confidence=self.confidence or USUAL_CONFIDENCE
        )
        return self._measurement(found, worst_first(matches, self.leaking(matches)), "of the list hit")

    def _people_hit(self, parts: Sequence[Matches]) -> list[IntArray]:
        """The person whom each generated image hits in each part, -1 where it hits nobody, each of shape (n,).

        One person has one number in all parts.
        """
        images = [image for part in parts for image in part.source]
        people = people_of([image.labels or (image.sha256,) for image in images])
        starts = np.cumsum([0, *(len(part.source) for part in parts)])
        return [
            np.where(self.leaking(part)[:, 0], people[start + part.source_index[:, 0]], -1)
            for part, start in zip(parts, starts, strict=False)
        ]

    def _measurement(self, found: excess.ExcessRisk, pairs: tuple[Pair, ...], hit: str) -> Measurement:
        return Measurement(
            value=found.value,
            limit=self.at_most,
            unit="share",
            n=found.n,
            rule=self.threshold.describe(),
            pairs=pairs,
            interval=Interval(low=found.low, high=found.high, confidence=found.confidence),
            confidence_asked=self.confidence is not None,
            finding=(
                f"the excess risk is {{value}}: {100 * found.r_source:.3g}% {hit}, "
                f"{100 * found.r_control:.3g}% of the control"
            ),
            figures=(
                Figure(name="r_source", value=found.r_source),
                Figure(name="r_control", value=found.r_control),
                Figure(name="n_parts", value=found.n_parts),
            ),
        )


def _nearest_first(pair: Pair) -> tuple[float, str, str]:
    return -pair.similarity, pair.generated.id, pair.source.id
