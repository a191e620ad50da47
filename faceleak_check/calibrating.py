"""Thresholds that are asked for as error rates → cosines, and what a cosine predicts by chance."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from faceleak_check.calibration_sets import (
    CalibrationSets,
    Strangers,
    Unseen,
    compared,
    contents,
    control_in_source,
    is_suspect,
)
from faceleak_check.checks.statistics import thresholds
from faceleak_check.errors import InconclusiveError
from faceleak_check.image_sets import EmbeddedSet
from faceleak_check.policy.pinned import PinnedThreshold, PinnedThresholds
from faceleak_check.policy.types import Threshold
from faceleak_check.records import (
    Calibration,
    ChanceMatches,
    EmbedderSpec,
    Suspect,
)
from faceleak_check.search.strangers import strangers

__all__ = ["Calibrator"]

_GRAIN = 1_000_000
"""Thresholds are rounded up to six digits: the rate is kept, and a person can read them."""


class Calibrator:
    """Finds thresholds; what two checks share is worked out once."""

    def __init__(self) -> None:
        self._impostors: dict[tuple[str, EmbedderSpec], Strangers] = {}
        self._unseen: dict[tuple[str, str, EmbedderSpec], Unseen | None] = {}

    def resolved(self, threshold: Threshold, sets: CalibrationSets) -> Calibration:
        """The cosine that has an error rate.

        Args:
            threshold: An FMR or an FPIR.
            sets: What it may be found on.

        Raises:
            InconclusiveError: It cannot be found on these sets.
        """
        kind, rate = ("fmr", threshold.fmr) if threshold.fmr is not None else ("fpir", threshold.fpir)
        assert rate is not None
        if sets.pinned is not None:
            return _from_file(sets.pinned, kind, rate, sets)
        found = self.table(kind, [rate], sets)
        return found[0]

    def table(self, kind: str, rates: Sequence[float], sets: CalibrationSets) -> list[Calibration]:
        """The thresholds of several rates of one kind.

        Raises:
            InconclusiveError: They cannot be found on these sets.
        """
        if kind == "fmr":
            return self._by_fmr(rates, sets)
        return self._by_fpir(rates, sets)

    def _by_fmr(self, rates: Sequence[float], sets: CalibrationSets) -> list[Calibration]:
        one = sets.labelled
        if one is None:
            raise InconclusiveError(
                "no FMR can be found: none of the compared sets names its people",
                detail="Write `labels:` under the source or the control, or name a labelled set with `calibration:`.",
            )
        try:
            known = self._impostors_of(one, sets.spec)
            found = thresholds.thresholds_at(known.pairs, rates)
        except ValueError as error:
            raise _cannot(f"an FMR of {_all(rates)} on {one.summary.name!r}", error) from None
        return [
            _calibration("FMR", threshold, f"impostor pairs of {one.summary.name!r}", known.suspects)
            for threshold in found
        ]

    def _by_fpir(self, rates: Sequence[float], sets: CalibrationSets) -> list[Calibration]:
        unseen = self.unseen(sets)
        if unseen is None:
            raise InconclusiveError(
                "no FPIR can be found: nobody is known who is not in the source set",
                detail="Name a set of other people with `control:`, or write `labels:` under the source, so that one "
                "person after the other can be left out.",
            )
        try:
            found = thresholds.fpir_thresholds_at(unseen.similarity, unseen.people, rates)
        except ValueError as error:
            raise _cannot(f"an FPIR of {_all(rates)} with {unseen.origin}", error) from None
        return [_calibration("FPIR", threshold, unseen.origin, unseen.suspects) for threshold in found]

    def unseen(self, sets: CalibrationSets) -> Unseen | None:
        """What people who are not in the source find in it: the control's, or the source's own left out in turn."""
        control = "" if sets.control is None else contents(sets.control)
        key = (contents(sets.source), control, sets.spec)
        if key not in self._unseen:
            self._unseen[key] = (
                self._left_out_in_turn(sets)
                if sets.control is None
                else control_in_source(sets.control, sets.source, sets.engine)
            )
        return self._unseen[key]

    def _left_out_in_turn(self, sets: CalibrationSets) -> Unseen | None:
        if not sets.source.summary.n_people:
            return None
        gallery = sets.source.gallery(each_content_once=True)
        name = sets.source.summary.name
        found = strangers(gallery, engine=sets.engine.between(f"people of {name}", f"the others in {name}"))
        there = found.nearest >= 0
        probes = found.probe[there]
        known = self._known_impostors(sets.source, sets.spec)
        same_people = known.same_people if known else frozenset()
        honest = np.array(
            [
                not is_suspect(gallery.images[probe], gallery.images[near], same_people)
                for probe, near in zip(probes.tolist(), found.nearest[there].tolist(), strict=True)
            ],
            dtype=bool,
        )
        probes = probes[honest]
        return Unseen(
            images=gallery.images.taken(probes),
            gallery=gallery,
            nearest=found.nearest[there][honest],
            similarity=found.similarity[there][honest],
            vectors=gallery.templates.vectors[gallery.first_face[probes]],
            origin=f"each person of {sets.source.summary.name!r} left out in turn",
            suspects=known.suspects if known else (),
        )

    def chance(self, cosine: float, sets: CalibrationSets, n_generated: int) -> ChanceMatches | None:
        """How many of the compared pairs reach a cosine by chance; None where no labelled set tells."""
        one = sets.labelled
        if one is None:
            return None
        try:
            rate = thresholds.rate_at(self._impostors_of(one, sets.spec).pairs, cosine)
        except ValueError:
            return None
        n = n_generated * len(sets.source.images)
        return ChanceMatches(
            expected=rate.rate * n,
            low=rate.low * n,
            high=rate.high * n,
            n_comparisons=n,
            rate=rate.rate,
            unit="pairs",
            basis=f"impostor pairs of {one.summary.name!r}",
        )

    def _known_impostors(self, one: EmbeddedSet, spec: EmbedderSpec) -> Strangers | None:
        """The comparisons of a set; None where it is too small for them."""
        try:
            return self._impostors_of(one, spec)
        except ValueError:
            return None

    def _impostors_of(self, one: EmbeddedSet, spec: EmbedderSpec) -> Strangers:
        """The comparisons of different people of a set.

        Raises:
            ValueError: It has too few images or people for it.
        """
        key = (contents(one), spec)
        if key not in self._impostors:
            self._impostors[key] = compared(one)
        return self._impostors[key]


def _calibration(
    kind: str, found: thresholds.RateThreshold, origin: str, pairs: tuple[Suspect, ...]
) -> Calibration:
    return Calibration(
        asked=f"{kind} {found.rate:.6g}",
        cosine=min(1.0, math.ceil(found.cosine * _GRAIN) / _GRAIN),
        low=found.low,
        high=max(found.high, math.ceil(found.cosine * _GRAIN) / _GRAIN),
        confidence=found.confidence,
        extrapolated=found.extrapolated,
        origin=origin,
        n_people=found.n_people,
        n_images=found.n_images,
        n_comparisons=found.n_comparisons,
        suspects=pairs,
    )


def _from_file(pinned: PinnedThresholds, kind: str, rate: float, sets: CalibrationSets) -> Calibration:
    """The threshold that the policy's file holds: for an FPIR that of the same people against the same source."""
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
    return _pinned(found[0], pinned)


def _pinned(one: PinnedThreshold, pinned: PinnedThresholds) -> Calibration:
    against = f" against {one.source!r}" if one.source else ""
    return Calibration(
        asked=f"{one.kind.upper()} {one.rate:.6g}",
        cosine=one.cosine,
        low=one.low,
        high=one.high,
        confidence=one.confidence,
        extrapolated=one.extrapolated,
        origin=f"pinned in {pinned.path.name!r}: {one.dataset!r}{against}",
        n_people=one.n_people,
        n_images=one.n_images,
        n_comparisons=one.n_comparisons,
    )


def _all(rates: Sequence[float]) -> str:
    return ", ".join(f"{rate:.6g}" for rate in rates)


def _cannot(what: str, error: ValueError) -> InconclusiveError:
    return InconclusiveError(f"no threshold can be found for {what}: {error}")
