"""Images that were not compared: by rule, with values, samples, and how much of them leaks; and hubs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from faceleak_check.records import IN_SOURCE, NO_FACE, SEVERAL_FACES, UNREADABLE, UNSEEN_FOLDER
from faceleak_check.reports.page.headings import in_order
from faceleak_check.reports.page.pictures import Pictures
from faceleak_check.reports.page.words import counted, on_one_line, percent

__all__ = ["HubRow", "LeftOut", "RuleRow", "Sample", "hub_rows", "left_out"]

_N_SAMPLES = 6
_N_UNREADABLE = 50
_RULES: Mapping[str, str] = {
    UNREADABLE: "Unreadable file",
    NO_FACE: "No face found",
    SEVERAL_FACES: "More faces than one",
    IN_SOURCE: "Shows a person of the source set",
    UNSEEN_FOLDER: "Folder that could not be looked into",
}

Record = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """One image that was left out."""

    name: str
    reason: str
    picture: str


@dataclass(frozen=True, kw_only=True, slots=True)
class RuleRow:
    """The images that one rule took out of a set.

    Attributes:
        rule: The rule in words.
        n: How many images.
        values: Range of the values that the screen gave them, in words; empty where no screen did.
        leaking: How much of them would count against the release, in words.
        samples: The first of them.
        n_more: How many more there are.
    """

    rule: str
    n: int
    values: str
    leaking: str
    samples: tuple[Sample, ...]
    n_more: int


@dataclass(frozen=True, kw_only=True, slots=True)
class LeftOut:
    """Where the images of a set went.

    Attributes:
        cases: Names of the cases in which it is so.
        role: What the set was in them.
        name: The dataset's name in the policy.
        seen: How many images there are, and how many were compared, in words.
        others: Files that are no images, in words; empty where there are none.
        rules: What took images out.
    """

    cases: tuple[str, ...]
    role: str
    name: str
    seen: str
    others: str
    rules: tuple[RuleRow, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class HubRow:
    """A source image that many generated images match best."""

    name: str
    picture: str
    n_best: int
    n_excused: int
    reason: str


def left_out(cases: Sequence[Record], pictures: Pictures) -> tuple[LeftOut, ...]:
    """Each set of some cases once, those of equal content together.

    Args:
        cases: The records of a policy's cases.
        pictures: Gives the pictures of samples.
    """
    found: list[LeftOut] = []
    for case in cases:
        for role, one in in_order(case["sets"]):
            is_real = role != "generated" and not _is_generated(one, cases)
            entry = _of_set(case, role, one, pictures, is_real=is_real)
            for place, other in enumerate(found):
                if replace(other, cases=()) == replace(entry, cases=()):
                    found[place] = replace(other, cases=(*other.cases, *entry.cases))
                    break
            else:
                found.append(entry)
    return tuple(found)


def _is_generated(one: Record, cases: Sequence[Record]) -> bool:
    """Whether a set is somewhere the generated one; what is not known to be is treated as people's photographs."""
    generated = (case["sets"].get("generated") for case in cases)
    return any(other is not None and other["sha256"] == one["sha256"] for other in generated)


def _of_set(case: Record, role: str, one: Record, pictures: Pictures, *, is_real: bool) -> LeftOut:
    counts = one["counts"]
    gone = counts["n_seen"] - counts["n_embedded"]
    others = (f"{n:,} {suffix or 'without suffix'}" for suffix, n in one["n_other_files"].items())
    rows = tuple(_rules(case, role, one, pictures, is_real=is_real))
    return LeftOut(
        cases=(case["case"],),
        role=role,
        name=one["name"],
        seen=f"{counted(counts['n_seen'], 'image')} seen, {counts['n_embedded']:,} compared, {gone:,} left out",
        others=", ".join(others),
        rules=rows,
    )


def _rules(case: Record, role: str, one: Record, pictures: Pictures, *, is_real: bool) -> Iterator[RuleRow]:
    counts = one["counts"]
    for rule, n in {UNREADABLE: counts["n_unreadable"], **counts["n_excluded"]}.items():
        images = [gone for gone in one["excluded"] if gone["rule"] == rule]
        if not n and not images:
            continue
        shown = images[: _N_UNREADABLE if rule == UNREADABLE else _N_SAMPLES]
        yield RuleRow(
            rule=_RULES.get(rule, f"Screen “{rule}”"),
            n=n,
            values=_values(images),
            leaking=_leaking(case, role, rule),
            samples=tuple(_sample(gone, pictures, is_real=is_real) for gone in shown),
            n_more=max(n, len(images)) - len(shown),
        )


def _values(images: Sequence[Record]) -> str:
    values = [gone["value"] for gone in images if gone["value"] is not None]
    if not values:
        return "none"
    low, high = f"{min(values):.3f}", f"{max(values):.3f}"
    return low if low == high else f"{low} to {high}"


def _leaking(case: Record, role: str, rule: str) -> str:
    group = next((screen["groups"].get(role) for screen in case["screens"] if screen["rule"] == rule), None)
    if group is None or group["leak_rate"] is None:
        return "not known: these images could not be compared" if rule != IN_SOURCE else "not asked"
    return f"{percent(group['leak_rate'])}: {group['n_leaking']:,} of {group['n_excluded']:,}"


def _sample(gone: Record, pictures: Pictures, *, is_real: bool) -> Sample:
    return Sample(
        name=on_one_line(gone["id"]),
        reason=gone["reason"],
        picture=pictures.uri(gone["sha256"], is_real=is_real),
    )


def hub_rows(cases: Sequence[Record], pictures: Pictures) -> Iterator[HubRow]:
    """The hubs of some cases, each once.

    Args:
        cases: The records of the cases.
        pictures: Gives their pictures.
    """
    rows = (
        HubRow(
            name=on_one_line(hub["source"]),
            picture=pictures.uri(hub["source_sha256"], is_real=True),
            n_best=hub["n_best"],
            n_excused=hub["n_excused"],
            reason=hub["reason"],
        )
        for case in cases
        for hub in case["hubs"]
    )
    yield from dict.fromkeys(rows)
