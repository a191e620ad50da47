"""What stands under a failed case, as text of at most 80 columns.

Works on the record of a verdict (the JSON of the evidence), so that it can print what another process measured.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.cells import cell_len

from faceleak_check.reports.facts import fact_lines
from faceleak_check.reports.layout import WIDTH, paragraphs, safe
from faceleak_check.reports.tables import canary_table, hub_list, pair_table

__all__ = ["failure_text", "headline", "place_line", "safe"]

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
