"""From what a case compares to its verdict: screens, second opinions, hubs, waivers, caps."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from faceleak_check.calibration_sets import Unseen
from faceleak_check.checks.judge import judge
from faceleak_check.checks.left_out import too_many_left_out, unexpected, unseen_folders, warnings_on
from faceleak_check.checks.recall import recall_warnings
from faceleak_check.comparison import Figures, SecondEmbedder, Settled, settle
from faceleak_check.copies import Kinds
from faceleak_check.histograms import histograms
from faceleak_check.hubs import HubRule, suspected_in_list
from faceleak_check.image_sets import EmbeddedSet, Role, with_excluded
from faceleak_check.matches import Gone
from faceleak_check.policy.schema import Case, Expect, Policy
from faceleak_check.previous import with_previous
from faceleak_check.records import (
    Calibration,
    ChanceMatches,
    EmbedderSpec,
    ErrorRate,
    ImageRef,
    Measurement,
    Outcome,
    Scan,
    SetSummary,
    Verdict,
)
from faceleak_check.screening import Screener

__all__ = ["Comparison", "conclude"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """What a case compares.

    Attributes:
        check: The check, its thresholds as cosines or distances.
        figures: Measures; None where a set has no image that can be compared.
        sets: Where each image of the sets went, by role.
        expected: What the policy says that they hold, by role.
        embedder: The embedder's spec; None for precomputed matches.
        agreement: The specs of the embedders that must agree, by name.
        seconds: Those embedders with their templates.
        screener: The screens; None where the policy has none, or the check does not ask for them.
        whole: Roles of the sets that are screened whole.
        embedded: The sets with their images, by role; empty for precomputed matches.
        thresholds: The thresholds that were asked for as error rates, by the embedder's name.
        error_rates: Thresholds of other false match rates, for a figure; empty where nothing tells them.
        chance: What the threshold predicts by chance; None where nothing tells.
        hubs: The hub rule; None where the policy has none, or the check does not ask for it.
        kinds: Tells copies from other pictures of a person; None without images.
        unseen: What control people find in the source; None without a control.
        scan: Which images were looked at in full precision; None where all were from the start.
    """

    check: Any
    figures: Figures | None
    sets: Mapping[str, SetSummary]
    expected: Mapping[str, Expect] = field(default_factory=dict)
    embedder: EmbedderSpec | None = None
    agreement: Mapping[str, EmbedderSpec] = field(default_factory=dict)
    seconds: tuple[SecondEmbedder, ...] = ()
    screener: Screener | None = None
    whole: tuple[Role, ...] = ()
    embedded: Mapping[Role, EmbeddedSet] = field(default_factory=dict)
    thresholds: Mapping[str, Calibration] = field(default_factory=dict)
    error_rates: tuple[ErrorRate, ...] = ()
    chance: ChanceMatches | None = None
    hubs: HubRule | None = None
    kinds: Kinds | None = None
    unseen: Unseen | None = None
    scan: Scan | None = None


def conclude(blank: Verdict, compared: Comparison, policy: Policy, case: Case, today: date) -> Verdict:
    """The verdict on a comparison.

    Args:
        blank: The verdict before anything is known.
        compared: What is compared.
        policy: The policy.
        case: Its case.
        today: The day of the run, on which waivers hold or are over.

    Raises:
        InconclusiveError: A screen cannot be used, or too many neighbours would have to be held.
    """
    blank = replace(
        blank,
        sets=compared.sets,
        embedder=compared.embedder,
        agreement=compared.agreement,
        thresholds=compared.thresholds,
        error_rates=compared.error_rates,
        chance=compared.chance,
        scan=compared.scan,
    )
    if compared.figures is None:
        return _nothing_left(blank, compared, policy)
    accepted = policy.waivers.pairs(today)
    if compared.screener is not None:
        screened = _Screens(compared.screener, compared)
        settled = screened.settled(accepted)
        filled = screened.filled(blank)
    else:
        settled = settle(compared.figures, seconds=compared.seconds, hubs=compared.hubs, accepted=accepted)
        filled = replace(blank, warnings=_UNSCREENED if policy.screens and case.matches else ())
    if settled is None:
        return _nothing_left(filled, compared, policy)
    return _judged(filled, settled, compared, policy, case, today)


_SIDES: Mapping[str, tuple[Role, ...]] = {
    "generated": ("generated", "canaries", "dataset"),
    "source": ("source", "control"),
}
"""Which role's images are looked for among which, once they are gone."""

_UNSCREENED = ("the screens looked at nothing: a match list comes without images",)


class _Screens:
    """The screens in one comparison: they look at the images that its figure depends on."""

    def __init__(self, screener: Screener, compared: Comparison) -> None:
        self._screener = screener
        self._compared = compared
        self._bare: Settled | None = None
        self._settled: Settled | None = None

    def settled(self, accepted: Collection[tuple[str, str]]) -> Settled | None:
        """The figure once the screens have had their say; None where they leave nothing to compare."""
        compared, figures = self._compared, self._compared.figures
        assert figures is not None
        for role in compared.whole:
            self._screener.look_at(role, compared.embedded[role].images)
        gone = self._all_gone(Gone())
        self._bare = settle(figures, seconds=compared.seconds, hubs=_afresh(compared.hubs))
        self._settled = settle(
            figures,
            gone=gone,
            seconds=compared.seconds,
            screens=self,
            hubs=compared.hubs,
            accepted=accepted,
        )
        return self._settled

    def look_at(self, images: Mapping[Role, Collection[ImageRef]], gone: Gone) -> Gone:
        """Asks about the images, role by role."""
        new = [self._screener.look_at(role, those) for role, those in images.items()]
        return self._all_gone(gone) if any(new) else gone

    def _all_gone(self, gone: Gone) -> Gone:
        rejected = self._screener.rejected
        found = {
            side: frozenset(digest for role in roles for digest in rejected.get(role, ()))
            for side, roles in _SIDES.items()
        }
        return replace(gone, generated=found["generated"], source=found["source"])

    def filled(self, blank: Verdict) -> Verdict:
        """The verdict with what the screens took out, and what the figure would be without them."""
        taken_out = any(self._screener.rejected.values())
        screened: dict[str, SetSummary] = {
            role: with_excluded(blank.sets[role], self._screener.exclusions(role))
            for role in self._screener.rejected
        }
        return replace(
            blank,
            sets={**blank.sets, **screened},
            screens=self._screener.summaries(self._leaking_contents()),
            unscreened=self._bare.measured if self._bare and taken_out else None,
        )

    def _leaking_contents(self) -> dict[Role, set[str]]:
        """The images in pairs that would count against the release if nothing were screened, by role."""
        assert self._bare is not None
        measured, matches = self._bare.measured, self._bare.matches
        pairs = [pair for pair in measured.pairs if measured.leaks or pair.similarity > measured.limit]
        if matches is not None and not (measured.leaks and pairs):
            rows = self._compared.check.leaking(matches)
            pairs += [
                matches.pair(int(row), int(column)) for row, column in zip(*rows.nonzero(), strict=True)
            ]
        if self._settled and measured.leaks:
            pairs += self._settled.seen.values()
        generated, source = {pair.generated.sha256 for pair in pairs}, {pair.source.sha256 for pair in pairs}
        roles: dict[Role, set[str]] = {role: set() for role in self._screener.rejected}
        return roles | {"generated": generated, "source": source}


def _afresh(hubs: HubRule | None) -> HubRule | None:
    return None if hubs is None else hubs.afresh()


def _nothing_left(blank: Verdict, compared: Comparison, policy: Policy) -> Verdict:
    empty = " and ".join(repr(one.name) for one in blank.sets.values() if not one.counts.n_embedded)
    lost = [*_lost(blank, policy), *unexpected(blank.sets, compared.expected)[0]]
    return replace(
        blank,
        reasons=(
            f"nothing is left to compare{f' in {empty}' if empty else ''}",
            *(reason for reason, _ in lost),
        ),
        details=tuple(detail for _, detail in lost if detail),
        warnings=warnings_on(blank),
    )


def _lost(verdict: Verdict, policy: Policy) -> tuple[tuple[str, str], ...]:
    """Folders never looked into, and too many images left out, which canary recall and coverage count by themselves."""
    capped = {role: one for role, one in verdict.sets.items() if role not in ("canaries", "dataset")}
    return (*unseen_folders(verdict.sets), *too_many_left_out(capped, policy.exclusions.at_most))


def _judged(
    filled: Verdict, settled: Settled, compared: Comparison, policy: Policy, case: Case, today: date
) -> Verdict:
    measured = replace(settled.measured, rule=_rule(settled.measured, compared, case))
    waived = settled.waived
    if compared.kinds is not None:
        measured = replace(measured, pairs=compared.kinds.told(measured.pairs, leaks=measured.leaks))
        waived = compared.kinds.told(waived)
    outcome, reason = judge(measured)
    surprises, mentioned = unexpected(filled.sets, compared.expected)
    open_questions = [*_lost(filled, policy), *surprises, *policy.waivers.expired_on(today)]
    open_questions += _doubts(measured, compared)
    hubs = () if compared.hubs is None else compared.hubs.found
    undecided: list[tuple[str, str]] = []
    if policy.hub is not None and case.matches is not None and compared.figures is not None:
        undecided, hubs = suspected_in_list(policy.hub, compared.figures, settled, outcome)
    open_questions += undecided
    reasons = [reason, *(question for question, _ in open_questions)]
    if settled.waived and outcome is Outcome.PASS:
        outcome = Outcome.WAIVED
    if undecided or (open_questions and outcome is not Outcome.LEAK):
        outcome, reasons = Outcome.INCONCLUSIVE, [*reasons[1:], reason]
    judged = replace(
        filled,
        outcome=outcome,
        reasons=tuple(reasons),
        details=tuple(detail for _, detail in open_questions if detail),
        measurement=measured,
        waived=waived,
        hubs=hubs,
        canaries=settled.canaries,
        curve=settled.curve,
        search=settled.search,
        histograms=histograms(
            settled, compared.check, getattr(compared.figures, "neighbours", None), compared.unseen
        ),
    )
    if case.no_worse_than is not None:
        judged = with_previous(judged, case.no_worse_than)
    found = recall_warnings(settled.search)
    expired = policy.waivers.expiry_warnings(today)
    warnings = (
        *filled.warnings,
        *found,
        *mentioned,
        *expired,
        *warnings_on(judged, settled.n_disagreed),
    )
    return replace(judged, warnings=warnings)


def _doubts(measured: Measurement, compared: Comparison) -> list[tuple[str, str]]:
    """What a check itself says against its figure; a list of matches has no sets to say it of."""
    source, doubt = compared.sets.get("source"), getattr(compared.check, "doubt", None)
    if source is None or doubt is None:
        return []
    reason = doubt(measured, source.n_people)
    return [(reason, "")] if reason else []


def _rule(measured: Measurement, compared: Comparison, case: Case) -> str:
    """The rule in words, with the error rate that a threshold was asked for as."""
    if case.embedder is None:
        return measured.rule
    rules = {case.embedder.name: measured.rule} | {
        second.name: second.threshold.describe() for second in compared.seconds
    }
    asked = {name: f"{one.asked}, " for name, one in compared.thresholds.items()}
    told = {name: f"{asked.get(name, '')}{rule}" for name, rule in rules.items()}
    if not case.agreement:
        return told[case.embedder.name]
    return " and ".join(f"{name}: {rule}" for name, rule in told.items())
