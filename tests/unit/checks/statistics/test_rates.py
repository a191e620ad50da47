from __future__ import annotations

import math

import numpy as np
import pytest

from faceleak_check.checks.statistics.rates import (
    bound_of_none,
    wilson_interval,
    wilson_interval_of_groups,
)

Z_TABLE = {0.90: 1.6448536269514722, 0.95: 1.959963984540054, 0.99: 2.5758293035489004}
"""Two-sided normal quantiles from published tables."""


def roots(n_hits: int, n: int, z: float) -> tuple[float, float]:
    """Where |share - p| = z * sqrt(p * (1 - p) / n), found by halving: Wilson's definition, not his formula."""
    share = n_hits / n

    def is_inside(p: float) -> bool:
        return abs(share - p) <= z * math.sqrt(p * (1 - p) / n)

    def edge(outside: float) -> float:
        inside = share
        for _ in range(200):
            middle = (inside + outside) / 2
            inside, outside = (middle, outside) if is_inside(middle) else (inside, middle)
        return inside

    return edge(0.0), edge(1.0)


@pytest.mark.parametrize(
    ("n_hits", "n", "low", "high"),
    [
        # R. G. Newcombe, Statistics in Medicine 17 (1998), 857-872, table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_published_intervals(n_hits: int, n: int, low: float, high: float) -> None:
    interval = wilson_interval(n_hits, n, 0.95)
    assert (round(interval.low, 4), round(interval.high, 4)) == (low, high)
    assert interval.confidence == 0.95


@pytest.mark.parametrize("confidence", Z_TABLE)
@pytest.mark.parametrize(
    ("n_hits", "n"), [(0, 1), (1, 1), (1, 2), (3, 50), (49, 50), (500, 1000), (7, 1_000_000)]
)
def test_equals_the_roots_of_wilsons_equation(n_hits: int, n: int, confidence: float) -> None:
    interval = wilson_interval(n_hits, n, confidence)
    low, high = roots(n_hits, n, Z_TABLE[confidence])
    assert interval.low == pytest.approx(low, abs=1e-12)
    assert interval.high == pytest.approx(high, abs=1e-12)


@pytest.mark.parametrize("n", [1, 5, 50, 10**6])
@pytest.mark.parametrize("confidence", Z_TABLE)
def test_none_and_all_reach_the_ends_exactly(n: int, confidence: float) -> None:
    z = Z_TABLE[confidence]
    none, every = wilson_interval(0, n, confidence), wilson_interval(n, n, confidence)
    assert (none.low, every.high) == (0.0, 1.0)
    assert none.high == pytest.approx(z * z / (n + z * z), rel=1e-12)
    assert every.low == pytest.approx(n / (n + z * z), rel=1e-12)


def test_the_interval_of_half_is_symmetric_and_narrows_with_n() -> None:
    wide, narrow = wilson_interval(5, 10), wilson_interval(500, 1000)
    assert wide.low + wide.high == pytest.approx(1, abs=1e-15)
    assert wide.low < narrow.low < 0.5 < narrow.high < wide.high


def coverage(n: int, share: float, confidence: float) -> float:
    """Chance that the interval holds the true share, summed over all outcomes."""
    covered = 0.0
    for n_hits in range(n + 1):
        interval = wilson_interval(n_hits, n, confidence)
        if interval.low <= share <= interval.high:
            covered += math.comb(n, n_hits) * share**n_hits * (1 - share) ** (n - n_hits)
    return covered


@pytest.mark.parametrize("confidence", Z_TABLE)
@pytest.mark.parametrize("n", [20, 100])
def test_covers_about_as_often_as_it_says(n: int, confidence: float) -> None:
    shares = [step / 200 for step in range(1, 200)]
    covered = [coverage(n, share, confidence) for share in shares]
    assert sum(covered) / len(covered) == pytest.approx(confidence, abs=0.012)
    assert min(covered) > confidence - 0.12


@pytest.mark.parametrize(
    ("n_hits", "n", "message"),
    [
        (0, 0, "0 hits in 0 trials are no share"),
        (3, 2, "3 hits in 2 trials are no share"),
        (-1, 2, "-1 hits in 2 trials are no share"),
    ],
)
def test_no_share_is_an_error(n_hits: int, n: int, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        wilson_interval(n_hits, n)


@pytest.mark.parametrize(
    ("n", "bound"),
    # 1 - 0.05 ** (1 / n), in Hanley and Lippman-Hand's table I beside 3 / n
    [(1, 0.95), (10, 0.2589), (20, 0.1391), (30, 0.0950), (50, 0.0582), (100, 0.0295), (1000, 0.0030)],
)
def test_published_bounds_of_none(n: int, bound: float) -> None:
    assert round(bound_of_none(n), 4) == bound


@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.95, 0.99])
@pytest.mark.parametrize("n", [1, 7, 300, 10**6])
def test_none_is_as_rare_at_the_bound_as_stated(n: int, confidence: float) -> None:
    assert (1 - bound_of_none(n, confidence)) ** n == pytest.approx(1 - confidence, rel=1e-6)


def test_the_rule_of_three() -> None:
    assert bound_of_none(10_000) == pytest.approx(3 / 10_000, rel=0.002)


def test_nothing_bounds_nothing() -> None:
    with pytest.raises(ValueError, match=r"^no hits in 0 trials bound nothing$"):
        bound_of_none(0)


def test_groups_of_one_change_next_to_nothing() -> None:
    is_hit = np.arange(1000) < 30
    plain, grouped = wilson_interval(30, 1000), wilson_interval_of_groups(is_hit, np.arange(1000))
    assert (grouped.low, grouped.high) == pytest.approx((plain.low, plain.high), rel=0.01)


def test_groups_that_go_together_count_once() -> None:
    is_hit, groups = np.repeat(np.arange(200) < 20, 5), np.repeat(np.arange(200), 5)
    once, grouped = wilson_interval(20, 200), wilson_interval_of_groups(is_hit, groups)
    assert (grouped.low, grouped.high) == pytest.approx((once.low, once.high), rel=0.01)


def test_groups_more_alike_than_chance_gain_nothing() -> None:
    is_hit, groups = np.tile([True, False], 100), np.repeat(np.arange(100), 2)
    assert wilson_interval_of_groups(is_hit, groups) == wilson_interval(100, 200)


@pytest.mark.parametrize(
    ("is_hit", "groups", "n_effective"),
    [
        # hits less share times size: 1, -1, 0; variance 3/2 * 2 = 3 over the binomial 2 of nine trials
        ([1, 1, 0, 0, 0, 0, 1, 0, 0], [0, 0, 0, 1, 1, 1, 2, 2, 2], 6),
        # 1.5 and -1.5: 2/1 * 4.5 = 9 over 1.5 of six trials
        ([1, 1, 1, 0, 0, 0], [0, 0, 0, 1, 1, 1], 1),
        # 1, 1, -1, -1: 4/3 * 4 over 2 of eight trials
        ([1, 1, 1, 1, 0, 0, 0, 0], [0, 0, 1, 1, 2, 2, 3, 3], 3),
    ],
)
@pytest.mark.parametrize("confidence", [0.9, 0.95])
def test_design_effects_by_hand(
    is_hit: list[int], groups: list[int], n_effective: float, confidence: float
) -> None:
    found = wilson_interval_of_groups(np.array(is_hit, dtype=bool), np.array(groups), confidence)
    expected = wilson_interval(sum(is_hit) / len(is_hit) * n_effective, n_effective, confidence)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), rel=1e-12)
    assert found.confidence == confidence


@pytest.mark.parametrize("hit", [False, True])
def test_none_and_all_of_groups_count_groups(hit: bool) -> None:
    interval = wilson_interval_of_groups(np.full(100, hit), np.repeat(np.arange(20), 5), 0.9)
    assert interval == wilson_interval(20 * hit, 20, 0.9)


def test_the_names_of_groups_do_not_matter() -> None:
    is_hit, groups = np.arange(60) % 7 == 0, np.arange(60) // 4
    assert wilson_interval_of_groups(is_hit, groups) == wilson_interval_of_groups(is_hit, 10**9 - 3 * groups)


def test_each_trial_needs_a_group() -> None:
    with pytest.raises(ValueError, match=r"^3 trials with 2 groups: expected the group of each$"):
        wilson_interval_of_groups(np.zeros(3, dtype=bool), np.zeros(2, dtype=int))


def test_no_grouped_trials_are_no_share() -> None:
    with pytest.raises(ValueError, match=r"^0.0 hits in 0 trials are no share$"):
        wilson_interval_of_groups(np.zeros(0, dtype=bool), np.zeros(0, dtype=int))


def test_intervals_of_groups_hold_the_share_as_often_as_stated() -> None:
    """Beta-binomial groups: each has a share of its own, 5% on average."""
    rng = np.random.default_rng(0)
    groups, n_held, n_held_plain = np.repeat(np.arange(150), 10), 0, 0
    for _ in range(1000):
        is_hit = rng.random(1500) < rng.beta(0.25, 4.75, 150)[groups]
        grouped = wilson_interval_of_groups(is_hit, groups)
        plain = wilson_interval(int(is_hit.sum()), 1500)
        n_held += grouped.low <= 0.05 <= grouped.high
        n_held_plain += plain.low <= 0.05 <= plain.high
    assert 930 <= n_held <= 975
    assert n_held_plain < 850
