"""``membership_inference``: how well the source people can be told from people whom the generator never saw."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from faceleak_check.checks.leaks import people_of
from faceleak_check.checks.statistics import roc
from faceleak_check.checks.statistics.rates import USUAL_CONFIDENCE
from faceleak_check.matches import Matches
from faceleak_check.policy.types import Confidence, Rate, Share, check_keys
from faceleak_check.records import AboutCheck, Figure, Measurement, Pair, RocCurve

__all__ = ["MembershipInference"]

_CHANCE = 0.5
"""The area under the curve where members cannot be told from others."""


@check_keys
class MembershipInference:
    """An attack that calls a real image a member of the source set where some generated image is very near to it.

    Attributes:
        fpr: False positive rate at which the attack is measured.
        at_most: Highest true positive rate allowed at that rate.
        confidence: If given, the upper end of the interval at this confidence must meet the limit.
    """

    about: ClassVar[AboutCheck] = AboutCheck(
        title="Can training photographs be told from others?",
        question=(
            "Could somebody who has the generated images tell which photographs the generator was trained on?"
        ),
        kind="members",
        not_shown="That no attack works: this is one attack, and a better one may tell more.",
    )
    roles: ClassVar[tuple[tuple[str, ...], ...]] = (("generated", "source", "control"),)
    needs_whole_set: ClassVar[bool] = True
    needs_labels: ClassVar[bool] = False
    metric: ClassVar[str] = "cosine"

    fpr: Rate
    at_most: Share
    confidence: Confidence | None = None

    @property
    def by_chance(self) -> tuple[str, float]:
        """The key that states what share of people who were never trained on is found by chance, and its value."""
        return "fpr", self.fpr

    def doubt(self, measured: Measurement, n_people: int | None) -> str:  # noqa: ARG002  other checks ask
        """Why the figure shows nothing although it may meet the limit; empty where it shows something.

        Args:
            measured: The figure.
            n_people: Number of people whom the source names.
        """
        auc = next(figure for figure in measured.figures if figure.name == "auc")
        if auc.high is None or auc.high >= _CHANCE:
            return ""
        return (
            "the generated images are nearer to the control than to the source, so what leaks cannot stand out: "
            "is it a control?"
        )

    def measure_members(self, members: Matches, non_members: Matches) -> tuple[Measurement, RocCurve]:
        """True positive rate of the attack, and its whole curve.

        Args:
            members: The best match of each source image among the generated images (here in place of the source).
            non_members: The same of each control image.

        Raises:
            ValueError: The sets cannot tell that rate.
        """
        found = roc.membership(
            members.similarity[:, 0],
            non_members.similarity[:, 0],
            self.fpr,
            people_of([image.labels for image in members.generated]),
            people_of([image.labels for image in non_members.generated]),
            confidence=self.confidence or USUAL_CONFIDENCE,
        )
        told = members.similarity[:, 0] >= found.threshold
        measured = Measurement(
            value=found.tpr,
            limit=self.at_most,
            unit="share",
            n=len(members),
            rule=f"the cosine that {100 * self.fpr:.6g}% of the non-members reach",
            pairs=_pairs(members, told),
            interval=found.tpr_interval,
            confidence_asked=self.confidence is not None,
            finding=(
                f"{int(told.sum()):,} of {len(members):,} source images ({{value}}) are told to be members "
                f"at a false positive rate of {100 * self.fpr:.6g}%"
            ),
            figures=(
                Figure(
                    name="auc",
                    value=found.auc,
                    low=found.auc_interval.low,
                    high=found.auc_interval.high,
                    confidence=found.auc_interval.confidence,
                ),
                Figure(name="threshold", value=found.threshold),
            ),
        )
        return measured, RocCurve(fpr=found.curve_fpr, tpr=found.curve_tpr)


def _pairs(members: Matches, told: np.ndarray) -> tuple[Pair, ...]:
    """The source images that are told, each with the generated image that gives it away, nearest first."""
    found = [members.pair(int(row), 0) for row in np.flatnonzero(told)]
    turned = [_turned(pair) for pair in found]
    return tuple(sorted(turned, key=lambda pair: (-pair.similarity, pair.generated.id, pair.source.id)))


def _turned(pair: Pair) -> Pair:
    return Pair(
        generated=pair.source,
        source=pair.generated,
        similarity=pair.similarity,
        distance=pair.distance,
        generated_box=pair.source_box,
        source_box=pair.generated_box,
    )
