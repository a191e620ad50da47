"""The nearest pairs of all, gathered image by image."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from faceleak_check.records import IntArray
from faceleak_check.search.known import Seen
from faceleak_check.search.picked import Picked

__all__ = ["NearestPairs"]


@dataclass(frozen=True, kw_only=True, slots=True)
class NearestPairs:
    """Pairs that may be among the nearest of all.

    Attributes:
        images: Row of the generated image of each, shape (p,).
        picked: The pairs, arrays of shape (p, 1).
        metric: ``cosine`` or ``euclidean``.
    """

    images: IntArray
    picked: Picked
    metric: str

    @classmethod
    def none(cls, metric: str) -> NearestPairs:
        """No pair yet."""
        return cls(images=np.empty(0, np.int64), picked=Picked.none(0, 1), metric=metric)

    def lowest(self, k: int) -> float:
        """Nearness of the k-th nearest; minus infinity where there are fewer."""
        nearness = self.picked.nearness(self.metric)[:, 0]
        return float(np.partition(nearness, -k)[-k]) if len(nearness) >= k else -np.inf

    def best(self, k: int) -> NearestPairs:
        """Those that are as near as the k-th nearest."""
        return self._where(self.picked.nearness(self.metric)[:, 0] >= self.lowest(k))

    def without(self, images: IntArray) -> NearestPairs:
        """Those of other generated images."""
        return self._where(~np.isin(self.images, images))

    def joined(self, seen: Seen, left: npt.NDArray[np.bool_]) -> NearestPairs:
        """These and more.

        Args:
            seen: What is known of some images.
            left: Which of their neighbours count, shape (n, m).
        """
        more = seen.neighbours.at(left.nonzero()).at(np.s_[:, None])
        images = np.repeat(seen.images, left.sum(axis=1))
        return replace(
            self,
            images=np.concatenate([self.images, images]),
            picked=Picked.joined([self.picked, more]),
        )

    def _where(self, kept: npt.NDArray[np.bool_]) -> NearestPairs:
        return replace(self, images=self.images[kept], picked=self.picked.at(kept))
