from __future__ import annotations

import re
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from faceleak_check.checks.statistics.rates import wilson_interval
from faceleak_check.checks.statistics.roc import Membership, _interval, membership
from faceleak_check.records import Interval

Floats = npt.NDArray[np.float64]


def slow_auc(members: Floats, non_members: Floats) -> float:
    """Every pair."""
    return float(np.mean((members[:, None] > non_members) + 0.5 * (members[:, None] == non_members)))


def slow_tpr(members: Floats, non_members: Floats, fpr: float) -> float:
    """Every non-member as a threshold."""
    return max(
        (np.mean(members >= level) for level in non_members if np.mean(non_members >= level) <= fpr + 1e-12),
        default=np.mean(members > non_members.max()),
    )


def rounded(seed: int, n: int, m: int, shift: float, digits: int) -> tuple[Floats, Floats]:
    rng = np.random.default_rng(seed)
    return rng.normal(shift, 1, n).round(digits), rng.normal(0, 1, m).round(digits)


@pytest.mark.parametrize("digits", [0, 1, 8])
@pytest.mark.parametrize("shift", [-1.0, 0.0, 0.5, 3.0])
@pytest.mark.parametrize("fpr", [0.02, 0.1, 0.5])
def test_equals_the_slow_way(fpr: float, shift: float, digits: int) -> None:
    members, non_members = rounded(0, 120, 70, shift, digits)
    found = membership(members, non_members, fpr, n_resamples=20)
    assert found.auc == pytest.approx(slow_auc(members, non_members), abs=1e-12)
    assert found.tpr == pytest.approx(slow_tpr(members, non_members, fpr), abs=1e-12)
    assert found.tpr == np.mean(members >= found.threshold)
    assert np.mean(non_members >= found.threshold) <= fpr


def test_a_table_by_hand() -> None:
    """Non-members 1 to 100: at 5% the threshold is 96, which 30 of 60 members reach."""
    members = np.repeat([95.9, 96.0], 30)
    found = membership(members, np.arange(1.0, 101), 0.05)
    assert (found.threshold, found.tpr, found.fpr) == (96, 0.5, 0.05)
    assert found.auc == pytest.approx((95 + 95.5) / 200)
    assert (found.n_members, found.n_non_members) == (60, 100)
    assert (found.n_member_people, found.n_non_member_people) == (60, 100)


def test_tied_non_members_are_not_let_in() -> None:
    """Ten of 100 non-members share the highest value, so 5% of them cannot be taken."""
    non_members = np.r_[np.zeros(90), np.ones(10)]
    found = membership(np.r_[np.ones(20), np.full(20, 1.5)], non_members, 0.05)
    assert found.tpr == 0.5
    assert 1 < found.threshold < 1 + 1e-9 or found.threshold == 1.5


def test_agrees_with_scipys_mann_whitney() -> None:
    from scipy.stats import mannwhitneyu

    members, non_members = rounded(1, 500, 300, 0.2, 1)
    expected = mannwhitneyu(members, non_members).statistic / (500 * 300)
    assert membership(members, non_members, 0.1, n_resamples=10).auc == pytest.approx(expected, abs=1e-12)


def test_hanley_and_mcneils_error_is_the_bootstraps() -> None:
    """Equation 1 of Radiology 143 (1982), 29-36, for independent images; Q1 and Q2 from all pairs."""
    members, non_members = rounded(2, 400, 400, 0.5, 8)
    found = membership(members, non_members, 0.1, n_resamples=2000)
    won = members[:, None] > non_members
    q_1, q_2 = np.mean(won.mean(axis=1) ** 2), np.mean(won.mean(axis=0) ** 2)
    a = found.auc
    error = np.sqrt((a * (1 - a) + 399 * (q_1 - a**2) + 399 * (q_2 - a**2)) / 400**2)
    assert found.auc_interval.high - found.auc_interval.low == pytest.approx(2 * 1.96 * error, rel=0.08)


def test_many_images_of_few_people_are_less_sure() -> None:
    rng = np.random.default_rng(3)
    people = np.repeat(np.arange(20), 30)
    members, non_members = (rng.normal(size=20)[people] + 0.2 * rng.normal(size=600) for _ in range(2))
    alone = membership(members, non_members, 0.1)
    together = membership(members, non_members, 0.1, people, people)
    assert (alone.tpr, alone.auc) == (together.tpr, together.auc)
    for one, other in (
        (alone.tpr_interval, together.tpr_interval),
        (alone.auc_interval, together.auc_interval),
    ):
        assert other.high - other.low > 2 * (one.high - one.low)


def test_none_and_all_fall_back_on_people() -> None:
    people = np.repeat(np.arange(25), 4)
    low, high = np.linspace(0, 1, 100), np.linspace(2, 3, 100)
    caught, missed = (membership(*sides, 0.05, people, people) for sides in ((high, low), (low, high)))
    assert (caught.tpr, caught.auc, missed.tpr, missed.auc) == (1, 1, 0, 0)
    assert caught.tpr_interval == caught.auc_interval == wilson_interval(25, 25)
    assert missed.tpr_interval == missed.auc_interval == wilson_interval(0, 25)


def test_no_member_told_is_none_of_so_many_people_whatever_the_draws() -> None:
    """Where the three highest of the unseen are not drawn, many would be told."""
    members = np.linspace(0.1, 0.5, 60)
    non_members = np.r_[np.linspace(0, 0.3, 37), 0.6, 0.61, 0.62]
    found = membership(members, non_members, 0.05)
    assert (found.tpr, found.threshold) == (0, 0.61)
    assert found.tpr_interval == wilson_interval(0, 40)


@pytest.mark.parametrize(("n_people", "confidence"), [(11, 0.95), (40, 0.8)])
def test_percentiles_are_moved_out_as_hesterberg_has_it(n_people: int, confidence: float) -> None:
    """Equation 9 of section 3.3; Weibull's p-th of n draws is the (n + 1) p-th in order."""
    from scipy.stats import norm, t

    draws = np.random.default_rng(9).normal(0.5, 0.1, 199)
    share = float(norm.cdf(np.sqrt(n_people / (n_people - 1)) * t(n_people - 1).ppf((1 - confidence) / 2)))
    low, high = np.interp([200 * share, 200 * (1 - share)], np.arange(1, 200), np.sort(draws))
    found = _interval(draws, 0.5, n_people, confidence)
    assert (found.low, found.high, found.confidence) == pytest.approx((low, high, confidence))


@pytest.mark.parametrize("value", [0.0, 0.3, 1.0])
def test_draws_that_do_not_vary_leave_wilsons_interval_on_people(value: float) -> None:
    assert _interval(np.full(50, value), value, 20, 0.8) == wilson_interval(20 * value, 20, 0.8)
    assert isinstance(_interval(np.full(50, value), value, 20, 0.8), Interval)


def test_thirty_images_are_enough() -> None:
    found = membership(np.linspace(0.1, 0.5, 30), np.linspace(0, 0.4, 30), 0.1, n_resamples=5)
    assert (found.n_members, found.n_non_members) == (30, 30)


def test_what_is_left_out_is_95_percent_of_200_draws() -> None:
    members, non_members = rounded(5, 60, 50, 0.5, 8)
    named = membership(members, non_members, 0.1, confidence=0.95, n_resamples=200, seed=0)
    assert membership(members, non_members, 0.1) == named


def test_the_curve_is_short_and_keeps_the_area() -> None:
    members, non_members = rounded(4, 3000, 2000, 1.0, 8)
    found = membership(members, non_members, 0.01, n_resamples=5)
    across, up = np.array(found.curve_fpr), np.array(found.curve_tpr)
    assert 100 < len(across) == len(up) <= 200
    assert (across[0], up[0], across[-1], up[-1]) == (0, 0, 1, 1)
    assert (np.diff(across) >= 0).all()
    assert (np.diff(up) >= 0).all()
    assert np.trapezoid(up, across) == pytest.approx(found.auc, abs=1e-3)


def test_the_curve_of_one_value_is_the_diagonal() -> None:
    found = membership(np.ones(40), np.ones(40), 0.1)
    assert (found.curve_fpr, found.curve_tpr) == ((0, 1), (0, 1))
    assert (found.auc, found.tpr) == (0.5, 0)


def test_seeded() -> None:
    sides = rounded(5, 100, 100, 0.3, 8)
    once, again, other = (membership(*sides, 0.1, seed=seed) for seed in (1, 1, 2))
    assert once == again
    assert once.auc_interval != other.auc_interval


def test_the_order_of_images_does_not_matter() -> None:
    members, non_members = rounded(6, 90, 80, 0.3, 2)
    people, others = np.arange(90) // 3, np.arange(80) // 2
    found = membership(members, non_members, 0.1, people, others)
    assert membership(members[::-1], non_members[::-1], 0.1, people[::-1], others[::-1]) == found


def test_wider_for_more_confidence() -> None:
    sides = rounded(7, 200, 200, 0.3, 8)
    widths = [
        found.auc_interval.high - found.auc_interval.low
        for found in (membership(*sides, 0.1, confidence=confidence) for confidence in (0.5, 0.8, 0.95))
    ]
    assert widths == sorted(widths)
    assert widths[0] < 0.6 * widths[2]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"fpr": 0.0}, "a false positive rate of 0 is not between 0 and 1"),
        ({"fpr": 1.0}, "a false positive rate of 1 is not between 0 and 1"),
        (
            {"fpr": 0.001},
            (
                "200 non-members cannot resolve a false positive rate of 0.001: give at least 1000 images of people "
                "never trained on, or ask for a rate of at least 1 / 200"
            ),
        ),
        (
            {"members": np.ones(29)},
            "29 members are too few for membership inference: give at least 30 images",
        ),
        (
            {"non_members": np.ones(0)},
            "0 non-members are too few for membership inference: give at least 30 images",
        ),
        (
            {"members": np.r_[np.nan, np.inf, np.ones(98)]},
            "2 of 100 similarities of members are not finite numbers: leave out images whose templates are broken",
        ),
        (
            {"people_of_members": np.zeros(100, dtype=int)},
            (
                "100 members show 1 person: give images of at least 10 people, since the images of one person say "
                "nothing of others"
            ),
        ),
        (
            {"people_of_non_members": np.arange(200) % 9},
            (
                "200 non-members show 9 people: give images of at least 10 people, since the images of one person say "
                "nothing of others"
            ),
        ),
        (
            {"people_of_members": np.arange(7)},
            "100 members with 7 people: expected the person of each image",
        ),
    ],
)
def test_what_cannot_be_answered(change: dict[str, Any], message: str) -> None:
    given: dict[str, Any] = {
        "members": np.arange(100.0),
        "non_members": np.arange(200.0),
        "fpr": 0.05,
    } | change
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        membership(**given)


def test_one_image_over_what_resolves_is_enough() -> None:
    assert membership(np.arange(100.0), np.arange(100.0), 0.01).threshold == 99


def test_without_leaks_intervals_hold_the_truth_and_the_gate_rarely_errs() -> None:
    """Members and non-members from one population of people with several images each."""
    rng = np.random.default_rng(8)
    people = np.repeat(np.arange(80), 4)

    def drawn() -> Membership:
        sides = (rng.normal(size=80)[people] + rng.normal(size=320) for _ in range(2))
        return membership(*sides, 0.05, people, people, n_resamples=100)

    found = [drawn() for _ in range(150)]
    assert np.mean([one.tpr_interval.low <= 0.05 <= one.tpr_interval.high for one in found]) >= 0.93
    assert np.mean([one.auc_interval.low <= 0.5 <= one.auc_interval.high for one in found]) >= 0.9
    assert np.mean([one.tpr_interval.low > 0.05 for one in found]) <= 0.03
    assert np.mean([one.auc_interval.low > 0.5 for one in found]) <= 0.05
