"""Thresholds that keep a rate of chance matches, and the rate that a threshold keeps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from faceleak_check.checks.statistics.curves import Curve
from faceleak_check.checks.statistics.draws import margins
from faceleak_check.checks.statistics.impostors import Impostors, probes
from faceleak_check.checks.statistics.rates import USUAL_CONFIDENCE
from faceleak_check.records import FloatArray

__all__ = [
    "RateEstimate",
    "RateThreshold",
    "fpir_thresholds_at",
    "lowest_rate",
    "rate_at",
    "rates_around",
    "thresholds_at",
]

N_POINTS = 13
HIGHEST = 0.1
"""Where the thresholds of a figure begin."""
FURTHEST = 1e-3
"""No rate is extrapolated to where fewer independent comparisons than this would reach the threshold."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RateThreshold:
    """The cosine that keeps a rate.

    Attributes:
        rate: Share of comparisons of different people, in (0, 1).
        cosine: The smallest at or above which no larger share lies.
        low: Lower end of its interval.
        high: Upper end of its interval.
        confidence: Coverage of the interval.
        extrapolated: Whether the comparisons do not resolve the rate and a tail was fitted to them.
        n_comparisons: Comparisons it comes from.
        n_people: People in them.
        n_images: Images in them.
    """

    rate: float
    cosine: float
    low: float
    high: float
    confidence: float
    extrapolated: bool
    n_comparisons: int
    n_people: int
    n_images: int


@dataclass(frozen=True, kw_only=True, slots=True)
class RateEstimate:
    """The share of comparisons of different people at or above a cosine.

    Attributes:
        cosine: The cosine.
        rate: The share, in [0, 1].
        low: Lower end of its interval.
        high: Upper end of its interval.
        confidence: Coverage of the interval.
        extrapolated: Whether too few comparisons reach the cosine and a tail was fitted to them.
        n_comparisons: Comparisons it comes from.
        n_people: People in them.
        n_images: Images in them.
    """

    cosine: float
    rate: float
    low: float
    high: float
    confidence: float
    extrapolated: bool
    n_comparisons: int
    n_people: int
    n_images: int


def thresholds_at(
    found: Impostors,
    rates: Sequence[float],
    *,
    confidence: float = USUAL_CONFIDENCE,
    n_resamples: int = 200,
    seed: int = 0,
) -> tuple[RateThreshold, ...]:
    """The smallest cosines at or above which no more than these shares of the comparisons lie.

    A rate that at least three independent comparisons reach is read off (the rule of 3, ISO/IEC 19795-1:2006, annex
    B); independent are pairs of people, not of images. Below, a tail is fitted (see `Curve`). The interval is a
    bootstrap of people: see `margins`. It holds what the choice of people does to the threshold, and not what a wrong
    shape of the tail would. Over 60 simulated sets each of 30 and 100 people, intervals of 95% held the truth at 1e-2
    to 1e-5 in 90% to 100%, and in 82% to 95% where a tenth of the people were a group of look-alikes; nearly all of the
    others lay too low.

    Args:
        found: The comparisons.
        rates: Shares, in (0, 1).
        confidence: Coverage of the intervals, in (0, 1).
        n_resamples: Number of draws.
        seed: Of the draws.

    Raises:
        ValueError: A rate is no share, or too low for so few people even by extrapolation.
    """
    for rate in rates:
        _check_rate(found, rate)
    curve = Curve(found, found.times)
    for rate in rates:
        if curve.counted(1.0) > rate:
            raise ValueError(
                f"{curve.counted(1.0):.2g} of the comparisons have a cosine of 1: no threshold keeps a rate of {rate:g}"
            )
    margin_of = margins(curve, rates, confidence, n_resamples, seed)
    return _thresholds(curve, rates, margin_of, confidence)


def rate_at(
    found: Impostors,
    cosine: float,
    *,
    confidence: float = USUAL_CONFIDENCE,
    n_resamples: int = 200,
    seed: int = 0,
) -> RateEstimate:
    """The share of comparisons of different people at or above a cosine.

    Where fewer than three independent comparisons reach it the tail gives the share, as in `thresholds_at`. The upper
    end is never below what can be extrapolated to: no sample shows that chance matches are impossible.

    Args:
        found: The comparisons.
        cosine: From -1 to 1.
        confidence: Coverage of the interval, in (0, 1).
        n_resamples: Number of draws.
        seed: Of the draws.

    Raises:
        ValueError: It is no cosine.
    """
    estimate, _ = rates_around(
        found, cosine, n_points=0, confidence=confidence, n_resamples=n_resamples, seed=seed
    )
    return estimate


def rates_around(
    found: Impostors,
    cosine: float,
    *,
    n_points: int = N_POINTS,
    confidence: float = USUAL_CONFIDENCE,
    n_resamples: int = 200,
    seed: int = 0,
) -> tuple[RateEstimate, tuple[RateThreshold, ...]]:
    """What `rate_at` gives, and thresholds of other rates for a figure; both from the same draws, which take the time.

    The rates fall in equal steps of their logarithm from 0.1 to a tenth of the cosine's own, as far as the comparisons
    bear them.

    Args:
        found: The comparisons.
        cosine: From -1 to 1.
        n_points: Number of thresholds.
        confidence: Coverage of the intervals, in (0, 1).
        n_resamples: Number of draws.
        seed: Of the draws.

    Raises:
        ValueError: It is no cosine.
    """
    if not -1 <= cosine <= 1:
        raise ValueError(f"{cosine:g} is no cosine: it must lie between -1 and 1")
    curve = Curve(found, found.times)
    rate = curve.rate(cosine)
    within = min(max(rate, lowest_rate(found)), 1 - 1 / found.n_comparisons)
    rates = _falling(curve, rate, n_points)
    margin, *others = margins(curve, [within, *rates], confidence, n_resamples, seed)
    estimate = RateEstimate(
        cosine=cosine,
        rate=rate,
        low=min(rate, curve.rate(cosine + margin)),
        high=max(rate, curve.rate(cosine - margin), lowest_rate(found)),
        confidence=confidence,
        extrapolated=rate < curve.resolved,
        n_comparisons=found.n_comparisons,
        n_people=found.n_people,
        n_images=found.n_images,
    )
    return estimate, _thresholds(curve, rates, others, confidence)


def _falling(curve: Curve, rate: float, n_points: int) -> list[float]:
    """Rates of three digits from 0.1 to a tenth of one rate, none that the comparisons do not bear."""
    lowest = max(rate / 10, lowest_rate(curve.found), curve.counted(1.0))
    highest = min(max(HIGHEST, rate), 0.5)
    steps = np.geomspace(highest, min(lowest, highest), n_points).tolist()
    return sorted({max(lowest, float(f"{step:.3g}")) for step in steps}, reverse=True)


def _thresholds(
    curve: Curve, rates: Sequence[float], margin_of: Sequence[float], confidence: float
) -> tuple[RateThreshold, ...]:
    """The cosine of each rate, with how far it may be off."""
    found = curve.found
    return tuple(
        RateThreshold(
            rate=rate,
            cosine=cosine,
            low=max(-1.0, cosine - margin),
            high=min(1.0, cosine + margin),
            confidence=confidence,
            extrapolated=rate < curve.resolved,
            n_comparisons=found.n_comparisons,
            n_people=found.n_people,
            n_images=found.n_images,
        )
        for rate, cosine, margin in zip(rates, map(curve.cosine, rates), margin_of, strict=True)
    )


def fpir_thresholds_at(
    similarities: FloatArray,
    people: Sequence[tuple[str, ...]],
    rates: Sequence[float],
    *,
    confidence: float = USUAL_CONFIDENCE,
    n_resamples: int = 200,
    seed: int = 0,
) -> tuple[RateThreshold, ...]:
    """The smallest cosines at or above which no more than these shares of people outside a gallery find a match in it.

    False positive identification rate of ISO/IEC 19795-1, at the size of the gallery that was searched.

    Args:
        similarities: The highest cosine of each probe to any image of the gallery, shape (n,).
        people: Names of each probe, n tuples; a probe without a name is a person of its own.
        rates: Shares, in (0, 1).
        confidence: Coverage of the intervals, in (0, 1).
        n_resamples: Number of draws.
        seed: Of the draws.

    Raises:
        ValueError: As for `probes` and `thresholds_at`.
    """
    found = probes(similarities, people)
    return thresholds_at(found, rates, confidence=confidence, n_resamples=n_resamples, seed=seed)


def lowest_rate(found: Impostors) -> float:
    """The lowest rate for which a threshold is given: a thousandth of one independent comparison."""
    return FURTHEST / found.n_independent


def _check_rate(found: Impostors, rate: float) -> None:
    if not 0 < rate < 1:
        raise ValueError(f"{rate:g} is no rate: it must lie between 0 and 1")
    if rate < lowest_rate(found):
        raise ValueError(
            f"a rate of {rate:g} is out of reach of {found.n_people} people: the lowest that they calibrate, by "
            f"extrapolation, is {lowest_rate(found):.1e}; add people or ask for a higher rate"
        )
