"""What of a verdict's findings reaches people who may not see a face or a name."""

from __future__ import annotations

from dataclasses import replace

import pytest
from whole_verdicts import (
    COPY,
    EVERY,
    HUBS,
    NOT_COMPARED,
    PERSON,
    calibrated,
    canary_recall,
    coverage,
    membership,
    nothing,
)

from faceleak_check.records import Figure, Verdict
from faceleak_check.reports.junit import junit_properties
from faceleak_check.reports.plain import verdict_record
from faceleak_check.reports.terminal import failure_text, headline


def properties(verdict: Verdict) -> dict[str, str | float]:
    named = [(name.removeprefix("faceleak."), value) for name, value in junit_properties(verdict, "a" * 64)]
    assert len(dict(named)) == len(named)
    return dict(named)


def between(verdict: Verdict, first: str, behind: str) -> list[tuple[str, str | float]]:
    found = list(properties(verdict).items())
    names = [name for name, _ in found]
    return found[names.index(first) : names.index(behind)]


def test_a_calibrated_rate_with_hubs() -> None:
    assert between(calibrated(), "policy", "generated.dataset") == [
        ("policy", "release"),
        ("policy_sha256", "a" * 64),
        ("check", "leak_rate"),
        ("outcome", "leak"),
        ("value", 0.0002),
        ("limit", 0.0001),
        ("limit_is", "at_most"),
        ("unit", "share"),
        ("rule", "cosine >= 0.9412 (FMR 0.001%)"),
        ("n", 10_000),
        ("interval_low", 0.00005),
        ("interval_high", 0.0007),
        ("interval_confidence", 0.95),
        ("figure.r_control", 0.000123457),
        ("figure.r_control.low", 0.0),
        ("figure.r_control.high", 0.0003),
        ("figure.r_control.confidence", 0.9),
        ("figure.n_parts", 4),
        ("pairs_copies", 1),
        ("pairs_persons", 1),
        ("previous_value", 0.000045679),
        ("threshold.adaface-ir101.asked", "FMR 0.001%"),
        ("threshold.adaface-ir101.cosine", 0.941234568),
        ("threshold.adaface-ir101.low", 0.93),
        ("threshold.adaface-ir101.high", 0.951234568),
        ("threshold.adaface-ir101.confidence", 0.95),
        ("threshold.adaface-ir101.extrapolated", "yes"),
        ("threshold.adaface-ir101.n_people", 120),
        ("threshold.adaface-ir101.n_comparisons", 250_000),
        ("threshold.adaface-ir101.n_suspects", 2),
        ("chance_matches", 12.345678901),
        ("chance_matches_low", 3.2),
        ("chance_matches_high", 40.4),
        ("chance_matches_unit", "pairs"),
        ("n_hubs", 2),
        ("n_hubs_excused", 1),
    ]


def test_canaries_and_a_lowest_value() -> None:
    assert between(canary_recall(), "value", "source.dataset") == [
        ("value", 0.950819672),
        ("limit", 0.99),
        ("limit_is", "at_least"),
        ("unit", "share"),
        ("rule", "cosine >= 0.9"),
        ("n", 61),
        ("canary.mirrored.n", 30),
        ("canary.mirrored.n_caught", 30),
        ("canary.shrunk.n", 30),
        ("canary.shrunk.n_caught", 28),
        ("canary.cropped.n", 1),
        ("canary.cropped.n_caught", 0),
    ]


def test_the_thresholds_of_two_embedders() -> None:
    found = properties(membership())
    assert [name for name in found if name.endswith((".extrapolated", ".n_suspects"))] == [
        "threshold.first.extrapolated",
        "threshold.first.n_suspects",
        "threshold.second.extrapolated",
        "threshold.second.n_suspects",
    ]
    assert (found["threshold.first.extrapolated"], found["threshold.second.n_suspects"]) == ("no", 1)


def test_a_count_stays_a_whole_number() -> None:
    found = properties(coverage())
    assert [str(found[name]) for name in ("value", "limit", "n")] == ["3", "100", "3"]


def test_pairs_are_counted_by_kind_where_one_was_compared() -> None:
    measured = calibrated().measurement
    assert measured is not None
    for pairs, counted in [
        ((), set()),
        ((NOT_COMPARED,), set()),
        ((COPY,), {("pairs_copies", 1), ("pairs_persons", 0)}),
        ((PERSON, NOT_COMPARED, PERSON), {("pairs_copies", 0), ("pairs_persons", 2)}),
    ]:
        found = properties(replace(calibrated(), measurement=replace(measured, pairs=pairs)))
        assert {one for one in found.items() if one[0].startswith("pairs_")} == counted


def test_hubs_are_excused_where_a_pair_of_theirs_is() -> None:
    excusing_none = replace(HUBS[0], n_excused=0)
    found = properties(replace(calibrated(), hubs=(*HUBS, excusing_none, HUBS[0])))
    assert (found["n_hubs"], found["n_hubs_excused"]) == (4, 2)


def test_zero_has_no_minus() -> None:
    measured = calibrated().measurement
    assert measured is not None
    figures = (Figure(name="r", value=-1e-12),)
    found = properties(replace(calibrated(), measurement=replace(measured, figures=figures)))
    assert str(found["figure.r"]) == "0.0"


def test_nothing_is_said_of_what_was_not_found() -> None:
    assert properties(nothing()) == {
        "policy": "release",
        "policy_sha256": "a" * 64,
        "check": "near_copy",
        "outcome": "inconclusive",
    }


def test_properties_are_text_or_numbers_that_survive_another_process() -> None:
    for verdict in EVERY.values():
        assert {type(value) for value in properties(verdict).values()} <= {str, int, float}


@pytest.mark.parametrize("name", EVERY)
def test_no_name_of_a_file_or_a_person_reaches_junit(name: str) -> None:
    verdict = replace(EVERY[name], details=("/home/me/secret",))
    record = verdict_record(verdict)
    text = f"{junit_properties(verdict, 'a' * 64)}\n{headline(record)}\n{failure_text(record, names=False)}"
    for forbidden in ("secret", "Secret", ".png", "/home"):
        assert forbidden not in text
    names = ("secret-1.png", "secret-2.png")
    assert any(one in failure_text(record, names=True) for one in names) == (name == "calibrated")
