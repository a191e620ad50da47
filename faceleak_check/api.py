"""The gate for Python users: ``check("release.yaml")``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from faceleak_check.pipeline import Gate
from faceleak_check.policy.parse import parse_argument
from faceleak_check.policy.presets import resolve_policy
from faceleak_check.policy.schema import Policy
from faceleak_check.policy.waiver_use import WaiverUse, matched_by, waiver_use
from faceleak_check.protocols import Progress
from faceleak_check.records import Verdict
from faceleak_check.reports.waivers import unmatched_text, waivers_record
from faceleak_check.shared_folder import store_root
from faceleak_check.silence import silent

__all__ = ["PolicyResult", "check", "check_with", "run_policy"]


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicyResult:
    """The verdicts of one policy.

    Attributes:
        policy: The policy that was checked.
        verdicts: One for each case, in the order of the policy.
        waivers: What its waivers did; None where it names none.
    """

    policy: Policy
    verdicts: tuple[Verdict, ...]
    waivers: WaiverUse | None = None

    @property
    def passed(self) -> bool:
        """Whether every case passes or is waived, and no waiver stands in the way."""
        fails = self.waivers is not None and self.waivers.fails
        return bool(self.verdicts) and not fails and all(verdict.passed for verdict in self.verdicts)

    def __bool__(self) -> bool:
        """The same as `passed`, for whoever forgets it: ``assert check("release.yaml")``."""
        return self.passed

    def __str__(self) -> str:
        """One line a case."""
        lines = [
            f"{verdict.outcome}: {verdict.case}: {'; '.join(verdict.reasons)}" for verdict in self.verdicts
        ]
        if self.waivers is not None and self.waivers.fails:
            lines.append(unmatched_text(waivers_record(self.waivers) or {}, names=True))
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
    return run_policy(gate, parse_argument(resolve_policy(str(policy), Path.cwd()), environment))


def run_policy(gate: Gate, policy: Policy) -> PolicyResult:
    """The verdicts on all cases of a policy that is parsed already.

    Args:
        gate: What it has worked out in earlier calls is not worked out again.
        policy: The policy.
    """
    verdicts = tuple(gate.run(policy, case) for case in policy.cases)
    matched = None
    if all(verdict.measurement is not None for verdict in verdicts):
        matched = {pair for verdict in verdicts for pair in matched_by(policy.waivers, verdict)}
    use = waiver_use(policy.waivers, datetime.now(UTC).date(), matched)
    return PolicyResult(policy=policy, verdicts=verdicts, waivers=use)
