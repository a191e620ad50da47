"""Inner products of many rows by NumPy's own BLAS, tile by tile, and what stands out in them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Protocol

import numpy as np
import numpy.typing as npt

from faceleak_check.records import FloatArray, IntArray, Templates
from faceleak_check.search.places import Barred, Placed, placed, row_doubt

__all__ = ["BlasProducts", "Hits", "Products"]

Hits = tuple[IntArray, IntArray, FloatArray]
"""Query row and source row in a tile, and the float32 product, of each pair that stands out; arrays on the host."""

_LOOKED_THROUGH = 1 << 18
"""Products that are looked through at a time once some of their row stand out."""


class Products(Protocol):
    """Multiplies rows, and knows how far off its products may be."""

    @property
    def finer(self) -> Products | None:
        """What to ask where too many products cannot be told apart; None where nothing is finer."""

    @property
    def room(self) -> int:
        """Bytes of source rows that it could still hold while other queries come."""

    def queries(self, templates: Templates) -> Placed:
        """Rows that are looked up."""

    def sources(self, templates: Templates) -> Placed:
        """Rows that are looked for."""

    def doubt(self, queries: Placed, sources: Placed) -> float:
        """By how much a product may be too high or too low."""

    def kth(self, queries: Placed, sources: Placed, k: int, barred: Barred | None) -> FloatArray:
        """The k-th highest product of each query row, float32, shape (n,)."""

    def above(
        self, queries: Placed, sources: Placed, thresholds: FloatArray, barred: Barred | None
    ) -> Iterator[Hits]:
        """The products that reach the threshold of their query row, some hundred thousand at a time."""


class BlasProducts:
    """Float32 on the processor; several threads may call it at once.

    Args:
        metric: ``cosine`` or ``euclidean``.
    """

    finer: Products | None = None
    room = 0

    def __init__(self, metric: str) -> None:
        self._metric = metric
        self._thread = threading.local()

    def queries(self, templates: Templates) -> Placed:
        """See `Products`."""
        return placed(templates, self._metric, is_source=False)

    def sources(self, templates: Templates) -> Placed:
        """See `Products`."""
        return placed(templates, self._metric, is_source=True)

    def doubt(self, queries: Placed, sources: Placed) -> float:
        """See `Products`."""
        return row_doubt(queries, sources, self._metric)

    def kth(self, queries: Placed, sources: Placed, k: int, barred: Barred | None) -> FloatArray:
        """See `Products`."""
        tile = self._tile(queries, sources, barred)
        place = tile.shape[1] - k
        return np.partition(tile, place, axis=1)[:, place]

    def above(
        self, queries: Placed, sources: Placed, thresholds: FloatArray, barred: Barred | None
    ) -> Iterator[Hits]:
        """See `Products`."""
        tile = self._tile(queries, sources, barred)
        rows = np.flatnonzero(tile.max(axis=1) >= thresholds)
        n_rows = max(1, _LOOKED_THROUGH // tile.shape[1])
        for start in range(0, len(rows), n_rows):
            some = rows[start : start + n_rows]
            found = tile[some]
            line, column = np.divmod(np.flatnonzero(found >= thresholds[some, None]), tile.shape[1])
            yield some[line], column, found[line, column]

    def _tile(self, queries: Placed, sources: Placed, barred: Barred | None) -> npt.NDArray[np.float32]:
        n, m = len(queries), len(sources)
        space = getattr(self._thread, "space", None)
        if space is None or len(space) < n * m:
            # one for each thread: a new one each time would cost as much as looking through it
            space = self._thread.space = np.empty(n * m, np.float32)
        tile: npt.NDArray[np.float32] = space[: n * m].reshape(n, m)
        np.matmul(queries.rows, sources.rows.T, out=tile)
        if barred is not None:
            tile[barred.queries, barred.sources] = -np.inf
        return tile
