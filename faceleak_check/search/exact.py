"""Exact nearest neighbours with faiss, in blocks.

faiss proposes in float32, some rows more than are wanted; similarity and distance of what it proposes are worked out
again in float64, row by row. Where rounding may have kept a row out that belongs among the nearest (many rows are
equal or almost equal), all rows that come near are worked out. So the answer does not depend on how the blocks fell,
and of equal rows the lower one is nearer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import faiss
import numpy as np

from faceleak_check.records import FloatArray, IntArray, Templates

__all__ = ["figures", "nearest"]

_QUERY_ROWS = 4096
_SOURCE_ROWS = 131_072
_RECHECKED_ROWS = 8192
_MARGIN = 16
_ROUNDING = 1e-4
"""More than float32 gets wrong in the inner product of two unit vectors of up to 1,024 dimensions."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Found:
    """Source rows and their figures, each of shape (n, k)."""

    rows: IntArray
    similarity: FloatArray
    distance: FloatArray

    def nearness(self, metric: str) -> FloatArray:
        return self.similarity if metric == "cosine" else -(self.distance**2)

    def best(self, k: int, metric: str) -> _Found:
        order = np.lexsort((self.rows, -self.nearness(metric)), axis=1)[:, :k]
        return _Found(
            rows=np.take_along_axis(self.rows, order, axis=1),
            similarity=np.take_along_axis(self.similarity, order, axis=1),
            distance=np.take_along_axis(self.distance, order, axis=1),
        )


def nearest(
    queries: Templates, sources: Templates, k: int, *, metric: str = "cosine"
) -> tuple[IntArray, FloatArray, FloatArray]:
    """The k nearest source rows of each query row.

    Args:
        queries: n templates.
        sources: m templates, m at least 1.
        k: Neighbours wanted; at most m are found.
        metric: ``cosine`` (unit vectors) or ``euclidean`` (embeddings before they were scaled).

    Returns:
        Source rows, int64; cosine similarities, float64; Euclidean distances before scaling, float64; each of
        shape (n, min(k, m)), nearest first.
    """
    k = min(k, len(sources))
    rows = np.empty((len(queries), k), np.int64)
    similarity = np.empty((len(queries), k))
    distance = np.empty((len(queries), k))
    for block, part in _blocks(queries, _QUERY_ROWS):
        found = _search(part, sources, k, metric)
        rows[block], similarity[block], distance[block] = found.rows, found.similarity, found.distance
    return rows, similarity, distance


def _blocks(templates: Templates, n_rows: int) -> Iterator[tuple[slice, Templates]]:
    for start in range(0, len(templates), n_rows):
        block = slice(start, min(start + n_rows, len(templates)))
        yield block, _part(templates, block)


def _part(templates: Templates, rows: slice | IntArray) -> Templates:
    return Templates(vectors=templates.vectors[rows], norms=templates.norms[rows])


def _search(queries: Templates, sources: Templates, k: int, metric: str) -> _Found:
    proposed, nearness = _propose(queries, sources, min(k + _MARGIN, len(sources)), metric)
    found = _worked_out(queries, sources, proposed).best(k, metric)
    if proposed.shape[1] == len(sources):
        return found
    slack = _slack(queries, sources, metric)
    kth = found.nearness(metric)[:, -1]
    for query in np.flatnonzero(kth <= nearness[:, -1] + slack):
        row = slice(query, query + 1)
        again = _search_all(_part(queries, row), sources, kth[query] - slack, metric).best(k, metric)
        found.rows[row], found.similarity[row], found.distance[row] = (
            again.rows,
            again.similarity,
            again.distance,
        )
    return found


def _slack(queries: Templates, sources: Templates, metric: str) -> float:
    """How much a nearness in float32 may be wrong; a squared distance is a sum of three products."""
    if metric == "cosine":
        return _ROUNDING
    longest = max(queries.norms.max(), sources.norms.max())
    return 4 * _ROUNDING * float(longest) ** 2


def _propose(queries: Templates, sources: Templates, k: int, metric: str) -> tuple[IntArray, FloatArray]:
    kind = faiss.METRIC_INNER_PRODUCT if metric == "cosine" else faiss.METRIC_L2
    heap = faiss.ResultHeap(nq=len(queries), k=k, keep_max=metric == "cosine")
    query_rows = _in_space(queries, metric)
    for block, part in _blocks(sources, _SOURCE_ROWS):
        values, rows = faiss.knn(query_rows, _in_space(part, metric), min(k, len(part)), metric=kind)
        heap.add_result(D=values, I=rows + block.start)
    heap.finalize()
    return heap.I, heap.D if metric == "cosine" else -heap.D


def _in_space(templates: Templates, metric: str) -> FloatArray:
    if metric == "cosine":
        return templates.vectors
    return templates.vectors * templates.norms[:, None]


def _worked_out(queries: Templates, sources: Templates, proposed: IntArray) -> _Found:
    similarity = np.empty(proposed.shape)
    distance = np.empty(proposed.shape)
    for column in range(proposed.shape[1]):
        near = _part(sources, proposed[:, column])
        similarity[:, column], distance[:, column] = figures(queries, near)
    return _Found(rows=proposed, similarity=similarity, distance=distance)


def _search_all(query: Templates, sources: Templates, lowest: float, metric: str) -> _Found:
    """All sources that are at least as near to the one query as `lowest`, and perhaps some others."""
    rows = np.concatenate(
        [
            block.start + np.flatnonzero(_nearness(query, part, metric) >= lowest)
            for block, part in _blocks(sources, _SOURCE_ROWS)
        ]
    )
    parts = [figures(query, part) for _, part in _blocks(_part(sources, rows), _RECHECKED_ROWS)]
    similarity, distance = (np.concatenate(column)[None] for column in zip(*parts, strict=True))
    return _Found(rows=rows[None], similarity=similarity, distance=distance)


def _nearness(query: Templates, sources: Templates, metric: str) -> FloatArray:
    """In float32, shape (m,)."""
    place, places = _in_space(query, metric)[0], _in_space(sources, metric)
    products: FloatArray = places @ place
    if metric == "cosine":
        return products
    return np.asarray(2 * products - np.einsum("ij,ij->i", places, places) - place @ place)


def figures(queries: Templates, sources: Templates) -> tuple[FloatArray, FloatArray]:
    """Cosine and Euclidean distance of row and row (or of one query and each row), float64, shape (n,)."""
    left, right = queries.vectors.astype(np.float64), sources.vectors.astype(np.float64)
    # rows are of length one to seven digits only, and a copy must have a cosine of 1, not 0.99999997
    lengths = np.sqrt((left**2).sum(axis=1) * (right**2).sum(axis=1))
    similarity = np.clip((left * right).sum(axis=1) / lengths, -1.0, 1.0)
    difference = left * _column(queries.norms) - right * _column(sources.norms)
    return similarity, np.sqrt((difference**2).sum(axis=1))


def _column(norms: FloatArray) -> FloatArray:
    return norms.astype(np.float64)[:, None]
