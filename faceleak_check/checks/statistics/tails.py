"""The upper tail of similarities, past what was observed.

Above a high value `start`, the excesses of almost every distribution follow a generalised Pareto distribution
(J. Pickands, Statistical inference using extreme order statistics, Annals of Statistics 3 (1975), 119-131). ISO/IEC
5152:2024 builds on it to state false match rates that are lower than the comparisons at hand resolve.

No cosine lies above 1, so here the distribution always has an `end`, at most 1::

    P(similarity > x) = share * (1 - (x - start) / (end - start)) ** (1 / decline),    start <= x <= end

With shape xi and scale sigma of the usual form this is xi = -decline, sigma = decline * (end - start).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from faceleak_check.records import FloatArray

__all__ = ["Tail", "fit_tail", "tail_probability", "tail_value"]

STEEPEST = 1e6
"""The decline of a tail whose excesses are all equal, in place of infinity."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Tail:
    """A generalised Pareto distribution with an end.

    Attributes:
        start: Where the tail begins.
        share: Share of all observations above `start`, in [0, 1].
        end: Where the tail ends, above `start`.
        decline: Minus the shape of the distribution, above 0.
    """

    start: float
    share: float
    end: float
    decline: float


def fit_tail(
    values: FloatArray, *, start: float, total: float, weights: FloatArray | None = None, end: float = 1.0
) -> Tail:
    """Fit a generalised Pareto distribution to what lies above a value.

    By probability-weighted moments (J. R. M. Hosking & J. R. Wallis, Parameter and quantile estimation for the
    generalized Pareto distribution, Technometrics 29 (1987), 339-349): with the mean a of the excesses and the mean b
    of excess times the share of higher ones, the end lies 2ab / (4b - a) above the start, or nowhere where 4b <= a.
    An end below the highest observation is raised to it (D. J. Dupuis & M. Tsao, A hybrid estimator for generalized
    Pareto and extreme-value distributions, Communications in Statistics - Theory and Methods 27 (1998), 925-941), and
    one above `end` is lowered to that; the mean then gives the decline. A fit takes no search, and weights.

    Args:
        values: The observations above `start`, in falling order, shape (n,).
        start: Where the tail begins.
        total: Weight of all observations, those at and below `start` too.
        weights: Weight of each value, shape (n,); 1 where left out.
        end: The highest value that can be.

    Raises:
        ValueError: The tail would begin at or above its end.
    """
    if not start < end:
        raise ValueError(f"a tail that begins at {start:g} cannot end at {end:g}")
    excesses = values.astype(np.float64) - start
    counts = np.ones(len(excesses)) if weights is None else weights
    mass = float(counts.sum())
    if mass <= 0:
        return Tail(start=start, share=0.0, end=end, decline=1.0)
    higher = (np.cumsum(counts) - counts / 2) / mass
    mean = float(counts @ excesses) / mass
    moment = float(counts @ (excesses * higher)) / mass
    reach = 2 * mean * moment / (4 * moment - mean) if 4 * moment > mean else math.inf
    highest = float(excesses[counts > 0][0])
    reach = min(max(reach, highest), end - start)
    spread = reach - mean
    decline = STEEPEST if spread * STEEPEST <= mean else mean / spread
    return Tail(start=start, share=mass / total, end=start + reach, decline=decline)


def tail_value(tail: Tail, rate: float) -> float:
    """The value above which this share of all observations lies; `start` where the tail holds no more than that.

    Args:
        tail: A fitted tail.
        rate: Share of all observations, in (0, 1).
    """
    if rate >= tail.share:
        return tail.start
    return tail.start - (tail.end - tail.start) * math.expm1(tail.decline * math.log(rate / tail.share))


def tail_probability(tail: Tail, value: float) -> float:
    """The share of all observations above a value of the tail.

    Args:
        tail: A fitted tail.
        value: At or above `start`.
    """
    left = max(0.0, (tail.end - value) / (tail.end - tail.start))
    return float(tail.share * left ** (1 / tail.decline))
