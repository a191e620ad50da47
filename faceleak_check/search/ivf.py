"""An approximate search: sources lie in lists around centres, and only the lists near a query are looked through.

An inverted file (J. Sivic and A. Zisserman, Video Google, ICCV 2003), its centres found by faiss. Within the lists that
are looked through the search is exact, and so is the choice of lists: only what lies in another list is missed, and the
same sources and queries give the same answer again.
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
        """The centres: some sources, moved to the middle of what is nearest to them."""
        random = np.random.default_rng(_SEED)
        n_rows = min(len(self._sources), _TRAINED_ON * self.n_lists)
        rows = np.sort(random.choice(len(self._sources), n_rows, replace=False))
        sample = self._sources.taken(rows)
        is_cosine = self._metric == "cosine"
        points = np.array(sample.vectors, dtype=np.float32)
        if not is_cosine:
            points *= sample.norms[:, None]
        return _as_templates(_centres(points, self.n_lists, is_cosine=is_cosine))


def _centres(points: FloatArray, n: int, *, is_cosine: bool) -> FloatArray:
    """k-means of faiss, on one thread, as sums of several threads differ from run to run."""
    import faiss  # here, as only an approximate search needs it

    n_threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        means = faiss.Kmeans(
            points.shape[1], n, niter=_ROUNDS, seed=_SEED, spherical=is_cosine, min_points_per_centroid=1
        )
        means.train(points)
    finally:
        faiss.omp_set_num_threads(n_threads)
    return np.asarray(means.centroids, dtype=np.float32)


def _as_templates(centres: FloatArray) -> Templates:
    """Points as directions and lengths; a point without a direction gets any."""
    lengths = np.sqrt(np.einsum("ij,ij->i", centres, centres, dtype=np.float64))
    there = lengths > np.finfo(np.float32).tiny
    vectors = np.zeros_like(centres)
    vectors[~there, 0] = 1
    vectors[there] = centres[there] / lengths[there, None]
    return Templates(vectors=vectors, norms=lengths.astype(np.float32))
