"""An approximate search: sources lie in lists around centres, and only the lists near a query are looked through.

An inverted file (J. Sivic and A. Zisserman, Video Google, ICCV 2003). Within the lists that are looked through the
search is exact, and so is the choice of lists: the same sources and queries give the same answer on every machine, and
only what lies in another list is missed.
"""

from __future__ import annotations

import math

import numpy as np

from faceleak_check.records import FloatArray, IntArray, Templates
from faceleak_check.search.candidates import Candidates
from faceleak_check.search.exact import ExactSearch, Tell, silent
from faceleak_check.search.figures import Nearest
from faceleak_check.search.memory import Blocks
from faceleak_check.search.places import Placed
from faceleak_check.search.products import BlasProducts
from faceleak_check.search.settling import settled, work_out

__all__ = ["FEWEST_ROWS", "IvfSearch"]

FEWEST_ROWS = 10_000
"""Sources from which on lists are worth their while."""

_LISTS = 4
"""Times the square root of the number of sources: the number of lists."""
_PROBED = 16
"""One list in so many is looked through, but no fewer than eight."""
_FEWEST_PROBED = 8
_TRAINED_ON = 16
"""Sources for each list on which the centres are found."""
_ROUNDS = 2
_SEED = 20_241_015
_BLOCK_ROWS = 8192


class IvfSearch:
    """Looks queries up in one set of sources, and misses some of the nearest.

    Args:
        sources: The templates that are looked for.
        metric: ``cosine`` or ``euclidean``.
        blocks: In which blocks sources and queries are compared with the centres.
        tell: Told how far the sources are put into lists.

    Attributes:
        n_lists: Number of lists.
        n_probed: Lists that are looked through for each query.
    """

    def __init__(self, sources: Templates, metric: str, *, blocks: Blocks, tell: Tell = silent) -> None:
        self._sources = sources
        self._metric = metric
        self._blocks = blocks
        self.n_lists = min(len(sources), round(_LISTS * math.sqrt(len(sources))))
        self.n_probed = min(self.n_lists, max(_FEWEST_PROBED, self.n_lists // _PROBED))
        self._centres = ExactSearch(self._trained(), metric, blocks=blocks)
        lists = self._centres.nearest(sources, 1, tell=tell).rows[:, 0]
        self._members = np.argsort(lists, kind="stable")
        self._starts = np.searchsorted(lists[self._members], np.arange(self.n_lists + 1))

    def nearest(self, queries: Templates, k: int, *, tell: Tell = silent) -> Nearest:
        """The k nearest source rows of each query row among those looked through.

        A query for which those are too few is looked up in all.

        Args:
            queries: n templates.
            k: Neighbours wanted.
            tell: Told how far the work is.
        """
        k = min(k, len(self._sources))
        found = Nearest.none(len(queries), k, len(self._sources))
        n_rows = self._blocks.query_rows
        for start in range(0, len(queries), n_rows):
            part = queries.part(slice(start, start + n_rows))
            found.put(slice(start, start + len(part)), self._block(part, k))
            tell((start + len(part)) / len(queries))
        return found

    def _block(self, queries: Templates, k: int) -> Nearest:
        products = BlasProducts(self._metric)
        placed = products.queries(queries)
        candidates = Candidates(len(queries), k, work_out(queries, self._sources, self._metric))
        probed = self._centres.nearest(queries, self.n_probed).rows
        order = np.argsort(probed, axis=None, kind="stable")
        ends = np.searchsorted(probed.ravel()[order], np.arange(self.n_lists + 1))
        for n in np.flatnonzero(np.diff(ends) * np.diff(self._starts)).tolist():
            asking = order[ends[n] : ends[n + 1]] // self.n_probed
            self._look_through(n, asking, placed, candidates, products)
        found = settled(queries, self._sources, candidates, k, self._metric)
        few = np.flatnonzero(found.rows[:, -1] < 0)
        if len(few):
            whole = ExactSearch(self._sources, self._metric, blocks=self._blocks)
            found.put(few, whole.nearest(queries.part(few), k))
        return found

    def _look_through(
        self, n: int, asking: IntArray, queries: Placed, candidates: Candidates, products: BlasProducts
    ) -> None:
        members = self._members[self._starts[n] : self._starts[n + 1]]
        mine = Placed(rows=queries.rows[asking], longest=queries.longest, uneven=queries.uneven)
        for start in range(0, len(members), self._blocks.tile_columns):
            rows = members[start : start + self._blocks.tile_columns]
            theirs = products.sources(self._sources.part(rows))
            candidates.doubting(products.doubt(mine, theirs))
            for lines, columns, found in products.above(mine, theirs, candidates.thresholds[asking], None):
                candidates.add(asking[lines], rows[columns], found)

    def _trained(self) -> Templates:
        """The centres: some sources, moved to the middle of what is nearest to them (Lloyd)."""
        random = np.random.default_rng(_SEED)
        n_rows = min(len(self._sources), _TRAINED_ON * self.n_lists)
        rows = np.sort(random.choice(len(self._sources), n_rows, replace=False))
        sample = self._sources.taken(rows)
        centres = sample.part(np.sort(random.choice(n_rows, self.n_lists, replace=False)))
        for _ in range(_ROUNDS):
            lists = ExactSearch(centres, self._metric, blocks=self._blocks).nearest(sample, 1).rows[:, 0]
            centres = self._moved(centres, sample, lists)
        return centres

    def _moved(self, centres: Templates, sample: Templates, lists: IntArray) -> Templates:
        sums = np.zeros((self.n_lists, sample.dimension))
        for start in range(0, len(sample), _BLOCK_ROWS):
            block = slice(start, start + _BLOCK_ROWS)
            part = sample.part(block)
            rows = np.asarray(part.vectors, dtype=np.float64) * self._scale(part)
            order = np.argsort(lists[block], kind="stable")
            there, firsts = np.unique(lists[block][order], return_index=True)
            sums[there] += np.add.reduceat(rows[order], firsts, axis=0)
        sums /= np.maximum(1, np.bincount(lists, minlength=self.n_lists))[:, None]
        lengths = np.sqrt((sums**2).sum(axis=1))
        moved = lengths > np.finfo(np.float32).tiny
        vectors, norms = np.array(centres.vectors), np.array(centres.norms)
        vectors[moved] = sums[moved] / lengths[moved, None]
        norms[moved] = lengths[moved]
        return Templates(vectors=vectors, norms=norms)

    def _scale(self, part: Templates) -> FloatArray | float:
        return 1.0 if self._metric == "cosine" else part.norms.astype(np.float64)[:, None]
