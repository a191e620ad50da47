from __future__ import annotations

import dataclasses
import math
from collections import Counter
from itertools import product

import numpy as np
import pytest
from simulated import names, of_people

from faceleak_check.checks.statistics import suspects as module
from faceleak_check.checks.statistics.impostors import impostors
from faceleak_check.checks.statistics.suspects import Suspect, named_by_first, suspect_pairs, suspects
from faceleak_check.checks.statistics.thresholds import thresholds_at

People = list[tuple[str, ...]]


def pairs(found: tuple[Suspect, ...]) -> set[tuple[str, str]]:
    return {(pair.first_person, pair.second_person) for pair in found}


def cosines(vectors: np.ndarray, people: People) -> list[float]:
    return [
        each.cosine for each in thresholds_at(impostors(vectors, people), (1e-2, 1e-3, 1e-4), n_resamples=2)
    ]


def split(people: People, who: range, n_images: int) -> People:
    """Half of the images of some people under a further name."""
    return [
        (f"{name} again",) if row // n_images in who and row % n_images < n_images // 2 else (name,)
        for row, (name,) in enumerate(people)
    ]


@pytest.mark.parametrize("n_images", [1, 2, 6])
def test_clean_sets_have_next_to_none(n_images: int) -> None:
    n_named = sum(
        bool(suspects(of_people(60, n_images, seed=seed), names(60, n_images))) for seed in range(25)
    )
    assert n_named <= 4


def test_one_person_under_two_names_is_found() -> None:
    vectors, people = of_people(60, 6, seed=1), split(names(60, 6), range(10), 6)
    assert pairs(suspects(vectors, people)) == {(f"person 0{n}", f"person 0{n} again") for n in range(10)}


def test_it_is_found_where_each_name_has_one_image() -> None:
    vectors = np.concatenate([of_people(10, 2, likeness=0.8, seed=2), of_people(90, 1, seed=3)])
    people = [(f"name {row:03d}",) for row in range(110)]
    found = pairs(suspects(vectors, people))
    assert len(found & {(f"name {row:03d}", f"name {row + 1:03d}") for row in range(0, 20, 2)}) >= 9
    assert len(found) <= 11


def test_mislabelled_images_are_found() -> None:
    vectors, people = of_people(60, 6, seed=4), names(60, 6)
    wrong = {6 * number: (names(60, 1)[number + 30]) for number in range(7)}
    given = [wrong.get(row, name) for row, name in enumerate(people)]
    expected = {(f"person {number:02d}", f"person {number + 30}") for number in range(7)}
    assert pairs(suspects(vectors, given)) == expected


def test_a_photograph_under_two_names_is_found() -> None:
    vectors, people = of_people(40, 5, seed=5), names(40, 5)
    vectors[100] = vectors[3]
    (found,) = suspects(vectors, people)
    assert found == Suspect(
        first=3,
        second=100,
        first_person="person 00",
        second_person="person 20",
        similarity=pytest.approx(1, abs=1e-6),
        n_pairs=found.n_pairs,
        n_image_pairs=25,
    )
    assert 1 <= found.n_pairs < 25


def test_a_photograph_alone_is_taken_out_of_two_large_folders() -> None:
    vectors = of_people(40, 20, likeness=0.3, seed=5)
    vectors[400] = vectors[3]
    (found,) = suspects(vectors, names(40, 20))
    assert (found.first, found.second, found.n_pairs, found.n_image_pairs) == (3, 400, 1, 400)


def test_two_large_folders_of_one_person_are_taken_out_whole() -> None:
    vectors = of_people(40, 20, likeness=0.2, seed=5)
    found = suspects(vectors, split(names(40, 20), range(2), 20))
    assert [(pair.n_pairs, pair.n_image_pairs) for pair in found] == [(100, 100), (100, 100)]


def test_rows_are_those_that_were_given() -> None:
    vectors, people = of_people(60, 6, seed=6), split(names(60, 6), range(3), 6)
    turn = np.random.default_rng(1).permutation(360)
    found = suspects(vectors[turn], [people[row] for row in turn])
    assert pairs(found) == pairs(suspects(vectors, people))
    for pair in found:
        assert people[turn[pair.first]] == (pair.first_person,)
        assert people[turn[pair.second]] == (pair.second_person,)
        assert pair.similarity == pytest.approx(vectors[turn[pair.first]] @ vectors[turn[pair.second]])
    assert [pair.similarity for pair in found] == sorted((pair.similarity for pair in found), reverse=True)


def test_they_set_no_threshold() -> None:
    vectors, people = of_people(60, 6, seed=7), names(60, 6)
    clean = cosines(vectors, people)
    assert cosines(vectors, split(people, range(10), 6)) == pytest.approx(clean, abs=0.004)
    wrong = [people[(row + 60) % 360] if row % 51 == 0 else name for row, name in enumerate(people)]
    assert cosines(vectors, wrong) == pytest.approx(clean, abs=0.02)


def test_people_who_resemble_many_are_no_suspects() -> None:
    """A network for adults finds children alike; that makes them no single child."""
    vectors = of_people(120, 1, seed=8)
    vectors[:40] += 2 * vectors[119]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    likeness = vectors[:40] @ vectors[:40].T
    assert np.median(likeness) > 0.7
    assert suspects(vectors[:119], names(119, 1)) == ()


def test_a_name_in_common_makes_no_suspect() -> None:
    vectors, people = of_people(40, 5, seed=9), names(40, 5)
    both = ("person 03", "person 03 married")
    married = [
        both if row == 15 else ("person 03 married",) if row in (16, 17) else name
        for row, name in enumerate(people)
    ]
    (found,) = suspects(vectors, married)
    assert (found.first_person, found.second_person) == ("person 03", "person 03 married")
    assert {found.first, found.second} <= {16, 17, 18, 19}
    assert found.n_pairs == 4


def test_templates_of_more_bits_give_the_same() -> None:
    """What a search keeps has 32 bits, so a finding is of these."""
    vectors, people = of_people(60, 6, seed=1), split(names(60, 6), range(10), 6)
    assert suspects(vectors.astype(np.float64), people) == suspects(vectors, people)


Nearest = dict[str, float]
"""Names of other people, and how far the nearest of them is."""


def told_apart(apart: dict[tuple[int, str], Nearest]) -> list[tuple[int, str]]:
    """Whoever is nearer to some row than chance would have it, as the module's own words say it; rows have a name."""
    able = {
        key: sorted(those.items(), key=lambda one: one[1])[:3]
        for key, those in apart.items()
        if len(those) > 2
    }
    far = {key: [max(distance, 1e-6) for _, distance in those] for key, those in able.items()}
    even = float(np.median([math.log(third / second) for _, second, third in far.values()]))
    power = math.log(2) / (2 * even)
    chance = {key: (first / second) ** power for key, (first, second, _) in far.items()}
    rising = sorted(chance.values())
    passing = [one for number, one in enumerate(rising, 1) if one <= 0.02 * number / len(rising)]
    found = [(key, able[key][0][0]) for key in able if passing and chance[key] <= passing[-1]]
    n_alike = Counter(other for _, other in {(own, other) for (_, own), other in found})
    return [(row, other) for (row, _), other in found if n_alike[other] <= 5]


def the_slow_way(vectors: np.ndarray, people: People) -> set[tuple[int, int]]:
    """Image against image, image against mean of a person, mean against mean."""
    rows = vectors.astype(np.float64)
    mine: dict[str, list[int]] = {}
    for row, given in enumerate(people):
        mine.setdefault(min(given), []).append(row)
    means = {name: rows[those].sum(axis=0) for name, those in mine.items()}
    means = {name: mean / np.linalg.norm(mean) for name, mean in means.items()}
    held = {
        name: [row for row, given in enumerate(people) if name in given] for given in people for name in given
    }
    held = {name: those for name, those in held.items() if any(len(people[row]) > 1 for row in those)}

    def others(row: int) -> list[str]:
        """Nobody who has a picture under one of this picture's further names."""
        shared = {min(people[one]) for those in held.values() if row in those for one in those}
        return [name for name in mine if name != min(people[row]) and name not in shared]

    single = {
        (row, min(given)): {
            name: min(1 - float(rows[one] @ rows[row]) for one in mine[name]) for name in others(row)
        }
        for row, given in enumerate(people)
    }
    to_means = {
        (row, min(given)): {name: 1 - float(means[name] @ rows[row]) for name in others(row)}
        for row, given in enumerate(people)
    }
    of_means = {
        (mine[name][0], name): {
            other: 1 - float(means[name] @ means[other]) for other in mine if other != name
        }
        for name in mine
    }
    pairs = {
        (row, max(mine[other], key=lambda one: float(rows[one] @ rows[row])))
        for row, other in told_apart(single)
    }
    pairs |= {(row, one) for row, other in told_apart(to_means) for one in mine[other]}
    pairs |= {
        both for row, other in told_apart(of_means) for both in product(mine[min(people[row])], mine[other])
    }
    return {
        (min(pair), max(pair))
        for pair in pairs
        if not any(pair[0] in those and pair[1] in those for those in held.values())
    }


def found_pairs(vectors: np.ndarray, people: People) -> set[tuple[int, int]]:
    order, whose = named_by_first(people)
    pairs = suspect_pairs(np.ascontiguousarray(vectors[order]), whose)
    assert pairs.dtype == np.int64
    assert len({tuple(pair) for pair in pairs.tolist()}) == len(pairs)
    assert (pairs[:, 0] < pairs[:, 1]).all()
    return {(min(pair), max(pair)) for pair in order[pairs].tolist()}


@pytest.mark.parametrize("block", [7, 512])
@pytest.mark.parametrize("seed", range(6))
def test_pairs_equal_the_slow_way(monkeypatch: pytest.MonkeyPatch, seed: int, block: int) -> None:
    """Two people under two names each, a photograph that is there twice, one in a wrong folder, and shared labels.

    One photograph is there under three names: two of them have a label in common, and so the third alone is suspect.
    """
    monkeypatch.setattr(module, "BLOCK", block)
    vectors, people = of_people(24, 4, seed=seed), split(names(24, 4), range(2), 4)
    vectors[50] = vectors[70]
    people[30] = people[60]
    vectors[[41, 90]] = vectors[13]
    people[13], people[41], people[20] = (
        ("person 03", "team"),
        ("person 10", "team"),
        ("person 05", "person 12"),
    )
    turn = np.random.default_rng(seed).permutation(96)
    vectors, people = vectors[turn], [people[row] for row in turn]
    slow = the_slow_way(vectors, people)
    assert found_pairs(vectors, people) == slow
    assert len(slow) >= 6


def test_ten_people_are_enough_and_the_last_of_them_counts() -> None:
    """Nine people, the last of whom is there under two names; nine names are too few."""
    vectors, people = of_people(9, 6, seed=1), split(names(9, 6), range(8, 9), 6)
    assert found_pairs(vectors, people) == the_slow_way(vectors, people)
    assert found_pairs(vectors, people) >= set(product(range(48, 51), range(51, 54)))
    assert suspect_pairs(vectors, named_by_first(names(9, 6))[1]).shape == (0, 2)


def test_of_two_others_alone_nothing_is_told() -> None:
    """All but two people have a picture under one label, so for those in it there is no third to compare with."""
    vectors = of_people(12, 1, seed=1)
    vectors[1] = vectors[0]
    people: People = [
        (name, "team") if row not in (1, 2) else (name,) for row, (name,) in enumerate(names(12, 1))
    ]
    whose = named_by_first(people)[1]
    persons, distances = module._nearest(vectors, vectors, whose.of_row, whose, np.arange(12))
    assert np.isfinite(distances).sum(axis=1).tolist() == [2, 3, 3] + [2] * 9
    assert persons[:2, 0].tolist() == [1, 0]
    assert module._standing_out(vectors, vectors, whose.of_row, whose, np.arange(12)) == [(1, 0)]


def test_rounding_makes_no_cosine_of_more_than_one() -> None:
    vectors = of_people(40, 5, seed=5)
    vectors[[3, 100]] = np.eye(64)[0] * (1 + 2**-12)
    (found,) = suspects(vectors, names(40, 5))
    assert (found.first, found.second, found.similarity) == (3, 100, 1)


@pytest.mark.parametrize("n_alike", [5, 6])
def test_whom_more_than_five_resemble_is_a_hub(n_alike: int) -> None:
    """Images of five or six people stand out to one person, as those of many do to a child."""
    vectors, people = of_people(40, 2, dimension=128, seed=3), names(40, 2)
    vectors[2 * np.arange(1, n_alike + 1)] = vectors[0]
    found = {pair for pair in found_pairs(vectors, people) if pair[0] in (0, 1)}
    assert bool(found) == (n_alike <= 5)
    assert found_pairs(vectors, people) == the_slow_way(vectors, people)


def test_labels_that_hold_images_of_several_people_are_told() -> None:
    """The label of b alone and that of a's picture alone hold nobody together."""
    labels: People = [("b",), ("a", "x"), ("c", "a"), ("b", "team"), ("a",), ("c", "team"), ("b",)]
    order, whose = named_by_first(labels)
    assert order.tolist() == [1, 2, 4, 0, 3, 6, 5]
    assert (whose.names, whose.of_row.tolist()) == (("a", "b", "c"), [0, 0, 0, 1, 1, 1, 2])
    assert [rows.tolist() for rows in whose.together] == [[1, 6], [4, 6]]
    assert (order.dtype, whose.of_row.dtype) == (np.int64, np.int64)


def test_images_of_a_person_keep_their_order() -> None:
    order, _ = named_by_first([(f"{row % 7}",) for row in range(2000)])
    assert order.tolist() == [row for person in range(7) for row in range(person, 2000, 7)]


def test_few_people_are_not_judged() -> None:
    vectors, people = of_people(5, 8, seed=10), split(names(5, 8), range(4), 8)
    assert suspects(vectors, people) == ()


def test_equal_templates_are_not_judged() -> None:
    vectors = np.zeros((60, 8), np.float32)
    vectors[:, 0] = 1
    assert suspects(vectors, names(20, 3)) == ()


def test_the_record_is_frozen() -> None:
    vectors, people = of_people(60, 6, seed=1), split(names(60, 6), range(1), 6)
    with pytest.raises(dataclasses.FrozenInstanceError):
        suspects(vectors, people)[0].n_pairs = 0  # type: ignore[misc]
