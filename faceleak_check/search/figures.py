"""The figures of a pair, in float64: what a verdict rests on, whatever found the pair."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from faceleak_check.matches import NO_MATCH
from faceleak_check.records import FloatArray, IntArray, Templates

__all__ = ["Nearest", "cosines", "distances", "figures", "in_order", "pair_figures"]

_NUMBERS = 32_768
"""Numbers in float64 that stay in a core's own cache while they are worked with."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Nearest:
    """The nearest source rows of some query rows, each array of shape (n, k), nearest first.

    Attributes:
        rows: Source rows, int32 where there are fewer than 2^31, else int64; -1 where there is none.
        similarity: Cosines, float64; `NO_MATCH` where there is none.
        distance: Euclidean distances before scaling, float64; infinite where there is none.
    """

    rows: IntArray
    similarity: FloatArray
    distance: FloatArray

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def depth(self) -> int:
        """Number of neighbours of each row."""
        return int(self.rows.shape[1])

    @property
    def nbytes(self) -> int:
        """Memory that they take."""
        return self.rows.nbytes + self.similarity.nbytes + self.distance.nbytes

    @classmethod
    def none(cls, n: int, k: int, n_sources: int) -> Nearest:
        """So many rows without a neighbour yet."""
        return cls(
            rows=np.full((n, k), -1, np.int32 if n_sources < 2**31 else np.int64),
            similarity=np.full((n, k), NO_MATCH),
            distance=np.full((n, k), np.inf),
        )

    def put(self, lines: slice | IntArray, found: Nearest) -> None:
        """Puts what was found into some of the lines."""
        self.rows[lines], self.similarity[lines], self.distance[lines] = (
            found.rows,
            found.similarity,
            found.distance,
        )

    def lines(self, lines: slice | IntArray) -> Nearest:
        """Some of the lines."""
        return Nearest(
            rows=self.rows[lines], similarity=self.similarity[lines], distance=self.distance[lines]
        )

    def nearness(self, metric: str) -> FloatArray:
        """What is higher for the nearer of two."""
        return self.similarity if metric == "cosine" else -self.distance


def figures(queries: Templates, sources: Templates) -> tuple[FloatArray, FloatArray]:
    """Cosine and Euclidean distance of row and row, float64, each of shape (n,)."""
    return cosines(queries, sources), distances(queries, sources)


def cosines(queries: Templates, sources: Templates) -> FloatArray:
    """Cosine of row and row; no bit of it depends on the other rows."""
    found = np.empty(len(queries))
    for block in _blocks(queries):
        left, right = (np.asarray(one.vectors[block], dtype=np.float64) for one in (queries, sources))
        # rows are of length one to seven digits only, and a copy must have a cosine of 1, not 0.99999997
        lengths = np.sqrt(_products(left, left) * _products(right, right))
        found[block] = np.clip(_products(left, right) / lengths, -1.0, 1.0)
    return found


def distances(queries: Templates, sources: Templates) -> FloatArray:
    """Euclidean distance of row and row before scaling; no bit of it depends on the other rows."""
    found = np.empty(len(queries))
    for block in _blocks(queries):
        left, right = (
            np.asarray(one.vectors[block], dtype=np.float64) * one.norms[block].astype(np.float64)[:, None]
            for one in (queries, sources)
        )
        left -= right
        found[block] = np.sqrt(_products(left, left))
    return found


def _products(left: FloatArray, right: FloatArray) -> FloatArray:
    # einsum would be quicker, but its last bits depend on how wide the processor's registers are
    return np.asarray((left * right).sum(axis=1))


def _blocks(templates: Templates) -> Iterator[slice]:
    n_rows = max(16, _NUMBERS // max(1, templates.dimension))
    return (slice(start, start + n_rows) for start in range(0, len(templates), n_rows))


def pair_figures(
    queries: Templates, sources: Templates, lines: IntArray, rows: IntArray, metric: str
) -> FloatArray:
    """How near these pairs are in float64, higher for the nearer, shape (n,).

    Args:
        queries: Query templates.
        sources: Source templates.
        lines: Query row of each pair.
        rows: Source row of each pair.
        metric: ``cosine`` or ``euclidean``.
    """
    found = np.empty(len(lines))
    n_rows = 8 * max(16, _NUMBERS // max(1, queries.dimension))
    for start in range(0, len(lines), n_rows):
        block = slice(start, start + n_rows)
        pairs = queries.part(lines[block]), sources.part(rows[block])
        found[block] = cosines(*pairs) if metric == "cosine" else -distances(*pairs)
    return found


def in_order(lines: IntArray, nearness: FloatArray, rows: IntArray, k: int) -> IntArray:
    """Places of the k nearest pairs of each query, nearest first, of equally near ones the lower source row.

    Args:
        lines: Query row of each pair.
        nearness: How near it is.
        rows: Its source row.
        k: Pairs wanted of each query.
    """
    order = np.lexsort((rows, -nearness, lines))
    ordered = lines[order]
    starts = np.searchsorted(ordered, ordered)
    return order[np.arange(len(order)) - starts < k]
