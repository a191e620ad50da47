"""The key ``report``."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from faceleak_check.policy.schema import Policy

Problems = Callable[..., list[str]]
Parse = Callable[..., Policy]

NAMES = "gdpr-recital-26, edpb-28-2024, iso-27559 or iso-19795-1"


def test_standards_keep_the_policys_order(parse: Parse, valid: str) -> None:
    assert parse(valid + "report: {standards: [iso-27559, gdpr-recital-26]}\n").standards == (
        "iso-27559",
        "gdpr-recital-26",
    )
    assert parse(valid).standards == ()


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (
            "{standards: [iso-27559, iso-27595]}",
            [
                (
                    "p.yaml:8:33: report.standards[1]: found the text 'iso-27595' (did you mean 'iso-27559'?), "
                    f"expected {NAMES}"
                )
            ],
        ),
        (
            "{standards: [gdpr]}",
            [f"p.yaml:8:22: report.standards[0]: found the text 'gdpr', expected {NAMES}"],
        ),
        (
            "{standards: [26]}",
            [f"p.yaml:8:22: report.standards[0]: found 26, expected {NAMES}"],
        ),
        (
            "{standards: []}",
            ["p.yaml:8:21: report.standards: found nothing in it, expected at least one"],
        ),
        (
            "{standards: iso-27559}",
            [
                (
                    "p.yaml:8:21: report.standards: found the text 'iso-27559', expected a list, each item on a "
                    "line that starts with '- '"
                )
            ],
        ),
        (
            "{standards: [iso-27559, iso-27559]}",
            ["p.yaml:8:9: report: found 'iso-27559' twice in 'standards'; name each once"],
        ),
        ("{}", ["p.yaml:8:1: report: missing key 'standards'"]),
        (
            "{standard: [iso-27559]}",
            ["p.yaml:8:10: report: unknown key 'standard' (did you mean 'standards'?); expected: standards"],
        ),
    ],
)
def test_a_wrong_list_is_refused(problems: Problems, valid: str, keys: str, expected: list[str]) -> None:
    assert problems(f"{valid}report: {keys}\n") == expected
