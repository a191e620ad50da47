"""Thresholds that a policy's file holds, so that they do not move with the data."""

from __future__ import annotations

import math

from faceleak_check.calibration_sets import CalibrationSets
from faceleak_check.errors import InconclusiveError
from faceleak_check.policy.pinned import PinnedThreshold, PinnedThresholds
from faceleak_check.records import Calibration, ErrorRate

__all__ = ["pinned_rates", "pinned_threshold"]


def pinned_threshold(pinned: PinnedThresholds, kind: str, rate: float, sets: CalibrationSets) -> Calibration:
    """The threshold that the policy's file holds: for an FPIR that of the same people against the same source.

    Args:
        pinned: The file.
        kind: ``fmr`` or ``fpir``.
        rate: The rate.
        sets: The embedder, and the sets that the threshold would be found on without the file.

    Raises:
        InconclusiveError: The file has none for this embedder.
    """
    source = sets.source.summary.name if kind == "fpir" else ""
    people = (sets.control or sets.source if kind == "fpir" else sets.labelled or sets.source).summary.name
    there = [
        one
        for one in pinned.thresholds
        if one.kind == kind and math.isclose(one.rate, rate) and one.source == source
    ]
    fitting = [one for one in there if one.embedder_sha256 == sets.spec.sha256]
    found = sorted(fitting, key=lambda one: one.dataset != people)
    if not found or (kind == "fpir" and found[0].dataset != people):
        lacks = (
            f"an FPIR of {rate:.6g} of {people!r} against {source!r}" if source else f"an FMR of {rate:.6g}"
        )
        why = ""
        if there and not fitting:
            another = there[0].embedder != sets.name
            why = (
                f"; they hold one of {there[0].embedder!r}"
                if another
                else "; they hold one of it with other settings"
            )
        raise InconclusiveError(
            f"the pinned thresholds have no {lacks.partition(' ')[2]} for embedder {sets.name!r}{why}",
            detail=f"{pinned.path}: write it anew with: faceleak calibrate POLICY --write {pinned.file}",
        )
    return _pinned(found[0], pinned, sets)


def pinned_rates(pinned: PinnedThresholds, sets: CalibrationSets) -> tuple[ErrorRate, ...]:
    """All false match rates that the policy's file holds for an embedder on one set, falling; empty for a single one.

    Args:
        pinned: The file.
        sets: The embedder, and the sets that thresholds would be found on without the file.
    """
    people = (sets.labelled or sets.source).summary.name
    fitting = [
        one for one in pinned.thresholds if one.kind == "fmr" and one.embedder_sha256 == sets.spec.sha256
    ]
    first = min(fitting, key=lambda one: one.dataset != people, default=None)
    of_one_set = [one for one in fitting if first is not None and one.dataset == first.dataset]
    points = [
        ErrorRate(fmr=one.rate, cosine=one.cosine, low=one.low, high=one.high, extrapolated=one.extrapolated)
        for one in sorted(of_one_set, key=lambda one: -one.rate)
    ]
    return tuple(points) if len(points) > 1 else ()


def _pinned(one: PinnedThreshold, pinned: PinnedThresholds, sets: CalibrationSets) -> Calibration:
    of = _as_of_now(one.dataset, one.dataset_sha256, sets)
    against = f" against {_as_of_now(one.source, one.source_sha256, sets)}" if one.source else ""
    return Calibration(
        asked=f"{one.kind.upper()} {one.rate:.6g}",
        cosine=one.cosine,
        low=one.low,
        high=one.high,
        confidence=one.confidence,
        extrapolated=one.extrapolated,
        origin=f"pinned in {pinned.path.name!r}: {of}{against}",
        n_people=one.n_people,
        n_images=one.n_images,
        n_comparisons=one.n_comparisons,
    )


def _as_of_now(name: str, sha256: str | None, sets: CalibrationSets) -> str:
    """A set's name, and whether its images are others than when the file was written."""
    now = {one.summary.sha256 for one in sets.all if one.summary.name == name}
    return f"{name!r} (changed since)" if now and sha256 not in now else repr(name)
