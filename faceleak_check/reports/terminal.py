"""Verdicts as text of at most 80 columns.

Works on the record of a verdict (the JSON of the evidence), so that it can print what another process measured.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.cells import cell_len

from faceleak_check.reports.facts import fact_lines
from faceleak_check.reports.layout import WIDTH, cut, fitted, paragraphs, safe
from faceleak_check.reports.tables import canary_table, hub_list, pair_table

__all__ = ["failure_text", "headline", "place_line", "policy_lines", "safe"]

_COLOURS = {"pass": "green", "waived": "green", "leak": "red", "inconclusive": "yellow"}

Record = Mapping[str, Any]


def headline(record: Record) -> str:
    """The reasons in one sentence, without names of files."""
    return "; ".join(record["reasons"])


def failure_text(record: Record, *, names: bool) -> str:
    """What stands under a failed or inconclusive case.

    Args:
        record: The verdict as `verdict_record` made it.
        names: Whether to name files; without them images are shown by their digests, for JUnit.
    """
    return "\n".join(_failure_lines(record, names=names))


def _failure_lines(record: Record, *, names: bool) -> Iterator[str]:
    first, *others = record["reasons"]
    yield from paragraphs([f"{record['outcome'].upper()}: {first}", *(f"also: {other}" for other in others)])
    if names:
        yield from (safe(line) for detail in record["details"] for line in detail.split("\n"))
    for block in (
        fact_lines(record) if record["measurement"] or record["sets"] else (),
        _pairs(record, names=names),
        canary_table(record["canaries"]),
        hub_list(record["hubs"], names=names),
    ):
        lines = list(block)
        yield from ["", *lines] if lines else []
    yield from paragraphs(f"note: {warning}" for warning in record["warnings"])


def _pairs(record: Record, *, names: bool) -> Iterator[str]:
    measured = record["measurement"]
    if measured and measured["worst_pairs"]:
        yield from pair_table(measured, names=names)
    if measured and measured["n_pairs"] and record.get("pairs_file"):
        yield "all pairs, in the evidence folder:"
        yield f"  {record['pairs_file']['file']}"


def place_line(path: str, line: int, case: str) -> str:
    """Where in the policy a case stands; its name as well where there is room for it."""
    place = f"{safe(path)}:{line}"
    return f"{place}: {case}" if cell_len(f"{place}: {case}") <= WIDTH else place


def policy_lines(policy: Record) -> Iterator[tuple[str, str]]:
    """One line a case, under the policy's name, each with a colour or an empty text."""
    file, named = safe(policy["file"]), safe(f"{policy['file']} ({policy['name']})")
    yield named if policy["name"] and cell_len(named) <= WIDTH else file, ""
    if policy["problems"]:
        yield f"  INVALID      problems: {len(policy['problems']):,}, shown above", "red"
    for case in policy["cases"]:
        yield _case_line(case), _COLOURS[case["outcome"]]
    for case in policy["not_run"]:
        yield _outcome_line("not run", case), "yellow"
    for line in paragraphs(_notes(policy), indent=6, width=WIDTH - 2):
        yield f"  {line}", ""


def _notes(policy: Record) -> Iterator[str]:
    """The warnings of cases that passed, each once; the others' stand under their failures."""
    passed = (case for case in policy["cases"] if case["outcome"] in ("pass", "waived"))
    yield from dict.fromkeys(f"note: {warning}" for case in passed for warning in case["warnings"])


def _case_line(record: Record) -> str:
    line = _outcome_line(record["outcome"], record["case"])
    text = safe(record["brief"] or headline(record))
    if record["outcome"] == "inconclusive" and len(record["reasons"]) > 1:
        text = safe(record["reasons"][0])
    return f"{line}  {cut(text, WIDTH - cell_len(line) - 2)}".rstrip()


def _outcome_line(outcome: str, case: str) -> str:
    return f"  {outcome.upper():<12} {fitted(safe(case), WIDTH - 15)}"
