from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from faceleak_check.checks.judge import apart, brief, judge, told_apart
from faceleak_check.checks.statistics import wilson_interval
from faceleak_check.records import Interval, Measurement, Outcome, Unit


def measured(
    value: float,
    limit: float,
    unit: Unit,
    *,
    n: int = 50,
    interval: Interval | None = None,
    confidence_asked: bool = False,
) -> Measurement:
    return Measurement(
        value=value,
        limit=limit,
        unit=unit,
        n=n,
        rule="cosine >= 0.9",
        pairs=(),
        interval=interval,
        confidence_asked=confidence_asked,
    )


def rate(n_hits: int, n: int, limit: float, confidence: float | None = None) -> Measurement:
    interval = wilson_interval(n_hits, n, confidence or 0.95)
    return measured(
        n_hits / n, limit, "share", n=n, interval=interval, confidence_asked=confidence is not None
    )


# -------------------------------------------------------------------------------------------- the outcome


@pytest.mark.parametrize("unit", ["share", "images", "people", "cosine"])
def test_a_limit_that_is_met_exactly_is_kept(unit: Unit) -> None:
    value = {"share": 0.1, "cosine": 0.94}.get(unit, 3)
    over = float(np.nextafter(value, 9)) if isinstance(value, float) else value + 1
    assert judge(measured(value, value, unit))[0] is Outcome.PASS
    assert judge(measured(over, value, unit))[0] is Outcome.LEAK


@pytest.mark.parametrize("n", [7, 10, 29, 100, 1000, 30_000])
def test_a_share_that_is_the_limit_in_decimals_keeps_it(n: int) -> None:
    """No share of whole numbers may miss a limit of the same digits by rounding."""
    for n_hits in range(0, n, max(1, n // 100)):
        limit = float(f"{n_hits / n:.17g}")
        assert judge(rate(n_hits, n, limit))[0] is Outcome.PASS


def test_an_interval_that_was_not_asked_for_decides_nothing() -> None:
    assert judge(rate(1, 50, 0.02)) == (
        Outcome.PASS,
        "1 of 50 generated images leaks (2%); the policy allows at most 2%",
    )


@pytest.mark.parametrize(
    ("n_hits", "n", "outcome", "sentence"),
    [
        (
            0,
            5000,
            Outcome.PASS,
            "0 of 5,000 generated images leak (0%); the policy allows at most 0.1%; 95% confidence: 0% to 0.0768%",
        ),
        (
            0,
            50,
            Outcome.INCONCLUSIVE,
            (
                "0 of 50 generated images leak (0%); the policy allows at most 0.1%; 95% confidence: 0% to 7.13%, "
                "which straddles the limit: only more images can settle it"
            ),
        ),
        (
            1,
            900,
            Outcome.INCONCLUSIVE,
            (
                "1 of 900 generated images leaks (0.111%); the policy allows at most 0.1%; 95% confidence: 0.0196% "
                "to 0.627%, which straddles the limit: only more images can settle it"
            ),
        ),
        (
            9,
            900,
            Outcome.LEAK,
            "9 of 900 generated images leak (1%); the policy allows at most 0.1%; 95% confidence: 0.527% to 1.89%",
        ),
    ],
)
def test_with_confidence_the_whole_interval_must_keep_the_limit(
    n_hits: int, n: int, outcome: Outcome, sentence: str
) -> None:
    assert judge(rate(n_hits, n, 0.001, 0.95)) == (outcome, sentence)


def test_an_interval_that_ends_on_the_limit_keeps_it_and_one_that_starts_on_it_does_not_break_it() -> None:
    def outcome(low: float, high: float) -> Outcome:
        interval = Interval(low=low, high=high, confidence=0.95)
        return judge(measured(0.1, 0.1, "share", interval=interval, confidence_asked=True))[0]

    assert outcome(0.05, 0.1) is Outcome.PASS
    assert outcome(0.05, float(np.nextafter(0.1, 1))) is Outcome.INCONCLUSIVE
    assert outcome(0.1, 0.2) is Outcome.INCONCLUSIVE
    assert outcome(float(np.nextafter(0.1, 1)), 0.2) is Outcome.LEAK


def test_a_limit_of_zero_with_confidence_is_told_to_be_out_of_reach() -> None:
    outcome, sentence = judge(rate(0, 1000, 0.0, 0.9))
    assert outcome is Outcome.INCONCLUSIVE
    assert sentence == (
        "0 of 1,000 generated images leak (0%); the policy allows at most 0%; 90% confidence: 0% to 0.27%, "
        "and no number of images can show that it is 0: allow a small share, or ask for no confidence"
    )


# -------------------------------------------------------------------------------------------- the sentence


@pytest.mark.parametrize(
    ("measurement", "sentence"),
    [
        (
            measured(0, 0, "images"),
            "0 of 50 generated images leak; the policy allows at most 0; at 95% confidence up to 5.82% may leak",
        ),
        (measured(1, 0, "images"), "1 of 50 generated images leaks; the policy allows at most 0"),
        (measured(1, 0, "images", n=1), "1 of 1 generated image leaks; the policy allows at most 0"),
        (
            measured(0, 0, "images", n=1),
            "0 of 1 generated image leaks; the policy allows at most 0; at 95% confidence up to 95% may leak",
        ),
        (
            measured(0, 0.01, "share", n=3000),
            (
                "0 of 3,000 generated images leak (0%); the policy allows at most 1%; "
                "at 95% confidence up to 0.0998% may leak"
            ),
        ),
        (
            measured(12_345, 1_000, "images", n=500_000),
            "12,345 of 500,000 generated images leak; the policy allows at most 1,000",
        ),
        (measured(0, 0, "people"), "0 people of the source set are exposed; the policy allows at most 0"),
        (measured(1, 0, "people"), "1 person of the source set is exposed; the policy allows at most 0"),
        (
            measured(1200, 1000, "people"),
            "1,200 people of the source set are exposed; the policy allows at most 1,000",
        ),
        (
            measured(0.9512345, 0.94, "cosine"),
            "the most similar pair has a cosine of 0.9512; the policy allows at most 0.9400",
        ),
        (
            measured(0.5, 0.1234, "share"),
            "25 of 50 generated images leak (50%); the policy allows at most 12.34%",
        ),
    ],
)
def test_the_sentence(measurement: Measurement, sentence: str) -> None:
    assert judge(measurement)[1] == sentence


@pytest.mark.parametrize(
    ("value", "limit", "unit", "shown"),
    [
        (0.94, 0.94, "cosine", ("0.9400", "0.9400")),
        (0.94000001, 0.94, "cosine", ("0.94000001", "0.94000000")),
        (0.94003, 0.94004, "cosine", ("0.94003", "0.94004")),
        (0.9, 0.123456, "cosine", ("0.900000", "0.123456")),
        (0.9, 0.123456789012, "cosine", ("0.900000000000", "0.123456789012")),
        (-0.0, 0.5, "share", ("0%", "50%")),
        (-0.25, 0.5, "cosine", ("-0.2500", "0.5000")),
        (float(np.nextafter(1, 0)), 1.0, "cosine", ("0.9999999999999999", "1.0000000000000000")),
        (0.001, 0.001, "share", ("0.1%", "0.1%")),
        (0.0010003, 0.0010004, "share", ("0.10003%", "0.10004%")),
        (0.00100001, 0.001, "share", ("0.100001%", "0.1%")),
        (1 / 3, 0.5, "share", ("33.3%", "50%")),
        (0.0, 0.00001, "share", ("0%", "0.001%")),
        (3, 3, "images", ("3", "3")),
        (1_000_001, 1_000_000, "people", ("1,000,001", "1,000,000")),
    ],
)
def test_value_and_limit_are_told_apart(
    value: float, limit: float, unit: Unit, shown: tuple[str, str]
) -> None:
    assert told_apart(value, limit, unit) == shown


@pytest.mark.parametrize(
    ("value", "other", "unit", "shown"),
    [
        (0.001, 0.001, "share", ("0.1%", "0.1%")),
        (1 / 3, 1 / 3, "share", ("33.3%", "33.3%")),
        (1 / 3, 0.5, "share", ("33.3%", "50%")),
        (0.123456, 0.123499, "share", ("12.346%", "12.35%")),
        (0.5, float(np.nextafter(0.5, 1)), "share", ("50%", "50.00000000000001%")),
        (0.94, 0.94, "cosine", ("0.9400", "0.9400")),
        (0.94003, 0.94004, "cosine", ("0.94003", "0.94004")),
        (0.93999, 0.94004, "cosine", ("0.93999", "0.94004")),
        (3, 4, "images", ("3", "4")),
        (1_000_000, 1_000_000, "people", ("1,000,000", "1,000,000")),
    ],
)
def test_two_measured_figures_are_told_apart(
    value: float, other: float, unit: Unit, shown: tuple[str, str]
) -> None:
    """Neither was set by anybody, so neither need be given in full."""
    assert apart(value, other, unit) == shown


@pytest.mark.parametrize(
    ("value", "limit", "sentence"),
    [
        (0.02, 0.01, "2 of 100 images (2%) are blurred (2%); the policy allows at most 1%"),
        (0.0, 0.0, "2 of 100 images (0%) are blurred (0%); the policy allows at most 0%"),
        (-0.0417, 0.05, "2 of 100 images (-4.17%) are blurred (-4.17%); the policy allows at most 5%"),
        # with as many digits as tell it from the limit
        (0.0100001, 0.01, "2 of 100 images (1.00001%) are blurred (1.00001%); the policy allows at most 1%"),
    ],
)
def test_a_finding_has_its_own_words_and_the_value_where_it_asks_for_it(
    value: float, limit: float, sentence: str
) -> None:
    """And where nothing was found it does not say what that leaves open: it may be about anything."""
    one = replace(measured(value, limit, "share"), finding="2 of 100 images ({value}) are blurred ({value})")
    assert judge(one)[1] == sentence


def test_a_finding_may_do_without_the_value() -> None:
    one = replace(measured(0, 0, "images"), finding="0 of 50 generated images are copies of a source image")
    assert judge(one) == (
        Outcome.PASS,
        "0 of 50 generated images are copies of a source image; the policy allows at most 0",
    )


@pytest.mark.parametrize(
    ("value", "limit", "outcome", "sentence"),
    [
        (0.99, 0.99, Outcome.PASS, "99% were caught; the policy asks for at least 99%"),
        (1.0, 0.99, Outcome.PASS, "100% were caught; the policy asks for at least 99%"),
        (0.98999, 0.99, Outcome.INCONCLUSIVE, "98.999% were caught; the policy asks for at least 99%"),
        (0.0, 0.99, Outcome.INCONCLUSIVE, "0% were caught; the policy asks for at least 99%"),
    ],
)
def test_a_lowest_value_may_be_exceeded_and_missing_it_means_what_the_check_says(
    value: float, limit: float, outcome: Outcome, sentence: str
) -> None:
    one = replace(
        measured(value, limit, "share"),
        finding="{value} were caught",
        at_least=True,
        missed=Outcome.INCONCLUSIVE,
    )
    assert judge(one) == (outcome, sentence)


def test_what_is_missed_with_confidence_is_what_the_check_says() -> None:
    one = replace(rate(9, 900, 0.001, 0.95), missed=Outcome.INCONCLUSIVE)
    assert judge(one)[0] is Outcome.INCONCLUSIVE
    assert judge(one)[1].endswith("95% confidence: 0.527% to 1.89%")


@pytest.mark.parametrize(
    ("measurement", "bound"),
    [
        (measured(0, 0, "images", n=3000), "; at 95% confidence up to 0.0998% may leak"),
        (measured(0.0, 0.01, "share", n=10), "; at 95% confidence up to 25.9% may leak"),
        (measured(1, 1, "images"), ""),
        (measured(0, 0, "people"), ""),
        (measured(0.0, 0.9, "cosine"), ""),
    ],
)
def test_nothing_found_tells_what_it_leaves_open(measurement: Measurement, bound: str) -> None:
    """About 3 of n; where a confidence was asked for, its own interval says so instead."""
    assert judge(measurement)[1].rpartition("the policy allows at most ")[2].lstrip("0123456789.%") == bound
    assert "may" not in judge(rate(0, 5000, 0.001, 0.95))[1]


# ----------------------------------------------------------------------------------------------- the brief


@pytest.mark.parametrize(
    ("measurement", "text"),
    [
        (measured(5, 0, "images"), "5 > 0 images"),
        (measured(0, 1, "images"), "0 <= 1 image"),
        (measured(1, 0, "people"), "1 > 0 people"),
        (measured(2, 1, "people"), "2 > 1 person"),
        (measured(1234, 2000, "people"), "1,234 <= 2,000 people"),
        (measured(0.95, 0.94, "cosine"), "0.9500 > 0.9400"),
        (measured(0.94000001, 0.94, "cosine"), "0.94000001 > 0.94000000"),
        (rate(0, 50, 0.001), "0% <= 0.1% (0% to 7.13%)"),
        (rate(5, 50, 0.001, 0.999), "10% > 0.1% (2.6% to 31.6%)"),
        (replace(measured(0.985, 0.99, "share"), at_least=True), "98.5% < 99%"),
        (replace(measured(0.99, 0.99, "share"), at_least=True), "99% >= 99%"),
        (replace(measured(92, 100, "images"), at_least=True), "92 < 100 images"),
    ],
)
def test_the_brief(measurement: Measurement, text: str) -> None:
    assert brief(measurement) == text
