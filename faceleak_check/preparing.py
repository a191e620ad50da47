"""From one case of a policy to what it compares: the one place where the parts meet."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from faceleak_check.calibrating import Calibrator
from faceleak_check.calibration_sets import CalibrationSets
from faceleak_check.case_comparison import Comparison
from faceleak_check.case_sets import CaseSets, expected, in_all, of_one
from faceleak_check.checks.canary_recall import CanaryRecall
from faceleak_check.checks.coverage import Coverage
from faceleak_check.checks.excess_risk import ExcessRisk
from faceleak_check.checks.guarded import guarded_check
from faceleak_check.checks.leaks import cosine_of
from faceleak_check.checks.membership_inference import MembershipInference
from faceleak_check.checks.near_copy import NearCopy
from faceleak_check.comparison import SecondEmbedder
from faceleak_check.copies import Kinds
from faceleak_check.embedding import loaded
from faceleak_check.error_rates import ErrorRates
from faceleak_check.executors.engines import executor_for
from faceleak_check.hubs import HubRule
from faceleak_check.image_sets import EmbeddedSet, Role, summary_of
from faceleak_check.measures import figures_of
from faceleak_check.measuring import CoverageFigures, ListFigures
from faceleak_check.policy.scans import why_not_scanned
from faceleak_check.policy.schema import Case, ExecutionKeys, NamedEmbedder, Policy
from faceleak_check.preparing_canaries import canaries_compared
from faceleak_check.protocols import Progress
from faceleak_check.readers.decode import decode
from faceleak_check.records import SetSummary
from faceleak_check.registry import READERS
from faceleak_check.store.roots import Root
from faceleak_check.two_speed import looked_at_again

if TYPE_CHECKING:
    from faceleak_check.readers.matches import MatchList

__all__ = ["Preparation"]


class Preparation:
    """Gathers what cases compare.

    Args:
        store: Root folder of the template store.
        progress: Told how far long work is.
        notes: Where to say what happened besides.
        execution: What embeds the images; this machine alone where it is left out.
    """

    def __init__(
        self, store: Root, progress: Progress, notes: list[str], execution: ExecutionKeys | None = None
    ) -> None:
        self._progress = progress
        executor = executor_for(execution or ExecutionKeys(), decode)
        self.sets = CaseSets(store, executor, progress, notes)
        self.calibrator = Calibrator()

    def compared(self, policy: Policy, case: Case) -> Comparison:
        """What a case compares.

        Raises:
            InconclusiveError: A dataset, a model, a threshold or the store cannot be had.
        """
        if case.matches is not None:
            return self._listed(policy, case)
        if isinstance(case.check, Coverage):
            return self._coverage(policy, case, case.check)
        if isinstance(case.check, CanaryRecall):
            return canaries_compared(policy, case, case.check, self.sets, self.calibrator)
        return self._sets_compared(policy, case)

    def calibration_sets(self, policy: Policy, case: Case, named: NamedEmbedder) -> CalibrationSets:
        """What thresholds of a case can be found on: what the screens leave of source, control and calibration set.

        Raises:
            InconclusiveError: A dataset or a model cannot be had.
        """
        bare = replace(case, generated=None)
        by_role = self.sets.by_role(policy, bare, named)
        screener = self.sets.screener(policy, bare, by_role)
        return ErrorRates(policy, case, self.sets, self.calibrator).context(named, by_role, screener)

    def _sets_compared(self, policy: Policy, case: Case) -> Comparison:
        assert case.embedder is not None
        embedders = (case.embedder, *(other.embedder for other in case.agreement))
        scans = _scans(policy, case)
        by_embedder = {
            named.name: self.sets.by_role(policy, case, _in_bf16(named) if scans else named)
            for named in embedders
        }
        first, *_ = by_embedder.values()
        sets: dict[Role, EmbeddedSet] = {
            role: in_all({name: roles[role] for name, roles in by_embedder.items()}) for role in first
        }
        is_screened = getattr(case.check, "is_screened", True)
        screener = self.sets.screener(policy, case, sets) if is_screened else None
        rates = ErrorRates(policy, case, self.sets, self.calibrator)
        check = guarded_check(case.check_name, rates.with_cosine(case.check, case.embedder, sets, screener))
        scan = None
        if scans and all(one.images for one in sets.values()):
            full = self.sets.embedder(case.embedder.choice)
            sets, scan = looked_at_again(check, sets, self.sets.embedded, full)
        seconds = tuple(
            SecondEmbedder(
                name=other.embedder.name,
                threshold=rates.cosine(
                    other.threshold, other.embedder, by_embedder[other.embedder.name], screener
                ),
                generated=by_embedder[other.embedder.name]["generated"].gallery(),
                source=by_embedder[other.embedder.name]["source"].gallery(),
            )
            for other in case.agreement
        )
        comparison = Comparison(
            check=check,
            figures=figures_of(check, sets, self.sets.engine(policy)),
            sets={role: one.summary for role, one in sets.items()},
            expected=expected(policy, case),
            embedder=self.sets.spec(case.embedder),
            agreement={other.embedder.name: self.sets.spec(other.embedder) for other in case.agreement},
            seconds=seconds,
            screener=screener,
            whole=_whole(check),
            embedded=sets,
            thresholds=rates.found,
            error_rates=rates.around(check, case.embedder, sets, screener),
            scan=scan,
        )
        if isinstance(check, NearCopy) or comparison.figures is None:
            return comparison
        known = rates.context(case.embedder, sets, screener if rates.found else None)
        return self._with_strangers(comparison, policy, known)

    def _with_strangers(self, compared: Comparison, policy: Policy, known: CalibrationSets) -> Comparison:
        """The comparison with what strangers say of it: chance matches, hubs, best matches of the control."""
        sets, cosine = compared.embedded, cosine_of(compared.check)
        hubs = None
        if policy.hub is not None and cosine is not None and not isinstance(compared.check, ExcessRisk):
            hubs = HubRule(
                policy.hub,
                sets["generated"].gallery(),
                sets["source"].gallery(each_content_once=True),
                cosine,
                lambda: self.calibrator.unseen(known),
            )
        n_generated = len(sets["generated"].images)
        return replace(
            compared,
            chance=None if cosine is None else self.calibrator.chance(cosine, known, n_generated),
            hubs=hubs,
            kinds=Kinds(self.sets.embedded, sets["generated"], sets["source"]),
            unseen=self.calibrator.unseen(known) if "control" in sets else None,
        )

    def _coverage(self, policy: Policy, case: Case, check: Coverage) -> Comparison:
        assert case.embedder is not None
        sets = of_one(self.sets.by_role(policy, case, case.embedder), case.embedder)
        return Comparison(
            check=check,
            figures=CoverageFigures(check=check, one=sets["dataset"]),
            sets={role: one.summary for role, one in sets.items()},
            expected=expected(policy, case),
            embedder=self.sets.spec(case.embedder),
            screener=self.sets.screener(policy, case, sets),
            whole=("dataset",),
            embedded=sets,
        )

    def _listed(self, policy: Policy, case: Case) -> Comparison:
        assert case.matches is not None
        sets: dict[str, SetSummary] = {}
        lists = {}
        for role, name in (("matches", case.matches), ("control", case.control)):
            if name is not None:
                dataset = policy.datasets[name]
                found: MatchList = loaded(READERS, dataset.format)(dataset).read_matches(self._progress)
                summary = summary_of(found.generated_set, len(found.matches), found.generated_set.excluded)
                sets[role] = replace(summary, sha256=found.sha256)
                lists[role] = found.matches
        is_empty = not all(map(len, lists.values()))
        check = guarded_check(case.check_name, case.check)
        figures = ListFigures(check=check, listed=lists["matches"], control=lists.get("control"))
        return Comparison(
            check=check,
            figures=None if is_empty else figures,
            sets=sets,
            expected=expected(policy, case),
        )


def _scans(policy: Policy, case: Case) -> bool:
    """Whether all images are looked at in bf16 first."""
    if case.embedder is None or case.embedder.choice.scan is None:
        return False
    return not why_not_scanned(case, has_hub_rule=policy.hub is not None, pins=policy.thresholds is not None)


def _in_bf16(named: NamedEmbedder) -> NamedEmbedder:
    return replace(named, choice=replace(named.choice, precision="bf16", scan=None))


def _whole(check: Any) -> tuple[Role, ...]:
    if isinstance(check, MembershipInference):
        return ("generated", "source", "control")
    return ("generated",) if check.needs_whole_set else ()
