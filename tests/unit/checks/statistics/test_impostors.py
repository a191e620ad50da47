from __future__ import annotations

import numpy as np
import pytest
from simulated import names, of_people

from faceleak_check.checks.statistics import impostors as module
from faceleak_check.checks.statistics.impostors import impostors, probes
from faceleak_check.checks.statistics.suspects import named_by_first

People = list[tuple[str, ...]]


def by_hand(vectors: np.ndarray, people: People) -> list[float]:
    n = len(vectors)
    found = [
        float(vectors[i] @ vectors[j])
        for i in range(n)
        for j in range(i)
        if people[i] and people[j] and not set(people[i]) & set(people[j])
    ]
    return sorted(found, reverse=True)


def test_every_pair_without_a_common_name_is_compared_once() -> None:
    vectors = of_people(12, 4)
    found = impostors(vectors, names(12, 4))
    assert found.n_comparisons == 48 * 47 // 2 - 12 * 6
    assert (found.n_people, found.n_images, found.n_independent) == (12, 48, 66)
    assert found.similarities == pytest.approx(by_hand(vectors, names(12, 4)), abs=1e-6)
    assert found.times.tolist() == [1] * found.n_comparisons
    assert found.suspects == ()


def test_it_is_known_whom_a_comparison_is_of() -> None:
    vectors, people = of_people(12, 3), names(12, 3)
    found = impostors(vectors, people)
    assert found.second is not None
    for place in (0, 7, -1):
        pair = {int(found.first[place]), int(found.second[place])}
        likeness = vectors @ vectors.T
        row, column = np.argwhere(np.abs(likeness - found.similarities[place]) < 1e-7)[0]
        assert pair == {int(row) // 3, int(column) // 3}


def test_any_common_name_makes_no_pair() -> None:
    vectors, people = of_people(12, 3), names(12, 3)
    people[0] = ("person 00", "person 05")
    people[4] = ("person 01", "a further name")
    people[9] = ("person 03", "a further name")
    found = impostors(vectors, people)
    assert found.n_comparisons == len(by_hand(vectors, people)) == 36 * 35 // 2 - 12 * 3 - 3 - 1
    assert found.similarities == pytest.approx(by_hand(vectors, people), abs=1e-6)


def test_an_image_without_a_name_is_passed_over() -> None:
    vectors, people = of_people(12, 4), names(12, 4)
    people[3] = people[20] = ()
    found = impostors(vectors, people)
    assert found.n_images == 46
    assert found.similarities == pytest.approx(by_hand(vectors, people), abs=1e-6)


def test_of_many_images_as_many_people_as_can_be_take_part() -> None:
    vectors, people = of_people(15, 6), names(15, 6)
    found = impostors(vectors, people, n_most_images=40)
    assert (found.n_images, found.n_people) == (40, 15)
    # two of each person, and a third of the ten that come first
    chosen = [row for row in range(90) if row % 6 < 2 or (row % 6 == 2 and row < 60)]
    expected = by_hand(vectors[chosen], [people[row] for row in chosen])
    assert found.similarities == pytest.approx(expected, abs=1e-6)


def test_a_large_set_keeps_the_highest_and_a_sample_of_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors, people = of_people(300, 2, seed=3), names(300, 2)
    whole = impostors(vectors, people)
    monkeypatch.setattr(module, "N_KEPT", 5000)
    found = impostors(vectors, people)
    assert found.n_comparisons == whole.n_comparisons == 600 * 599 // 2 - 300
    assert found.similarities[:5000] == pytest.approx(whole.similarities[:5000], abs=1e-6)
    assert set(found.times[:5000]) == {1}
    assert len(found.similarities) < 11_000
    assert found.times.sum() == pytest.approx(whole.n_comparisons)
    for share in (0.05, 0.1, 0.5):
        place = int(np.searchsorted(np.cumsum(found.times), share * whole.n_comparisons))
        expected = whole.similarities[int(share * whole.n_comparisons)]
        assert found.similarities[place] == pytest.approx(expected, abs=0.005)


def test_pairs_across_blocks_are_met_once() -> None:
    people = 2 * module.BLOCK + 3
    found = impostors(of_people(people, 1, seed=4), names(people, 1))
    assert found.n_comparisons == people * (people - 1) // 2


Compared = list[tuple[float, float, int, int]]
"""Cosine, how many comparisons it stands for, and the two rows; falling, equal ones in the order of their rows."""


def the_slow_way(
    vectors: np.ndarray, people: People, n_kept: int, taken_out: set[tuple[int, int]]
) -> Compared:
    """All pairs without a common name: the highest all, with those that equal the last of them, and each s-th other."""
    n = len(vectors)
    every = [
        (float(vectors[i] @ vectors[j]), i, j)
        for i in range(n)
        for j in range(i + 1, n)
        if not set(people[i]) & set(people[j]) and (i, j) not in taken_out
    ]
    lowest_kept = sorted((cosine for cosine, _, _ in every), reverse=True)[:n_kept][-1]
    top = [pair for pair in every if pair[0] >= lowest_kept]
    rest = [pair for pair in every[:: max(1, n * n // 2 // n_kept)] if pair[0] < lowest_kept]
    each = (len(every) - len(top)) / max(1, len(rest))
    times = [(1.0, *pair) for pair in top] + [(each, *pair) for pair in rest]
    falling = sorted(times, key=lambda pair: -pair[1])
    return [(cosine, time, i, j) for time, cosine, i, j in falling]


@pytest.mark.parametrize("block", [5, 7, 512])
@pytest.mark.parametrize("n_kept", [40, 100, 300, 400, 581, 582, 10**6])
@pytest.mark.parametrize("has_ties", [False, True])
def test_what_is_kept_of_a_large_set_equals_the_slow_way(
    monkeypatch: pytest.MonkeyPatch, has_ties: bool, n_kept: int, block: int
) -> None:
    """In blocks of any size; templates of quarters have exact cosines, many of them equal."""
    random = np.random.default_rng(2)
    vectors = of_people(12, 3, seed=2)
    if has_ties:
        vectors = np.sign(random.normal(size=(36, 16))).astype(np.float32) / 4
    monkeypatch.setattr(module, "N_KEPT", n_kept)
    monkeypatch.setattr(module, "BLOCK", block)
    people, taken_out = names(12, 3), {(0, 8), (5, 20), (6, 13), (7, 28), (22, 35), (23, 24)}
    people[6] = ("person 02", "person 07")
    for row in (9, 14, 30):
        people[row] = (*people[row], "team")
    order, whose = named_by_first(people)
    assert order.tolist() == list(range(36))
    values, times, first, second = module._compared(vectors, whose, np.array(sorted(taken_out)))
    expected = the_slow_way(vectors, people, n_kept, taken_out)
    assert sum(one[1] for one in expected) == pytest.approx(36 * 35 / 2 - 36 - 3 - 3 - 6)
    assert values == pytest.approx([one[0] for one in expected], abs=1e-6)
    assert times.tolist() == pytest.approx([one[1] for one in expected])
    assert first.tolist() == [one[2] for one in expected]
    assert second.tolist() == [one[3] for one in expected]


def test_rounding_makes_no_cosine_of_more_than_one() -> None:
    vectors = of_people(32, 1, seed=2)
    vectors[30:] = np.eye(64)[0] * (1 + 2**-12)
    whose = named_by_first([(f"{row:02d}",) for row in range(32)])[1]
    values, *_ = module._compared(vectors, whose, np.empty((0, 2), np.int64))
    assert values[0] == 1


def test_the_order_of_images_changes_nothing() -> None:
    vectors, people = of_people(20, 4, seed=5), names(20, 4)
    turn = np.random.default_rng(1).permutation(80)
    one, other = impostors(vectors, people), impostors(vectors[turn], [people[row] for row in turn])
    assert other.similarities == pytest.approx(one.similarities, abs=1e-6)
    assert other.n_comparisons == one.n_comparisons


def test_the_same_input_gives_the_same_bytes() -> None:
    one, other = (impostors(of_people(30, 5), names(30, 5)) for _ in range(2))
    for part in ("similarities", "times", "first", "second"):
        assert getattr(one, part).tobytes() == getattr(other, part).tobytes()


def test_templates_of_more_bits_give_the_same() -> None:
    """What a search keeps has 32 bits, and so has what its cosines are held against."""
    one, other = (impostors(of_people(30, 5).astype(kind), names(30, 5)) for kind in (np.float32, np.float64))
    for part in ("similarities", "times", "first", "second"):
        assert getattr(one, part).tobytes() == getattr(other, part).tobytes()


def test_pairs_that_seem_to_be_one_person_are_left_out() -> None:
    vectors, people = of_people(40, 4, seed=6), names(40, 4)
    split = [("person 07 again",) if row in (30, 31) else given for row, given in enumerate(people)]
    clean, found = impostors(vectors, people), impostors(vectors, split)
    assert [(pair.first_person, pair.second_person) for pair in found.suspects] == [
        ("person 07", "person 07 again")
    ]
    assert found.suspects[0].n_pairs == found.suspects[0].n_image_pairs == 4
    assert found.n_comparisons == clean.n_comparisons
    assert found.similarities[0] == pytest.approx(clean.similarities[0])


def refused(vectors: np.ndarray, people: People) -> str:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 the whole message is asserted
        impostors(vectors, people)
    return str(caught.value)


def test_one_person_is_refused() -> None:
    assert refused(of_people(1, 40), names(1, 40)) == (
        "found images with a person's name of 1 person: a threshold needs at least 10 people, since how sure it is "
        "comes from how much people differ"
    )


def test_few_people_are_refused() -> None:
    assert refused(of_people(9, 10), names(9, 10)) == (
        "found images with a person's name of 9 people: a threshold needs at least 10 people, since how sure it is "
        "comes from how much people differ"
    )


def test_few_images_are_refused() -> None:
    assert refused(of_people(29, 1), names(29, 1)) == (
        "found 29 images with a person's name: a threshold needs at least 30"
    )


def test_an_unlabelled_set_is_refused() -> None:
    assert refused(of_people(40, 1), [()] * 40) == (
        "found 0 images with a person's name: a threshold needs at least 30"
    )


def test_no_pairs_of_different_people_are_refused() -> None:
    people = [(name, "the whole set") for (name,) in names(20, 2)]
    assert refused(of_people(20, 2), people) == (
        "no two images are of different people: every pair of them has a name in common"
    )


def test_equal_comparisons_are_refused() -> None:
    vectors = np.zeros((40, 8), np.float32)
    vectors[:, 0] = 1
    assert refused(vectors, names(20, 2)) == (
        "all 760 comparisons have the same cosine, 1: they set no threshold"
    )


@pytest.mark.parametrize(("number", "length"), [(np.nan, "nan"), (0, "0")])
def test_damaged_templates_are_refused(number: float, length: str) -> None:
    vectors = of_people(20, 2)
    vectors[3] = number
    assert refused(vectors, names(20, 2)) == (
        f"template 3 has the length {length} where a template has the length 1 (1 of 40 are so): no cosine can be had"
    )


def test_another_number_of_people_is_refused() -> None:
    assert refused(of_people(20, 2), names(19, 2)) == "there are 40 templates and the people of 38 images"


def test_probes_keep_their_cosines_and_their_people() -> None:
    similarities = np.random.default_rng(7).uniform(0, 0.9, 60)
    people: People = [*names(15, 3), *[()] * 15]
    found = probes(similarities, people)
    assert found.similarities == pytest.approx(np.sort(similarities)[::-1], abs=1e-6)
    assert (found.n_people, found.n_images, found.n_comparisons, found.n_independent) == (30, 60, 60, 30)
    assert np.bincount(np.bincount(found.first)).tolist() == [0, 15, 0, 15]


def refused_probes(similarities: np.ndarray, people: People) -> str:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 the whole message is asserted
        probes(similarities, people)
    return str(caught.value)


def test_bad_probes_are_refused() -> None:
    values = np.linspace(0, 0.5, 40)
    assert refused_probes(values[:29], [()] * 29) == "found 29 probes: a threshold needs at least 30"
    assert refused_probes(values, names(4, 10)) == (
        "found probes of 4 people: a threshold needs at least 10 people, since how sure it is comes from how much "
        "people differ"
    )
    assert refused_probes(np.full(40, 0.5), [()] * 40) == (
        "all 40 comparisons have the same cosine, 0.5: they set no threshold"
    )
    assert refused_probes(values, [()] * 39) == "there are 40 similarities and the people of 39 probes"
    assert refused_probes(np.where(values > 0.4, np.nan, values), [()] * 40) == (
        "similarity 32 is nan: a cosine lies between -1 and 1"
    )
    odd = np.where(values > 0.4, 1 + values, values)
    assert refused_probes(odd, [()] * 40) == (f"similarity 32 is {odd[32]:g}: a cosine lies between -1 and 1")
    assert refused_probes(np.where(values == 0.5, 1.001, values), [()] * 40) == (
        "similarity 39 is 1.001: a cosine lies between -1 and 1"
    )


@pytest.mark.parametrize("other", [0.4, 0.6])
def test_one_comparison_that_differs_is_enough(other: float) -> None:
    found = probes(np.append(np.full(39, 0.5), other), [()] * 40)
    assert sorted(set(found.similarities.tolist())) == pytest.approx(sorted([0.5, other]))


def test_a_cosine_that_rounding_made_more_than_one_is_one() -> None:
    values = np.linspace(0, 0.5, 40)
    values[7], values[8] = 1.00005, 1 + 1e-4
    found = probes(values, [()] * 40)
    assert found.similarities[:3].tolist() == [1, 1, 0.5]
    assert found.similarities.dtype == np.float32
    assert found.first.dtype == np.int64


def test_equal_probes_keep_their_order() -> None:
    """So that the same images give the same thresholds, whatever the sorting of the day."""
    values = np.repeat([0.2, 0.5, 0.4], 40)
    found = probes(values, [(f"{row:03d}",) for row in range(120)])
    assert found.first.tolist() == [*range(40, 80), *range(80, 120), *range(40)]
