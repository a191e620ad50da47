"""The gate for Python users: ``check("release.yaml")``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from faceleak_check.errors import UsageError
from faceleak_check.pipeline import Gate, silent
from faceleak_check.policy.parse import parse_argument
from faceleak_check.policy.presets import resolve_policies
from faceleak_check.policy.schema import Policy
from faceleak_check.protocols import Progress
from faceleak_check.records import Verdict
from faceleak_check.shared_folder import store_root

__all__ = ["PolicyResult", "check", "check_with"]


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicyResult:
    """The verdicts of one policy.

    Attributes:
        policy: The policy that was checked.
        verdicts: One for each case, in the order of the policy.
    """

    policy: Policy
    verdicts: tuple[Verdict, ...]

    @property
    def passed(self) -> bool:
        """Whether every case passes or is waived."""
        return bool(self.verdicts) and all(verdict.passed for verdict in self.verdicts)

    def __str__(self) -> str:
        """One line a case."""
        lines = [
            f"{verdict.outcome}: {verdict.case}: {'; '.join(verdict.reasons)}" for verdict in self.verdicts
        ]
        return "\n".join([f"{self.policy.shown_as} ({self.policy.name})", *lines])


def check(
    policy: Path | str,
    *,
    store: Path | str | None = None,
    environment: Mapping[str, str] | None = None,
    progress: Progress = silent,
) -> PolicyResult:
    """Runs one policy.

    Args:
        policy: A policy file, or ``builtin:NAME``.
        store: Root folder of the template store, or the URL of one that several machines share; by default
            ``$FACELEAK_STORE`` or the user's cache.
        environment: Values for ``${NAME}`` in the policy; by default the process's environment.
        progress: Told how far long work is.

    Raises:
        PolicyError: The policy is wrong; all problems at once.
        UsageError: There is no such policy, or a folder holds several.
    """
    return check_with(Gate(store=store_root(store), progress=progress), policy, environment)


def check_with(gate: Gate, policy: Path | str, environment: Mapping[str, str] | None = None) -> PolicyResult:
    """As `check`, sharing with earlier calls what the gate has already worked out."""
    argument, *others = resolve_policies([str(policy)], Path.cwd())
    if others:
        raise UsageError(f"{str(policy)!r} holds {1 + len(others)} policies; name one of them")
    parsed = parse_argument(argument, environment)
    return PolicyResult(policy=parsed, verdicts=tuple(gate.run(parsed, case) for case in parsed.cases))
