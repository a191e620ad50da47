"""The verdict of a case in words and figures, as the top of the page shows it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from faceleak_check.checks.judge import told_apart
from faceleak_check.reports.about import about_of
from faceleak_check.reports.page.caveats import caveats
from faceleak_check.reports.page.chance import chance_sentence
from faceleak_check.reports.page.headings import OUTCOME_WORDS, ROLES, in_order
from faceleak_check.reports.page.scale import scale_svg
from faceleak_check.reports.page.words import counted

__all__ = ["Fact", "VerdictCard", "verdict_card"]

_UNITS: Mapping[str, tuple[str, str]] = {"images": ("image", "images"), "people": ("person", "people")}
Record = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Fact:
    """A figure behind its label."""

    label: str
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class VerdictCard:
    """What the top of the page says of a case.

    Attributes:
        case: Its name.
        outcome: One of the four, as the evidence has it.
        badge: The same in words.
        heading: What the check is about.
        question: What it asks; empty where that is not known.
        reasons: Why, in sentences; the deciding one first.
        figures: Value, limit and interval.
        facts: What they rest on.
        unsaid: What the result does not say.
        notes: What a reader must know besides.
        details: Files and advice, a line each.
        scale: Value, interval and limit as SVG; empty where there is nothing to draw.
    """

    case: str
    outcome: str
    badge: str
    heading: str
    question: str
    reasons: tuple[str, ...]
    figures: tuple[Fact, ...]
    facts: tuple[Fact, ...]
    unsaid: tuple[str, ...]
    notes: tuple[str, ...]
    details: tuple[str, ...]
    scale: str


def verdict_card(case: Record, others: Sequence[Record]) -> VerdictCard:
    """The card of a case.

    Args:
        case: Its record.
        others: The records of all cases of its policy.
    """
    measured = case["measurement"]
    return VerdictCard(
        case=case["case"],
        outcome=case["outcome"],
        badge=OUTCOME_WORDS[case["outcome"]],
        heading=about_of(case["check"]).title,
        question=about_of(case["check"]).question,
        reasons=tuple(_as_sentence(reason) for reason in case["reasons"]),
        figures=() if measured is None else tuple(_figures(measured)),
        facts=tuple(_facts(case)),
        unsaid=caveats(case, others),
        notes=tuple(_as_sentence(warning) for warning in case["warnings"]),
        details=tuple(line for detail in case["details"] for line in detail.split("\n")),
        scale="" if measured is None else scale_svg(measured),
    )


def _as_sentence(text: str) -> str:
    """A reason as people write: with a capital and a full stop."""
    return f"{text[:1].upper()}{text[1:]}".rstrip(".") + "."


def _figures(measured: Record) -> Iterator[Fact]:
    unit = measured["unit"]
    value, limit = told_apart(measured["value"], measured["limit"], unit)
    yield Fact(label="Measured", text=_with_unit(value, measured["value"], unit))
    allowed = "at least" if measured["at_least"] else "at most"
    yield Fact(label="Limit", text=f"{allowed} {_with_unit(limit, measured['limit'], unit)}")
    interval = measured["interval"]
    if interval is None:
        without = "none: a count of what was found" if unit in _UNITS else "none"
        yield Fact(label="Interval", text=without)
        return
    low, high = (told_apart(interval[end], measured["limit"], "share")[0] for end in ("low", "high"))
    decides = "; it decides" if measured["confidence_asked"] else ""
    yield Fact(label="Interval", text=f"{low} to {high} ({100 * interval['confidence']:.6g}%{decides})")


def _with_unit(text: str, number: float, unit: str) -> str:
    if unit not in _UNITS:
        return f"cosine {text}" if unit == "cosine" else text
    return f"{text} {_UNITS[unit][number != 1]}"


def _facts(case: Record) -> Iterator[Fact]:
    measured = case["measurement"]
    if case["sets"]:
        compared = (
            f"{one['counts']['n_embedded']:,} {ROLES.get(role, role)} ({one['name']})"
            for role, one in in_order(case["sets"])
        )
        yield Fact(label="Compared", text=", ".join(compared))
    if measured is None:
        return
    yield Fact(label="Rule", text=measured["rule"])
    for name, found in case["thresholds"].items():
        yield Fact(label=f"Threshold of {name}" if case["agreement"] else "Threshold", text=_threshold(found))
    if measured["pairs_are_leaks"] and case["embedder"] and case["embedder"]["recognises_people"]:
        yield Fact(label="Chance", text=chance_sentence(case["chance"]))
    if case["unscreened"]:
        value, _ = told_apart(case["unscreened"]["value"], case["unscreened"]["limit"], measured["unit"])
        without = _with_unit(value, case["unscreened"]["value"], measured["unit"])
        yield Fact(label="Without screens", text=f"{without}, had the screens taken nothing out")
    if case["previous"]:
        earlier, _ = told_apart(case["previous"]["value"], measured["limit"], measured["unit"])
        yield Fact(
            label="Earlier release", text=_with_unit(earlier, case["previous"]["value"], measured["unit"])
        )


def _threshold(found: Record) -> str:
    tail = ", extrapolated" if found["extrapolated"] else ""
    return (
        f"cosine {found['cosine']:.4f} for {found['asked']} ({100 * found['confidence']:.6g}%: {found['low']:.4f} to "
        f"{found['high']:.4f}{tail}), found on {found['origin']}: {counted(found['n_comparisons'], 'comparison')} of "
        f"{counted(found['n_people'], 'person', 'people')}"
    )
