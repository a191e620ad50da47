"""Gives verdicts: one case of a policy after the other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from faceleak_check.concluding import conclude
from faceleak_check.errors import InconclusiveError
from faceleak_check.policy.schema import Case, Policy
from faceleak_check.preparing import Preparation
from faceleak_check.protocols import Progress
from faceleak_check.records import Outcome, Verdict

__all__ = ["Gate", "silent"]


def silent(stage: str, done: int, total: int) -> None:
    """A progress that tells nobody."""


class Gate:
    """Gives verdicts; what two cases share (listing, templates, values of screens) is worked out once.

    Args:
        store: Root folder of the template store.
        progress: Told how far long work is.
    """

    def __init__(self, *, store: Path, progress: Progress = silent) -> None:
        self.notes: list[str] = []
        self._preparation = Preparation(store, progress, self.notes)

    @property
    def n_embedded(self) -> int:
        """Images that this gate has embedded."""
        return self._preparation.sets.embedded.n_embedded

    @property
    def n_screened(self) -> int:
        """Values that this gate's screens have worked out."""
        return self._preparation.sets.screen_values.n_measured

    def run(self, policy: Policy, case: Case) -> Verdict:
        """The verdict of one case.

        Everything that keeps it from being given makes it inconclusive.
        """
        blank = Verdict(outcome=Outcome.INCONCLUSIVE, policy=policy.name, check=case.check_name, case=case.id)
        try:
            return conclude(blank, self._preparation.compared(policy, case), policy, case)
        except InconclusiveError as error:
            return replace(blank, reasons=(error.message,), details=tuple(filter(None, [error.detail])))
