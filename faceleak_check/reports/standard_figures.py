"""The figures of a case as evidence towards something, each in one line."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Literal

from faceleak_check.records import CheckKind
from faceleak_check.reports.about import kind_of
from faceleak_check.short_digests import short

__all__ = ["FIGURES", "FigureKind"]

FigureKind = Literal[
    "outcome",
    "recogniser",
    "sets",
    "previous",
    "waived",
    "fmr",
    "fpir",
    "failures",
    "population",
    "interval",
]

Case = Mapping[str, Any]
Figures = Callable[[Case, Collection[CheckKind | None]], Iterator[str]]


def _of_checks(told: Callable[[Case], Iterator[str]]) -> Figures:
    """Asks only cases of the kinds of checks that speak to a topic."""

    def figures(case: Case, kinds: Collection[CheckKind | None]) -> Iterator[str]:
        return told(case) if kind_of(case["check"]) in kinds else iter(())

    return figures


def _outcome(case: Case) -> Iterator[str]:
    figure = case["brief"] or "nothing could be measured"
    yield f"{case['check']}: {figure}; {case['outcome']}"


def _recogniser(case: Case) -> Iterator[str]:
    for one in filter(None, [case["embedder"], *case["agreement"].values()]):
        digest = f", weights {short(one['weights_sha256'])}" if one["weights_sha256"] else ""
        yield f"{one['name']}{digest}, {one['precision']}"


def _sets(case: Case) -> Iterator[str]:
    for role, one in case["sets"].items():
        n_images, digest = _counted(one["counts"]["n_seen"], "image"), short(one["sha256"])
        yield f"{role} {one['name']!r}: {n_images}, SHA-256 {digest}"


def _previous(case: Case) -> Iterator[str]:
    if case["previous"]:
        value = f"{case['previous']['value']:.6g}"
        yield f"{case['check']}: {case['brief']}; {value} in evidence {short(case['previous']['evidence_sha256'])}"


def _waived(case: Case) -> Iterator[str]:
    if case["waived"]:
        yield f"{_counted(len(case['waived']), 'pair')} accepted by a waiver"


def _error_rate(kind: str) -> Callable[[Case], Iterator[str]]:
    def told(case: Case) -> Iterator[str]:
        for name, found in case["thresholds"].items():
            if found["asked"].startswith(f"{kind} "):
                yield f"{name}: {_threshold(found)}"

    return told


def _threshold(found: Mapping[str, Any]) -> str:
    how = ", extrapolated" if found["extrapolated"] else ""
    return (
        f"{found['asked']} at cosine {found['cosine']:.4f} ({100 * found['confidence']:.6g}%: {found['low']:.4f} to "
        f"{found['high']:.4f}{how}); {_counted(found['n_comparisons'], 'comparison')} of "
        f"{_counted(found['n_people'], 'person', 'people')}"
    )


def _failures(case: Case) -> Iterator[str]:
    for role, one in case["sets"].items():
        counts = one["counts"]
        lost = {"unreadable": counts["n_unreadable"], **counts["n_excluded"]}
        told = ", ".join(f"{n:,} {rule}" for rule, n in lost.items() if n) or "none left out"
        yield f"{role} {one['name']!r}: {told}, of {counts['n_seen']:,}"


def _population(case: Case) -> Iterator[str]:
    for role, one in case["sets"].items():
        people = (
            "people not named" if one["n_people"] is None else _counted(one["n_people"], "person", "people")
        )
        yield f"{role} {one['name']!r}: {_counted(one['counts']['n_embedded'], 'image')} compared, {people}"


def _interval(case: Case) -> Iterator[str]:
    interval = case["measurement"]["interval"] if case["measurement"] else None
    if interval:
        low, high = (f"{100 * interval[end]:.3g}%" for end in ("low", "high"))
        yield f"{case['check']}: {low} to {high} at {100 * interval['confidence']:.6g}% confidence"


def _counted(n: int, one: str, many: str = "") -> str:
    return f"{n:,} {one if n == 1 else many or one + 's'}"


FIGURES: Mapping[FigureKind, Figures] = {
    "outcome": _of_checks(_outcome),
    "recogniser": _of_checks(_recogniser),
    "sets": _of_checks(_sets),
    "previous": _of_checks(_previous),
    "waived": _of_checks(_waived),
    "fmr": _of_checks(_error_rate("FMR")),
    "fpir": _of_checks(_error_rate("FPIR")),
    "failures": _of_checks(_failures),
    "population": _of_checks(_population),
    "interval": _of_checks(_interval),
}
"""What a case tells, by kind; nothing where it does not tell that."""
