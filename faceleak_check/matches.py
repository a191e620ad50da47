"""The nearest neighbours that a search, or a list of precomputed matches, has found."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from faceleak_check.records import Box, FloatArray, ImageList, IntArray, Pair

__all__ = ["NO_MATCH", "Gone", "Matches"]

NO_MATCH = -2.0
"""Below every cosine: the similarity of a neighbour that is not there."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Gone:
    """What is taken out of a comparison, by content digests.

    Attributes:
        pairs: Pairs of generated and source image.
        generated: Generated images that are not counted.
        source: Source images that are nobody's neighbour.
    """

    pairs: frozenset[tuple[str, str]] = frozenset()
    generated: frozenset[str] = frozenset()
    source: frozenset[str] = frozenset()

    def and_pairs(self, pairs: Collection[tuple[str, str]]) -> Gone:
        """The same with some more pairs."""
        return replace(self, pairs=self.pairs | frozenset(pairs))


@dataclass(frozen=True, kw_only=True, slots=True)
class Matches:
    """The nearest source images of each generated image.

    Attributes:
        generated: The generated images, n.
        source: The source images, each content once.
        source_index: Row in `source` of each neighbour, nearest first, int64, shape (n, k); -1 where there is none.
        similarity: Cosine, float64, shape (n, k), in [-1, 1]; `NO_MATCH` where there is none.
        distance: Euclidean distance before scaling, float64, shape (n, k); None without templates.
        generated_box: Left, top, right, bottom in pixels of the generated face of each pair, shape (n, k, 4); None
            where whole pictures are compared.
        source_box: The same of the source face.
    """

    generated: ImageList
    source: ImageList
    source_index: IntArray
    similarity: FloatArray
    distance: FloatArray | None = None
    generated_box: FloatArray | None = None
    source_box: FloatArray | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "generated", ImageList.of(self.generated))
        object.__setattr__(self, "source", ImageList.of(self.source))

    def __len__(self) -> int:
        return len(self.generated)

    @property
    def k(self) -> int:
        """Number of neighbours of each generated image."""
        return int(self.source_index.shape[1])

    def without(self, pairs: Collection[tuple[str, str]], k: int) -> Matches:
        """The k nearest neighbours that are left when some pairs are taken out.

        Args:
            pairs: Content digests of generated and source image.
            k: Neighbours to keep; places that nothing is left for hold row -1 and `NO_MATCH`.
        """
        gone = self._named(pairs) if pairs else np.zeros(self.source_index.shape, dtype=bool)
        order = np.argsort(gone, axis=1, kind="stable")[:, :k]
        gone = np.take_along_axis(gone, order, axis=1)
        kept = {name: np.take_along_axis(array, order, axis=1) for name, array in self._columns().items()}
        return Matches(
            generated=self.generated,
            source=self.source,
            source_index=np.where(gone, -1, kept["source_index"]),
            similarity=np.where(gone, NO_MATCH, kept["similarity"]),
            distance=np.where(gone, np.inf, kept["distance"]) if "distance" in kept else None,
        )

    def _named(self, pairs: Collection[tuple[str, str]]) -> npt.NDArray[np.bool_]:
        named = np.zeros(self.source_index.shape, dtype=bool)
        for generated, source in pairs:
            rows = self.source.by_content.get(source, [])
            for row in self.generated.by_content.get(generated, []) if rows else []:
                named[row] |= np.isin(self.source_index[row], rows)
        return named

    def _columns(self) -> dict[str, npt.NDArray[Any]]:
        columns = {"source_index": self.source_index, "similarity": self.similarity}
        return columns if self.distance is None else columns | {"distance": self.distance}

    def pair(self, row: int, column: int) -> Pair:
        """The pair of one generated image with one of its neighbours."""
        return Pair(
            generated=self.generated[row],
            source=self.source[int(self.source_index[row, column])],
            similarity=float(self.similarity[row, column]),
            distance=None if self.distance is None else float(self.distance[row, column]),
            generated_box=_box(self.generated_box, row, column),
            source_box=_box(self.source_box, row, column),
        )


def _box(boxes: FloatArray | None, row: int, column: int) -> Box | None:
    if boxes is None:
        return None
    left, top, right, bottom = boxes[row, column].tolist()
    return left, top, right, bottom
