"""The table at the end of a run."""

from __future__ import annotations

from typing import Any

import pytest
from rich.cells import cell_len

from faceleak_check.reports.summary import summary_lines


def measured(value: float = 1, limit: float = 0, unit: str = "images", **changes: Any) -> dict[str, Any]:
    return {"value": value, "limit": limit, "unit": unit, "at_least": False, "interval": None, **changes}


def record(outcome: str = "leak", case: str = "leak_count[g-vs-t]", **changes: Any) -> dict[str, Any]:
    return {
        "case": case,
        "outcome": outcome,
        "reasons": ["1 of 1,230 generated images leaks; the policy allows at most 0"],
        "warnings": [],
        "waived": [],
        "measurement": measured(),
        **changes,
    }


def policy(*cases: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "file": "p.yaml",
        "name": "p",
        "problems": [],
        "waivers": None,
        "cases": list(cases),
        "not_run": [],
        **changes,
    }


def text(shown: dict[str, Any]) -> list[str]:
    return [line.head + line.tail for line in summary_lines(shown)]


def test_a_row_a_case() -> None:
    interval = {"low": 0.0257, "high": 0.513, "confidence": 0.95}
    cases = [
        record(),
        record("pass", "top_k_similarity[g-vs-t]", measurement=measured(0.91234, 0.96, "cosine")),
        record("leak", "leak_rate[g-vs-t]", measurement=measured(0.142857, 0, "share", interval=interval)),
        record("waived", measurement=measured(0), waived=[{}, {}, {}]),
        record("pass", "canary_recall[t]", measurement=measured(1, 0.99, "share", at_least=True)),
        record("inconclusive", measurement=None, reasons=["dataset 't' was not found", "and more"]),
        record("inconclusive", reasons=["2 waivers have expired", "0 of 1 leak"], waived=[{}]),
        record("inconclusive", "excess_risk[g-vs-t-vs-u]", measurement=measured(0.05, 0.02, "share")),
    ]
    assert text(policy(*cases, not_run=["coverage[g]"])) == [
        "p.yaml (p)",
        "  outcome      case                       value  limit",
        "  LEAK         leak_count[g-vs-t]             1  <= 0",
        "  PASS         top_k_similarity[g-vs-t]  0.9123  <= 0.9600",
        "  LEAK         leak_rate[g-vs-t]          14.3%  <= 0%",
        "               interval 95%: 2.57% to 51.3%",
        "  WAIVED       leak_count[g-vs-t]             0  <= 0",
        "               waived: 3",
        "  PASS         canary_recall[t]            100%  >= 99%",
        "  INCONCLUSIVE leak_count[g-vs-t]",
        "               dataset 't' was not found",
        "  INCONCLUSIVE leak_count[g-vs-t]             1  <= 0",
        "               2 waivers have expired",
        "               waived: 1",
        "  INCONCLUSIVE excess_risk[g-vs-t-vs-u]      5%  <= 2%",
        "  NOT RUN      coverage[g]",
    ]


def test_the_outcome_alone_is_coloured() -> None:
    outcomes = ("pass", "waived", "leak", "inconclusive")
    lines = list(summary_lines(policy(*map(record, outcomes), not_run=["leak_rate[g-vs-t]"])))
    assert [(line.head, line.markup) for line in lines if line.markup] == [
        ("  outcome      case                value  limit", ("bold",)),
        ("  PASS        ", ("green", "bold")),
        ("  WAIVED      ", ("green", "bold")),
        ("  LEAK        ", ("red", "bold")),
        ("  INCONCLUSIVE", ("yellow", "bold")),
        ("  NOT RUN     ", ("yellow", "bold")),
    ]


def test_where_nothing_was_measured_there_are_no_columns_of_figures() -> None:
    lines = text(policy(record("inconclusive", measurement=None, reasons=["why"]), not_run=["a[b]"]))
    assert lines == [
        "p.yaml (p)",
        "  INCONCLUSIVE leak_count[g-vs-t]",
        "               why",
        "  NOT RUN      a[b]",
    ]


def test_notes_of_passed_cases_stand_under_the_policy_once_each() -> None:
    said_twice = "the screens looked at nothing: a match list comes without images"
    cases = [
        record("pass", warnings=[said_twice, "word " * 20 + "end"]),
        record("waived", warnings=["odd \x1b[31m name", said_twice]),
        record("leak", warnings=["under the leak itself"]),
        record("inconclusive", warnings=["under the error itself"]),
    ]
    assert text(policy(*cases))[6:] == [
        "  note: the screens looked at nothing: a match list comes without images",
        "  note: word word word word word word word word word word word word word word",
        "        word word word word word word end",
        r"  note: odd \x1b[31m name",
    ]


def test_an_invalid_policy() -> None:
    (name, line) = summary_lines(policy(name=None, problems=["p.yaml:1:1: a", "p.yaml:2:1: b"]))
    assert (name.head, name.markup) == ("p.yaml", ())
    assert (line.head, line.tail, line.markup) == (
        "  INVALID     ",
        " problems: 2, shown above",
        ("red", "bold"),
    )


@pytest.mark.parametrize("letter", ["x", "漢", "ع", "\x1b", "e\u0301", "😀", "\u202e", "\udcff", "<script>"])
def test_columns_stand_under_each_other_whatever_the_names(letter: str) -> None:
    long = letter * 150
    shown = policy(
        record(case=long, warnings=[long]),
        record("inconclusive", long, measurement=None, reasons=[long]),
        record("pass", warnings=[long]),
        name=long,
        file=long,
        not_run=[long],
    )
    lines = text(shown)
    for line in lines[1:]:  # the file itself may be of any length: it is there to be copied
        assert cell_len(line) <= 80
        assert line.isprintable()
    (titles, leak, passed) = (line for line in lines if line.endswith(("limit", "<= 0")))
    assert cell_len(leak) == cell_len(passed) == cell_len(titles) - 1


def test_a_long_case_gives_way_to_its_figures() -> None:
    case = f"membership_inference[{'g' * 30}-vs-{'t' * 30}]"
    interval = {"low": 0.1234, "high": 0.2345, "confidence": 0.95}
    (_, titles, row, below) = text(
        policy(record(case=case, measurement=measured(0.1789, 0.01, "share", interval=interval)))
    )
    assert titles == f"  outcome      case{' ' * 49}value  limit"
    assert row == f"  LEAK         membership_inference[gggg…{'t' * 24}]  17.9%  <= 1%"
    assert below == "               interval 95%: 12.3% to 23.4%"
