"""``leak_count``: how many generated images leak."""

from __future__ import annotations

from typing import ClassVar

from faceleak_check.checks.leaks import find_leaks, metric_of
from faceleak_check.matches import Matches
from faceleak_check.policy.types import Count, Threshold, check_keys
from faceleak_check.records import Measurement

__all__ = ["LeakCount"]


@check_keys
class LeakCount:
    """The number of generated images whose nearest source image is at or over the threshold.

    Attributes:
        threshold: From where on a match is a leak.
        at_most: Highest number allowed.
    """

    needs_labels: ClassVar[bool] = False
    n_neighbours: ClassVar[int] = 1

    threshold: Threshold
    at_most: Count

    @property
    def metric(self) -> str:
        """What decides which neighbour is nearest."""
        return metric_of(self.threshold)

    def measure(self, matches: Matches) -> Measurement:
        """Number of leaking images."""
        leaks = find_leaks(matches, self.threshold)
        return Measurement(
            value=leaks.n_images,
            limit=self.at_most,
            unit="images",
            n=len(matches),
            rule=leaks.rule,
            pairs=leaks.pairs,
        )
