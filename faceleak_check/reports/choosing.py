"""Which policy of some evidence is meant."""

from __future__ import annotations

from typing import Any

from faceleak_check.errors import UsageError
from faceleak_check.registry import suggestion
from faceleak_check.reports.layout import safe
from faceleak_check.reports.opening import Evidence

__all__ = ["chosen_policy"]


def chosen_policy(evidence: Evidence, wanted: str | None) -> dict[str, Any]:
    """The record of one policy.

    Args:
        evidence: The evidence.
        wanted: The policy's file or name as the evidence has it; None for the only one.

    Raises:
        UsageError: There is no such policy, or it is left open which one is meant.
    """
    records: list[dict[str, Any]] = evidence.data["policies"]
    if wanted is not None:
        found = [record for record in records if wanted in (record["file"], record["name"])]
    else:
        found = records
    if len(found) == 1:
        return found[0]
    files = [safe(record["file"]) for record in records]
    there = f"there are: {', '.join(files)}" if files else "it holds none"
    if found:
        raise UsageError(
            f"the evidence holds {len(found)} policies; name one of them with --policy: {', '.join(files)}"
        )
    asked = "" if wanted is None else f" {safe(wanted)!r}{suggestion(wanted, files)}"
    raise UsageError(f"the evidence holds no policy{asked}; {there}")
