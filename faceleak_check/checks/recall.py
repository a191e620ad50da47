"""What an approximate search leaves open, and a rate that allows for it."""

from __future__ import annotations

from dataclasses import replace

from faceleak_check.checks.statistics.rates import wilson_interval
from faceleak_check.errors import InconclusiveError
from faceleak_check.records import Measurement, NeighbourSearch

__all__ = ["measured_recall", "recall_warnings", "widened"]


def measured_recall(n_found: int, n_sampled: int, confidence: float) -> float:
    """The lowest share of nearest neighbours that an index may find, by the Wilson interval of a sample.

    Args:
        n_found: Images of the sample whose nearest neighbour it found.
        n_sampled: Images of the sample, at least 1.
        confidence: Coverage of the interval.

    Raises:
        InconclusiveError: It found none.
    """
    low = wilson_interval(n_found, n_sampled, confidence).low
    if not low:
        raise InconclusiveError(
            "the recall of the approximate search cannot be measured: it found the nearest source image of none of "
            f"{n_sampled:,} generated images",
            detail="Write `search: {index: exact}`, or leave `index` out.",
        )
    return low


def widened(measured: Measurement, search: NeighbourSearch | None) -> Measurement:
    """The rate with an interval that reaches as high as it would if every leak were found.

    Leaks that a search finds are a part of all that there are, of its recall at least, so the upper end is divided by
    that. Each of the two intervals is two-sided, so together they hold as often as one says.

    Args:
        measured: A rate with its interval.
        search: How neighbours were looked for; None where all were found.
    """
    if search is None or search.recall is None or measured.interval is None:
        return measured
    high = min(1.0, measured.interval.high / search.recall)
    return replace(measured, interval=replace(measured.interval, high=high))


def recall_warnings(search: NeighbourSearch | None) -> tuple[str, ...]:
    """What a reader of the verdict must know of an approximate search."""
    if search is None or search.recall is None:
        return ()
    found = f"the nearest source image of {search.n_found:,} of {search.n_sampled:,} generated images"
    more = f"up to {1 / search.recall:.4g} times as many may leak, which the interval allows for"
    return (f"the search is approximate: it found {found}, so {more}",)
