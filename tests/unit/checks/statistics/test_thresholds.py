from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import beta
from simulated import names, of_people

from faceleak_check.checks.statistics.impostors import Impostors, impostors, probes
from faceleak_check.checks.statistics.thresholds import (
    RateThreshold,
    fpir_thresholds_at,
    lowest_rate,
    rate_at,
    rates_around,
    thresholds_at,
)

DIMENSION = 64


def simulated(n_people: int, n_images: int, seed: int = 0) -> Impostors:
    return impostors(of_people(n_people, n_images, seed=seed), names(n_people, n_images))


def truth(rate: float) -> float:
    """The cosine that this share of random directions reach: its square has a beta distribution."""
    return math.sqrt(beta(0.5, (DIMENSION - 1) / 2).isf(2 * rate))


def cosines(found: Impostors, *rates: float) -> list[float]:
    return [threshold.cosine for threshold in thresholds_at(found, rates, n_resamples=2)]


def made_of(similarities: np.ndarray) -> Impostors:
    return probes(similarities, [()] * len(similarities))


@pytest.mark.parametrize("rate", [0.5, 0.25, 0.1, 0.05, 0.01])
def test_is_the_smallest_cosine_that_keeps_the_rate(rate: float) -> None:
    found = simulated(40, 3)
    (cosine,) = cosines(found, rate)
    values, allowed = found.similarities, rate * found.n_comparisons
    assert (values >= cosine).sum() <= allowed
    below = values[values < np.float32(cosine)].max()
    assert (values >= below).sum() > allowed
    assert np.nextafter(below, np.float32(1)) == np.float32(cosine)


def test_a_number_table() -> None:
    # of 0.00, 0.01 .. 0.99 the highest ten are 0.90 and above: any lower threshold lets an eleventh in
    found = made_of(np.arange(100) / 100)
    assert cosines(found, 0.5, 0.1, 0.03) == pytest.approx([0.49, 0.89, 0.96], abs=1e-6)
    assert (found.similarities >= cosines(found, 0.1)[0]).sum() == 10


def test_equal_cosines_are_let_in_together() -> None:
    found = made_of(np.repeat([0.9, 0.5, 0.1], [5, 20, 75]))
    first, second, third = cosines(found, 0.25, 0.24, 0.05)
    assert 0.1 < first < 0.5 < second == third < 0.9


def test_a_rate_of_three_comparisons_is_read_off_and_a_lower_one_extrapolated() -> None:
    found = simulated(50, 3)  # 1225 pairs of people
    at, below = thresholds_at(found, (3 / 1225, 2.99 / 1225), n_resamples=2)
    assert (at.extrapolated, below.extrapolated) == (False, True)
    assert at.n_comparisons == found.n_comparisons == 1225 * 9
    assert (at.n_people, at.n_images, at.confidence) == (50, 150, 0.95)


@pytest.mark.parametrize(
    ("rate", "off"), [(0.1, 0.004), (0.01, 0.01), (1e-3, 0.02), (1e-4, 0.035), (1e-5, 0.05)]
)
def test_comes_near_to_the_truth(rate: float, off: float) -> None:
    found = [cosines(simulated(60, 3, seed=seed), rate)[0] for seed in range(8)]
    assert np.mean(found) == pytest.approx(truth(rate), abs=off / 2)
    assert found == pytest.approx([truth(rate)] * 8, abs=off * 1.5)


def test_lower_rates_need_higher_cosines() -> None:
    for seed in range(5):
        found = cosines(simulated(30, 2, seed=seed), *np.geomspace(0.5, 1e-5, 60))
        assert found == sorted(found)
        assert found[-1] <= 1


def test_what_is_extrapolated_begins_where_what_is_read_off_ends() -> None:
    for seed in range(40):
        found = simulated(30, 1, seed=seed)
        at, below = cosines(found, 3 / 435, 2.9999 / 435)
        assert at <= below <= at + 0.05


def test_one_high_comparison_alone_sets_no_extrapolated_threshold() -> None:
    found = made_of(np.append(np.random.default_rng(1).beta(2, 20, 1000), 0.99))
    assert cosines(found, 0.5 / 1001)[0] < 0.8


def test_no_cosine_is_above_one() -> None:
    random = np.random.default_rng(1)
    found = made_of(np.append(random.uniform(0, 0.6, 200), [0.9, 0.95, 0.98, 0.99, 0.999]))
    threshold = thresholds_at(found, (2e-5,))[0]
    assert 0.6 < threshold.low < threshold.cosine < threshold.high == 1


def test_no_cosine_is_below_minus_one() -> None:
    """Ten people of four equal probes each, so that the lowest threshold is as unsure as can be."""
    found = probes(np.repeat(np.linspace(-0.9, 0.9, 10), 4), names(10, 4))
    threshold = thresholds_at(found, (0.95,))[0]
    assert threshold.low == -1 < threshold.cosine < -0.8


def covering(rates: tuple[float, ...], n_sets: int, n_people: int, n_images: int) -> np.ndarray:
    found = [
        thresholds_at(simulated(n_people, n_images, seed), rates, n_resamples=80) for seed in range(n_sets)
    ]
    return np.array(
        [
            [one.low <= truth(rate) <= one.high for one, rate in zip(those, rates, strict=True)]
            for those in found
        ]
    )


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    # 40 sets: at 95% fewer than 34 happen once in 600 times
    assert (covering((0.1, 0.01, 1e-3, 1e-4), 40, 30, 3).sum(axis=0) >= 34).all()


def test_a_lower_confidence_is_narrower() -> None:
    found = simulated(30, 3)
    wide, narrow = (thresholds_at(found, (0.01, 1e-4), confidence=confidence) for confidence in (0.99, 0.5))
    for one, other in zip(wide, narrow, strict=True):
        assert one.low < other.low < other.cosine == one.cosine < other.high < one.high


def test_images_of_the_same_people_make_an_interval_no_narrower() -> None:
    """Twenty copies of each image are twenty times as many images of as many people."""
    vectors = of_people(30, 1)
    random = np.random.default_rng(2)
    copies = np.repeat(vectors, 20, axis=0) + random.normal(scale=1e-4, size=(600, DIMENSION))
    copies = (copies / np.linalg.norm(copies, axis=1, keepdims=True)).astype(np.float32)
    one = thresholds_at(impostors(vectors, names(30, 1)), (0.05,))[0]
    other = thresholds_at(impostors(copies, names(30, 20)), (0.05,))[0]
    assert other.high - other.low == pytest.approx(one.high - one.low, rel=0.35)


def test_people_who_resemble_many_widen_the_interval() -> None:
    vectors = of_people(40, 3, seed=4)
    alike = vectors.copy()
    alike[:15] += 2 * alike[0]
    alike /= np.linalg.norm(alike, axis=1, keepdims=True)
    one, other = (thresholds_at(impostors(those, names(40, 3)), (0.05,))[0] for those in (vectors, alike))
    assert other.high - other.low > 2 * (one.high - one.low)


def test_the_same_seed_gives_the_same_numbers() -> None:
    one, other, third = (thresholds_at(simulated(30, 3), (0.01, 1e-4), seed=seed) for seed in (0, 0, 1))
    assert one == other
    assert [threshold.cosine for threshold in one] == [threshold.cosine for threshold in third]
    assert one[0].low != third[0].low


def test_the_order_of_images_and_people_changes_next_to_nothing() -> None:
    vectors, people = of_people(30, 3), names(30, 3)
    turn = np.random.default_rng(3).permutation(90)
    one = thresholds_at(impostors(vectors, people), (0.01, 1e-4))
    other = thresholds_at(impostors(vectors[turn], [people[row] for row in turn]), (0.01, 1e-4))
    for first, second in zip(one, other, strict=True):
        ends = (second.low, second.cosine, second.high)
        assert (first.low, first.cosine, first.high) == pytest.approx(ends, abs=1e-5)


@pytest.mark.parametrize("rate", [0.3, 0.02, 1e-3, 1e-5])
def test_the_rate_at_a_threshold_is_the_rate(rate: float) -> None:
    found = simulated(50, 3)
    (threshold,) = thresholds_at(found, (rate,))
    estimate = rate_at(found, threshold.cosine)
    assert estimate.rate == pytest.approx(rate, rel=0.01)
    assert estimate.low < estimate.rate < estimate.high
    assert estimate.extrapolated == threshold.extrapolated
    assert (estimate.n_comparisons, estimate.n_people, estimate.n_images) == (11025, 50, 150)


def test_a_rate_is_a_count_where_enough_reach_the_cosine() -> None:
    found = simulated(50, 3)
    for cosine in (-0.3, 0.0, 0.1, 0.2):
        assert rate_at(found, cosine, n_resamples=2).rate == (found.similarities >= cosine).mean()


def test_a_share_that_three_of_a_hundred_reach_is_read_off() -> None:
    """Exactly what the rule of three resolves; a fitted tail would make it less."""
    found = made_of(np.append(np.linspace(0, 0.3, 97), [0.97, 0.98, 0.99]))
    estimate = rate_at(found, 0.97, n_resamples=2)
    assert (estimate.rate, estimate.extrapolated) == (3 / 100, False)


def test_a_rate_is_asked_for_as_a_threshold_is() -> None:
    """With the same draws, whether they are named or left out."""
    found = simulated(30, 2)
    asked, points = rates_around(found, 0.2, n_points=3, confidence=0.8, n_resamples=30, seed=7)
    assert (asked.cosine, asked.confidence) == (0.2, 0.8)
    assert 0 < asked.low < asked.rate < asked.high
    assert {point.confidence for point in points} == {0.8}
    assert asked == rate_at(found, 0.2, confidence=0.8, n_resamples=30, seed=7)
    assert asked != rate_at(found, 0.2, confidence=0.8, n_resamples=30, seed=8)
    assert asked != rate_at(found, 0.2, confidence=0.8, seed=7)
    plain = rates_around(found, 0.2, n_points=0, confidence=0.95, n_resamples=200, seed=0)[0]
    assert rate_at(found, 0.2) == rates_around(found, 0.2, n_points=0)[0] == plain
    named = thresholds_at(found, (0.05,), confidence=0.95, n_resamples=200, seed=0)
    assert thresholds_at(found, (0.05,)) == named


def test_rates_fall_as_cosines_rise() -> None:
    found = simulated(40, 3)
    rates = [rate_at(found, cosine, n_resamples=2).rate for cosine in np.linspace(-1, 1, 101)]
    assert rates == sorted(rates, reverse=True)
    assert (rates[0], rates[-1]) == (1, 0)


def test_intervals_of_rates_hold_the_truth() -> None:
    held = 0
    for seed in range(30):
        estimate = rate_at(simulated(30, 3, seed), truth(1e-3), n_resamples=80)
        held += estimate.low <= 1e-3 <= estimate.high
    assert held >= 26


def test_no_sample_shows_that_chance_matches_are_impossible() -> None:
    found = simulated(50, 3)
    estimate = rate_at(found, 1.0)
    assert (estimate.rate, estimate.low, estimate.extrapolated) == (0, 0, True)
    assert estimate.high == lowest_rate(found) == 1e-3 / 1225


def test_highest_cosines_to_a_gallery_give_the_rate_at_its_size() -> None:
    gallery, probing = of_people(200, 1, seed=8), of_people(400, 2, seed=9)
    highest = (probing @ gallery.T).max(axis=1)
    (threshold,) = fpir_thresholds_at(highest, names(400, 2), (0.05,))
    # that none of 200 reach it: (1 - p) ** 200 = 95%
    exact = truth(1 - 0.95 ** (1 / 200))
    assert threshold.low < exact < threshold.high
    assert threshold.cosine == pytest.approx(exact, abs=0.02)
    assert (threshold.n_comparisons, threshold.n_people, threshold.n_images) == (800, 400, 800)
    assert not threshold.extrapolated


def test_a_gallery_is_calibrated_as_pairs_are() -> None:
    """With all that can be asked of them, and without."""
    highest = np.random.default_rng(5).uniform(0.2, 0.5, 100)
    found = probes(highest, names(50, 2))
    assert fpir_thresholds_at(highest, names(50, 2), (0.05, 0.01)) == thresholds_at(
        found, (0.05, 0.01), confidence=0.95, n_resamples=200, seed=0
    )
    assert fpir_thresholds_at(
        highest, names(50, 2), (0.05,), confidence=0.8, n_resamples=30, seed=7
    ) == thresholds_at(found, (0.05,), confidence=0.8, n_resamples=30, seed=7)


def test_a_probe_without_a_name_is_a_person_of_its_own() -> None:
    highest = np.random.default_rng(5).uniform(0.2, 0.5, 300)
    named = [(f"person {row}",) for row in range(300)]
    one, other = (fpir_thresholds_at(highest, people, (0.05, 1e-3)) for people in (named, [()] * 300))
    assert [each.cosine for each in one] == [each.cosine for each in other]
    assert one[0].n_people == other[0].n_people == 300


def test_probes_of_a_person_vary_together() -> None:
    random = np.random.default_rng(6)
    highest = np.repeat(random.uniform(0.2, 0.5, 40), 10)
    own, together = (fpir_thresholds_at(highest, people, (0.2,))[0] for people in ([()] * 400, names(40, 10)))
    assert together.high - together.low > 2 * (own.high - own.low)


def refused(found: Impostors, *rates: float) -> str:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 the whole message is asserted
        thresholds_at(found, rates)
    return str(caught.value)


@pytest.mark.parametrize("rate", [0.0, 1.0, -0.1, 5.0, math.nan])
def test_what_is_no_rate_is_refused(rate: float) -> None:
    assert refused(simulated(30, 1), rate) == f"{rate:g} is no rate: it must lie between 0 and 1"


def test_a_rate_out_of_reach_is_refused() -> None:
    found = simulated(30, 1)
    assert refused(found, 1e-2, 1e-6) == (
        "a rate of 1e-06 is out of reach of 30 people: the lowest that they calibrate, by extrapolation, is 2.3e-06; "
        "add people or ask for a higher rate"
    )
    assert isinstance(thresholds_at(found, (lowest_rate(found),))[0], RateThreshold)


def test_cosines_of_one_that_are_more_than_the_rate_are_refused() -> None:
    found = made_of(np.append(np.linspace(0, 0.5, 90), [1.0] * 10))
    assert (
        refused(found, 0.05) == "0.1 of the comparisons have a cosine of 1: no threshold keeps a rate of 0.05"
    )
    (just,) = thresholds_at(found, (0.1,), n_resamples=2)
    assert 0.5 < just.cosine <= 1


def test_comparisons_without_a_tail_are_refused() -> None:
    found = made_of(np.append(np.linspace(0, 0.5, 40), [0.75] * 60))
    assert refused(found, 0.01) == (
        "60% of the comparisons have the highest cosine, 0.75: they have no tail to set a threshold by"
    )


@pytest.mark.parametrize("cosine", [-1.1, 1.5, math.nan])
def test_what_is_no_cosine_is_refused(cosine: float) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 the whole message is asserted
        rate_at(simulated(30, 1), cosine)
    assert str(caught.value) == f"{cosine:g} is no cosine: it must lie between -1 and 1"
