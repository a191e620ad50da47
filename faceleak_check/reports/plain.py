"""Verdicts as plain JSON data, floats rounded, names printable."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from faceleak_check.checks.judge import brief, told_apart
from faceleak_check.records import (
    Alignment,
    Box,
    Interval,
    Measurement,
    Pair,
    ScreenSummary,
    SetSummary,
    Verdict,
)
from faceleak_check.reports.findings import figure_record, finding_records
from faceleak_check.reports.leaves import printable, rounded

__all__ = ["pair_record", "verdict_record"]

_BOX_DECIMALS = 1
_OFFSET_DECIMALS = 3
_NORM_DECIMALS = 4
_WORST_SHOWN = 20


def verdict_record(verdict: Verdict) -> dict[str, Any]:
    """A verdict as plain JSON data, floats rounded to nine decimals, without its full list of pairs.

    What says which files its sets hold is left empty: a run fills it in where it leaves evidence.
    """
    measured = verdict.measurement
    return {
        "case": verdict.case,
        "check": verdict.check,
        "outcome": str(verdict.outcome),
        "brief": "" if measured is None else brief(measured),
        "reasons": list(verdict.reasons),
        "details": list(verdict.details),
        "warnings": list(verdict.warnings),
        "measurement": None if measured is None else _measurement(measured),
        "sets": {role: _set(one) for role, one in verdict.sets.items()},
        "unscreened": None if verdict.unscreened is None else _measurement(verdict.unscreened),
        "screens": [_screen(screen) for screen in verdict.screens],
        "embedder": None if verdict.embedder is None else asdict(verdict.embedder),
        "embedder_sha256": None if verdict.embedder is None else verdict.embedder.sha256,
        "agreement": {name: asdict(spec) for name, spec in verdict.agreement.items()},
        "waived": [pair_record(pair) for pair in verdict.waived],
        **finding_records(verdict),
    }


def _measurement(measured: Measurement) -> dict[str, Any]:
    return {
        "value": rounded(measured.value),
        "limit": rounded(measured.limit),
        "at_least": measured.at_least,
        "missed": str(measured.missed),
        "unit": measured.unit,
        "n": measured.n,
        "rule": measured.rule,
        "finding": _finding(measured),
        "figures": [figure_record(figure) for figure in measured.figures],
        "interval": None if measured.interval is None else _interval(measured.interval),
        "confidence_asked": measured.confidence_asked,
        "pairs_are_leaks": measured.leaks,
        "n_pairs": len(measured.pairs),
        "worst_pairs": [pair_record(pair) for pair in measured.pairs[:_WORST_SHOWN]],
    }


def _finding(measured: Measurement) -> str:
    """In the words in which it was judged."""
    value, _ = told_apart(measured.value, measured.limit, measured.unit)
    return measured.finding.replace("{value}", value)


def _interval(interval: Interval) -> dict[str, float]:
    return {name: rounded(number) for name, number in asdict(interval).items()}


def pair_record(pair: Pair) -> dict[str, Any]:
    """One pair as plain JSON data."""
    return {
        "generated": printable(pair.generated.id),
        "generated_sha256": pair.generated.sha256,
        "source": printable(pair.source.id),
        "source_sha256": pair.source.sha256,
        "source_people": [printable(label) for label in pair.source.labels],
        "similarity": rounded(pair.similarity),
        "distance": None if pair.distance is None else rounded(pair.distance),
        "generated_box": _box(pair.generated_box),
        "source_box": _box(pair.source_box),
        "seconds": [
            {
                "embedder": one.embedder,
                "similarity": rounded(one.similarity),
                "distance": rounded(one.distance),
            }
            for one in pair.seconds
        ],
        "kind": pair.kind,
        "bits": pair.bits,
    }


def _box(box: Box | None) -> list[float] | None:
    return None if box is None else [round(edge, _BOX_DECIMALS) + 0.0 for edge in box]


def _screen(screen: ScreenSummary) -> dict[str, Any]:
    return {
        "rule": screen.rule,
        "combine": screen.combine,
        "methods": [
            {
                **asdict(method.spec),
                "reject_above": rounded(method.reject_above),
                "n_images": method.n_images,
            }
            for method in screen.methods
        ],
        "groups": {
            role: {**asdict(group), "leak_rate": _rate(group.n_leaking, group.n_excluded)}
            for role, group in screen.groups.items()
        },
    }


def _rate(n_part: int, n_whole: int) -> float | None:
    return rounded(n_part / n_whole) if n_whole else None


def _set(one: SetSummary) -> dict[str, Any]:
    return {
        "name": one.name,
        "sha256": one.sha256,
        "labels_sha256": one.labels_sha256,
        "counts": asdict(one.counts),
        "excluded": [
            {
                "id": printable(gone.id),
                "rule": gone.rule,
                "reason": gone.reason,
                "sha256": gone.sha256,
                "value": None if gone.value is None else rounded(gone.value),
            }
            for gone in one.excluded
        ],
        "n_other_files": dict(sorted(one.n_other_files.items())),
        "n_people": one.n_people,
        "n_faces": one.n_faces,
        "median_norm": None if one.median_norm is None else round(one.median_norm, _NORM_DECIMALS),
        "alignments": {name: _alignment(alignment) for name, alignment in one.alignments.items()},
        "merkle_sha256": None,
        "manifest": None,
        "reading": None,
    }


def _alignment(alignment: Alignment) -> dict[str, Any]:
    survey = alignment.survey
    return {
        "asked": alignment.asked,
        "used": alignment.used,
        "reason": alignment.reason,
        "survey": None
        if survey is None
        else {
            "n_sampled": survey.n_sampled,
            "n_with_face": survey.n_with_face,
            "offset": None if survey.offset is None else round(survey.offset, _OFFSET_DECIMALS),
        },
    }
