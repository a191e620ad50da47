"""What the evidence says of a policy: its outcome, its cases, what is wrong in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from faceleak_check.errors import PolicyError
from faceleak_check.policy.schema import Policy
from faceleak_check.policy.waiver_use import WaiverUse
from faceleak_check.reports.leaves import printable
from faceleak_check.reports.waivers import waivers_record

__all__ = ["WORST_FIRST", "invalid_policy_record", "policy_record"]

Record = Mapping[str, Any]

WORST_FIRST = ("leak", "inconclusive", "waived", "pass")
"""The outcomes; that of several cases is the worst of theirs."""


def policy_record(
    policy: Policy, ran: Mapping[str, Record | None], use: WaiverUse | None = None
) -> dict[str, Any]:
    """A policy with the records of its cases.

    Args:
        policy: The policy.
        ran: Record of each case by its id, in the policy's order; None for a case that has no verdict.
        use: What its waivers did; None where it names none.
    """
    cases = [
        {name: value for name, value in record.items() if name != "run"} for record in ran.values() if record
    ]
    not_run = [case for case, record in ran.items() if record is None]
    open_questions = bool(not_run) or (use is not None and use.fails)
    outcomes = {case["outcome"] for case in cases} | ({"inconclusive"} if open_questions else set())
    return {
        "file": printable(policy.shown_as),
        "sha256": policy.sha256,
        "name": policy.name,
        "description": policy.description,
        "outcome": next(outcome for outcome in WORST_FIRST if outcome in outcomes),
        "problems": [],
        "cases": cases,
        "not_run": not_run,
        "waivers": waivers_record(use),
        "standards": list(policy.standards),
    }


def invalid_policy_record(shown_as: str, error: PolicyError) -> dict[str, Any]:
    """A policy that could not be run, with what is wrong in it."""
    return {
        "file": printable(shown_as),
        "sha256": None,
        "name": None,
        "description": None,
        "outcome": "inconclusive",
        "problems": [str(problem) for problem in error.problems],
        "cases": [],
        "not_run": [],
        "waivers": None,
        "standards": [],
    }
