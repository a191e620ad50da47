"""Where similarities lie, for the figures of a report."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

import numpy as np

from faceleak_check.calibration_sets import Unseen
from faceleak_check.checks.leaks import cosine_of
from faceleak_check.comparison import Settled
from faceleak_check.matches import Matches
from faceleak_check.records import FloatArray, Histogram
from faceleak_check.search.histogram import all_pairs, counted
from faceleak_check.search.neighbours import Neighbours

__all__ = ["histograms"]

_MARKS = (1, 10, 100, 1000, 10_000, 100_000)


def histograms(
    settled: Settled, check: object, neighbours: Neighbours | None, unseen: Unseen | None
) -> tuple[Histogram, ...]:
    """Best matches of the generated images, those of the control beside them, and all pairs for the paper's list.

    Args:
        settled: The figure with its matches.
        check: The check.
        neighbours: The two sets; None where their templates are not known.
        unseen: What control people find in the source; None without a control.
    """
    return tuple(_histograms(settled, check, neighbours, unseen))


def _histograms(
    settled: Settled, check: object, neighbours: Neighbours | None, unseen: Unseen | None
) -> Iterator[Histogram]:
    cosine = cosine_of(check)
    if neighbours is not None and getattr(check, "limits_cosine", False):
        left = neighbours.generated.without(settled.gone.generated)
        counts, is_sample = all_pairs(left, neighbours.source.without(settled.gone.source), neighbours.engine)
        yield Histogram(
            name="all_pairs",
            counts=tuple(counts.tolist()),
            n=int(counts.sum()),
            sampled=is_sample,
            marks=_marks(settled),
            threshold=cosine,
        )
    if settled.matches is not None:
        best = _best(settled.matches)
        yield replace(_of("best_match", best, cosine), marks=_highest(best))
    if settled.in_control is not None:
        yield _of("best_match_in_control", _best(settled.in_control), cosine)
    if unseen is not None:
        yield _of("best_match_of_control", unseen.similarity, cosine)


def _marks(settled: Settled) -> tuple[tuple[int, float], ...]:
    """The k-th highest cosines, for k up to the policy's own."""
    cosines = [pair.similarity for pair in settled.measured.pairs]
    places = sorted({*(k for k in _MARKS if k <= len(cosines)), len(cosines)} - {0})
    return tuple((k, cosines[k - 1]) for k in places)


def _highest(cosines: FloatArray) -> tuple[tuple[int, float], ...]:
    """The k-th highest cosines, for k up to all of them."""
    places = [k for k in _MARKS if k <= len(cosines)]
    return tuple((k, float(-np.partition(-cosines, k - 1)[k - 1])) for k in places)


def _best(matches: Matches) -> FloatArray:
    there = matches.source_index[:, 0] >= 0
    return np.asarray(matches.similarity[there, 0])


def _of(
    name: Literal["best_match", "best_match_in_control", "best_match_of_control"],
    cosines: FloatArray,
    threshold: float | None,
) -> Histogram:
    counts = counted(cosines)
    return Histogram(name=name, counts=tuple(counts.tolist()), n=int(counts.sum()), threshold=threshold)
