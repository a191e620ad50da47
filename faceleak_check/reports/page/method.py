"""How it was done: models, thresholds, sets, versions, and the commands to do it again."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from faceleak_check.reports.about import kind_of
from faceleak_check.reports.facts import facts
from faceleak_check.reports.page.headings import in_order
from faceleak_check.reports.page.words import joined

__all__ = ["Command", "Method", "ModelRow", "SetRow", "ThresholdRow", "method_of"]

_TOLD_HERE = ("figure", "suspects", "alignment", "scan", "search", "previous")
"""Facts of a case that stand nowhere else on the page."""
_WITHOUT_THRESHOLD = ("coverage", "members", "nearest")
"""The kinds of checks that call no pair a leak."""

Record = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelRow:
    """A model: what it was used for, its weights and how it was run."""

    used_as: str
    name: str
    sha256: str
    licence: str
    run_on: str
    details: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ThresholdRow:
    """The threshold of one or several cases, and where it comes from."""

    cases: tuple[str, ...]
    threshold: str
    origin: str


@dataclass(frozen=True, kw_only=True, slots=True)
class SetRow:
    """A dataset, by its digests."""

    name: str
    roles: str
    n_images: int
    n_people: int | None
    sha256: str
    merkle_sha256: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """A command, and what it does."""

    does: str
    line: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Method:
    """How the verdicts of a policy came about."""

    models: tuple[ModelRow, ...]
    thresholds: tuple[ThresholdRow, ...]
    sets: tuple[SetRow, ...]
    facts: tuple[str, ...]
    commands: tuple[Command, ...]


def method_of(policy: Record) -> Method:
    """The method of a policy's cases, what several share once.

    Args:
        policy: The record of the policy.
    """
    cases = policy["cases"]
    return Method(
        models=tuple(_once(row for case in cases for row in _models(case))),
        thresholds=tuple(_thresholds(cases)),
        sets=tuple(_sets(cases)),
        facts=tuple(_once(line for case in cases for line in _facts(case))),
        commands=tuple(_commands(policy)),
    )


def _once(rows: Iterable[Any]) -> Iterable[Any]:
    return dict.fromkeys(rows)


def _models(case: Record) -> Iterator[ModelRow]:
    if case["embedder"]:
        yield _embedder("recogniser" if not case["agreement"] else "first recogniser", case["embedder"])
    for name, spec in case["agreement"].items():
        yield _embedder(f"recogniser that must agree ({name})", spec)
    for screen in case["screens"]:
        for method in screen["methods"]:
            yield ModelRow(
                used_as=f"screen “{screen['rule']}”",
                name=f"{method['model']} ({method['method']})",
                sha256=method["weights_sha256"],
                licence=method["licence"],
                run_on=f"{method['device']}, {method['precision']}",
                details=f"asks: {method['question']}; takes out above {method['reject_above']:g}",
            )


def _embedder(used_as: str, spec: Record) -> ModelRow:
    size = f"{spec['input_size']} pixels, " if spec["input_size"] else ""
    return ModelRow(
        used_as=used_as if spec["recognises_people"] else f"{used_as}; it recognises no people",
        name=spec["name"],
        sha256=spec["weights_sha256"],
        licence=spec["licence"],
        run_on=f"{spec['device']}, {spec['precision']}",
        details=f"{size}{spec['colour_order']}, {spec['normalisation']}; {spec['alignment']}; "
        f"templates of {spec['dimension']} numbers, compared by {spec['metric']}",
    )


def _thresholds(cases: Sequence[Record]) -> Iterator[ThresholdRow]:
    found: dict[tuple[str, str], list[str]] = {}
    for case in cases:
        for row in _of_case(case):
            found.setdefault(row, []).append(case["case"])
    for (threshold, origin), names in found.items():
        yield ThresholdRow(cases=tuple(names), threshold=threshold, origin=origin)


def _of_case(case: Record) -> Iterator[tuple[str, str]]:
    measured = case["measurement"]
    for name, one in case["thresholds"].items():
        yield (
            f"{name}: cosine {one['cosine']:.4f} ({one['asked']})",
            f"found on {one['origin']}: {one['n_comparisons']:,} comparisons of {one['n_images']:,} images of "
            f"{one['n_people']:,} people; {100 * one['confidence']:.6g}% interval {one['low']:.4f} to {one['high']:.4f}"
            + ("; extrapolated beyond what they can show" if one["extrapolated"] else ""),
        )
    if measured is not None and not case["thresholds"] and kind_of(case["check"]) not in _WITHOUT_THRESHOLD:
        yield measured["rule"], "stated in the policy; no error rate is known for it"


def _sets(cases: Sequence[Record]) -> Iterator[SetRow]:
    roles: dict[tuple[str, str], list[str]] = {}
    kept: dict[tuple[str, str], Record] = {}
    for case in cases:
        for role, one in in_order(case["sets"]):
            key = (one["name"], one["sha256"])
            kept[key] = one
            roles.setdefault(key, []).append(role)
    for key, one in kept.items():
        yield SetRow(
            name=one["name"],
            roles=joined(dict.fromkeys(roles[key])),
            n_images=one["counts"]["n_seen"],
            n_people=one["n_people"],
            sha256=one["sha256"],
            merkle_sha256=one["merkle_sha256"] or "",
        )


def _facts(case: Record) -> Iterator[str]:
    for label, text in facts(case):
        if label in _TOLD_HERE:
            yield f"{label}: {text}"


def _commands(policy: Record) -> Iterator[Command]:
    file = shlex.quote(policy["file"])
    yield Command(
        does="Run the policy again; what was embedded before is not embedded again.",
        line=f"pytest --faceleak-policy {file} --junitxml=out.xml",
    )
    yield Command(
        does="Make this page again from the evidence, without any model.",
        line="faceleak report faceleak-evidence/evidence.json",
    )
    yield Command(
        does="Check years later that a folder holds the generated images that were tested here.",
        line="faceleak verify faceleak-evidence/statement.json --generated DIR",
    )
