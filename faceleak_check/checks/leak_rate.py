"""``leak_rate``: the share of generated images that leak."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from faceleak_check.checks.leaks import find_leaks, leaking, metric_of
from faceleak_check.checks.statistics import wilson_interval
from faceleak_check.matches import Matches
from faceleak_check.policy.types import Confidence, Share, Threshold, check_keys
from faceleak_check.records import Measurement

__all__ = ["LeakRate"]


@check_keys
class LeakRate:
    """The share of generated images whose nearest source image is at or over the threshold.

    Attributes:
        threshold: From where on a match is a leak.
        at_most: Highest share allowed.
        confidence: If given, the upper end of the Wilson interval at this confidence must meet the limit.
    """

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
    def metric(self) -> str:
        """What decides which neighbour is nearest."""
        return metric_of(self.threshold)

    def leaking(self, matches: Matches) -> npt.NDArray[np.bool_]:
        """Which neighbours are at or over the threshold, shape (n, k)."""
        return leaking(matches, self.threshold)

    def measure(self, matches: Matches) -> Measurement:
        """Share of leaking images with its interval."""
        leaks = find_leaks(matches, self.threshold)
        return Measurement(
            value=leaks.n_images / len(matches),
            limit=self.at_most,
            unit="share",
            n=len(matches),
            rule=leaks.rule,
            pairs=leaks.pairs,
            interval=wilson_interval(leaks.n_images, len(matches), self.confidence or 0.95),
            confidence_asked=self.confidence is not None,
        )
