"""From what a case compares to its verdict: the figure is judged, and all that speaks for and against it gathered."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from faceleak_check.case_comparison import Comparison
from faceleak_check.checks.judge import judge
from faceleak_check.checks.left_out import too_many_left_out, unexpected, unseen_folders, warnings_on
from faceleak_check.checks.recall import recall_warnings
from faceleak_check.comparison import Settled, settle
from faceleak_check.histograms import histograms
from faceleak_check.hubs import suspected_in_list
from faceleak_check.policy.schema import Case, Policy
from faceleak_check.previous import with_previous
from faceleak_check.records import Measurement, Outcome, Verdict
from faceleak_check.screened_figure import ScreenedFigure

__all__ = ["conclude"]

_UNSCREENED = ("the screens looked at nothing: a match list comes without images",)


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
        screened = ScreenedFigure(compared.screener, compared)
        settled = screened.settled(accepted)
        filled = screened.filled(blank)
    else:
        settled = settle(compared.figures, seconds=compared.seconds, hubs=compared.hubs, accepted=accepted)
        filled = replace(blank, warnings=_UNSCREENED if policy.screens and case.matches else ())
    if settled is None:
        return _nothing_left(filled, compared, policy)
    return _judged(filled, settled, compared, policy, case, today)


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
