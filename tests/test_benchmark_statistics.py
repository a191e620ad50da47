"""The statistics of benchmarks/accuracy.py, on number tables."""

from __future__ import annotations

import importlib.util
import itertools
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

FILE = Path(__file__).parent.parent / "benchmarks" / "verification.py"


@pytest.fixture(scope="module")
def verification() -> ModuleType:
    """Loaded from its file: benchmarks are no package and not installed."""
    spec = importlib.util.spec_from_file_location("benchmarks_verification", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def table(verification: ModuleType, genuine: list[float], impostor: list[float]):
    """Pairs of as many people as needed: each genuine pair is another person's, each impostor pair person 0 and 1's."""
    n_genuine, n_impostor = len(genuine), len(impostor)
    return verification.Pairs(
        similarities=np.array([*genuine, *impostor]),
        first=np.array([*range(n_genuine), *[0] * n_impostor]),
        second=np.array([*range(n_genuine), *[1] * n_impostor]),
        n_people=max(n_genuine, 2),
    )


def eer(verification: ModuleType, pairs) -> float:
    rate: float = verification.equal_error_rate(verification.errors_of(pairs))
    return rate


GENUINE = [0.9, 0.8, 0.7, 0.4]
IMPOSTOR = [0.6, 0.5, 0.3, 0.2, 0.1]


@pytest.mark.parametrize(
    ("genuine", "impostor", "expected"),
    [
        ([0.9, 0.8], [0.2, 0.1], 0.0),  # apart
        ([0.2, 0.1], [0.9, 0.8], 1.0),  # the wrong way round
        ([0.5, 0.5], [0.5, 0.5], 0.5),  # all alike: FMR 1 and FNMR 0, or the reverse
        ([0.9, 0.8, 0.7, 0.4], [0.6, 0.3, 0.2, 0.1], 0.25),  # meet at 1 of 4
        # FMR 2/5 and FNMR 1/4 at 0.5; FMR 1/5 and FNMR 1/4 at 0.6: the second step is narrower
        (GENUINE, IMPOSTOR, (0.2 + 0.25) / 2),
        # FMR 1/2 and FNMR 0 at 0.6; FMR 1/2 and FNMR 1 above: the first step
        ([0.6], [0.7, 0.1], 0.25),
    ],
)
def test_the_equal_error_rate_is_the_middle_of_the_narrower_step(
    verification, genuine, impostor, expected
) -> None:
    assert eer(verification, table(verification, genuine, impostor)) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("fmr", "rate", "threshold"),
    [
        (1e-3, 0.75, 0.7),  # fewer pairs than it takes: above the highest impostor
        (0.199, 0.75, 0.7),
        (0.2, 0.75, 0.6),  # one of five may match
        (0.4, 1.0, 0.4),
        (0.999, 1.0, 0.2),
        (1.0, 1.0, 0.1),
    ],
)
def test_the_threshold_is_the_lowest_at_which_no_more_impostors_match(
    verification, fmr, rate, threshold
) -> None:
    errors = verification.errors_of(table(verification, GENUINE, IMPOSTOR))
    assert verification.true_accept_rate(errors, fmr) == pytest.approx(rate)
    found = verification.similarity_at_fmr(errors, fmr)
    assert found == threshold
    assert np.mean(np.array(IMPOSTOR) >= found) <= fmr


def test_no_impostor_matches_at_a_threshold_above_them_all(verification) -> None:
    errors = verification.errors_of(table(verification, [0.9, 0.5], [0.95, 0.1]))
    assert verification.true_accept_rate(errors, 1e-3) == 0
    assert 0.95 < verification.similarity_at_fmr(errors, 1e-3) < 0.95 + 1e-12


def test_impostors_of_equal_similarity_match_together_or_not_at_all(verification) -> None:
    errors = verification.errors_of(table(verification, [0.9, 0.5], [0.5, 0.5, 0.5, 0.1]))
    assert verification.true_accept_rate(errors, 0.5) == 0.5
    assert verification.true_accept_rate(errors, 0.75) == 1.0


def test_weights_are_the_same_as_copies(verification) -> None:
    """Drawing people with replacement and copying their pictures gives the same rates as the weights."""
    random = np.random.default_rng(3)
    people = [name for name in "abcde" for _ in range(4)]
    vectors = random.normal(size=(20, 6)) + 2 * np.repeat(random.normal(size=(5, 6)), 4, axis=0)
    vectors /= np.linalg.norm(vectors, axis=1)[:, None]
    pairs = verification.pairs_of(vectors, people)
    times = np.array([2, 0, 1, 2, 0])
    genuine, impostor = [], []
    drawn = [(person, copy) for person, n in enumerate(times) for copy in range(n)]
    for person, _ in drawn:
        rows = range(4 * person, 4 * person + 4)
        genuine += [float(vectors[a] @ vectors[b]) for a, b in itertools.combinations(rows, 2)]
    for (one, _), (other, _) in itertools.combinations(drawn, 2):
        if one != other:
            rows = itertools.product(range(4 * one, 4 * one + 4), range(4 * other, 4 * other + 4))
            impostor += [float(vectors[a] @ vectors[b]) for a, b in rows]
    copies = table(verification, genuine, impostor)
    weights = pairs.weights(times)
    assert weights[pairs.is_genuine].sum() == len(genuine) == 30
    assert weights[~pairs.is_genuine].sum() == len(impostor) == 128
    weighted, copied = verification.errors_of(pairs, weights), verification.errors_of(copies)
    assert verification.equal_error_rate(weighted) == pytest.approx(verification.equal_error_rate(copied))
    for fmr in (0.01, 0.1, 0.3):
        assert verification.true_accept_rate(weighted, fmr) == pytest.approx(
            verification.true_accept_rate(copied, fmr)
        )


def test_pairs_are_counted_by_who_is_in_them(verification) -> None:
    vectors = np.eye(5)
    pairs = verification.pairs_of(vectors, ["b", "a", "b", "a", "b"])
    assert (pairs.n_people, pairs.n_genuine, pairs.n_impostor, pairs.n_pairs_of_people) == (2, 4, 6, 1)


def test_an_interval_holds_its_figure_and_is_the_same_each_time(verification) -> None:
    random = np.random.default_rng(5)
    people = [f"{n // 5}" for n in range(100)]
    vectors = random.normal(size=(100, 8)) + np.repeat(random.normal(size=(20, 8)), 5, axis=0)
    vectors /= np.linalg.norm(vectors, axis=1)[:, None]
    pairs = verification.pairs_of(vectors, people)
    (found,) = verification.bootstrap(pairs, [verification.equal_error_rate], n_samples=200)
    again = verification.bootstrap(pairs, [verification.equal_error_rate], n_samples=200)
    assert again == (found,)
    assert found.value == eer(verification, pairs)
    assert 0 < found.low < found.value < found.high < 1


def test_an_interval_covers_the_truth_about_as_often_as_it_says(verification) -> None:
    """Similarity = a mean of 0 or 2 and an effect of each person: the true EER is known."""
    from statistics import NormalDist

    random = np.random.default_rng(8)
    n_people, effect, n_trials = 25, 0.5, 40
    who = np.repeat(np.arange(n_people), 3)
    first, second = np.triu_indices(len(who), k=1)
    is_genuine = who[first] == who[second]
    # both kinds of pairs vary by noise 1; genuine ones by one person's effect twice, impostor ones by two people's
    spreads = np.sqrt(1 + 4 * effect**2), np.sqrt(1 + 2 * effect**2)
    truth = NormalDist().cdf(-2 / sum(spreads))
    n_covered = 0
    for trial in range(n_trials):
        of_person = random.normal(scale=effect, size=n_people)
        noise = random.normal(size=len(first))
        similarities = 2.0 * is_genuine + of_person[who[first]] + of_person[who[second]] + noise
        pairs = verification.Pairs(
            similarities=similarities, first=who[first], second=who[second], n_people=n_people
        )
        (found,) = verification.bootstrap(pairs, [verification.equal_error_rate], n_samples=100, seed=trial)
        n_covered += found.low <= truth <= found.high
    assert 0.8 <= n_covered / n_trials <= 1


@pytest.mark.parametrize(("genuine", "impostor"), [([], [0.1]), ([0.1], [])])
def test_a_rate_needs_both_kinds_of_pairs(verification, genuine, impostor) -> None:
    with pytest.raises(ValueError, match=r"^a rate needs genuine pairs and impostor pairs$"):
        verification.errors_of(table(verification, genuine, impostor))


@pytest.mark.parametrize(("fmr", "n"), [(1e-2, 300), (1e-3, 3000), (1e-6, 3_000_000)])
def test_the_rule_of_three(verification, fmr, n) -> None:
    assert verification.pairs_that_resolve(fmr) == n
    assert (1 - fmr) ** n == pytest.approx(0.05, rel=0.02)
