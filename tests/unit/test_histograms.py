from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hand_made_sets import gallery, image, images, names, people

from faceleak_check.calibration_sets import Unseen
from faceleak_check.checks.excess_risk import ExcessRisk
from faceleak_check.checks.leak_count import LeakCount
from faceleak_check.checks.membership_inference import MembershipInference
from faceleak_check.checks.top_k_similarity import TopKSimilarity
from faceleak_check.comparison import Settled, settle
from faceleak_check.histograms import histograms
from faceleak_check.matches import NO_MATCH, Matches
from faceleak_check.measuring import PairFigures
from faceleak_check.policy.types import Threshold
from faceleak_check.records import Histogram, Measurement
from faceleak_check.search.neighbours import Neighbours

GENERATED = gallery(images("g", [()] * 12), people(12, seed=1, dimension=4))
SOURCE = gallery(images("s", names("s", 9)), people(9, seed=2, dimension=4))
NEIGHBOURS = Neighbours(generated=GENERATED, source=SOURCE, metric="cosine")
COSINES = GENERATED.templates.vectors @ SOURCE.templates.vectors.T


def binned(cosines: np.ndarray) -> tuple[int, ...]:
    return tuple(np.histogram(cosines, bins=200, range=(-1, 1))[0].tolist())


def settled(check: Any) -> Settled:
    found = settle(PairFigures(check=check, neighbours=NEIGHBOURS))
    assert found is not None
    return found


def by_name(found: tuple[Histogram, ...]) -> dict[str, Histogram]:
    assert len({one.name for one in found}) == len(found)
    return {one.name: one for one in found}


def test_the_papers_list_has_all_pairs_with_the_places_of_its_pairs_marked() -> None:
    check = TopKSimilarity(k=30, at_most=0.9)
    found = by_name(histograms(settled(check), check, NEIGHBOURS, None))
    highest = np.sort(COSINES.ravel())[::-1]
    assert list(found) == ["all_pairs", "best_match"]
    one = found["all_pairs"]
    assert (one.counts, one.n, one.sampled, one.threshold) == (binned(COSINES), 108, False, 0.9)
    assert [k for k, _ in one.marks] == [1, 10, 30]
    assert [mark for _, mark in one.marks] == pytest.approx(highest[[0, 9, 29]].tolist(), abs=1e-6)


@pytest.mark.parametrize(
    ("k", "marks"), [(1, [1]), (9, [1, 9]), (10, [1, 10]), (100, [1, 10, 100]), (5000, [1, 10, 100, 108])]
)
def test_marks_stand_at_powers_of_ten_and_at_k(k: int, marks: list[int]) -> None:
    check = TopKSimilarity(k=k, at_most=0.9)
    [one, _] = histograms(settled(check), check, NEIGHBOURS, None)
    assert [place for place, _ in one.marks] == marks


def test_a_rule_on_images_has_their_best_matches() -> None:
    check = LeakCount(threshold=Threshold(cosine=0.5), at_most=0)
    [one] = histograms(settled(check), check, NEIGHBOURS, None)
    best = np.sort(COSINES.max(axis=1))[::-1]
    assert (one.name, one.counts, one.n, one.threshold) == ("best_match", binned(best), 12, 0.5)
    assert [k for k, _ in one.marks] == [1, 10]
    assert [mark for _, mark in one.marks] == pytest.approx([best[0], best[9]], abs=1e-6)


def test_at_a_distance_there_is_no_cosine_to_draw() -> None:
    check = LeakCount(threshold=Threshold(euclidean=0.5), at_most=0)
    [one] = histograms(settled(check), check, NEIGHBOURS, None)
    assert one.threshold is None


def nobody() -> Measurement:
    return Measurement(value=0, limit=0, unit="share", n=3, rule="", pairs=())


def matches(cosines: list[float]) -> Matches:
    index = [[-1 if cosine == NO_MATCH else 0] for cosine in cosines]
    return Matches(
        generated=tuple(image(f"g{n}") for n in range(len(cosines))),
        source=(image("s"),),
        source_index=np.array(index, dtype=np.int64),
        similarity=np.array(cosines)[:, None],
    )


def test_a_control_has_its_own_beside_them() -> None:
    both = Settled(
        measured=nobody(), matches=matches([0.115, 0.225, 0.335]), in_control=matches([0.445, 0.555])
    )
    check = ExcessRisk(threshold=Threshold(cosine=0.6), at_most=0)
    found = histograms(both, check, None, None)
    assert [(one.name, one.n, one.threshold) for one in found] == [
        ("best_match", 3, 0.6),
        ("best_match_in_control", 2, 0.6),
    ]
    assert [one.counts for one in found] == [
        binned(np.array([0.115, 0.225, 0.335])),
        binned(np.array([0.445, 0.555])),
    ]


def test_who_matches_nobody_is_not_counted() -> None:
    alone = Settled(measured=nobody(), matches=matches([0.115, NO_MATCH, 0.335]))
    [one] = histograms(alone, LeakCount(threshold=Threshold(cosine=0.6), at_most=0), None, None)
    assert (one.n, one.counts) == (2, binned(np.array([0.115, 0.335])))
    assert one.marks == ((1, 0.335),)


def test_what_control_people_find_is_shown_where_nothing_else_is_known() -> None:
    unseen = Unseen(
        images=(),
        gallery=SOURCE,
        nearest=np.zeros(2, dtype=np.int64),
        similarity=np.array([0.25, -0.25]),
        vectors=np.ones((2, 4)),
        origin="people of 'unseen' against 'training'",
    )
    check = MembershipInference(fpr=0.05, at_most=0.1)
    [one] = histograms(Settled(measured=nobody(), matches=None), check, None, unseen)
    assert one == Histogram(name="best_match_of_control", counts=binned(np.array([0.25, -0.25])), n=2)


def test_a_list_of_matches_has_no_pairs_but_its_own() -> None:
    check = TopKSimilarity(k=2, at_most=0.9)
    listed = Settled(measured=nobody(), matches=matches([0.115, 0.225, 0.335]))
    assert [one.name for one in histograms(listed, check, None, None)] == ["best_match"]
