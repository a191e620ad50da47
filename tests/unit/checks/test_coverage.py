from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from faceleak_check.checks.coverage import Coverage
from faceleak_check.checks.judge import judge
from faceleak_check.records import Figure, Outcome

LEFT_OUT = {"unreadable": 1, "no_face": 2, "screened": 5}


def judged(check: Coverage, n_seen: int = 100, **left_out: int) -> tuple[Outcome, str]:
    lost = LEFT_OUT | left_out
    measured = check.measure_counts(n_seen, n_seen - sum(lost.values()), lost)
    assert (measured.n, measured.pairs) == (n_seen, ())
    assert measured.figures == tuple(
        Figure(name=f"share_{name}", value=n / n_seen) for name, n in lost.items() if name in LEFT_OUT
    )
    return judge(measured)


@pytest.mark.parametrize(
    ("keys", "outcome", "sentence"),
    [
        (
            {"min_images": 92},
            Outcome.PASS,
            "92 of 100 images can be compared; the policy asks for at least 92",
        ),
        (
            {"min_images": 93},
            Outcome.INCONCLUSIVE,
            "92 of 100 images can be compared; the policy asks for at least 93",
        ),
        (
            {"max_unreadable": 0.01},
            Outcome.PASS,
            "1 of 100 images (1%) are unreadable; the policy allows at most 1%",
        ),
        (
            {"max_unreadable": 0.009},
            Outcome.INCONCLUSIVE,
            "1 of 100 images (1%) are unreadable; the policy allows at most 0.9%",
        ),
        (
            {"max_no_face": 0.01},
            Outcome.INCONCLUSIVE,
            "2 of 100 images (2%) are without a face; the policy allows at most 1%",
        ),
        (
            {"max_screened": 0.02},
            Outcome.INCONCLUSIVE,
            "5 of 100 images (5%) are taken out by a screen; the policy allows at most 2%",
        ),
        # the one that is missed by most
        (
            {"max_unreadable": 0, "max_no_face": 0, "max_screened": 0.04},
            Outcome.INCONCLUSIVE,
            "2 of 100 images (2%) are without a face; the policy allows at most 0%",
        ),
        # where all are met, the one that is met by least
        (
            {"max_unreadable": 0.5, "max_no_face": 0.03, "max_screened": 0.5},
            Outcome.PASS,
            "2 of 100 images (2%) are without a face; the policy allows at most 3%",
        ),
        # the number of images goes before, where it is missed or nothing is
        (
            {"min_images": 99, "max_screened": 0},
            Outcome.INCONCLUSIVE,
            "92 of 100 images can be compared; the policy asks for at least 99",
        ),
        (
            {"min_images": 50, "max_screened": 0},
            Outcome.INCONCLUSIVE,
            "5 of 100 images (5%) are taken out by a screen; the policy allows at most 0%",
        ),
        # as many images as asked for are enough, and say nothing of the share that is missed
        (
            {"min_images": 92, "max_screened": 0},
            Outcome.INCONCLUSIVE,
            "5 of 100 images (5%) are taken out by a screen; the policy allows at most 0%",
        ),
        (
            {"min_images": 50, "max_screened": 0.05},
            Outcome.PASS,
            "92 of 100 images can be compared; the policy asks for at least 50",
        ),
    ],
)
def test_what_is_missed_is_inconclusive(keys: dict[str, Any], outcome: Outcome, sentence: str) -> None:
    assert judged(Coverage(**keys)) == (outcome, sentence)


@pytest.mark.parametrize("n_seen", [7, 29, 100, 1000])
def test_a_share_that_is_the_limit_in_decimals_keeps_it(n_seen: int) -> None:
    for n_lost in range(n_seen):
        limit = float(f"{n_lost / n_seen:.17g}")
        measured = Coverage(max_no_face=limit).measure_counts(n_seen, n_seen - n_lost, {"no_face": n_lost})
        assert judge(measured)[0] is Outcome.PASS
        assert measured.n == n_seen


def test_what_other_rules_left_out_is_only_missing_from_the_images() -> None:
    measured = Coverage(min_images=9, max_no_face=0).measure_counts(10, 8, {"several_faces": 2})
    assert judge(measured)[1] == "8 of 10 images can be compared; the policy asks for at least 9"


def test_the_rule_names_what_is_counted() -> None:
    assert Coverage(min_images=1).measure_counts(3, 3, {}).rule == "images that can be compared"
    screened = Coverage(max_screened=0.99).measure_counts(3, 2, {"screened": 1})
    assert screened.rule == "images that are taken out by a screen"


@pytest.mark.parametrize("n_seen", [0, 1])
def test_a_rule_that_took_nothing_out_has_a_share_of_nothing(n_seen: int) -> None:
    measured = Coverage(max_no_face=0).measure_counts(n_seen, n_seen, {})
    assert [figure.value for figure in measured.figures] == [0, 0, 0]
    assert judge(measured)[0] is Outcome.PASS


def test_the_only_image_is_the_whole_set() -> None:
    measured = Coverage(max_unreadable=0.9).measure_counts(1, 0, {"unreadable": 1})
    assert judge(measured) == (
        Outcome.INCONCLUSIVE,
        "1 of 1 images (100%) are unreadable; the policy allows at most 90%",
    )


def test_a_limit_is_needed() -> None:
    with pytest.raises(ValidationError) as found:
        Coverage()
    assert [error["msg"] for error in found.value.errors()] == [
        (
            "Value error, found no limit, expected at least one of "
            "min_images, max_unreadable, max_no_face, max_screened"
        )
    ]
