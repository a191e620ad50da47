from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hand_made_sets import image

from faceleak_check.checks.identity_exposure import IdentityExposure
from faceleak_check.matches import Matches
from faceleak_check.policy.types import Threshold
from faceleak_check.records import Pair

CLOSE = Threshold(cosine=0.8)


def matches(hits: Sequence[Sequence[int]], people: Sequence[tuple[str, ...]]) -> Matches:
    """Images that match these source images, all at the same cosine."""
    index = np.array(hits, dtype=np.int64)
    return Matches(
        generated=tuple(image(f"g{n}") for n in range(len(hits))),
        source=tuple(image(f"s{n}", *who) for n, who in enumerate(people)),
        source_index=index,
        similarity=np.full(index.shape, 0.9),
    )


def names(pairs: Sequence[Pair]) -> list[tuple[str, str]]:
    return [(pair.generated.id, pair.source.id) for pair in pairs]


@pytest.mark.parametrize(("min_images", "n_people"), [(1, 3), (2, 2), (3, 1), (4, 0)])
def test_so_many_images_must_match_before_a_person_counts(min_images: int, n_people: int) -> None:
    """Ann is matched by three images in two photographs, Ben by two, Cy by one."""
    found = IdentityExposure(threshold=CLOSE, at_most=0, min_images=min_images).measure(
        matches([[0], [0], [1], [2], [2], [3]], [("ann",), ("ann",), ("ben",), ("cy",)])
    )
    assert (found.value, found.unit, found.n) == (n_people, "people", 6)
    shown = {1: {0, 1, 2, 3, 4, 5}, 2: {0, 1, 2, 3, 4}, 3: {0, 1, 2}, 4: set()}[min_images]
    assert {pair.generated.id for pair in found.pairs} == {f"g{n}" for n in shown}
    by = "" if min_images == 1 else f", people whom at least {min_images} images match"
    assert found.rule == f"cosine >= 0.8{by}"


def test_one_image_that_matches_two_photographs_of_a_person_is_one_image() -> None:
    two = matches([[0, 1]], [("ann",), ("ann",)])
    check = IdentityExposure(threshold=CLOSE, at_most=0, k=2, min_images=2)
    assert (check.measure(two).value, check.measure(two).pairs) == (0, ())
    assert IdentityExposure(threshold=CLOSE, at_most=0, k=2).measure(two).value == 1


def test_a_photograph_under_two_names_counts_for_both() -> None:
    both = matches([[0], [1]], [("ann", "ben"), ("ann",)])
    found = IdentityExposure(threshold=CLOSE, at_most=0, min_images=2).measure(both)
    assert (found.value, names(found.pairs)) == (1, [("g0", "s0"), ("g1", "s1")])


def test_photographs_without_a_name_are_people_of_their_own() -> None:
    found = IdentityExposure(threshold=CLOSE, at_most=0, min_images=2).measure(
        matches([[0], [0], [1]], [(), ()])
    )
    assert (found.value, names(found.pairs)) == (1, [("g0", "s0"), ("g1", "s0")])


def test_whoever_tells_people_apart_is_asked_once_for_the_leaks_alone() -> None:
    asked: list[list[tuple[str, str]]] = []

    def all_one(pairs: Sequence[Pair]) -> list[tuple[str, ...]]:
        asked.append(names(pairs))
        return [("somebody",)] * len(pairs)

    check = IdentityExposure(threshold=CLOSE, at_most=0, people="clusters", min_images=2)
    found = check.measure_people(matches([[0], [1], [-1]], [(), ()]), all_one)
    assert (found.value, asked) == (1, [[("g0", "s0"), ("g1", "s1")]])
    assert found.rule == (
        "cosine >= 0.8, people whom at least 2 images match, people told apart by their templates"
    )


@pytest.mark.parametrize("n_told", [1, 3])
def test_a_teller_of_people_that_loses_a_pair_is_an_error(n_told: int) -> None:
    """A pair that nobody is told for would be a person who is not counted."""
    check = IdentityExposure(threshold=CLOSE, at_most=0, people="clusters")
    with pytest.raises(ValueError, match=r"^zip\(\) argument 2 is (shorter|longer) than argument 1$"):
        check.measure_people(matches([[0], [1]], [(), ()]), lambda _: [("somebody",)] * n_told)


def test_only_labels_need_labels() -> None:
    assert IdentityExposure(threshold=CLOSE, at_most=0).needs_labels
    assert not IdentityExposure(threshold=CLOSE, at_most=0, people="clusters").needs_labels


ANY = IdentityExposure(threshold=CLOSE, at_most=0).measure(matches([[0]], [("ann",)]))


@pytest.mark.parametrize(("n_people", "people"), [(1, "1 person"), (2, "2 people"), (1200, "1,200 people")])
def test_a_limit_that_nobody_could_exceed_is_doubted(n_people: int, people: str) -> None:
    """Such as where one folder lies over all pictures and makes one person of everybody."""
    check = IdentityExposure(threshold=CLOSE, at_most=1200)
    assert check.doubt(ANY, n_people) == (
        f"the source names {people}, and the policy allows 1,200 to be exposed: no leak could exceed that; "
        "are these the names of people?"
    )


@pytest.mark.parametrize(("n_people", "told"), [(3, "labels"), (None, "labels"), (1, "clusters")])
def test_a_limit_that_somebody_could_exceed_is_not_doubted(n_people: int | None, told: str) -> None:
    check = IdentityExposure(threshold=CLOSE, at_most=2, people=told)
    assert check.doubt(ANY, n_people) == ""
