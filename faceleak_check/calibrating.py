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
from faceleak_check.pinned_rates import pinned_rates, pinned_threshold
from faceleak_check.policy.types import Threshold
from faceleak_check.records import (
    Calibration,
    ChanceMatches,
    EmbedderSpec,
    ErrorRate,
    Suspect,
)
from faceleak_check.search.strangers import strangers

__all__ = ["Calibrator"]

_GRAIN = 1_000_000
"""Thresholds are rounded up to six digits: the rate is kept, and a person can read them."""

_Around = tuple[thresholds.RateEstimate, tuple[thresholds.RateThreshold, ...]]


class Calibrator:
    """Finds thresholds; what two checks share is worked out once."""

    def __init__(self) -> None:
        self._impostors: dict[tuple[str, EmbedderSpec], Strangers] = {}
        self._unseen: dict[tuple[str, str, EmbedderSpec], Unseen | None] = {}
        self._around: dict[tuple[str, EmbedderSpec, float], _Around] = {}

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
            return pinned_threshold(sets.pinned, kind, rate, sets)
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
            rate, _ = self._rates_around(one, sets.spec, cosine)
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

    def error_rates(self, cosine: float, sets: CalibrationSets) -> tuple[ErrorRate, ...]:
        """Thresholds of false match rates from 0.1 to below that of a cosine, falling; empty where nothing tells them.

        Args:
            cosine: The threshold that the figure is about.
            sets: What they may be found on; the policy's file of thresholds comes first, and holds what it holds.
        """
        if sets.pinned is not None:
            return pinned_rates(sets.pinned, sets)
        if sets.labelled is None:
            return ()
        try:
            _, found = self._rates_around(sets.labelled, sets.spec, cosine)
        except ValueError:
            return ()
        return tuple(
            ErrorRate(
                fmr=one.rate,
                cosine=_rounded_up(one.cosine),
                low=one.low,
                high=max(one.high, _rounded_up(one.cosine)),
                extrapolated=one.extrapolated,
            )
            for one in found
        )

    def _rates_around(self, one: EmbeddedSet, spec: EmbedderSpec, cosine: float) -> _Around:
        """The rate at a cosine and thresholds around it.

        Raises:
            ValueError: The set has too few images or people.
        """
        key = (contents(one), spec, cosine)
        if key not in self._around:
            self._around[key] = thresholds.rates_around(self._impostors_of(one, spec).pairs, cosine)
        return self._around[key]

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
    cosine = _rounded_up(found.cosine)
    if cosine >= 1:
        reason = ValueError("strangers are as near to each other as equal pictures; are they strangers?")
        raise _cannot(f"an {kind} of {found.rate:.6g} with {origin}", reason)
    return Calibration(
        asked=f"{kind} {found.rate:.6g}",
        cosine=cosine,
        low=found.low,
        high=max(found.high, cosine),
        confidence=found.confidence,
        extrapolated=found.extrapolated,
        origin=origin,
        n_people=found.n_people,
        n_images=found.n_images,
        n_comparisons=found.n_comparisons,
        suspects=pairs,
    )


def _rounded_up(cosine: float) -> float:
    return min(1.0, math.ceil(cosine * _GRAIN) / _GRAIN)


def _all(rates: Sequence[float]) -> str:
    return ", ".join(f"{rate:.6g}" for rate in rates)


def _cannot(what: str, error: ValueError) -> InconclusiveError:
    return InconclusiveError(f"no threshold can be found for {what}: {error}")
