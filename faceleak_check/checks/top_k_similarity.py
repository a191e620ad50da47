"""``top_k_similarity``: the paper's list of the k most similar pairs."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from faceleak_check.checks.leaks import worst_first
from faceleak_check.matches import Matches
from faceleak_check.policy.types import Cosine, PositiveCount, check_keys
from faceleak_check.records import AboutCheck, Measurement

__all__ = ["TopKSimilarity"]


@check_keys
class TopKSimilarity:
    """The k most similar pairs of generated and source images, none of which may exceed the limit.

    As in arXiv 2410.24015: over all pairs, so one generated image may hold several places.

    Attributes:
        k: How many pairs.
        at_most: Highest cosine allowed in any of them.
    """

    about: ClassVar[AboutCheck] = AboutCheck(
        title="The most similar pairs",
        question="How similar is the most similar of all pairs of a generated and a source image?",
        kind="nearest",
        not_shown=(
            "How many images leak, or how many matches chance gives: a cosine means something for one "
            "recogniser and one kind of picture only."
        ),
    )
    roles: ClassVar[tuple[tuple[str, ...], ...]] = (("generated", "source"), ("matches",))
    may_name: ClassVar[tuple[str, ...]] = ("control", "calibration")
    needs_whole_set: ClassVar[bool] = False
    needs_labels: ClassVar[bool] = False
    limits_cosine: ClassVar[bool] = True
    metric: ClassVar[str] = "cosine"

    k: PositiveCount
    at_most: Cosine

    @property
    def n_neighbours(self) -> int:
        """The k best pairs of all are among the k best of each image, which a list of matches must hold."""
        return self.k

    def leaking(self, matches: Matches) -> npt.NDArray[np.bool_]:
        """Which neighbours are over the limit, shape (n, k)."""
        return np.asarray((matches.source_index >= 0) & (matches.similarity > self.at_most))

    def measure(self, matches: Matches) -> Measurement:
        """The k most similar pairs; the value is the highest cosine."""
        there = matches.source_index >= 0
        cosines = matches.similarity[there]
        lowest = np.partition(cosines, -self.k)[-self.k] if self.k < len(cosines) else -1.0
        return self.measure_pairs(matches, there & (matches.similarity >= lowest), len(matches))

    def measure_pairs(self, matches: Matches, rows: npt.NDArray[np.bool_], n: int) -> Measurement:
        """The same from pairs that the k most similar are among.

        Args:
            matches: Generated images with neighbours.
            rows: Which pairs, shape (n, k).
            n: Number of generated images that were compared.
        """
        pairs = worst_first(matches, rows)[: self.k]
        return Measurement(
            value=pairs[0].similarity if pairs else -1.0,
            limit=self.at_most,
            unit="cosine",
            n=n,
            rule="the most similar pair" if self.k == 1 else f"the {self.k:,} most similar pairs",
            pairs=pairs,
            leaks=False,
        )
