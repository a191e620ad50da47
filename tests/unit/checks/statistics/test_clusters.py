from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from simulated import of_people

import faceleak_check.checks.statistics.clusters as module
from faceleak_check.checks.statistics.clusters import clusters

Rows = np.ndarray


def at_angles(*degrees: float) -> Rows:
    """Templates in a plane: two that are so many degrees apart have the cosine of that angle."""
    return np.array([[np.cos(angle), np.sin(angle)] for angle in np.radians(degrees)], dtype=np.float32)


def groups_of(numbers: Rows) -> set[frozenset[int]]:
    return {frozenset(np.flatnonzero(numbers == number).tolist()) for number in numbers}


def by_hand(vectors: Rows, threshold: float) -> set[frozenset[int]]:
    """Complete linkage as its definition has it: the two groups whose farthest images are nearest become one."""
    cosines = vectors.astype(np.float64) @ vectors.astype(np.float64).T
    groups = [frozenset([row]) for row in range(len(vectors))]

    def farthest(pair: tuple[frozenset[int], frozenset[int]]) -> float:
        return min(float(cosines[one, other]) for one in pair[0] for other in pair[1])

    while len(groups) > 1:
        one, other = max(combinations(groups, 2), key=farthest)
        if farthest((one, other)) < threshold:
            break
        groups = [*(group for group in groups if group not in (one, other)), one | other]
    return set(groups)


def test_people_are_told_apart() -> None:
    found = clusters(of_people(12, 5, likeness=0.8), 0.5)
    assert groups_of(found) == {frozenset(range(5 * person, 5 * person + 5)) for person in range(12)}
    assert found.dtype == np.int64
    assert sorted(set(found.tolist())) == list(range(12))


@pytest.mark.parametrize("threshold", [-0.2, 0.1, 0.3, 0.6, 0.9])
def test_equals_complete_linkage_by_hand(threshold: float) -> None:
    vectors = of_people(8, 4, dimension=6, likeness=0.5, seed=3)
    assert groups_of(clusters(vectors, threshold)) == by_hand(vectors, threshold)


def test_a_chain_of_look_alikes_is_not_one_person() -> None:
    """Each is like the next, but the ends are unlike: rather two people than none exposed."""
    found = clusters(at_angles(0, 20, 41, 60), float(np.cos(np.radians(30))))
    assert groups_of(found) == {frozenset({0, 1}), frozenset({2, 3})}


@pytest.mark.parametrize(("degrees", "n_people"), [(59, 1), (61, 2), (180, 2)])
def test_the_threshold_is_a_cosine(degrees: float, n_people: int) -> None:
    assert len(set(clusters(at_angles(0, degrees), 0.5).tolist())) == n_people


def test_equal_templates_are_one_person_whatever_the_threshold() -> None:
    """Rounding makes the cosine of a template with itself a little more or less than 1."""
    same = np.repeat(of_people(1, 1, seed=5), 6, axis=0)
    assert clusters(same, 1.0 - 1e-6).tolist() == [0] * 6


@pytest.mark.parametrize("n", [0, 1])
def test_fewer_than_two_images_are_as_many_people(n: int) -> None:
    found = clusters(of_people(1, 1)[:n], 0.5)
    assert (found.tolist(), found.dtype, found.shape) == ([0] * n, np.int64, (n,))


def test_more_images_than_can_be_compared_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 3)
    assert clusters(at_angles(0, 1, 90), 0.5).tolist() in ([0, 0, 1], [1, 1, 0])
    with pytest.raises(
        ValueError, match=r"^4 images are too many to cluster, at most 3 can be: label the source$"
    ):
        clusters(at_angles(0, 1, 90, 91), 0.5)
