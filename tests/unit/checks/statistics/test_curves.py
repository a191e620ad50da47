"""Curves and draws against the slow way: share by share, and draw by draw."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
from simulated import names, of_people

from faceleak_check.checks.statistics.curves import Curve
from faceleak_check.checks.statistics.draws import margins
from faceleak_check.checks.statistics.impostors import Impostors, impostors, probes
from faceleak_check.checks.statistics.tails import fit_tail, tail_probability, tail_value
from faceleak_check.checks.statistics.thresholds import rate_at

Floats = npt.NDArray[np.floating]
EVEN = probes(np.random.default_rng(4).beta(2, 8, 1000), [()] * 1000)
"""A thousand people: their tail is made of the 100 highest, 3 of a thousand are read off."""


def curve_of(found: Impostors) -> Curve:
    return Curve(found, found.times)


def next_up(value: float) -> float:
    return float(np.nextafter(np.float32(value), np.float32(2)))


def slow_cosine(values: Floats, weights: Floats, rate: float) -> float:
    """The 32-bit number after the highest value that too large a share reaches."""
    too_low = [v for v in values if weights[values >= v].sum() > rate * weights.sum() * (1 + 1e-12)]
    return next_up(max(too_low, default=values[-1]))


def squares(cosines: Floats, centre: float) -> Floats:
    return ((cosines.astype(np.float64) - centre) / (1 - centre)) ** 2


def test_a_tail_is_fitted_to_the_squares_of_the_hundred_highest() -> None:
    values, curve = EVEN.similarities, curve_of(EVEN)
    centre = float(values[500])
    start = float(squares(values[100:101], centre)[0])
    tail = fit_tail(squares(values[:100], centre), start=start, total=1000)
    for rate in (3e-4, 1e-4, 1e-5):
        exact = centre + (1 - centre) * math.sqrt(tail_value(tail, rate))
        assert curve.cosine(rate) == pytest.approx(exact, abs=1e-7)
        assert curve.rate(exact) == pytest.approx(
            tail_probability(tail, float(squares(np.array([exact]), centre)[0]))
        )


@pytest.mark.parametrize(
    ("n_people", "n_images", "n_highest"),
    [
        (1000, 1, 100),  # 100 at least, though 5% are 50
        (5000, 1, 200),  # 200 independent ones are enough
        (2500, 1, 125),  # 5%
        (100, 40, 200),  # 5% of 4000
        (40, 50, 150),  # 3 of 40 people, which is all that is read off
        (200, 1, 80),  # 40% at most, so above the median
    ],
)
def test_how_many_of_the_highest_make_the_tail(n_people: int, n_images: int, n_highest: int) -> None:
    found = probes(np.linspace(0, 0.5, n_people * n_images), names(n_people, n_images))
    squared = curve_of(found)._footing.squares
    assert len(squared) == n_highest + 1
    assert squared[-1] == pytest.approx(
        squares(found.similarities[n_highest : n_highest + 1], curve_of(found)._footing.centre)[0]
    )


def test_the_highest_alone_are_no_tail() -> None:
    """Where a fifth are equal and highest, the tail begins at what comes below them."""
    found = probes(np.repeat([0.9, 0.5, 0.3, 0.1], [40, 20, 40, 100]), [()] * 200)
    footing = curve_of(found)._footing
    assert footing.squares == pytest.approx(squares(np.array([0.9] * 40 + [0.5] * 20 + [0.3]), 0.1), rel=1e-6)
    fewer = probes(np.repeat([0.9, 0.5, 0.3, 0.1], [4000, 200, 400, 5000]), [()] * 9600)
    assert curve_of(fewer)._footing.squares == pytest.approx(
        squares(np.array([0.9] * 4000 + [0.5]), 0.1), rel=1e-6
    )


def test_one_above_many_equal_ones_is_all_of_the_tail() -> None:
    found = probes(np.array([0.95] + [0.9] * 60 + np.linspace(0, 0.5, 39).tolist()), [()] * 100)
    assert curve_of(found)._footing.squares == pytest.approx([0.25, 0], abs=1e-6)


def test_an_extrapolated_cosine_is_the_first_of_32_bits_that_keeps_the_rate() -> None:
    """Rounded down, as every other one would be, it would let in more than was asked for."""
    curve = curve_of(EVEN)
    n_up = 0
    for rate in np.geomspace(3e-4, 1e-6, 60).tolist():
        cosine = curve.cosine(rate)
        assert np.float32(cosine) == cosine
        centre = curve._footing.centre
        exact = centre + (1 - centre) * math.sqrt(tail_value(curve._tail, rate))
        assert np.nextafter(np.float32(cosine), np.float32(-2)).astype(float) < exact <= cosine
        n_up += float(np.float32(exact)) < exact
    assert 10 < n_up < 50


def test_a_rate_that_is_just_resolved_is_read_off() -> None:
    """0.7 is the fourth of 40: a tail of so few would not end just there."""
    found = probes(np.array([0.9, 0.8, 0.75, 0.7, *np.linspace(0, 0.3, 36)]), [()] * 40)
    assert curve_of(found).resolved == 3 / 40
    assert curve_of(found).cosine(3 / 40) == next_up(0.7)
    assert curve_of(found).rate(0.75) == 3 / 40


@pytest.mark.parametrize("rate", [0.2, 0.05, 1e-3, 1e-5])
def test_no_cosine_is_above_one_even_where_too_many_have_it(rate: float) -> None:
    found = probes(np.array([1.0] * 21 + np.linspace(0, 0.5, 79).tolist()), [()] * 100)
    assert curve_of(found).cosine(rate) == 1


def test_a_tail_gives_no_more_than_what_is_read_off_above_it() -> None:
    curve = curve_of(EVEN)
    shares = [curve.rate(float(value)) for value in EVEN.similarities]
    assert shares == sorted(shares)
    assert shares[2] == curve.counted(float(EVEN.similarities[2])) == 3e-3
    assert shares[0] < shares[1] < 3e-3


def test_another_curve_of_the_same_people_stands_where_the_first_does() -> None:
    """That says where to look, not what is there: the same comparisons with other weights."""
    curve = curve_of(EVEN)
    weights = np.random.default_rng(5).poisson(1, 1000).astype(float)
    drawn = curve.drawn(weights)
    squared = curve._footing.squares
    tail = fit_tail(squared[:-1], start=float(squared[-1]), total=weights.sum(), weights=weights[:100])
    centre = curve._footing.centre
    exact = centre + (1 - centre) * math.sqrt(tail_value(tail, 1e-4))
    assert drawn.cosine(1e-4) == pytest.approx(exact, abs=1e-7)
    assert drawn.cosine(0.2) == slow_cosine(EVEN.similarities, weights, 0.2)
    assert drawn.found is EVEN


def slow_margins(
    found: Impostors, rates: Sequence[float], confidence: float, n_resamples: int, seed: int
) -> list[float]:
    whole = [slow_cosine(found.similarities, found.times, rate) for rate in rates]
    draws = np.random.default_rng(seed).multinomial(
        found.n_people, [1 / found.n_people] * found.n_people, n_resamples
    )
    off = []
    for times in draws:
        weights = np.array(
            [
                n * times[one] * (1 if found.second is None else times[found.second[row]])
                for row, (n, one) in enumerate(zip(found.times, found.first, strict=True))
            ]
        )
        if weights.sum():
            off.append([slow_cosine(found.similarities, weights, rate) for rate in rates])
    return np.quantile(np.abs(np.array(off) - whole), confidence, axis=0).tolist()


@pytest.mark.parametrize(
    "found",
    [
        impostors(of_people(10, 3), names(10, 3)),
        probes(np.random.default_rng(5).uniform(0.2, 0.5, 60), names(20, 3)),
    ],
    ids=["pairs", "probes"],
)
def test_margins_are_those_of_people_drawn_anew(found: Impostors) -> None:
    rates = (0.15, 0.3, 0.9)
    slow = slow_margins(found, rates, 0.8, 25, 3)
    assert margins(curve_of(found), rates, 0.8, 25, 3) == pytest.approx(slow, abs=1e-12)
    assert min(slow) > 0


def test_draws_of_one_person_alone_say_nothing() -> None:
    """Of two people both are drawn half of the time; without the other there is no comparison."""
    values = np.linspace(0.5, 0, 100).astype(np.float32)
    two = Impostors(
        similarities=values,
        times=np.ones(100),
        first=np.zeros(100, dtype=np.int64),
        second=np.ones(100, dtype=np.int64),
        n_comparisons=100,
        n_people=2,
        n_images=20,
    )
    curve = curve_of(two)
    assert margins(curve, (0.5,), 1.0, 20, 0) == [0]


def test_a_share_of_all_is_as_unsure_as_the_lowest_of_them() -> None:
    """Some draws miss whom the lowest comparison is of."""
    found = impostors(of_people(10, 3), names(10, 3))
    lowest, n = float(found.similarities[-1]), found.n_comparisons
    estimate = rate_at(found, lowest, confidence=0.8, n_resamples=25, seed=3)
    (margin,) = slow_margins(found, (1 - 1 / n,), 0.8, 25, 3)
    assert (estimate.rate, estimate.high) == (1, 1)
    assert estimate.low == (found.similarities >= np.float32(lowest + margin)).mean() < 1
