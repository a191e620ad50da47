"""The source rows that may be among the k nearest of some queries, while the sources pass by."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from faceleak_check.records import FloatArray, IntArray
from faceleak_check.search.figures import in_order

__all__ = ["Candidates", "WorkOut"]

_MOST_TIES = 256
"""Candidates of a query beyond the k nearest from which on it is crowded."""
_FEWEST_NEW = 4096

WorkOut = Callable[[IntArray, IntArray], FloatArray]
"""How near pairs of query row and source row are in truth, higher for the nearer."""


class Candidates:
    """Keeps, for each of n queries, every source row that may be one of its k nearest.

    With products that are off by at most `doubt`, the k-th nearest row has a true product of no less than the k-th
    highest product less `doubt`, so no row whose product is lower than that by two doubts can belong to the k nearest.

    Args:
        n: Queries.
        k: Neighbours wanted.
        work_out: Tells how near pairs are in truth; where it is given, of a crowded query the k nearest are kept (of
            equally near ones those of lower rows), else a crowded query is given up.

    Attributes:
        given_up: The queries that were, shape (n,).
    """

    def __init__(self, n: int, k: int, work_out: WorkOut | None) -> None:
        self._k = k
        self._work_out = work_out
        self._kth = np.full(n, -np.inf, np.float32)
        self._doubt = 0.0
        self._lines, self._rows = np.empty(0, np.int64), np.empty(0, np.int64)
        self._products = np.empty(0, np.float32)
        self._new: list[tuple[IntArray, IntArray, FloatArray]] = []
        self._n_new = 0
        self.given_up = np.zeros(n, dtype=bool)

    def doubting(self, doubt: float) -> None:
        """Says how far the products of all rows so far, and of the next ones, may be off."""
        self._doubt = max(self._doubt, doubt)

    def at_least(self, kth: FloatArray) -> None:
        """Says the k-th highest product of each query among some of the rows."""
        self._kth = np.maximum(self._kth, kth)

    @property
    def thresholds(self) -> FloatArray:
        """The product from which on a row may belong to the nearest, float32, shape (n,)."""
        lowest: FloatArray = np.maximum(self._kth - np.float32(2 * self._doubt), np.finfo(np.float32).min)
        lowest[self.given_up] = np.inf
        return lowest

    def add(self, lines: IntArray, rows: IntArray, products: FloatArray) -> None:
        """Takes in rows that reach the thresholds.

        Args:
            lines: Query of each, 0 to n - 1.
            rows: Source row of each.
            products: Its product.
        """
        self._new.append((lines, rows, products))
        self._n_new += len(rows)
        if self._n_new > max(len(self._rows), _FEWEST_NEW):
            self.sift()

    def sift(self) -> None:
        """Raises the thresholds to what was found, and lets go of the rows below them."""
        if not self._n_new:
            return
        parts = zip((self._lines, self._rows, self._products), *self._new, strict=True)
        lines, rows, products = map(np.concatenate, parts)
        self._new, self._n_new = [], 0
        order = np.argsort(_sortable(lines, products))
        lines, rows, products = lines[order], rows[order], products[order]
        n_found = np.bincount(lines, minlength=len(self._kth))
        first = np.cumsum(n_found) - n_found
        full = np.flatnonzero(n_found >= self._k)
        self._kth[full] = np.maximum(self._kth[full], products[first[full] + self._k - 1])
        left = products >= self.thresholds[lines]
        self._lines, self._rows, self._products = lines[left], rows[left], products[left]
        self._thin_out()

    def _thin_out(self) -> None:
        """Sees to the crowded queries, so that what is held does not grow with the number of equal rows."""
        n_left = np.bincount(self._lines, minlength=len(self._kth))
        crowded = n_left > self._k + _MOST_TIES
        if not crowded.any():
            return
        kept = ~crowded[self._lines]
        if self._work_out is None:
            self.given_up |= crowded
        else:
            some = np.flatnonzero(~kept)
            lines, rows = self._lines[some], self._rows[some]
            kept[some[in_order(lines, self._work_out(lines, rows), rows, self._k)]] = True
        self._lines, self._rows, self._products = (
            self._lines[kept],
            self._rows[kept],
            self._products[kept],
        )

    @property
    def pairs(self) -> tuple[IntArray, IntArray]:
        """Query and source row of each candidate that is left."""
        self.sift()
        return self._lines, self._rows


def _sortable(lines: IntArray, products: FloatArray) -> npt.NDArray[np.uint64]:
    """Keys that rise with the line, and within a line as the products fall."""
    bits = np.ascontiguousarray(products, dtype=np.float32).view(np.uint32)
    falling = np.where(bits >> 31, bits, ~bits & np.uint32(0x7FFFFFFF))
    return (lines.astype(np.uint64) << np.uint64(32)) | falling
