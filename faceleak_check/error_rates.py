"""The thresholds of a case: error rates become cosines, on what the screens leave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from faceleak_check.calibrating import Calibrator
from faceleak_check.calibration_sets import CalibrationSets
from faceleak_check.case_sets import OF_STRANGERS, CaseSets
from faceleak_check.checks.leaks import cosine_of
from faceleak_check.errors import InconclusiveError
from faceleak_check.guards import blamed
from faceleak_check.image_sets import EmbeddedSet, Role
from faceleak_check.policy.canaries import guarded
from faceleak_check.policy.schema import Case, NamedEmbedder, Policy
from faceleak_check.policy.types import Threshold
from faceleak_check.records import Calibration, ErrorRate
from faceleak_check.screening import Screener

__all__ = ["ErrorRates"]


class ErrorRates:
    """Finds the cosines of one case's thresholds.

    Args:
        policy: The policy.
        case: The case.
        sets: Embeds and screens.
        calibrator: Finds thresholds.

    Attributes:
        found: The thresholds that were asked for as error rates, by the embedder's name.
    """

    def __init__(self, policy: Policy, case: Case, sets: CaseSets, calibrator: Calibrator) -> None:
        self._policy = policy
        self._case = case
        self._sets = sets
        self._calibrator = calibrator
        self.found: dict[str, Calibration] = {}

    def context(
        self, named: NamedEmbedder, by_role: Mapping[Role, EmbeddedSet], screener: Screener | None = None
    ) -> CalibrationSets:
        """What a threshold may be found on: what the screens leave of it, as they do of what is compared.

        Children resemble each other to a recogniser: among strangers they would raise the threshold for everybody.

        Args:
            named: The embedder.
            by_role: The case's sets by this embedder.
            screener: The screens; None where nothing is screened.
        """
        left = {role: _screened(role, one, screener) for role, one in by_role.items() if role in OF_STRANGERS}
        bare = CalibrationSets(
            name=named.name,
            spec=self._sets.spec(named),
            source=by_role["source"],
            control=left.get("control"),
            calibration=left.get("calibration"),
            pinned=self._policy.thresholds,
            engine=self._sets.engine(self._policy),
        )
        if screener is None or bare.control is not None or bare.labelled is not by_role["source"]:
            return bare
        return replace(bare, source=_screened("source", by_role["source"], screener))

    def with_cosine(
        self,
        check: Any,
        named: NamedEmbedder,
        by_role: Mapping[Role, EmbeddedSet],
        screener: Screener | None = None,
    ) -> Any:
        """The check with its error rate as a cosine.

        Raises:
            InconclusiveError: The rate cannot be found on these sets.
        """
        threshold = getattr(check, "threshold", None)
        if not isinstance(threshold, Threshold) or not threshold.is_rate:
            return check
        found = self.cosine(threshold, named, by_role, screener)
        with blamed(f"check {self._case.check_name!r}", "take its threshold", error=InconclusiveError):
            return replace(check, threshold=found)

    def cosine(
        self,
        threshold: Threshold,
        named: NamedEmbedder,
        by_role: Mapping[Role, EmbeddedSet],
        screener: Screener | None = None,
    ) -> Threshold:
        """The cosine of an error rate; any other threshold as it is.

        Raises:
            InconclusiveError: The rate cannot be found on these sets.
        """
        if not threshold.is_rate:
            return threshold
        if not by_role["source"].images:
            return Threshold(cosine=1.0)  # nothing is compared, and the verdict says so
        if self._policy.thresholds is not None:
            screener = None
        found = self._calibrator.resolved(threshold, self.context(named, by_role, screener))
        self.found[named.name] = found
        return Threshold(cosine=found.cosine)

    def around(
        self,
        check: Any,
        named: NamedEmbedder,
        by_role: Mapping[Role, EmbeddedSet],
        screener: Screener | None = None,
    ) -> tuple[ErrorRate, ...]:
        """Thresholds of other false match rates, where the case itself asks for its own as a rate.

        Args:
            check: The check with its error rate as a cosine.
            named: The embedder.
            by_role: The case's sets by this embedder.
            screener: The screens; None where nothing is screened.
        """
        asked, cosine = getattr(self._case.check, "threshold", None), cosine_of(check)
        is_rate = isinstance(asked, Threshold) and asked.is_rate and named.name in self.found
        if not is_rate or cosine is None:
            return ()
        return self._calibrator.error_rates(cosine, self.context(named, by_role, screener))

    def strictest(self) -> Threshold:
        """The highest cosine at which another check of the policy calls a pair with this case's source a leak.

        Raises:
            InconclusiveError: One of their rates cannot be found.
        """
        assert self._case.embedder is not None
        strictest, best = -1.0, dict[str, Calibration]()
        for case, threshold in guarded(self._case, self._policy.cases):
            others = ErrorRates(self._policy, case, self._sets, self._calibrator)
            cosine = threshold.cosine
            if threshold.is_rate:
                bare = replace(case, generated=None)
                by_role = self._sets.by_role(self._policy, bare, self._case.embedder)
                screener = self._sets.screener(self._policy, bare, by_role)
                cosine = others.cosine(threshold, self._case.embedder, by_role, screener).cosine
            if cosine is not None and cosine >= strictest:
                strictest, best = cosine, others.found
        self.found.update(best)
        return Threshold(cosine=strictest)


def _screened(role: Role, one: EmbeddedSet, screener: Screener | None) -> EmbeddedSet:
    if screener is None:
        return one
    screener.look_at(role, one.images)
    return one.without({gone.id: gone for gone in screener.exclusions(role)})
