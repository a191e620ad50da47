from __future__ import annotations

import re
from collections import Counter
from dataclasses import asdict

import numpy as np
import numpy.typing as npt
import pytest

from faceleak_check.checks.statistics.excess import ExcessRisk, _rate_of, excess_risk, excess_risk_of_lists
from faceleak_check.checks.statistics.rates import wilson_interval

Ints = npt.NDArray[np.int64]


def hits(n: int, n_hits: int, n_people: int | None = None, first: int = 0) -> Ints:
    """The first images hit people in turn, a new one each unless told otherwise."""
    people = np.full(n, -1)
    people[:n_hits] = first + np.arange(n_hits) % (n_people or max(n_hits, 1))
    return people


def apart(n_source: int, n_control: int, n: int = 1000, **more: int) -> ExcessRisk:
    """Hits of different generated images, on one part each."""
    return excess_risk(hits(n, n_source, **more)[:, None], hits(n, n_control, first=10**6)[::-1, None])


@pytest.mark.parametrize(
    ("n_source", "n_control", "value"),
    # anonymeter's tests/test_confidence.py: risk = (attack - control) / (1 - control)
    [(900, 500, 0.8), (500, 500, 0.0), (100, 100, 0.0), (100, 50, 0.05 / 0.95), (50, 100, -0.05 / 0.9)],
)
def test_value_is_anonymeters(n_source: int, n_control: int, value: float) -> None:
    assert apart(n_source, n_control).value == pytest.approx(value, abs=1e-12)


def test_parts_add_up() -> None:
    source = np.stack([hits(1000, n, first=1000 * n) for n in (30, 10, 20)], axis=1)
    found = excess_risk(source, hits(1000, 10, first=10**6)[:, None])
    assert (found.r_source, found.r_control) == pytest.approx((0.02, 0.01))
    assert (found.n, found.n_parts, found.confidence) == (1000, 3, 0.95)
    assert found.value == pytest.approx(np.sum([(r - 0.01) / 0.99 for r in (0.03, 0.01, 0.02)]))


def test_two_samples_give_zou_and_donners_ends() -> None:
    """Newcombe's 56/70 and 48/80 (Statistics in Medicine 17 (1998), 873-890, table II), as a ratio of 1 - r."""
    source, control = wilson_interval(56, 70), wilson_interval(48, 80)
    assert (source.low, source.high) == pytest.approx((0.6918, 0.8769), abs=2e-4)
    found = excess_risk_of_lists(hits(70, 56), hits(80, 48, first=100))
    one, other = np.log(1 - 56 / 70), np.log(1 - 48 / 80)
    below = np.hypot(np.log(1 - source.low) - one, other - np.log(1 - control.high))
    above = np.hypot(one - np.log(1 - source.high), np.log(1 - control.low) - other)
    assert found.low == pytest.approx(1 - np.exp(one - other + below), abs=5e-3)
    assert found.high == pytest.approx(1 - np.exp(one - other - above), abs=5e-3)


def test_rare_hits_give_nearly_newcombes_interval() -> None:
    found = excess_risk_of_lists(hits(10_000, 60), hits(10_000, 10, first=100))
    source, control = wilson_interval(60, 10_000), wilson_interval(10, 10_000)
    assert found.low == pytest.approx(0.005 - np.hypot(0.006 - source.low, control.high - 0.001), abs=5e-5)
    assert found.high == pytest.approx(0.005 + np.hypot(source.high - 0.006, 0.001 - control.low), abs=5e-5)


def test_no_hits_at_all_leave_a_bound() -> None:
    found = apart(0, 0)
    bound = wilson_interval(0, 1000).high
    assert found.value == 0
    assert (found.low, found.high) == pytest.approx((-bound / (1 - bound), bound), rel=1e-6)
    assert 3 / 1000 < found.high < 4 / 1000


def test_no_hits_of_grouped_images_count_groups() -> None:
    none = np.full((1000, 1), -1)
    found = excess_risk(none, none, np.repeat(np.arange(50), 20))
    assert found.high == pytest.approx(wilson_interval(0, 50).high)


def test_parts_without_hits_keep_the_bound_of_the_whole() -> None:
    none = np.full((1000, 1), -1)
    found = excess_risk(np.repeat(none, 10, axis=1), none)
    assert found.high == pytest.approx(wilson_interval(0, 1000).high, rel=0.01)


def test_hits_on_one_person_say_less_than_on_many() -> None:
    many, one = apart(100, 2), apart(100, 2, n_people=1)
    assert many.value == one.value
    assert many.low > 0.07
    assert one.low < 0 < one.high


def test_images_of_one_synthetic_person_say_less() -> None:
    source, control = hits(1000, 100)[:, None], hits(1000, 3, first=10**6)[::-1, None]
    alone, together = (excess_risk(source, control, groups) for groups in (None, np.arange(1000) // 20))
    assert alone.value == together.value
    assert together.high - together.low > 2 * (alone.high - alone.low)


def test_crowding_on_people_and_of_images_adds_up() -> None:
    """20 synthetic persons hit with all of their 5 images, and 20 people are hit 5 times."""
    control, groups = hits(1000, 3, first=10**6)[::-1, None], np.arange(1000) // 5
    found = {
        (people, images): excess_risk(hits(1000, 100, people)[:, None], control, groups if images else None)
        for people in (20, 100)
        for images in (False, True)
    }
    alone = found[100, False]
    assert found[20, True].low < min(found[20, False].low, found[100, True].low) - 0.005
    assert max(found[20, False].low, found[100, True].low) < alone.low - 0.01


def test_what_crowds_on_one_person_counts_once() -> None:
    """60 hits of one person are 1 in 1000 / 60 trials."""
    found = apart(60, 30, n_people=1)
    assert found.high > wilson_interval(1, 1000 / 60).high - 0.05 > 0.2


def test_a_control_without_hits_is_taken_to_crowd_as_the_source_does() -> None:
    """100 hits of 10 people: 10 in 100 trials, and none of 100 in the control."""
    source, control = wilson_interval(10, 100), wilson_interval(0, 100)
    found = apart(100, 0, n_people=10)
    assert found.low == pytest.approx(0.1 - np.hypot(0.1 - source.low, control.high), abs=0.004)


NONE = np.full(1000, -1)


def test_two_synthetic_people_one_of_whom_leaks_are_one_trial() -> None:
    """By group .25 and -.25: a variance of 2 / 1 * .125, a thousand times the binomial .25 / 1000."""
    found = excess_risk_of_lists(hits(1000, 500), NONE, source_groups=np.arange(1000) // 500)
    assert found.high == pytest.approx(wilson_interval(0.5, 1).high)


def test_hits_of_one_synthetic_person_on_one_real_person_are_one_hit() -> None:
    """A tenth of the images: a variance of .01 * .9, a hundred times the binomial .09 / 1000."""
    found = excess_risk_of_lists(hits(1000, 100, 1), NONE, source_groups=np.zeros(1000, dtype=int))
    assert found.high == pytest.approx(wilson_interval(1, 10).high)


def test_one_image_that_hits_nothing_says_next_to_nothing() -> None:
    found = excess_risk(np.array([[-1]]), np.array([[-1]]))
    assert found.high == pytest.approx(wilson_interval(0, 1).high)


@pytest.mark.parametrize(("n_people", "n_others"), [(100, 0), (10, 0), (10, 40), (100, 7)])
def test_turned_around_the_ends_change_places(n_people: int, n_others: int) -> None:
    """As logarithms of 1 - r they do, whichever side crowds."""
    one, other = hits(1000, 100, n_people)[:, None], hits(1000, n_others, first=10**6)[::-1, None]
    here, there = excess_risk(one, other), excess_risk(other, one)
    assert np.log1p(-here.low) == pytest.approx(-np.log1p(-there.high))
    assert np.log1p(-here.high) == pytest.approx(-np.log1p(-there.low))


def test_half_of_the_hits_in_common_narrow_by_their_correlation() -> None:
    """300 hits each, 150 of them of the same images: a correlation of .06 / .21, in Zou and Donner's formula (3)."""
    source = hits(1000, 300)[:, None]
    control = np.roll(hits(1000, 300, first=10**6), 150)[:, None]
    limits = wilson_interval(300, 1000)
    below, above = np.log(0.7 / (1 - limits.high)), np.log((1 - limits.low) / 0.7)
    width = np.sqrt(below**2 + above**2 - 2 * (0.06 / 0.21) * below * above)
    found = excess_risk(source, control)
    assert np.log1p(-found.low) == pytest.approx(width, rel=2e-3)
    assert np.log1p(-found.high) == pytest.approx(-width, rel=2e-3)


@pytest.mark.parametrize("n_groups", [1, 2, 9])
@pytest.mark.parametrize("n_parts", [1, 3])
def test_what_a_rate_is_made_of_equals_the_slow_way(n_parts: int, n_groups: int) -> None:
    """Sums over single images, and a variance by groups plus one by people less what both count."""
    rng = np.random.default_rng(7)
    groups = rng.permutation(np.arange(60) % n_groups)
    is_hit = rng.random((60, n_parts)) < np.where(groups == 0, 0.8, 0.1)[:, None]
    people = np.where(is_hit, rng.integers(6, size=(60, n_parts)), -1)
    n_trials, share = people.size, float((people >= 0).mean())
    both = Counter(
        (int(who), int(group)) for row, group in zip(people, groups, strict=True) for who in row[row >= 0]
    )
    by_group = [
        (sum(n for (_, mine), n in both.items() if mine == group) - share * n_parts * (groups == group).sum())
        / n_trials
        for group in range(n_groups)
    ]
    by_person = [
        sum(n for (who, _), n in both.items() if who == person) / n_trials
        for person in np.unique(people[people >= 0])
    ]
    squares = [sum(one**2 for one in those) for those in (by_group, by_person)]
    shared = sum((n / n_trials) ** 2 for n in both.values())
    found = _rate_of(people, groups)
    assert found.by_group == pytest.approx(by_group)
    assert found.by_person == pytest.approx(by_person)
    assert found.people.tolist() == np.unique(people[people >= 0]).tolist()
    both_ways = squares[0] * (n_groups / max(n_groups - 1, 1)) + squares[1] - shared
    assert found.variance == pytest.approx(max(squares[1] * (1 - share), both_ways))
    assert (both_ways > squares[1] * (1 - share)) == (n_groups > 1)


def test_few_hits_are_taken_to_crowd_partly_as_those_of_both_do() -> None:
    """100 hits of 10 people crowd 11-fold; 20 of as many people do not, but with the others' 9.21-fold for 5 more."""
    found = excess_risk_of_lists(hits(1000, 100, 10), hits(1000, 20, first=100))
    n_source, n_control = 1000 / 11.001, 1000 / ((20 * 1.001 + 5 * 9.2128) / 25)
    source, control = wilson_interval(0.1 * n_source, n_source), wilson_interval(0.02 * n_control, n_control)
    middle = np.log(0.9 / 0.98)
    above, below = np.log((1 - source.low) / 0.9), np.log(0.9 / (1 - source.high))
    other_above, other_below = np.log((1 - control.low) / 0.98), np.log(0.98 / (1 - control.high))
    assert found.low == pytest.approx(1 - np.exp(middle + np.hypot(above, other_below)), abs=1e-5)
    assert found.high == pytest.approx(1 - np.exp(middle - np.hypot(below, other_above)), abs=1e-5)


def test_no_two_rates_go_together_more_than_wholly() -> None:
    """Of half of the images, each hitting a person of its own, people alone would make it 1.98."""
    found = excess_risk_of_lists(hits(100, 50), hits(100, 50))
    n_effective = 100 / (100 / 99)
    limits = wilson_interval(n_effective / 2, n_effective)
    apart = abs(np.log((1 - limits.low) / 0.5) - np.log(0.5 / (1 - limits.high)))
    assert (np.log1p(-found.low), np.log1p(-found.high)) == pytest.approx((apart, -apart))


def test_pairing_narrows() -> None:
    """The same generated images hit both galleries, which says nothing about either."""
    both = np.arange(1000) < 300
    source, control = (np.where(both, np.arange(1000) + first, -1)[:, None] for first in (0, 10**6))
    paired, unpaired = excess_risk(source, control), excess_risk(source, control[::-1])
    assert paired.high - paired.low < 0.5 * (unpaired.high - unpaired.low)


def test_lists_are_paired_by_the_source_people() -> None:
    source, control = hits(1000, 400, 5), hits(1000, 400, 5)
    same, other = (
        excess_risk_of_lists(source, control),
        excess_risk_of_lists(source, control + 5 * (control >= 0)),
    )
    assert same.high - same.low < 0.5 * (other.high - other.low)


def test_lists_of_different_length_count_their_own_images() -> None:
    found = excess_risk_of_lists(
        hits(1000, 50),
        hits(200, 2, first=500),
        source_groups=np.arange(1000),
        control_groups=np.arange(200),
        confidence=0.9,
    )
    assert (found.n, found.n_parts, found.r_source, found.r_control) == (1000, 1, 0.05, 0.01)
    assert found.confidence == 0.9


def test_wider_for_more_confidence() -> None:
    source, control = hits(1000, 50), hits(1000, 10, first=100)
    ends = [excess_risk_of_lists(source, control, confidence=confidence) for confidence in (0.8, 0.95, 0.99)]
    assert ends[0].low > ends[1].low > ends[2].low
    assert ends[0].high < ends[1].high < ends[2].high


def test_all_hit_the_source() -> None:
    found = apart(1000, 10)
    assert (found.value, found.high) == pytest.approx((1, 1), abs=1e-9)
    assert 0.98 < found.low < 1


def test_no_more_than_everything_is_in_excess() -> None:
    source = np.stack([hits(100, 90, first=1000 * part) for part in range(4)], axis=1)
    found = excess_risk(source, hits(100, 1, first=10**6)[:, None])
    assert found.value == found.high == 1


def test_the_numbers_of_people_and_groups_do_not_matter() -> None:
    rng = np.random.default_rng(0)
    people, groups = (
        np.where(rng.random((500, 3)) < 0.05, rng.integers(40, size=(500, 3)), -1),
        np.arange(500) // 4,
    )
    control = people[::-1, :1] + 1000 * (people[::-1, :1] >= 0)
    renamed = np.where(people >= 0, 7 * people + 3, -1)
    found, again = (
        asdict(excess_risk(*of)) for of in ((people, control, groups), (renamed, control, 10**6 - groups))
    )
    assert found == pytest.approx(again, rel=1e-12)  # another order of groups, so another last digit of a sum


def test_different_images_are_not_compared() -> None:
    message = (
        "hits of shape (3, 1) in the source and (4, 1) in the control are not of the same generated images: "
        "expected (n, parts) of each"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        excess_risk(np.zeros((3, 1), dtype=int), np.zeros((4, 1), dtype=int))


def test_hits_without_parts_are_refused() -> None:
    """Of three images and one part, which could be one image and three parts as well."""
    message = (
        "hits of shape (3,) in the source and (3, 1) in the control are not of the same generated images: "
        "expected (n, parts) of each"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        excess_risk(np.zeros(3, dtype=int), np.zeros((3, 1), dtype=int))


def test_nothing_compared() -> None:
    empty = np.zeros((0, 1), dtype=int)
    with pytest.raises(
        ValueError, match=r"^no generated image is compared: expected at least one, with at least one part$"
    ):
        excess_risk(empty, empty)


def test_groups_of_other_images() -> None:
    none = np.full((3, 1), -1)
    with pytest.raises(
        ValueError, match=r"^3 generated images with groups of shape \(2,\): expected one of each$"
    ):
        excess_risk(none, none, np.zeros(2, dtype=int))


def test_a_control_that_everybody_hits_shows_nothing() -> None:
    with pytest.raises(
        ValueError,
        match=r"^all 20 generated images hit the control, so no excess can be seen: raise the threshold$",
    ):
        apart(5, 20, 20)


def drawn(rng: np.random.Generator, planted: float, n_parts: int) -> tuple[Ints, Ints, Ints]:
    """Chance hits that crowd on some people and some synthetic persons, and planted ones."""
    n_synthetic, n_images, n_people = 150, 6, 100
    groups = np.repeat(np.arange(n_synthetic), n_images)
    near = rng.gamma(0.5, 2, n_synthetic)[groups]
    parts = []
    for part in range(n_parts + 1):
        lure = rng.gamma(1, 1, n_people)
        is_hit = rng.random(len(groups)) < np.minimum(1, 0.01 * near * lure.mean())
        parts.append(
            np.where(is_hit, rng.choice(n_people, len(groups), p=lure / lure.sum()) + part * n_people, -1)
        )
    people = np.stack(parts, axis=1)
    copied = rng.permutation(len(groups))[: round(planted * len(groups))]
    person = rng.integers(n_parts * n_people, size=len(copied))
    people[copied, person // n_people] = person
    return people[:, :n_parts], people[:, n_parts:], groups


@pytest.mark.parametrize("n_parts", [1, 4])
@pytest.mark.parametrize("planted", [0.0, 0.02, 0.1])
def test_intervals_hold_the_truth_and_the_gate_rarely_errs(planted: float, n_parts: int) -> None:
    rng = np.random.default_rng(1)
    found = [excess_risk(*drawn(rng, planted, n_parts)) for _ in range(500)]
    n_held = sum(one.low <= planted <= one.high for one in found)
    n_failed = sum(one.low > planted for one in found)
    assert n_held >= 0.94 * 500
    assert n_failed <= 0.025 * 500
