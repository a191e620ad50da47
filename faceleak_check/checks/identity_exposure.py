"""``identity_exposure``: how many people of the source set are exposed."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from faceleak_check.checks.leaks import find_leaks, leaking, metric_of
from faceleak_check.matches import Matches
from faceleak_check.policy.types import Count, PositiveCount, Threshold, check_keys
from faceleak_check.records import Measurement

__all__ = ["IdentityExposure"]


@check_keys
class IdentityExposure:
    """The number of distinct source people among the leaks.

    Attributes:
        threshold: From where on a match is a leak.
        at_most: Highest number of people allowed.
        k: How many nearest source images of each generated image count.
    """

    needs_whole_set: ClassVar[bool] = False
    needs_labels: ClassVar[bool] = True

    threshold: Threshold
    at_most: Count
    k: PositiveCount = 1

    @property
    def metric(self) -> str:
        """What decides which neighbour is nearest."""
        return metric_of(self.threshold)

    @property
    def n_neighbours(self) -> int:
        """The policy's k."""
        return self.k

    def leaking(self, matches: Matches) -> npt.NDArray[np.bool_]:
        """Which neighbours are at or over the threshold, shape (n, k)."""
        return leaking(matches, self.threshold)

    def measure(self, matches: Matches) -> Measurement:
        """Number of people with a leak; a photograph that lies under two names exposes both, one without a name one."""
        leaks = find_leaks(matches, self.threshold)
        people = {person for pair in leaks.pairs for person in pair.source.labels or (pair.source,)}
        return Measurement(
            value=len(people),
            limit=self.at_most,
            unit="people",
            n=len(matches),
            rule=leaks.rule,
            pairs=leaks.pairs,
        )
