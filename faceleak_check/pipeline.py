"""Gives verdicts: one case of a policy after the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import lru_cache

from faceleak_check.concluding import conclude
from faceleak_check.errors import InconclusiveError, refusal_of_the_machine
from faceleak_check.image_sets import EmbeddedSet, Role
from faceleak_check.policy.schema import Case, ExecutionKeys, Policy
from faceleak_check.preparing import Preparation
from faceleak_check.protocols import Progress
from faceleak_check.records import Outcome, Verdict
from faceleak_check.silence import silent
from faceleak_check.store.roots import Root

__all__ = ["Gate", "Judged"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """A verdict, and the sets that it is about.

    Attributes:
        verdict: The verdict.
        sets: The sets with what reads their images, by role; empty for match lists, and where a set could not be had.
    """

    verdict: Verdict
    sets: Mapping[Role, EmbeddedSet] = field(default_factory=dict)


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
        # one day for a whole run: waivers neither come nor go at midnight, or with a clock that is set
        self._today = datetime.now(UTC).date()
        self.progress = progress

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
        return self.judged(policy, case).verdict

    def judged(self, policy: Policy, case: Case) -> Judged:
        """The verdict of one case as `run` gives it, with the sets that it is about."""
        blank = Verdict(outcome=Outcome.INCONCLUSIVE, policy=policy.name, check=case.check_name, case=case.id)
        try:
            compared = self._preparation(policy.execution).compared(policy, case)
            return Judged(
                verdict=conclude(blank, compared, policy, case, self._today), sets=compared.embedded
            )
        except (InconclusiveError, MemoryError, OSError, RuntimeError) as raised:
            error = raised if isinstance(raised, InconclusiveError) else refusal_of_the_machine(raised)
            if error is None:
                raise
            details = tuple(filter(None, [error.detail]))
            return Judged(verdict=replace(blank, reasons=(error.message,), details=details))

    def _made_for(self, execution: ExecutionKeys) -> Preparation:
        made = Preparation(self._store, self.progress, self.notes, execution)
        self._made.append(made)
        return made
