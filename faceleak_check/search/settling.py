"""From what may be among the nearest to what is, by figures in float64."""

from __future__ import annotations

from functools import partial

import numpy as np

from faceleak_check.records import Templates
from faceleak_check.search.candidates import Candidates, WorkOut
from faceleak_check.search.figures import Nearest, in_order, pair_figures

__all__ = ["settled", "work_out"]


def work_out(queries: Templates, sources: Templates, metric: str) -> WorkOut:
    """What tells how near pairs of these queries and sources are in truth."""
    return partial(pair_figures, queries, sources, metric=metric)


def settled(queries: Templates, sources: Templates, candidates: Candidates, k: int, metric: str) -> Nearest:
    """The k nearest of the candidates; row -1 in the last places of a query that has fewer.

    Args:
        queries: The queries, in memory.
        sources: The sources.
        candidates: What may be near.
        k: Neighbours wanted, no more than there are sources.
        metric: ``cosine`` or ``euclidean``.
    """
    lines, rows = candidates.pairs
    nearness = pair_figures(queries, sources, lines, rows, metric)
    order = in_order(lines, nearness, rows, k)
    lines, rows, nearness = lines[order], rows[order], nearness[order]
    other = "euclidean" if metric == "cosine" else "cosine"
    figures = {metric: nearness, other: pair_figures(queries, sources, lines, rows, other)}
    found = Nearest.none(len(queries), k, len(sources))
    places = lines, np.arange(len(lines)) - np.searchsorted(lines, lines)
    found.rows[places] = rows
    found.similarity[places], found.distance[places] = figures["cosine"], -figures["euclidean"]
    return found
