"""The histograms of a case's record, in bins that a reader can tell apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Series", "series_of", "span"]

_FEWEST_BARS, _MOST_BARS = 12, 60
_NAMES = {
    "best_match": "generated images in the source",
    "best_match_in_control": "generated images in the control",
    "best_match_of_control": "control images in the source",
    "all_pairs": "all pairs",
}
"""Whose best matches, in the order in which they are drawn."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Series:
    """One histogram as shares.

    Attributes:
        name: Which histogram it is, as the evidence calls it.
        label: What it is of.
        n: How many similarities there are.
        edges: Where the bins begin and end, one more than shares.
        shares: The part of all similarities in each bin.
        marks: k and the k-th highest cosine.
        threshold: The threshold's cosine; None where there is none.
        is_sample: Whether they are a sample.
    """

    name: str
    label: str
    n: int
    edges: tuple[float, ...]
    shares: tuple[float, ...]
    marks: tuple[tuple[int, float], ...]
    threshold: float | None
    is_sample: bool

    @property
    def legend(self) -> str:
        """What it is of, and how many."""
        return f"{self.label}, {self.n:,}{' (a sample)' if self.is_sample else ''}"


def series_of(histograms: Sequence[Mapping[str, Any]]) -> tuple[Series, ...]:
    """The histograms that hold anything, as shares in bins of equal width.

    Args:
        histograms: As the evidence has them.
    """
    by_name = {one["name"]: one for one in histograms if one["n"]}
    there = [by_name[name] for name in _NAMES if name in by_name]
    if not there:
        return ()
    low, high = span(there)
    n_filled = round((high - low) * len(there[0]["counts"]) / 2)
    size = max(1, round(n_filled / _n_bars(max(one["n"] for one in there))))
    return tuple(_series(one, size) for one in there)


def _n_bars(n: int) -> float:
    """How many bars so many values bear, by the rule of Rice: twice their cube root."""
    return float(min(max(2 * n ** (1 / 3), _FEWEST_BARS), _MOST_BARS))


def span(histograms: Sequence[Mapping[str, Any]]) -> tuple[float, float]:
    """The lowest and the highest cosine that anything lies at: a similarity, a mark or a threshold."""
    ends: list[float] = []
    for one in histograms:
        n_bins = len(one["counts"])
        filled = [place for place, count in enumerate(one["counts"]) if count]
        ends += [2 * place / n_bins - 1 for place in (filled[0], filled[-1] + 1)]
        ends += [mark["similarity"] for mark in one["marks"]]
        ends += [one["threshold"]] if one["threshold"] is not None else []
    return (min(ends), max(ends)) if ends else (-1.0, 1.0)


def _series(one: Mapping[str, Any], size: int) -> Series:
    counts = one["counts"]
    starts = range(0, len(counts), size)
    return Series(
        name=one["name"],
        label=_NAMES[one["name"]],
        n=one["n"],
        edges=(*(2 * start / len(counts) - 1 for start in starts), 1.0),
        shares=tuple(sum(counts[start : start + size]) / one["n"] for start in starts),
        marks=tuple((mark["k"], mark["similarity"]) for mark in one["marks"]),
        threshold=one["threshold"],
        is_sample=one["sampled"],
    )
