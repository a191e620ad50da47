"""Thresholds, hubs, canaries and the like as plain JSON data."""

from __future__ import annotations

from typing import Any

from faceleak_check.records import (
    Calibration,
    CanaryKind,
    ChanceMatches,
    ErrorRate,
    Figure,
    Histogram,
    Hub,
    ImageRef,
    NeighbourSearch,
    Previous,
    RocCurve,
    Scan,
    Suspect,
    Verdict,
)
from faceleak_check.reports.leaves import printable, rounded, rounded_rate

__all__ = ["figure_record", "finding_records"]


def finding_records(verdict: Verdict) -> dict[str, Any]:
    """All that a verdict tells besides its measurement, by the names of the evidence."""
    return {
        "thresholds": {name: _calibration(one) for name, one in verdict.thresholds.items()},
        "error_rates": [_error_rate(point) for point in verdict.error_rates],
        "chance": None if verdict.chance is None else _chance(verdict.chance),
        "hubs": [_hub(hub) for hub in verdict.hubs],
        "canaries": [_canaries(kind) for kind in verdict.canaries],
        "histograms": [_histogram(one) for one in verdict.histograms],
        "curve": None if verdict.curve is None else _curve(verdict.curve),
        "previous": None if verdict.previous is None else _previous(verdict.previous),
        "scan": None if verdict.scan is None else _scan(verdict.scan),
        "search": None if verdict.search is None else _search(verdict.search),
    }


def _scan(scan: Scan) -> dict[str, Any]:
    return {
        "precision": scan.precision,
        "n_looked_at": dict(scan.n_looked_at),
        "largest_angle": rounded_rate(scan.largest_angle),
        "bound": rounded_rate(scan.bound),
    }


def _search(search: NeighbourSearch) -> dict[str, Any]:
    return {
        "index": search.index,
        "n_templates": search.n_templates,
        "n_lists": search.n_lists,
        "n_probed": search.n_probed,
        "n_sampled": search.n_sampled,
        "n_found": search.n_found,
        "recall": _rounded_or_none(search.recall),
        "confidence": _rounded_or_none(search.confidence),
    }


def figure_record(figure: Figure) -> dict[str, Any]:
    """A figure that stands beside a value, as plain JSON data."""
    return {
        "name": figure.name,
        "value": rounded(figure.value),
        "low": _rounded_or_none(figure.low),
        "high": _rounded_or_none(figure.high),
        "confidence": _rounded_or_none(figure.confidence),
    }


def _calibration(found: Calibration) -> dict[str, Any]:
    return {
        "asked": found.asked,
        "cosine": rounded(found.cosine),
        "low": rounded(found.low),
        "high": rounded(found.high),
        "confidence": rounded(found.confidence),
        "extrapolated": found.extrapolated,
        "origin": found.origin,
        "n_people": found.n_people,
        "n_images": found.n_images,
        "n_comparisons": found.n_comparisons,
        "suspects": [_suspect(suspect) for suspect in found.suspects],
    }


def _suspect(suspect: Suspect) -> dict[str, Any]:
    one, other = _image(suspect.one, "one"), _image(suspect.other, "other")
    return {**one, **other, "similarity": rounded(suspect.similarity)}


def _image(image: ImageRef, role: str) -> dict[str, Any]:
    return {
        role: printable(image.id),
        f"{role}_sha256": image.sha256,
        f"{role}_people": [printable(label) for label in image.labels],
    }


def _error_rate(point: ErrorRate) -> dict[str, Any]:
    return {
        "fmr": rounded_rate(point.fmr),
        "cosine": rounded(point.cosine),
        "low": rounded(point.low),
        "high": rounded(point.high),
        "extrapolated": point.extrapolated,
    }


def _chance(chance: ChanceMatches) -> dict[str, Any]:
    return {
        "expected": rounded(chance.expected),
        "low": rounded(chance.low),
        "high": rounded(chance.high),
        "n_comparisons": chance.n_comparisons,
        "rate": rounded_rate(chance.rate),
        "unit": chance.unit,
        "basis": chance.basis,
    }


def _hub(hub: Hub) -> dict[str, Any]:
    return {
        **_image(hub.source, "source"),
        "n_best": hub.n_best,
        "n_excused": hub.n_excused,
        "evidence": hub.evidence,
        "level": _rounded_or_none(hub.level),
        "n_unseen_best": hub.n_unseen_best,
        "n_unseen": hub.n_unseen,
        "reason": hub.reason,
    }


def _canaries(kind: CanaryKind) -> dict[str, Any]:
    return {
        "kind": kind.kind,
        "n": kind.n,
        "n_caught": kind.n_caught,
        "lowest": _rounded_or_none(kind.lowest),
        "missed": [printable(name) for name in kind.missed],
    }


def _histogram(histogram: Histogram) -> dict[str, Any]:
    return {
        "name": histogram.name,
        "counts": list(histogram.counts),
        "n": histogram.n,
        "sampled": histogram.sampled,
        "marks": [{"k": k, "similarity": rounded(cosine)} for k, cosine in histogram.marks],
        "threshold": _rounded_or_none(histogram.threshold),
    }


def _curve(curve: RocCurve) -> dict[str, list[float]]:
    return {"fpr": [rounded_rate(rate) for rate in curve.fpr], "tpr": [rounded(rate) for rate in curve.tpr]}


def _previous(previous: Previous) -> dict[str, Any]:
    return {
        "value": rounded(previous.value),
        "evidence_sha256": previous.evidence_sha256,
        "generated_sha256": previous.generated_sha256,
    }


def _rounded_or_none(number: float | None) -> float | None:
    return None if number is None else rounded(number)
