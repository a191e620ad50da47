"""How the share of chance matches falls as the cosine rises."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from faceleak_check.checks.statistics.impostors import Impostors
from faceleak_check.checks.statistics.tails import fit_tail, tail_probability, tail_value
from faceleak_check.records import FloatArray

__all__ = ["Curve"]

RULE_OF_THREE = 3
TAIL_SHARE = 0.05
N_OF_TAIL = 200
"""Independent comparisons that are enough to fit a tail: of more, only the highest, which resemble the end most."""
FEWEST_OF_TAIL = 100
LONGEST_TAIL = 0.4
"""A tail stays above the median."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Footing:
    """Where the tail of some comparisons stands.

    Attributes:
        centre: Median cosine.
        squares: Squares of the cosines from the highest to the start of the tail, shape (n + 1,).
    """

    centre: float
    squares: FloatArray


class Curve:
    """How the share of comparisons falls as the cosine rises.

    Below the `resolved` rate it follows a tail that is fitted to the highest 5% of the comparisons, to fewer where 200
    independent ones are fewer than that, and to at least 100. It is fitted to the squares of what a cosine exceeds the
    median by, as a share of what is left to 1: cosines of random directions in d dimensions have squares with a beta
    distribution, whose tail is a generalised Pareto one but for a slowly varying factor, while the tail of the cosines
    themselves comes near to one far too slowly. On simulated templates of 50 people this cut the error of the cosine
    at 1e-6 by a half to three fifths; most of it was too low a cosine.
    """

    def __init__(self, found: Impostors, times: FloatArray, footing: Footing | None = None) -> None:
        self.found = found
        self.resolved = RULE_OF_THREE / found.n_independent
        self._values = found.similarities
        self._reached = np.cumsum(times)
        self._total = float(self._reached[-1])
        # draws stand where the whole does: that says where to look, not what is there
        self._footing = footing or self._found_footing()
        self._tail = fit_tail(
            self._footing.squares[:-1],
            start=float(self._footing.squares[-1]),
            total=self._total,
            weights=times[: len(self._footing.squares) - 1],
        )

    def cosine(self, rate: float) -> float:
        """The smallest cosine at or above which no larger share lies, as a 32-bit number, at most 1."""
        read = float(np.nextafter(self._values[self._place(max(rate, self.resolved))], np.float32(2)))
        if rate >= self.resolved:
            return min(1.0, read)
        centre = self._footing.centre
        beyond = centre + (1 - centre) * math.sqrt(tail_value(self._tail, rate))
        rounded = np.float32(beyond)
        # as a 64-bit number: beside one of 32 bits NumPy would round the other side before it compares the two
        raised = float(rounded if float(rounded) >= beyond else np.nextafter(rounded, np.float32(2)))
        return min(1.0, max(raised, read))

    def rate(self, cosine: float) -> float:
        """The share at or above a cosine."""
        share = self.counted(cosine)
        square = float(_squares(np.array([cosine]), self._footing.centre)[0])
        if share >= self.resolved or square <= self._tail.start:
            return share
        return min(tail_probability(self._tail, square), self.resolved)

    def counted(self, cosine: float) -> float:
        """The share of the comparisons at or above a cosine, as they are."""
        rising = self._values[::-1]
        n_reaching = len(rising) - int(np.searchsorted(rising, np.float32(cosine), side="left"))
        return float(self._reached[n_reaching - 1]) / self._total if n_reaching else 0.0

    def drawn(self, weights: FloatArray) -> Curve:
        """The same with other weights."""
        return Curve(self.found, weights, self._footing)

    def _found_footing(self) -> Footing:
        n_independent, n = self.found.n_independent, self.found.n_comparisons
        share = max(min(TAIL_SHARE, N_OF_TAIL / n_independent), self.resolved, FEWEST_OF_TAIL / n)
        below_highest = int(np.argmax(self._values < self._values[0]))
        start = self._values[max(self._place(min(LONGEST_TAIL, share)), below_highest)]
        centre = float(self._values[self._place(0.5)])
        if self._values[0] <= centre:
            raise ValueError(
                f"{self.counted(centre):.0%} of the comparisons have the highest cosine, {centre:g}: they have no tail "
                "to set a threshold by"
            )
        above = self._values[self._values > start]
        return Footing(centre=centre, squares=_squares(np.append(above, start), centre))

    def _place(self, rate: float) -> int:
        """Place of the first comparison that is one too many."""
        allowed = rate * self._total * (1 + 1e-12)
        return min(int(np.searchsorted(self._reached, allowed, side="right")), len(self._values) - 1)


def _squares(cosines: FloatArray, centre: float) -> FloatArray:
    over = np.maximum(cosines.astype(np.float64) - centre, 0)
    return (over / (1 - centre)) ** 2
