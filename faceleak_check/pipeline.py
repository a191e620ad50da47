"""Gives verdicts: one case of a policy after the other."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from faceleak_check.concluding import conclude
from faceleak_check.errors import InconclusiveError
from faceleak_check.policy.schema import Case, ExecutionKeys, Policy
from faceleak_check.preparing import Preparation
from faceleak_check.protocols import Progress
from faceleak_check.records import Outcome, Verdict
from faceleak_check.store.roots import Root

__all__ = ["Gate", "silent"]


def silent(stage: str, done: int, total: int) -> None:
    """A progress that tells nobody."""


class Gate:
    """Gives verdicts; what two cases share (listing, templates, values of screens) is worked out once.

    Args:
        store: Root folder of the template store.
        progress: Told how far long work is.
    """

    def __init__(self, *, store: Root, progress: Progress = silent) -> None:
        self.notes: list[str] = []
        self._made: list[Preparation] = []
        self._preparation = lru_cache(maxsize=None)(self._made_for)
        self._store = store
        self._progress = progress

    @property
    def n_embedded(self) -> int:
        """Images that this gate has embedded."""
        return sum(made.sets.embedded.n_embedded for made in self._made)

    @property
    def n_screened(self) -> int:
        """Values that this gate's screens have worked out."""
        return sum(made.sets.screen_values.n_measured for made in self._made)

    def run(self, policy: Policy, case: Case) -> Verdict:
        """The verdict of one case.

        Everything that keeps it from being given makes it inconclusive.
        """
        blank = Verdict(outcome=Outcome.INCONCLUSIVE, policy=policy.name, check=case.check_name, case=case.id)
        try:
            compared = self._preparation(policy.execution).compared(policy, case)
            return conclude(blank, compared, policy, case)
        except InconclusiveError as error:
            return replace(blank, reasons=(error.message,), details=tuple(filter(None, [error.detail])))

    def _made_for(self, execution: ExecutionKeys) -> Preparation:
        made = Preparation(self._store, self._progress, self.notes, execution)
        self._made.append(made)
        return made
