"""Templates as rows whose inner products order them by nearness, and how far float32 may get those wrong.

By cosine the rows are the unit vectors. By Euclidean distance they are the embeddings y with one number more: with
(x, 1) and (y, -|y|²/2) the inner product is (|x|² - |x - y|²) / 2, which falls as the distance rises.

The inner product of rows of n numbers is off by at most gamma(n) |x| |y|, gamma(n) = n u / (1 - n u), u = 2^-24, in
whatever order the products are added up (Higham, Accuracy and Stability of Numerical Algorithms, 2nd edition, 2002,
section 3.1). A cosine moreover differs from the product by as much as the rows are not quite of length one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from faceleak_check.errors import InconclusiveError
from faceleak_check.records import FloatArray, IntArray, Templates

__all__ = ["UNIT", "Barred", "Placed", "gamma", "placed", "row_doubt"]

UNIT = 2.0**-24
"""Half of the distance between 1 and the next float32."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Placed:
    """Rows as the search multiplies them.

    Attributes:
        rows: An array or a tensor, shape (n, d).
        longest: Length of the longest.
        uneven: How far the lengths of templates are from one, at most.
        rounded: Length of the longest difference between a row in float32 and as it is multiplied.
    """

    rows: Any
    longest: float
    uneven: float
    rounded: float = 0.0

    def __len__(self) -> int:
        return len(self.rows)

    def part(self, rows: slice) -> Placed:
        """Some of the rows."""
        return Placed(rows=self.rows[rows], longest=self.longest, uneven=self.uneven, rounded=self.rounded)


@dataclass(frozen=True, kw_only=True, slots=True)
class Barred:
    """Pairs that count for nothing.

    Attributes:
        queries: Query row of each.
        sources: Source row of each, ascending.
    """

    queries: IntArray
    sources: IntArray

    def of_sources(self, start: int, end: int) -> Barred:
        """Those of some source rows, which are counted from `start`."""
        first, last = np.searchsorted(self.sources, [start, end])
        return Barred(queries=self.queries[first:last], sources=self.sources[first:last] - start)

    def of_queries(self, start: int, end: int) -> Barred:
        """Those of some query rows, which are counted from `start`."""
        mine = (self.queries >= start) & (self.queries < end)
        return Barred(queries=self.queries[mine] - start, sources=self.sources[mine])

    def among(self, queries: IntArray) -> Barred:
        """Those of some query rows, ascending, which are counted anew."""
        mine = np.isin(self.queries, queries)
        return Barred(queries=np.searchsorted(queries, self.queries[mine]), sources=self.sources[mine])


def placed(templates: Templates, metric: str, *, is_source: bool) -> Placed:
    """Templates in memory as float32 rows.

    Args:
        templates: The templates.
        metric: ``cosine`` or ``euclidean``.
        is_source: Whether they are looked for, not looked up.

    Raises:
        InconclusiveError: One holds what is no number: it would be near to nothing, and hide what is near to others.
    """
    vectors = np.asarray(templates.vectors)
    lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64))
    uneven = float(np.abs(lengths - 1).max(initial=0))
    if metric == "cosine":
        _require_numbers(lengths)
        return Placed(rows=vectors, longest=float(lengths.max(initial=0)), uneven=uneven)
    lengths *= templates.norms
    _require_numbers(lengths)
    rows = np.empty((len(vectors), vectors.shape[1] + 1), np.float32)
    np.multiply(vectors, templates.norms[:, None], out=rows[:, :-1])
    rows[:, -1] = -(lengths**2) / 2 if is_source else 1
    return Placed(rows=rows, longest=float(lengths.max(initial=0)), uneven=uneven)


def _require_numbers(lengths: FloatArray) -> None:
    n_broken = len(lengths) - int(np.isfinite(lengths).sum())
    if n_broken:
        raise InconclusiveError(
            f"{n_broken:,} of {len(lengths):,} templates that are compared hold numbers that are not finite",
            detail="The embedder or its store is broken: run `faceleak cache verify`, and embed again.",
        )


def gamma(n: int, unit: float = UNIT) -> float:
    """Relative error of a sum of n products that are each rounded to a unit."""
    return n * unit / (1 - n * unit)


def row_doubt(queries: Placed, sources: Placed, metric: str) -> float:
    """How much a product of two rows may be off in float32."""
    size = queries.longest * sources.longest
    error = gamma(
        int(sources.rows.shape[1]) + 8
    )  # eight more: what is done to rows and thresholds is rounded, too
    if metric == "cosine":
        return error * size + (1 + queries.uneven) * (1 + sources.uneven) - 1
    return error * (size + sources.longest**2 / 2)
