"""``identity_exposure``: how many people of the source set are exposed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt

from faceleak_check.checks.leaks import find_leaks, leaking, metric_of
from faceleak_check.matches import Matches
from faceleak_check.policy.types import Count, PositiveCount, Threshold, check_keys
from faceleak_check.records import AboutCheck, Measurement, Pair

__all__ = ["IdentityExposure"]


@check_keys
class IdentityExposure:
    """The number of distinct source people among the leaks.

    Attributes:
        threshold: From where on a match is a leak.
        at_most: Highest number of people allowed.
        k: How many nearest source images of each generated image count.
        min_images: How many generated images must match a person before the person counts.
        people: How source people are told apart, by the source's labels, or by clusters of its templates.
    """

    about: ClassVar[AboutCheck] = AboutCheck(
        title="Real people who come back",
        question="How many different people of the source set are matched by generated images?",
        kind="people",
    )
    roles: ClassVar[tuple[tuple[str, ...], ...]] = (("generated", "source"), ("matches",))
    may_name: ClassVar[tuple[str, ...]] = ("control", "calibration")
    needs_whole_set: ClassVar[bool] = False
    threshold: Threshold
    at_most: Count
    k: PositiveCount = 1
    min_images: PositiveCount = 1
    people: Literal["labels", "clusters"] = "labels"

    @property
    def metric(self) -> str:
        """What decides which neighbour is nearest."""
        return metric_of(self.threshold)

    @property
    def needs_labels(self) -> bool:
        """Whether the source must name its people."""
        return self.people == "labels"

    @property
    def n_neighbours(self) -> int:
        """The policy's k."""
        return self.k

    def doubt(self, measured: Measurement, n_people: int | None) -> str:  # noqa: ARG002  other checks ask
        """Why the figure shows nothing although it may meet the limit; empty where it shows something.

        A folder over all pictures makes one person of everybody.

        Args:
            measured: The figure.
            n_people: Number of people whom the source names; None where nobody is named or the number is not known.
        """
        if self.people != "labels" or n_people is None or n_people > self.at_most:
            return ""
        people = "1 person" if n_people == 1 else f"{n_people:,} people"
        return (
            f"the source names {people}, and the policy allows {self.at_most:,} to be exposed: "
            "no leak could exceed that; are these the names of people?"
        )

    def leaking(self, matches: Matches) -> npt.NDArray[np.bool_]:
        """Which neighbours are at or over the threshold, shape (n, k)."""
        return leaking(matches, self.threshold)

    def measure(self, matches: Matches) -> Measurement:
        """Number of people that enough images match.

        A photograph that lies under two names exposes both, one without a name one.
        """
        return self.measure_people(matches, lambda pairs: [_named(pair) for pair in pairs])

    def measure_people(
        self, matches: Matches, people_of: Callable[[Sequence[Pair]], Sequence[tuple[str, ...]]]
    ) -> Measurement:
        """Number of people that enough images match, whoever tells people apart.

        Args:
            matches: The nearest source images.
            people_of: Tells the people in the source image of each of some pairs.
        """
        leaks = find_leaks(matches, self.threshold)
        told = list(zip(leaks.pairs, people_of(leaks.pairs), strict=True))
        images = defaultdict(set)
        for pair, names in told:
            for person in names:
                images[person].add(pair.generated.id)
        exposed = {person for person, matching in images.items() if len(matching) >= self.min_images}
        by = "" if self.min_images == 1 else f", people whom at least {self.min_images:,} images match"
        nearest = "" if self.k == 1 else f", the {self.k:,} nearest of each image"
        apart = "" if self.people == "labels" else ", people told apart by their templates"
        return Measurement(
            value=len(exposed),
            limit=self.at_most,
            unit="people",
            n=len(matches),
            rule=f"{leaks.rule}{nearest}{by}{apart}",
            pairs=tuple(pair for pair, names in told if exposed & set(names)),
        )


def _named(pair: Pair) -> tuple[str, ...]:
    return pair.source.labels or (pair.source.sha256,)
