"""What chance alone gives, in words for people who know no statistics."""

from __future__ import annotations

from typing import Any

import pytest

from faceleak_check.reports.page.chance import ChanceOfPairs, chance_sentence


def chance(expected: float, *, unit: str = "pairs", n: int = 1_000_000) -> dict[str, Any]:
    return {
        "expected": expected,
        "low": expected / 2,
        "high": expected * 2,
        "n_comparisons": n,
        "rate": expected / n,
        "unit": unit,
        "basis": "x",
    }


def rates(*points: tuple[float, float, float]) -> list[dict[str, Any]]:
    """Rates with their cosines and the upper ends of those."""
    return [
        {"fmr": fmr, "cosine": cosine, "low": cosine, "high": high, "extrapolated": False}
        for fmr, cosine, high in points
    ]


CURVE = rates((1e-3, 0.5, 0.6), (1e-5, 0.7, 0.8), (1e-7, 0.9, 0.95))


def chances(known: Any, curve: Any, *, limit: float | None = None) -> ChanceOfPairs:
    measured = {"pairs_are_leaks": limit is None, "limit": limit or 0}
    return ChanceOfPairs({"chance": known, "error_rates": curve, "measurement": measured})


@pytest.mark.parametrize(
    ("cosine", "n_pairs", "words"),
    [
        (0.7, 10.0, "about 10, at most 20"),
        (0.75, 3.16227766, "about 3.2, at most 20"),
        (0.8, 1.0, "about 1, at most 10"),
        (0.85, 0.316227766, "1 in 3, at most 2.2"),
        (0.9, 0.1, "1 in 10, at most 1 in 2"),
        (0.94, 0.1, "at most 1 in 7"),
        (0.99, 0.1, "at most 1 in 10"),
    ],
)
def test_each_pair_has_its_own_chance_where_error_rates_are_known(
    cosine: float, n_pairs: float, words: str
) -> None:
    found = chances(chance(10), CURVE).at(cosine)
    assert (found.n_pairs, found.words) == (pytest.approx(n_pairs), words)


def test_a_pair_over_the_threshold_is_no_more_likely_than_the_threshold() -> None:
    assert chances(chance(4), CURVE).at(0.6).words == "about 4, at most 8"


def test_a_pair_below_the_threshold_is_as_likely_as_its_cosine_says() -> None:
    known = chances(chance(4), CURVE, limit=0.75)
    assert known.at(0.7).words == "about 10, at most 100"
    assert known.at(0.76).words == "about 2.5, at most 8"
    assert known.at(0.4).words == "not known"


@pytest.mark.parametrize(
    ("expected", "words"),
    [
        (0.0, "at most 1 in 10,000"),
        (0.0123, "at most 1 in 41"),
        (0.00123, "at most 1 in 410"),
        (0.48, "at most 1"),
        (6.17, "at most 12"),
        (125_206, "at most 250,000"),
    ],
)
def test_without_error_rates_the_threshold_tells_the_most(expected: float, words: str) -> None:
    known = chances(chance(expected), [])
    assert not known.is_per_pair
    assert known.at(0.97).words == words


def test_without_error_rates_nothing_is_known_below_the_threshold() -> None:
    known = chances(chance(1), [], limit=0.9)
    assert [known.at(cosine).words for cosine in (0.89, 0.9)] == ["not known", "at most 2"]


def test_nothing_is_told_where_nothing_is_known() -> None:
    known = chances(None, CURVE)
    assert (known.is_known, known.at(0.9).n_pairs, known.at(0.9).words) == (False, None, "not known")


def test_of_a_dent_in_the_curve_the_higher_rate_counts() -> None:
    dented = rates((1e-3, 0.5, 0.8), (1e-4, 0.6, 0.7), (1e-5, 0.7, 0.9), (0.0, 0.99, 0.99))
    known = chances(chance(10**6), dented)
    assert known.at(0.6).words == "about 100, at most 1,000"
    assert known.at(0.7).words == "about 10, at most 1,000"
    assert known.at(0.85).words == "at most 100"


def test_chance_in_a_sentence() -> None:
    assert chance_sentence(chance(12.3, n=4_940_000)) == (
        "Chance alone is expected to bring 12 pairs of strangers over the threshold (6.2 to 25), in "
        "4,940,000 comparisons."
    )
    assert chance_sentence(chance(0.004, unit="images")) == (
        "Chance alone is expected to bring fewer than 0.01 generated images over the threshold (0 to "
        "0.01), in 1,000,000 comparisons."
    )
    assert chance_sentence(None) == (
        "How many such matches chance alone gives is not known: no set of known strangers was given."
    )
