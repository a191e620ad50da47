"""Runs a policy without the files that are to be removed, until it passes or no removal helps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from faceleak_check.api import PolicyResult, run_policy
from faceleak_check.checks.top_k_similarity import TopKSimilarity
from faceleak_check.pipeline import Gate
from faceleak_check.policy.schema import Case, Policy
from faceleak_check.quarantine.leaks import Leak, leaks_of

__all__ = ["Proof", "Removal", "prove"]

_WIDER = 4
"""How many times more pairs than images were removed so far the next round of ``top_k_similarity`` looks at."""


class Removal:
    """What is to be removed: contents of generated files, each with the leaks that it is in."""

    def __init__(self) -> None:
        self.leaks: dict[tuple[str, str], list[Leak]] = {}

    def add(self, leaks: Iterable[Leak]) -> int:
        """Adds the images of these leaks; returns how many of them are new."""
        n_before = len(self.leaks)
        for leak in leaks:
            known = self.leaks.setdefault((leak.dataset, leak.generated), [])
            if leak not in known:
                known.append(leak)
        return len(self.leaks) - n_before

    def contents(self, dataset: str) -> frozenset[str]:
        """Content digests that are to be removed from a dataset."""
        return frozenset(content for name, content in self.leaks if name == dataset)

    @property
    def n_contents(self) -> Counter[str]:
        """How many contents are to be removed, by dataset."""
        return Counter(name for name, _ in self.leaks)

    def left_of(self, policy: Policy) -> Policy:
        """The policy on what is left, as if the files were gone.

        Of the most similar pairs more than the policy's k are looked at: whether one is over the limit does not depend
        on k, and ten at a time would take a thousand rounds for ten thousand leaks.
        """
        n_gone = self.n_contents
        datasets = {
            name: replace(dataset, without=self.contents(name)) if n_gone[name] else dataset
            for name, dataset in policy.datasets.items()
        }
        cases = tuple(_wider(case, n_gone[case.generated or ""]) for case in policy.cases)
        return replace(policy, datasets=datasets, cases=cases)


def _wider(case: Case, n_gone: int) -> Case:
    if not isinstance(case.check, TopKSimilarity):
        return case
    return replace(case, check=replace(case.check, k=max(case.check.k, _WIDER * n_gone)))


@dataclass(frozen=True, kw_only=True, slots=True)
class Proof:
    """What came out.

    Attributes:
        removal: The files that were left out in the last round.
        result: The verdicts of the last round.
    """

    removal: Removal
    result: PolicyResult


def prove(gate: Gate, policy: Policy, leaks: Iterable[Leak], tell: Callable[[str], None]) -> Proof:
    """Leaves the leaks out and runs the policy; leaves out what leaks then, until no more does.

    Args:
        gate: Runs the policy; what it has worked out in one round it knows in the next.
        policy: The policy.
        leaks: What is to be left out first.
        tell: Told a line for what is done.
    """
    removal = Removal()
    removal.add(leaks)
    n_rounds = 0
    while True:
        n_rounds += 1
        tell(f"round {n_rounds:,}: running the policy {_without(removal.n_contents)}")
        result = run_policy(gate, removal.left_of(policy))
        if result.passed:
            tell("  every case passes")
            return Proof(removal=removal, result=result)
        n_new = removal.add(_more(result, policy))
        for verdict in result.verdicts:
            if not verdict.passed:
                tell(f"  {verdict.outcome}: {verdict.case}: {verdict.reasons[0]}")
        if not n_new:
            return Proof(removal=removal, result=result)
        tell(f"  {n_new:,} more {'image leaks' if n_new == 1 else 'images leak'} now")


def _more(result: PolicyResult, policy: Policy) -> Iterator[Leak]:
    for verdict, case in zip(result.verdicts, policy.cases, strict=True):
        yield from leaks_of(verdict, case)


def _without(n_contents: Counter[str]) -> str:
    parts = " and ".join(f"{_counted(n)} of {name!r}" for name, n in n_contents.items())
    return f"without {parts}" if parts else "as it is"


def _counted(n: int) -> str:
    return "1 image" if n == 1 else f"{n:,} images"
