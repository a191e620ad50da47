"""The table at the end of a run: a row a case, at most 80 columns wide.

Works on the records of the evidence, so that it can show what another process measured.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.cells import cell_len

from faceleak_check.reports.figures import interval_text, limit_text, value_text
from faceleak_check.reports.layout import WIDTH, fitted, padded, paragraphs, safe
from faceleak_check.reports.waivers import failing_line, notes_on_waivers

__all__ = ["SummaryLine", "summary_lines"]

_COLOURS = {
    "pass": "green",
    "waived": "green",
    "leak": "red",
    "invalid": "red",
    "inconclusive": "yellow",
    "not run": "yellow",
}
_BEFORE_CASE = 15
_GAP = 2

Record = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class SummaryLine:
    """One line of the table.

    Attributes:
        head: Its first part, which the markup is for.
        tail: The rest of it.
        markup: Names that pytest's terminal writer knows, such as ``red``.
    """

    head: str
    tail: str = ""
    markup: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class _Row:
    outcome: str
    case: str
    value: str = ""
    limit: str = ""
    below: tuple[str, ...] = ()


_TITLES = _Row(outcome="", case="case", value="value", limit="limit")


def summary_lines(policy: Record) -> Iterator[SummaryLine]:
    """A policy's cases under its name, and below them the notes of those that passed.

    Args:
        policy: The record of a policy.
    """
    file, named = safe(policy["file"]), safe(f"{policy['file']} ({policy['name']})")
    yield SummaryLine(head=named if policy["name"] and cell_len(named) <= WIDTH else file)
    if policy["problems"]:
        yield _line("invalid", f"problems: {len(policy['problems']):,}, shown above")
    yield from _table([*map(_row, policy["cases"]), *map(_not_run, policy["not_run"])])
    failing = failing_line(policy.get("waivers"))
    if failing:
        yield _line("inconclusive", failing)
    for line in paragraphs(_notes(policy), indent=6, width=WIDTH - 2):
        yield SummaryLine(head=f"  {line}")


def _table(rows: Sequence[_Row]) -> Iterator[SummaryLine]:
    if not any(row.value for row in rows):
        for row in rows:
            yield _line(row.outcome, fitted(row.case, WIDTH - _BEFORE_CASE))
            yield from _below(row)
        return
    cells = [(row.case, row.value, row.limit) for row in (_TITLES, *rows)]
    widths = [max(map(cell_len, column)) for column in zip(*cells, strict=True)]
    widths[0] = min(widths[0], WIDTH - _BEFORE_CASE - 2 * _GAP - widths[1] - widths[2])
    yield SummaryLine(head=f"  {'outcome':<13}{_cells(_TITLES, widths)}", markup=("bold",))
    for row in rows:
        yield _line(row.outcome, _cells(row, widths))
        yield from _below(row)


def _cells(row: _Row, widths: Sequence[int]) -> str:
    case, value, limit = widths
    name = padded(fitted(row.case, case), case)
    return f"{name}{'':{_GAP}}{row.value:>{value}}{'':{_GAP}}{row.limit:<{limit}}".rstrip()


def _line(outcome: str, tail: str) -> SummaryLine:
    return SummaryLine(head=f"  {outcome.upper():<12}", tail=f" {tail}", markup=(_COLOURS[outcome], "bold"))


def _below(row: _Row) -> Iterator[SummaryLine]:
    for line in paragraphs(row.below, indent=0, width=WIDTH - _BEFORE_CASE):
        yield SummaryLine(head=f"{'':{_BEFORE_CASE}}{line}")


def _row(record: Record) -> _Row:
    measured = record["measurement"]
    return _Row(
        outcome=record["outcome"],
        case=safe(record["case"]),
        value="" if measured is None else value_text(measured),
        limit="" if measured is None else limit_text(measured, signs=("<=", ">=")),
        below=tuple(_remarks(record)),
    )


def _not_run(case: str) -> _Row:
    return _Row(outcome="not run", case=safe(case))


def _remarks(record: Record) -> Iterator[str]:
    measured = record["measurement"]
    # of a single reason the figures themselves tell all that fits on a line
    if record["outcome"] == "inconclusive" and (measured is None or len(record["reasons"]) > 1):
        yield record["reasons"][0]
    about = [] if measured is None or not measured["interval"] else [f"interval {interval_text(measured)}"]
    if record["waived"]:
        about.append(f"waived: {len(record['waived']):,}")
    if about:
        yield ", ".join(about)


def _notes(policy: Record) -> Iterator[str]:
    """What its waivers did, and the warnings of cases that passed, each once; others stand under their failures."""
    yield from (f"note: {note}" for note in notes_on_waivers(policy.get("waivers")))
    passed = (case for case in policy["cases"] if case["outcome"] in ("pass", "waived"))
    yield from dict.fromkeys(f"note: {warning}" for case in passed for warning in case["warnings"])
