from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import beta, genpareto

from faceleak_check.checks.statistics.tails import Tail, fit_tail, tail_probability, tail_value

TAIL = Tail(start=0.5, share=0.1, end=0.9, decline=0.25)


def falling(values: np.ndarray) -> np.ndarray:
    return np.sort(values)[::-1]


@pytest.mark.parametrize("rate", [0.1, 0.03, 1e-3, 1e-6, 1e-12])
def test_the_value_at_a_rate_is_scipys(rate: float) -> None:
    scipys = genpareto(-0.25, loc=0.5, scale=0.25 * 0.4).isf(rate / 0.1)
    assert tail_value(TAIL, rate) == pytest.approx(scipys, abs=1e-12)


@pytest.mark.parametrize("value", [0.5, 0.6, 0.85, 0.8999])
def test_the_rate_at_a_value_is_scipys(value: float) -> None:
    scipys = 0.1 * genpareto(-0.25, loc=0.5, scale=0.25 * 0.4).sf(value)
    assert tail_probability(TAIL, value) == pytest.approx(scipys, rel=1e-9)


def test_nothing_is_at_or_past_the_end() -> None:
    assert tail_probability(TAIL, 0.9) == tail_probability(TAIL, 0.95) == 0


def test_a_rate_that_the_tail_does_not_hold_is_at_its_start() -> None:
    assert tail_value(TAIL, 0.1) == tail_value(TAIL, 0.3) == 0.5


def test_a_number_table() -> None:
    # excesses .1 .2 .3: mean a = .2; ranks 5/6, 3/6, 1/6 of higher ones: b = (.1*5 + .2*3 + .3) / 18 = 7/90;
    # reach = 2ab / (4b - a) = (28/900) / (10/90) = .28, below the highest .3, so .3; decline = .2 / (.3 - .2) = 2
    tail = fit_tail(np.array([0.5, 0.4, 0.3]), start=0.2, total=30)
    assert tail.share == pytest.approx(0.1)
    assert tail.end == pytest.approx(0.5)
    assert tail.decline == pytest.approx(2)


def test_a_number_table_of_an_end_past_what_was_seen() -> None:
    # excesses .4 .1: a = .25; b = (.4 * .25 + .1 * .75) / 2 = .0875; reach = .04375 / .1; decline = .25 / .1875
    tail = fit_tail(np.array([0.6, 0.3]), start=0.2, total=20)
    assert tail.end == pytest.approx(0.6375)
    assert tail.decline == pytest.approx(4 / 3)


@pytest.mark.parametrize("decline", [0.05, 0.2, 0.5, 1.0, 2.0])
def test_finds_the_tail_that_it_was_drawn_from(decline: float) -> None:
    drawn = genpareto(-decline, loc=0.4, scale=decline * 0.3).rvs(200_000, random_state=1)
    tail = fit_tail(falling(drawn), start=0.4, total=len(drawn) * 20)
    assert tail.share == pytest.approx(0.05)
    assert tail.decline == pytest.approx(decline, rel=0.1)
    truth = genpareto(-decline, loc=0.4, scale=decline * 0.3).isf(1e-5 / 0.05)
    assert tail_value(tail, 1e-5) == pytest.approx(truth, abs=0.01)


def test_a_uniform_tail_ends_where_it_ends() -> None:
    drawn = falling(np.random.default_rng(2).uniform(0, 0.8, 10_000))
    tail = fit_tail(drawn[:500], start=float(drawn[500]), total=10_000)
    assert tail.end == pytest.approx(0.8, abs=0.005)
    assert tail.decline == pytest.approx(1, abs=0.2)


def test_a_beta_tail_is_met_past_the_sample() -> None:
    truth = beta(0.5, 63.5)  # squares of the cosines of random directions in 128 dimensions
    drawn = falling(truth.rvs(200_000, random_state=3))
    tail = fit_tail(drawn[:2000], start=float(drawn[2000]), total=200_000)
    assert tail_value(tail, 1e-6) == pytest.approx(truth.isf(1e-6), rel=0.08)


def test_no_value_lies_above_the_highest_that_can_be() -> None:
    # heavy tails would go on for ever
    drawn = falling(0.5 + np.random.default_rng(4).pareto(2, 1000) / 20)
    drawn = drawn[drawn < 1]
    tail = fit_tail(drawn, start=0.5, total=1000)
    assert tail.end == 1
    assert 0.8 < tail_value(tail, 1e-7) < tail_value(tail, 1e-300) <= 1


def test_no_end_lies_below_what_was_seen() -> None:
    values = np.array([0.9, *[0.5] * 50])
    tail = fit_tail(values, start=0.4, total=100)
    assert tail.end >= 0.9


@pytest.mark.parametrize("end", [0.9, 1.0])
def test_the_mean_is_kept(end: float) -> None:
    drawn = falling(np.random.default_rng(5).uniform(0.2, 0.9, 300) ** 0.5 * 0.9)
    tail = fit_tail(drawn, start=0.3, total=1000, end=end)
    mean = tail.start + (tail.end - tail.start) * tail.decline / (1 + tail.decline)
    assert mean == pytest.approx(drawn.mean())


def test_a_weight_is_a_number_of_copies() -> None:
    random = np.random.default_rng(6)
    values, weights = falling(0.5 + random.beta(1, 4, 200) / 2), random.poisson(1, 200)
    weighted = fit_tail(values, start=0.5, total=2000, weights=weights.astype(float))
    copied = fit_tail(np.repeat(values, weights), start=0.5, total=2000)
    assert copied.end > values[0]
    assert weighted.end == pytest.approx(copied.end)
    assert weighted.decline == pytest.approx(copied.decline)
    assert weighted.share == pytest.approx(copied.share)


def test_weights_count_beside_each_other_alone() -> None:
    values, weights = np.array([0.9, 0.5, 0.45, 0.42]), np.array([1.0, 2, 1, 3])
    whole = fit_tail(values, start=0.4, total=50, weights=weights)
    tenth = fit_tail(values, start=0.4, total=5, weights=weights / 10)
    assert (tenth.share, tenth.end, tenth.decline) == pytest.approx((whole.share, whole.end, whole.decline))


def test_a_tail_that_would_end_nowhere_ends_at_the_highest_that_can_be() -> None:
    """Excesses of a half and none: a = 1/4 and b = 1/16, and so 4b = a."""
    tail = fit_tail(np.array([0.5, 0.0]), start=0.0, total=2)
    assert (tail.share, tail.end) == (1, 1)
    assert tail.decline == pytest.approx(1 / 3)


def test_what_weighs_nothing_is_not_seen() -> None:
    values, weights = np.array([0.9, 0.5, 0.45, 0.42]), np.array([0.0, 1, 1, 1])
    without = fit_tail(values[1:], start=0.4, total=50)
    assert fit_tail(values, start=0.4, total=50, weights=weights) == without


def test_no_weight_is_no_tail() -> None:
    tail = fit_tail(np.array([0.9, 0.8]), start=0.5, total=10, weights=np.zeros(2))
    assert tail_value(tail, 1e-6) == 0.5
    assert tail_probability(tail, 0.7) == 0


def test_equal_excesses_are_a_step() -> None:
    tail = fit_tail(np.full(10, 0.6), start=0.5, total=100)
    assert tail_value(tail, 0.01) == pytest.approx(0.6)
    assert tail_probability(tail, 0.599) == pytest.approx(0.1, rel=1e-3)
    assert math.isfinite(tail.decline)


def test_the_value_at_the_rate_at_a_value_is_that_value() -> None:
    for value in (0.51, 0.6, 0.8, 0.89):
        assert tail_value(TAIL, tail_probability(TAIL, value)) == pytest.approx(value)


def test_a_tail_that_begins_at_its_end_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^a tail that begins at 1 cannot end at 1$"):
        fit_tail(np.array([1.0]), start=1.0, total=3)
