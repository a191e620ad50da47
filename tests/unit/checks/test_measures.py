"""The four checks on matches made by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from faceleak_check.checks.canary_recall import CanaryRecall
from faceleak_check.checks.coverage import Coverage
from faceleak_check.checks.excess_risk import ExcessRisk
from faceleak_check.checks.identity_exposure import IdentityExposure
from faceleak_check.checks.leak_count import LeakCount
from faceleak_check.checks.leak_rate import LeakRate
from faceleak_check.checks.leaks import cosine_of, find_leaks, people_of
from faceleak_check.checks.membership_inference import MembershipInference
from faceleak_check.checks.near_copy import NearCopy
from faceleak_check.checks.statistics import wilson_interval
from faceleak_check.checks.statistics.rates import wilson_interval_of_groups
from faceleak_check.checks.top_k_similarity import TopKSimilarity
from faceleak_check.matches import NO_MATCH, Matches
from faceleak_check.policy.types import Threshold
from faceleak_check.protocols import PairCheck
from faceleak_check.records import ImageRef, Pair

Neighbour = tuple[int, float, float]
"""Source row, cosine, distance."""

NOBODY: Neighbour = (-1, NO_MATCH, np.inf)
JUST_UNDER = float(np.nextafter(0.9, 0))
JUST_OVER = float(np.nextafter(0.6, 1))


def image(side: str, number: int, labels: Sequence[str] = ()) -> ImageRef:
    return ImageRef(id=f"{side}{number}.png", sha256=f"{number:064x}", labels=tuple(labels))


def matches(
    rows: Sequence[Sequence[Neighbour]],
    labels: Sequence[Sequence[str]] = ((), (), (), ()),
    *,
    distances: bool = True,
) -> Matches:
    table = np.array(rows, dtype=np.float64).reshape(len(rows), -1, 3)
    return Matches(
        generated=tuple(image("g", number) for number in range(len(rows))),
        source=tuple(image("s", number, names) for number, names in enumerate(labels)),
        source_index=table[:, :, 0].astype(np.int64),
        similarity=table[:, :, 1],
        distance=table[:, :, 2] if distances else None,
    )


def names(pairs: Sequence[Pair]) -> list[tuple[str, str]]:
    return [(pair.generated.id, pair.source.id) for pair in pairs]


FOUR = matches([[(0, 0.95, 0.3)], [(1, 0.9, 0.6)], [(2, JUST_UNDER, JUST_OVER)], [(0, 0.99, 0.1)]])
BY_COSINE, BY_DISTANCE = Threshold(cosine=0.9), Threshold(euclidean=0.6)


# -------------------------------------------------------------------------------- leak_rate and leak_count


@pytest.mark.parametrize(
    ("threshold", "rule"), [(BY_COSINE, "cosine >= 0.9"), (BY_DISTANCE, "Euclidean distance <= 0.6")]
)
def test_a_pair_that_meets_the_threshold_exactly_is_a_leak(threshold: Threshold, rule: str) -> None:
    measured = LeakRate(threshold=threshold, at_most=0.5).measure(FOUR)
    assert (measured.value, measured.limit, measured.unit, measured.n, measured.rule) == (
        0.75,
        0.5,
        "share",
        4,
        rule,
    )
    assert names(measured.pairs) == [("g3.png", "s0.png"), ("g0.png", "s0.png"), ("g1.png", "s1.png")]
    assert measured.leaks
    assert measured.interval == wilson_interval(3, 4, 0.95)
    assert not measured.confidence_asked


def test_the_rate_has_an_interval_at_the_confidence_asked_for() -> None:
    measured = LeakRate(threshold=BY_COSINE, at_most=0.5, confidence=0.99).measure(FOUR)
    assert measured.interval == wilson_interval(3, 4, 0.99)
    assert measured.confidence_asked


def of_people(similarities: Sequence[float], people: Sequence[str]) -> Matches:
    """Generated images of synthetic people, the nearest source image of each at this cosine."""
    found = matches([[(0, similarity, 1)] for similarity in similarities])
    named = tuple(image("g", number, [name]) for number, name in enumerate(people))
    return replace(found, generated=named)


@pytest.mark.parametrize("confidence", [None, 0.99])
def test_images_of_one_synthetic_person_that_leak_together_count_as_fewer(confidence: float | None) -> None:
    """Twenty images of ten people, of whom two leak with both of their images: an interval of ten, not of twenty."""
    pairs = of_people([0.95] * 4 + [0.1] * 16, [f"p{number // 2}" for number in range(20)])
    found = LeakRate(threshold=BY_COSINE, at_most=0.5, confidence=confidence).measure(pairs)
    is_hit, groups = np.arange(20) < 4, np.arange(20) // 2
    assert found.interval == wilson_interval_of_groups(is_hit, groups, confidence or 0.95)
    assert found.interval is not None
    assert found.interval.high > wilson_interval(4, 20, confidence or 0.95).high + 0.05


def test_without_a_leak_each_image_counts() -> None:
    """As docs/decisions.md says: nothing shows that images of one synthetic person leak together."""
    clean = of_people([0.1] * 20, [f"p{number // 2}" for number in range(20)])
    found = LeakRate(threshold=BY_COSINE, at_most=0.5).measure(clean)
    assert found.interval == wilson_interval(0, 20, 0.95)


def test_a_limit_of_zero_with_a_confidence_is_refused_and_one_of_nearly_everything_is_not() -> None:
    with pytest.raises(ValidationError) as refused:
        LeakRate(threshold=BY_COSINE, at_most=0, confidence=0.95)
    assert [error["msg"] for error in refused.value.errors()] == [
        (
            "Value error, at_most 0 with a confidence can never pass, because no number of images shows that a rate is "
            "0: allow a small share such as 0.1%, or leave out confidence"
        )
    ]
    assert LeakRate(threshold=BY_COSINE, at_most=0.99, confidence=0.95).bears_misses
    assert not LeakRate(threshold=BY_COSINE, at_most=0).bears_misses


@pytest.mark.parametrize("threshold", [BY_COSINE, BY_DISTANCE])
def test_leak_count_counts_images(threshold: Threshold) -> None:
    measured = LeakCount(threshold=threshold, at_most=2).measure(FOUR)
    assert (measured.value, measured.limit, measured.unit, measured.n) == (3, 2, "images", 4)
    assert (measured.interval, measured.confidence_asked, measured.leaks) == (None, False, True)
    assert measured.rule == threshold.describe()


def test_an_image_with_two_leaking_neighbours_is_one_image_and_two_pairs() -> None:
    found = find_leaks(matches([[(0, 0.95, 0.3), (1, 0.93, 0.4)], [(2, 0.1, 9), NOBODY]]), BY_COSINE)
    assert (found.n_images, names(found.pairs)) == (1, [("g0.png", "s0.png"), ("g0.png", "s1.png")])


def test_pairs_are_listed_by_what_the_threshold_is_stated_in() -> None:
    """The nearest by cosine need not be the nearest by distance; equal ones stand in the order of their names."""
    disagreeing = matches([[(1, 0.95, 0.5)], [(0, 0.99, 0.55)], [(0, 0.95, 0.5)]])
    by_cosine, by_distance = find_leaks(disagreeing, BY_COSINE), find_leaks(disagreeing, BY_DISTANCE)
    assert names(by_cosine.pairs) == [("g1.png", "s0.png"), ("g0.png", "s1.png"), ("g2.png", "s0.png")]
    assert names(by_distance.pairs) == [("g0.png", "s1.png"), ("g2.png", "s0.png"), ("g1.png", "s0.png")]


def test_a_copy_at_distance_zero_is_the_worst() -> None:
    found = find_leaks(matches([[(0, 1.0, 0.2)], [(1, 1.0, 0.0)]]), BY_DISTANCE)
    assert names(found.pairs) == [("g1.png", "s1.png"), ("g0.png", "s0.png")]


@pytest.mark.parametrize("threshold", [Threshold(cosine=-1), Threshold(euclidean=1e11)])
def test_a_neighbour_that_is_not_there_never_leaks(threshold: Threshold) -> None:
    nothing = matches([[NOBODY], [NOBODY]])
    padded = matches([[(-1, 1.0, 0.0)]])
    for none in (nothing, padded):
        assert find_leaks(none, threshold).n_images == 0
        assert LeakRate(threshold=threshold, at_most=0).measure(none).value == 0
        assert LeakCount(threshold=threshold, at_most=0).measure(none).pairs == ()
        assert IdentityExposure(threshold=threshold, at_most=0).measure(none).value == 0
        assert TopKSimilarity(k=1, at_most=0).measure(none).pairs == ()


@pytest.mark.parametrize(
    ("threshold", "words"),
    [
        (BY_DISTANCE, "Euclidean distance <= 0.6 cannot be applied to these matches"),
        (Threshold(fmr=0.1), "FMR 0.1 cannot be applied to these matches"),
    ],
)
def test_a_threshold_that_cannot_be_applied_is_an_error(threshold: Threshold, words: str) -> None:
    with pytest.raises(ValueError, match=f"^{words}$"):
        find_leaks(matches([[(0, 1.0, 0.0)]], distances=False), threshold)


@pytest.mark.parametrize(("threshold", "metric"), [(BY_COSINE, "cosine"), (BY_DISTANCE, "euclidean")])
def test_the_threshold_decides_which_neighbour_is_nearest(threshold: Threshold, metric: str) -> None:
    checks: list[PairCheck] = [
        LeakRate(threshold=threshold, at_most=0),
        LeakCount(threshold=threshold, at_most=0),
        IdentityExposure(threshold=threshold, at_most=0, k=4),
    ]
    assert [check.metric for check in checks] == [metric] * 3
    assert [check.n_neighbours for check in checks] == [1, 1, 4]


# ------------------------------------------------------------------------------------- identity_exposure

PEOPLE = [["ann"], ["ben", "cy"], ["ann"], []]


def test_people_count_once_however_often_they_leak() -> None:
    several = matches([[(0, 0.95, 0.3)], [(2, 0.96, 0.3)], [(0, 0.97, 0.3)], [(3, 0.2, 9)]], PEOPLE)
    measured = IdentityExposure(threshold=BY_COSINE, at_most=0).measure(several)
    assert (measured.value, measured.limit, measured.unit, measured.n) == (1, 0, "people", 4)
    assert len(measured.pairs) == 3
    assert measured.leaks


def test_a_photograph_that_lies_under_two_names_exposes_both() -> None:
    measured = IdentityExposure(threshold=BY_COSINE, at_most=0).measure(matches([[(1, 0.95, 0.3)]], PEOPLE))
    assert measured.value == 2


def test_all_k_neighbours_at_or_over_the_threshold_expose() -> None:
    rows = [[(0, 0.95, 0.3), (1, 0.9, 0.4), (2, JUST_UNDER, 0.5)]]
    measured = IdentityExposure(threshold=BY_COSINE, at_most=0, k=3).measure(matches(rows, PEOPLE))
    assert (measured.value, len(measured.pairs)) == (3, 2)
    assert measured.rule == "cosine >= 0.9, the 3 nearest of each image"


def test_an_image_without_a_name_exposes_somebody_too() -> None:
    rows = [[(3, 0.95, 0.3)], [(3, 0.96, 0.3)], [(0, 0.97, 0.3)]]
    measured = IdentityExposure(threshold=BY_COSINE, at_most=0).measure(matches(rows, PEOPLE))
    assert (measured.value, len(measured.pairs)) == (2, 3)


# --------------------------------------------------------------------------------------- top_k_similarity


def test_the_k_most_similar_pairs_are_taken_over_all_pairs() -> None:
    """One generated image may hold several places."""
    rows = [[(0, 0.99, 1), (1, 0.98, 1)], [(2, 0.9, 1), (0, 0.1, 1)], [(1, 0.97, 1), (2, 0.96, 1)]]
    measured = TopKSimilarity(k=3, at_most=0.9).measure(matches(rows))
    assert names(measured.pairs) == [("g0.png", "s0.png"), ("g0.png", "s1.png"), ("g2.png", "s1.png")]
    assert (measured.value, measured.limit, measured.unit, measured.n) == (0.99, 0.9, "cosine", 3)
    assert (measured.rule, measured.leaks, measured.interval) == ("the 3 most similar pairs", False, None)


@pytest.mark.parametrize("k", [5, 6, 1000])
def test_fewer_pairs_than_k_are_all_listed(k: int) -> None:
    rows: list[list[Neighbour]] = [
        [(0, 0.9, 1), (1, -1.0, 1)],
        [(2, 0.5, 1), NOBODY],
        [(0, 0.4, 1), (3, 0.3, 1)],
    ]
    measured = TopKSimilarity(k=k, at_most=0.9).measure(matches(rows))
    assert [pair.similarity for pair in measured.pairs] == [0.9, 0.5, 0.4, 0.3, -1.0]


def test_of_equal_pairs_the_first_by_name_get_the_last_places() -> None:
    rows = [[(1, 0.9, 1), (0, 0.9, 1)], [(0, 0.9, 1), (1, 0.9, 1)], [(2, 0.95, 1), (3, 0.9, 1)]]
    measured = TopKSimilarity(k=3, at_most=0.9).measure(matches(rows))
    assert names(measured.pairs) == [("g2.png", "s2.png"), ("g0.png", "s0.png"), ("g0.png", "s1.png")]


@pytest.mark.parametrize("k", [1, 7, 150, 299, 300])
def test_of_many_pairs_none_of_the_k_most_similar_is_lost(k: int) -> None:
    cosines = np.random.default_rng(7).uniform(-1, 1, (60, 5))
    rows = [[(source, similarity, 1.0) for source, similarity in enumerate(row)] for row in cosines.tolist()]
    found = TopKSimilarity(k=k, at_most=0.9).measure(matches(rows, [()] * 5))
    assert [pair.similarity for pair in found.pairs] == sorted(cosines.ravel().tolist(), reverse=True)[:k]


def test_no_pairs_at_all_have_the_lowest_cosine() -> None:
    measured = TopKSimilarity(k=3, at_most=0.9).measure(matches([[NOBODY, NOBODY]]))
    assert (measured.value, measured.pairs) == (-1.0, ())


def test_one_pair_is_no_plural() -> None:
    assert TopKSimilarity(k=1, at_most=0.9).measure(FOUR).rule == "the most similar pair"


def test_the_search_must_bring_k_neighbours_by_cosine() -> None:
    check = TopKSimilarity(k=7, at_most=0.9)
    assert (check.n_neighbours, check.metric, check.needs_labels) == (7, "cosine", False)


# -------------------------------------------------------------------------------------------- all of them


@pytest.mark.parametrize(
    ("check", "cosine"),
    [
        (LeakRate(threshold=BY_COSINE, at_most=0.5), 0.9),
        (LeakCount(threshold=BY_DISTANCE, at_most=0), None),
        (IdentityExposure(threshold=Threshold(fmr=0.1), at_most=0), None),
        (TopKSimilarity(k=3, at_most=0.94), 0.94),
        (ExcessRisk(threshold=BY_COSINE, at_most=0.1), 0.9),
        (MembershipInference(fpr=0.1, at_most=0.2), None),
        (CanaryRecall(at_least=0.9, threshold=BY_COSINE), 0.9),
        (CanaryRecall(at_least=0.9), None),
        (NearCopy(at_most=0, max_bits=0), 1 - 1 / 64),
        (Coverage(min_images=3), None),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_cosine_from_which_on_a_pair_is_a_leak(check: object, cosine: float | None) -> None:
    """A highest share or number of a check is none."""
    assert cosine_of(check) == cosine


def test_the_first_name_of_an_image_is_the_person_and_one_without_is_alone() -> None:
    labels = [("ann",), (), ("ben", "ann"), ("ann", "ben"), (), ("ben",)]
    assert people_of(labels).tolist() == [0, 1, 2, 0, 3, 2]
    assert (people_of([]).tolist(), people_of([]).dtype) == ([], np.int64)


PAIRS = [[(0, 0.95, 0.3), (1, 0.9, 0.6)], [(2, JUST_UNDER, JUST_OVER), NOBODY]]


@pytest.mark.parametrize("threshold", [BY_COSINE, BY_DISTANCE])
def test_the_neighbours_that_speak_against_the_release_are_those_that_leak(threshold: Threshold) -> None:
    checks: list[PairCheck] = [
        LeakRate(threshold=threshold, at_most=0),
        LeakCount(threshold=threshold, at_most=0),
        IdentityExposure(threshold=threshold, at_most=0, k=2),
    ]
    for check in checks:
        assert check.leaking(matches(PAIRS)).tolist() == [[True, True], [False, False]]


def test_a_pair_of_the_list_speaks_against_the_release_where_it_is_over_the_limit() -> None:
    check = TopKSimilarity(k=2, at_most=0.9)
    assert check.leaking(matches(PAIRS)).tolist() == [[True, False], [False, False]]
    assert TopKSimilarity(k=2, at_most=-1).leaking(matches(PAIRS)).tolist() == [[True, True], [True, False]]


def test_only_a_rate_has_every_generated_image_behind_it() -> None:
    whole = {check.__name__: check.needs_whole_set for check in (LeakRate, LeakCount, IdentityExposure)}
    assert whole == {"LeakRate": True, "LeakCount": False, "IdentityExposure": False}
    assert TopKSimilarity.needs_whole_set is False
