"""``leak_count``: how many generated images leak."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from faceleak_check.checks.leaks import find_leaks, leaking, metric_of
from faceleak_check.matches import Matches
from faceleak_check.policy.types import Count, Threshold, check_keys
from faceleak_check.records import AboutCheck, Measurement

__all__ = ["LeakCount"]


@check_keys
class LeakCount:
    """The number of generated images whose nearest source image is at or over the threshold.

    Attributes:
        threshold: From where on a match is a leak.
        at_most: Highest number allowed.
    """

    about: ClassVar[AboutCheck] = AboutCheck(
        title="Number of generated images that match a real photograph",
        question=(
            "How many generated images resemble somebody in the source set so much that the recogniser "
            "takes both for one person?"
        ),
        kind="rate",
    )
    roles: ClassVar[tuple[tuple[str, ...], ...]] = (("generated", "source"), ("matches",))
    may_name: ClassVar[tuple[str, ...]] = ("control", "calibration")
    needs_whole_set: ClassVar[bool] = False
    needs_labels: ClassVar[bool] = False
    n_neighbours: ClassVar[int] = 1

    threshold: Threshold
    at_most: Count

    @property
    def metric(self) -> str:
        """What decides which neighbour is nearest."""
        return metric_of(self.threshold)

    def leaking(self, matches: Matches) -> npt.NDArray[np.bool_]:
        """Which neighbours are at or over the threshold, shape (n, k)."""
        return leaking(matches, self.threshold)

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
