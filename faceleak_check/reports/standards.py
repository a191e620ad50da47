"""What texts of law and standards ask for, and which figures of a policy are evidence towards it.

No figure meets a requirement, and nothing here says so: whether it does is for the reader to judge.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from faceleak_check.reports.standard_figures import FIGURES
from faceleak_check.reports.standard_topics import STANDARDS, Topic

__all__ = ["NOT_MEASURED", "StandardRow", "standards_rows"]

NOT_MEASURED = "not measured by this policy"

Record = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class StandardRow:
    """One topic of a text beside one figure.

    Attributes:
        standard: The text's title.
        clause: Which part of it.
        asks: What it asks for there, in our words.
        figure: The evidence towards it: value, limit and interval of a check, or that nothing measures it.
        case: The case that the figure is from; empty where it is several's, or none's.
    """

    standard: str
    clause: str
    asks: str
    figure: str
    case: str


def standards_rows(policy_record: Record) -> tuple[StandardRow, ...]:
    """The topics of the texts that a policy lists, each with every figure of the policy that is evidence towards it.

    Args:
        policy_record: The record of a policy, as the evidence has it. A text that this version does not know, because
            a later one wrote the record, is passed over.
    """
    return tuple(
        StandardRow(standard=known.title, clause=topic.clause, asks=topic.asks, figure=figure, case=case)
        for name, known in STANDARDS.items()
        if name in policy_record["standards"]
        for topic in known.topics
        for case, figure in _figures(topic, policy_record)
    )


def _figures(topic: Topic, policy: Record) -> Iterator[tuple[str, str]]:
    found = [
        (case["case"], figure)
        for case in policy["cases"]
        for kind in topic.figures
        for figure in FIGURES[kind](case, topic.kinds)
    ]
    yield from (_once(found) if topic.is_shared else found) or [("", NOT_MEASURED)]


def _once(found: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Each figure once, such as the recogniser; that of several cases is no single one's."""
    cases: dict[str, list[str]] = {}
    for case, figure in found:
        cases.setdefault(figure, []).append(case)
    return [(those[0] if len(those) == 1 else "", figure) for figure, those in cases.items()]
