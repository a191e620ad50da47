"""Exact nearest neighbours: all pairs are multiplied in blocks, and what may be near is worked out in float64.

The products only propose. A row is left out where no rounding could bring it among the k nearest; the figures of all
others come from `faceleak_check.search.figures`, pair by pair. So the answer depends neither on the blocks nor on what
multiplied, and of equally near rows the lower one is nearer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from faceleak_check.records import IntArray, Rows, Templates
from faceleak_check.search.candidates import Candidates
from faceleak_check.search.figures import Nearest
from faceleak_check.search.memory import Blocks, blocks_of
from faceleak_check.search.places import Barred, Placed
from faceleak_check.search.products import BlasProducts, Products
from faceleak_check.search.settling import settled, work_out

__all__ = ["ExactSearch", "Tell", "nearest", "silent", "some_rows"]

_STARTED_WITH = 256
_WORTH_THREADS = 20_000_000

Tell = Callable[[float], None]
"""Told which share of the work is done, 0 to 1."""


def silent(share: float) -> None:
    """Tells nobody."""


def nearest(
    queries: Templates, sources: Templates, k: int, *, metric: str = "cosine", blocks: Blocks | None = None
) -> Nearest:
    """The k nearest source rows of each query row.

    Args:
        queries: n templates.
        sources: m templates, m at least 1.
        k: Neighbours wanted; at most m are found.
        metric: ``cosine`` (unit vectors) or ``euclidean`` (embeddings before they were scaled).
        blocks: In which blocks; such that fit into a quarter of the free memory where it is left out.
    """
    return ExactSearch(sources, metric, blocks=blocks).nearest(queries, k)


def some_rows(templates: Templates, rows: slice) -> Templates:
    """Successive rows, without a copy."""
    if isinstance(templates.vectors, Rows):
        return templates.taken(np.arange(*rows.indices(len(templates))))
    return templates.part(rows)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Sub:
    """The queries that one thread multiplies at a time."""

    queries: Templates
    placed: Placed
    candidates: Candidates
    barred: Barred | None


class ExactSearch:
    """Looks queries up in one set of sources.

    Args:
        sources: m templates, m at least 1.
        metric: ``cosine`` or ``euclidean``.
        products: What multiplies.
        blocks: In which blocks.
    """

    def __init__(
        self,
        sources: Templates,
        metric: str,
        *,
        products: Products | None = None,
        blocks: Blocks | None = None,
    ) -> None:
        self._sources = sources
        self._metric = metric
        self._products = products or BlasProducts(metric)
        self._blocks = blocks
        self._held: dict[int, Placed] = {}

    def nearest(
        self, queries: Templates, k: int, *, tell: Tell = silent, barred: Barred | None = None
    ) -> Nearest:
        """The k nearest source rows of each query row.

        Args:
            queries: n templates.
            k: Neighbours wanted; at most m are found.
            tell: Told how far the work is.
            barred: Pairs that do not count; where fewer than k are left, row -1 stands in the last places.
        """
        k = min(k, len(self._sources))
        blocks = self._blocks or blocks_of(None, queries.dimension, k)
        found = Nearest.none(len(queries), k, len(self._sources))
        for start in range(0, len(queries), blocks.query_rows):
            end = min(start + blocks.query_rows, len(queries))
            part = queries.part(slice(start, end))
            here = barred and barred.of_queries(start, end)
            told = partial(_told, tell, start / len(queries), end / len(queries))
            found.put(slice(start, end), self._block(part, k, blocks, told, here))
        return found

    def _block(
        self, queries: Templates, k: int, blocks: Blocks, tell: Tell, barred: Barred | None
    ) -> Nearest:
        starts = range(0, len(queries), blocks.tile_rows)
        subs = [self._sub(queries, start, start + blocks.tile_rows, k, barred) for start in starts]
        with _workers(blocks.n_threads if self._is_much(queries) else 1) as each:
            for start in range(0, len(self._sources), blocks.source_rows):
                held = self._source_block(start, blocks.source_rows)
                list(each(partial(self._scan, held, start, blocks.tile_columns, k), subs))
                tell((start + len(held)) / len(self._sources))
            parts = list(each(partial(self._settled, k), subs))
        found = Nearest.none(len(queries), k, len(self._sources))
        for start, part in zip(starts, parts, strict=True):
            found.put(slice(start, start + len(part)), part)
        given_up = np.flatnonzero(np.concatenate([sub.candidates.given_up for sub in subs]))
        if len(given_up):
            self._again(queries, given_up, found, barred)
        return found

    def _is_much(self, queries: Templates) -> bool:
        return len(queries) * len(self._sources) >= _WORTH_THREADS

    def _sub(self, queries: Templates, start: int, end: int, k: int, barred: Barred | None) -> _Sub:
        part = queries.part(slice(start, end))
        truth = None if self._products.finer else work_out(part, self._sources, self._metric)
        return _Sub(
            queries=part,
            placed=self._products.queries(part),
            candidates=Candidates(len(part), k, truth),
            barred=barred and barred.of_queries(start, end),
        )

    def _source_block(self, start: int, n_rows: int) -> Placed:
        if start in self._held:
            return self._held[start]
        placed = self._products.sources(self._sources.part(slice(start, start + n_rows)))
        if placed.rows.nbytes <= self._products.room:
            self._held[start] = placed
        return placed

    def _scan(self, sources: Placed, start: int, n_columns: int, k: int, sub: _Sub) -> None:
        """Takes in what a block of sources holds for some queries."""
        found = sub.candidates
        found.doubting(self._products.doubt(sub.placed, sources))
        if start == 0 and k <= len(sources):
            first = sources.part(slice(0, max(4 * k, _STARTED_WITH)))
            barred = sub.barred and sub.barred.of_sources(0, len(first))
            found.at_least(self._products.kth(sub.placed, first, k, barred))
        for column in range(0, len(sources), n_columns):
            tile = sources.part(slice(column, column + n_columns))
            place = start + column
            barred = sub.barred and sub.barred.of_sources(place, place + len(tile))
            hits = self._products.above(sub.placed, tile, found.thresholds, barred)
            for lines, columns, products in hits:
                found.add(lines, columns + place, products)

    def _settled(self, k: int, sub: _Sub) -> Nearest:
        return settled(sub.queries, self._sources, sub.candidates, k, self._metric)

    def _again(self, queries: Templates, rows: IntArray, found: Nearest, barred: Barred | None) -> None:
        """Looks queries up once more, by finer products, of which too many sources came too near."""
        assert self._products.finer is not None
        finer = ExactSearch(self._sources, self._metric, products=self._products.finer, blocks=self._blocks)
        again = finer.nearest(queries.part(rows), found.depth, barred=barred and barred.among(rows))
        found.put(rows, again)


def _told(tell: Tell, start: float, end: float, share: float) -> None:
    tell(start + share * (end - start))


@contextmanager
def _workers(n_threads: int) -> Iterator[Callable[..., Iterable[Any]]]:
    """What calls a function for each item."""
    if n_threads < 2:
        yield map
        return
    with ThreadPoolExecutor(n_threads) as pool:
        yield pool.map
