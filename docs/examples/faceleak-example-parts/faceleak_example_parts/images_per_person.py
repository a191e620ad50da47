"""``images_per_person``: how often one and the same real person comes back."""

from collections import defaultdict
from typing import ClassVar

import numpy as np

from faceleak_check.checks.leaks import find_leaks, leaking, metric_of
from faceleak_check.matches import Matches
from faceleak_check.policy.types import Count, Threshold, check_keys
from faceleak_check.records import AboutCheck, Measurement, Pair


@check_keys
class ImagesPerPerson:
    """The number of generated images that match one and the same person of the source set, at most.

    Attributes:
        threshold: From where on a match is a leak.
        at_most: Highest number of images of one person that is allowed.
    """

    about: ClassVar[AboutCheck] = AboutCheck(
        title="The real person who comes back most often",
        question="How many generated images are matches of one and the same person of the source set?",
        kind="people",
        not_shown="How many people come back: it looks at the one with the most images alone.",
    )
    may_name: ClassVar[tuple[str, ...]] = ("control", "calibration")
    needs_labels: ClassVar[bool] = True
    needs_whole_set: ClassVar[bool] = False
    n_neighbours: ClassVar[int] = 1

    threshold: Threshold
    at_most: Count

    @property
    def metric(self) -> str:
        """What decides which neighbour is nearest."""
        return metric_of(self.threshold)

    def leaking(self, matches: Matches) -> np.ndarray:
        """Which neighbours are at or over the threshold, shape (n, k)."""
        return leaking(matches, self.threshold)

    def measure(self, matches: Matches) -> Measurement:
        """Number of images of the person with the most."""
        leaks = find_leaks(matches, self.threshold)
        shown: dict[str, list[Pair]] = defaultdict(list)
        for pair in leaks.pairs:
            for person in pair.source.labels:
                shown[person].append(pair)
        # of two people with as many, the one whose name comes first: the order of the images must not matter
        worst = max((shown[person] for person in sorted(shown)), key=len, default=[])
        n = len(worst)
        return Measurement(
            value=n,
            limit=self.at_most,
            unit="images",
            n=len(matches),
            rule=leaks.rule,
            pairs=tuple(worst),
            finding=f"{n:,} generated {'image shows' if n == 1 else 'images show'} one person of the source set",
        )
