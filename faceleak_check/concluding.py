"""From what a case compares to its verdict: screens, second opinions, waivers, caps."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from faceleak_check.checks.judge import judge
from faceleak_check.checks.left_out import too_many_left_out, warnings_on
from faceleak_check.comparison import Candidates, SecondEmbedder, Settled, settle
from faceleak_check.image_sets import EmbeddedSet, with_excluded
from faceleak_check.matches import Gone
from faceleak_check.policy.schema import Case, Policy
from faceleak_check.records import EmbedderSpec, Measurement, Outcome, Pair, SetSummary, Verdict
from faceleak_check.screening import Role, Screener

__all__ = ["Comparison", "conclude"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """What a case compares.

    Attributes:
        candidates: The nearest neighbours; None where a set has no image that can be compared.
        sets: Where each image of the sets went, by role.
        embedder: The embedder's spec; None for precomputed matches.
        agreement: The specs of the embedders that must agree, by name.
        seconds: Those embedders with their templates.
        screener: The screens; None where the policy has none, or the sets come without images.
        embedded: The sets with their images, by role; empty for precomputed matches.
    """

    candidates: Candidates | None
    sets: Mapping[str, SetSummary]
    embedder: EmbedderSpec | None = None
    agreement: Mapping[str, EmbedderSpec]
    seconds: tuple[SecondEmbedder, ...] = ()
    screener: Screener | None = None
    embedded: Mapping[Role, EmbeddedSet]


def conclude(blank: Verdict, compared: Comparison, policy: Policy, case: Case) -> Verdict:
    """The verdict on a comparison.

    Args:
        blank: The verdict before anything is known.
        compared: What is compared.
        policy: The policy.
        case: Its case.

    Raises:
        InconclusiveError: A screen cannot be used, or too many neighbours would have to be held.
    """
    blank = replace(blank, sets=compared.sets, embedder=compared.embedder, agreement=compared.agreement)
    if compared.candidates is None:
        return _nothing_left(blank, policy)
    accepted = policy.waivers.pairs(datetime.now(UTC).date())
    if compared.screener is not None:
        screened = _Screens(compared.screener, compared, case)
        settled = screened.settled(compared.candidates, accepted)
        filled = screened.filled(blank)
    else:
        settled = settle(compared.candidates, case.check, seconds=compared.seconds, accepted=accepted)
        filled = replace(blank, warnings=_UNSCREENED if policy.screens else ())
    return _nothing_left(filled, policy) if settled is None else _judged(filled, settled, policy, case)


_UNSCREENED = ("the screens looked at nothing: a match list comes without images",)


class _Screens:
    """The screens in one comparison: they look at the images that its figure depends on."""

    def __init__(self, screener: Screener, compared: Comparison, case: Case) -> None:
        self._screener = screener
        self._compared = compared
        self._check = case.check
        self._bare: Settled | None = None
        self._settled: Settled | None = None

    def settled(self, candidates: Candidates, accepted: Collection[tuple[str, str]]) -> Settled | None:
        """The figure once the screens have had their say; None where they leave nothing to compare."""
        gone = Gone()
        if self._check.needs_whole_set:
            self._screener.look_at("generated", self._compared.embedded["generated"].images)
            gone = self._all_gone(gone)
        seconds = self._compared.seconds
        self._bare = settle(candidates, self._check, seconds=seconds)
        self._settled = settle(
            candidates, self._check, gone=gone, seconds=seconds, screens=self, accepted=accepted
        )
        return self._settled

    def look_at(self, pairs: Collection[Pair], gone: Gone) -> Gone:
        """Asks about both images of each pair."""
        new = self._screener.look_at("generated", [pair.generated for pair in pairs])
        new |= self._screener.look_at("source", [pair.source for pair in pairs])
        return self._all_gone(gone) if new else gone

    def _all_gone(self, gone: Gone) -> Gone:
        rejected = self._screener.rejected
        return replace(gone, generated=frozenset(rejected["generated"]), source=frozenset(rejected["source"]))

    def filled(self, blank: Verdict) -> Verdict:
        """The verdict with what the screens took out, and what the figure would be without them."""
        taken_out = any(self._screener.rejected.values())
        return replace(
            blank,
            sets={
                role: with_excluded(blank.sets[role], self._screener.exclusions(role))
                for role in self._compared.embedded
            },
            screens=self._screener.summaries(self._leaking_contents()),
            unscreened=self._bare.measured if self._bare and taken_out else None,
        )

    def _leaking_contents(self) -> dict[Role, set[str]]:
        """The images in pairs that would count against the release if nothing were screened, by role."""
        assert self._bare is not None
        matches = self._bare.matches
        rows = self._check.leaking(matches)
        pairs = [matches.pair(int(row), int(column)) for row, column in zip(*rows.nonzero(), strict=True)]
        if self._settled and self._bare.measured.leaks:
            pairs += self._settled.seen.values()
        return {
            "generated": {pair.generated.sha256 for pair in pairs},
            "source": {pair.source.sha256 for pair in pairs},
        }


def _nothing_left(blank: Verdict, policy: Policy) -> Verdict:
    empty = " and ".join(repr(one.name) for one in blank.sets.values() if not one.counts.n_embedded)
    lost = too_many_left_out(blank.sets, policy.exclusions.at_most)
    return replace(
        blank,
        reasons=(f"nothing is left to compare in {empty}", *(reason for reason, _ in lost)),
        details=tuple(detail for _, detail in lost),
        warnings=warnings_on(blank),
    )


def _judged(filled: Verdict, settled: Settled, policy: Policy, case: Case) -> Verdict:
    measured = replace(settled.measured, rule=_rule(settled.measured, case))
    outcome, reason = judge(measured)
    lost = too_many_left_out(filled.sets, policy.exclusions.at_most)
    open_questions = [*lost, *policy.waivers.expired_on(datetime.now(UTC).date())]
    reasons = [reason, *(question for question, _ in open_questions)]
    if settled.waived and outcome is Outcome.PASS:
        outcome = Outcome.WAIVED
    if open_questions and outcome is not Outcome.LEAK:
        outcome, reasons = Outcome.INCONCLUSIVE, [*reasons[1:], reason]
    judged = replace(
        filled,
        outcome=outcome,
        reasons=tuple(reasons),
        details=tuple(detail for _, detail in open_questions),
        measurement=measured,
        waived=settled.waived,
    )
    return replace(judged, warnings=(*filled.warnings, *warnings_on(judged, settled.n_disagreed)))


def _rule(measured: Measurement, case: Case) -> str:
    if not case.agreement or case.embedder is None:
        return measured.rule
    others = [f"{other.embedder.name}: {other.threshold.describe()}" for other in case.agreement]
    return " and ".join([f"{case.embedder.name}: {measured.rule}", *others])
