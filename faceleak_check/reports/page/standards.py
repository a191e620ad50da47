"""What texts of law and standards ask for, beside the figures of a policy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from faceleak_check.reports.standards import standards_rows

__all__ = ["StandardTopic", "standard_tables"]

Record = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class StandardTopic:
    """What a text asks for in one place, and the figures that are evidence towards it, each with its case."""

    clause: str
    asks: str
    figures: tuple[tuple[str, str], ...]


def standard_tables(policy: Record) -> Mapping[str, tuple[StandardTopic, ...]]:
    """The topics of each text that the policy lists, by its title."""
    figures: dict[tuple[str, str, str], list[tuple[str, str]]] = {}
    for row in standards_rows(policy):
        figures.setdefault((row.standard, row.clause, row.asks), []).append((row.figure, row.case))
    tables: dict[str, tuple[StandardTopic, ...]] = {}
    for (standard, clause, asks), told in figures.items():
        topic = StandardTopic(clause=clause, asks=asks, figures=tuple(told))
        tables[standard] = (*tables.get(standard, ()), topic)
    return tables
