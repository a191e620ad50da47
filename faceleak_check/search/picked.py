"""Neighbours that were picked out of all that are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from faceleak_check.matches import NO_MATCH
from faceleak_check.records import FloatArray, IntArray

__all__ = ["Picked"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Picked:
    """Neighbours, in arrays of one shape.

    Attributes:
        own: Row of the generated face; -1 where there is no neighbour.
        faces: Row of the source face; -1 where there is no neighbour.
        similarity: Cosine; `NO_MATCH` where there is no neighbour.
        distance: Euclidean distance before scaling; infinite where there is no neighbour.
    """

    own: IntArray
    faces: IntArray
    similarity: FloatArray
    distance: FloatArray

    @classmethod
    def none(cls, n: int, k: int) -> Picked:
        """So many places without a neighbour."""
        shape = (n, k)
        return cls(
            own=np.full(shape, -1),
            faces=np.full(shape, -1),
            similarity=np.full(shape, NO_MATCH),
            distance=np.full(shape, np.inf),
        )

    @classmethod
    def joined(cls, parts: Sequence[Picked]) -> Picked:
        """All of them, one after the other."""
        columns = [part.columns() for part in parts]
        return cls(**{name: np.concatenate([one[name] for one in columns]) for name in columns[0]})

    def columns(self) -> dict[str, npt.NDArray[Any]]:
        """The arrays by name."""
        return {
            "own": self.own,
            "faces": self.faces,
            "similarity": self.similarity,
            "distance": self.distance,
        }

    def at(self, places: Any) -> Picked:
        """Those at some places, which may be any index."""
        return Picked(**{name: array[places] for name, array in self.columns().items()})

    def sorted_by(self, order: IntArray) -> Picked:
        """Each line in another order, or some of it."""
        columns = self.columns().items()
        return Picked(**{name: np.take_along_axis(array, order, axis=1) for name, array in columns})

    def where(self, there: npt.NDArray[np.bool_]) -> Picked:
        """The same with nothing at the other places."""
        return Picked(
            own=np.where(there, self.own, -1),
            faces=np.where(there, self.faces, -1),
            similarity=np.where(there, self.similarity, NO_MATCH),
            distance=np.where(there, self.distance, np.inf),
        )

    def put(self, lines: IntArray, others: Picked) -> None:
        """Puts others into some of the lines."""
        theirs = others.columns()
        for name, array in self.columns().items():
            array[lines] = theirs[name]

    def nearness(self, metric: str) -> FloatArray:
        """What is higher for the nearer of two."""
        return self.similarity if metric == "cosine" else -self.distance
