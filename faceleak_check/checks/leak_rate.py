"""``leak_rate``: the share of generated images that leak."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from faceleak_check.checks.leaks import find_leaks, leaking, metric_of, people_of
from faceleak_check.checks.statistics.rates import (
    USUAL_CONFIDENCE,
    wilson_interval,
    wilson_interval_of_groups,
)
from faceleak_check.matches import Matches
from faceleak_check.policy.types import Confidence, Share, Threshold, check_keys
from faceleak_check.records import AboutCheck, Interval, Measurement

__all__ = ["LeakRate"]


@check_keys
class LeakRate:
    """The share of generated images whose nearest source image is at or over the threshold.

    Attributes:
        threshold: From where on a match is a leak.
        at_most: Highest share allowed.
        confidence: If given, the upper end of the Wilson interval at this confidence must meet the limit.
    """

    about: ClassVar[AboutCheck] = AboutCheck(
        title="Share of generated images that match a real photograph",
        question=(
            "How large a share of the generated images resembles somebody in the source set so much "
            "that the recogniser takes both for one person?"
        ),
        kind="rate",
    )
    roles: ClassVar[tuple[tuple[str, ...], ...]] = (("generated", "source"), ("matches",))
    may_name: ClassVar[tuple[str, ...]] = ("control", "calibration")
    needs_whole_set: ClassVar[bool] = True
    needs_labels: ClassVar[bool] = False
    n_neighbours: ClassVar[int] = 1

    threshold: Threshold
    at_most: Share
    confidence: Confidence | None = None

    def __post_init__(self) -> None:
        if self.confidence is not None and self.at_most == 0:
            raise ValueError(
                "at_most 0 with a confidence can never pass, because no number of images shows that a rate is 0: "
                "allow a small share such as 0.1%, or leave out confidence"
            )

    @property
    def bears_misses(self) -> bool:
        """Whether neighbours may be missed: an interval can allow for that, a bare share cannot."""
        return self.confidence is not None

    @property
    def metric(self) -> str:
        """What decides which neighbour is nearest."""
        return metric_of(self.threshold)

    @property
    def by_chance(self) -> tuple[str, float] | None:
        """The key that states what share of people who were never trained on leaks by chance, and its value."""
        return None if self.threshold.fpir is None else ("fpir", self.threshold.fpir)

    def leaking(self, matches: Matches) -> npt.NDArray[np.bool_]:
        """Which neighbours are at or over the threshold, shape (n, k)."""
        return leaking(matches, self.threshold)

    def measure(self, matches: Matches) -> Measurement:
        """Share of leaking images with its interval; images of one synthetic person are not independent."""
        leaks = find_leaks(matches, self.threshold)
        return Measurement(
            value=leaks.n_images / len(matches),
            limit=self.at_most,
            unit="share",
            n=len(matches),
            rule=leaks.rule,
            pairs=leaks.pairs,
            interval=self._interval(matches),
            confidence_asked=self.confidence is not None,
        )

    def _interval(self, matches: Matches) -> Interval:
        confidence = self.confidence or USUAL_CONFIDENCE
        is_hit = np.asarray(self.leaking(matches).any(axis=1))
        people = people_of([image.labels for image in matches.generated])
        # without a hit nothing shows that images of one synthetic person leak together
        if not is_hit.any() or len(np.unique(people)) == len(people):
            return wilson_interval(int(is_hit.sum()), len(matches), confidence)
        return wilson_interval_of_groups(is_hit, people, confidence)
