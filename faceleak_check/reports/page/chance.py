"""How many pairs as similar as a given one chance alone gives, in words that need no statistics."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Chance", "ChanceOfPairs", "chance_sentence"]

_FEWEST = 1e-4
"""Below this a number of chance pairs is only told to be less: no set of strangers resolves it."""
_ABOUT_ONE = 0.95
_LEAST_SHOWN = 0.01

Record = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Chance:
    """What chance alone gives at the cosine of one pair.

    Attributes:
        n_pairs: Pairs at least this similar among strangers in a comparison of this size; None where nothing tells.
        words: The same for a table's cell, with the upper end of the interval.
    """

    n_pairs: float | None
    words: str


class ChanceOfPairs:
    """Predicts how many pairs of strangers are as similar as a given one.

    Where the evidence holds error rates at several cosines, the rate between two of them is read off a straight line
    through their logarithms, and its upper end in the same way. Else what is known at the threshold is the most that
    a pair over it can have.

    Args:
        case: The record of a case with a measurement.
    """

    def __init__(self, case: Record) -> None:
        chance, measured = case["chance"], case["measurement"]
        self._at_threshold = chance
        self._threshold = None if measured["pairs_are_leaks"] else measured["limit"]
        self._n = chance["n_comparisons"] if chance is not None and chance["unit"] == "pairs" else 0
        rates = sorted((one for one in case["error_rates"] if one["fmr"] > 0), key=lambda one: -one["fmr"])
        self._rate = _Curve((one["cosine"], one["fmr"]) for one in rates)
        self._upper = _Curve((one["high"], one["fmr"]) for one in rates)

    @property
    def is_known(self) -> bool:
        """Whether anything can be predicted."""
        return self._at_threshold is not None

    @property
    def is_per_pair(self) -> bool:
        """Whether each pair's own cosine decides, and not the threshold alone."""
        return bool(self._n and self._rate)

    def at(self, cosine: float) -> Chance:
        """What chance gives at a cosine."""
        known = self._at_threshold
        is_over = self._threshold is None or cosine >= self._threshold
        if known is None:
            return _NOT_KNOWN
        if not self.is_per_pair or cosine < self._rate.first:
            return (
                Chance(n_pairs=known["high"], words=f"at most {_number(known['high'])}")
                if is_over
                else _NOT_KNOWN
            )
        # two ways of reading off one rate: more similar than the threshold cannot be more frequent
        most, most_high = (known["expected"], known["high"]) if is_over else (math.inf, math.inf)
        expected = min(most, self._n * self._rate.at(cosine))
        high = max(expected, min(most_high, self._n * self._upper.at(cosine)))
        return Chance(n_pairs=expected, words=_words(expected, high, is_beyond=cosine > self._rate.last))


_NOT_KNOWN = Chance(n_pairs=None, words="not known")


class _Curve:
    """Rates that fall as cosines rise, on a straight line through their logarithms.

    Args:
        points: Cosine and rate, the rates falling.
    """

    def __init__(self, points: Iterable[tuple[float, float]]) -> None:
        self._cosines: list[float] = []
        self._logs: list[float] = []
        for cosine, rate in points:
            # an interval's end need not rise with each rate: of a dent, the higher rate counts
            if not self._cosines or cosine > self._cosines[-1]:
                self._cosines.append(cosine)
                self._logs.append(math.log(rate))

    def __bool__(self) -> bool:
        return len(self._cosines) > 1

    @property
    def first(self) -> float:
        """The lowest cosine whose rate is known."""
        return self._cosines[0]

    @property
    def last(self) -> float:
        """The highest one."""
        return self._cosines[-1]

    def at(self, cosine: float) -> float:
        """The rate; beyond the first and the last cosine, theirs."""
        right = bisect_left(self._cosines, cosine)
        if right in (0, len(self._cosines)):
            return math.exp(self._logs[min(right, len(self._logs) - 1)])
        left = right - 1
        step = (cosine - self._cosines[left]) / (self._cosines[right] - self._cosines[left])
        return math.exp(self._logs[left] + step * (self._logs[right] - self._logs[left]))


def _words(expected: float, high: float, *, is_beyond: bool) -> str:
    """Such as ``about 5, at most 49``; of less than one in how many comparisons there is one."""
    about, most = _number(expected), _number(high)
    if is_beyond or about == most:
        return f"at most {most}"
    return f"{'about ' if expected >= _ABOUT_ONE else ''}{about}, at most {most}"


def _number(expected: float) -> str:
    if expected < _FEWEST:
        return f"1 in {1 / _FEWEST:,.0f}"
    if expected < _ABOUT_ONE:
        return f"1 in {_rounded(1 / expected):,}"
    return f"{expected:.1f}".removesuffix(".0") if expected < 10 else f"{_rounded(expected):,}"


def _rounded(number: float) -> int:
    """To two digits: more are not known."""
    digits = 1 - math.floor(math.log10(number)) if number >= 100 else 0
    return round(round(number, digits))


def chance_sentence(chance: Record | None) -> str:
    """What chance alone gives at the threshold of a case, as a sentence."""
    if chance is None:
        return "How many such matches chance alone gives is not known: no set of known strangers was given."
    what = "pairs of strangers" if chance["unit"] == "pairs" else "generated images"
    expected = "fewer than 0.01" if chance["expected"] < _LEAST_SHOWN else _plain(chance["expected"])
    low = "0" if chance["low"] < _LEAST_SHOWN else _plain(chance["low"])
    return (
        f"Chance alone is expected to bring {expected} {what} over the threshold ({low} to "
        f"{_plain(max(chance['high'], _LEAST_SHOWN))}), in {chance['n_comparisons']:,} comparisons."
    )


def _plain(number: float) -> str:
    return f"{number:,.0f}" if number >= 9.95 else f"{number:.2g}"
