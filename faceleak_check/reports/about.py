"""What the check of a record is about, as its class says."""

from __future__ import annotations

from faceleak_check.errors import UsageError
from faceleak_check.records import AboutCheck, CheckKind
from faceleak_check.registry import CHECKS

__all__ = ["MATCHED", "about_of", "kind_of"]

MATCHED: frozenset[CheckKind | None] = frozenset({"rate", "people", "nearest", "excess"})
"""The kinds of checks that look for people, and not for copies of pictures."""


def about_of(check: str) -> AboutCheck:
    """What a check is about; its name with spaces where it says nothing, or its package is not installed here.

    Args:
        check: Its name in the evidence.
    """
    try:
        found = getattr(CHECKS.load(check), "about", None)
    except UsageError:
        found = None
    if isinstance(found, AboutCheck):
        return found
    return AboutCheck(title=check.replace("_", " ").replace("-", " ").capitalize())


def kind_of(check: str) -> CheckKind | None:
    """What a check's figure is evidence of; None where nobody says."""
    return about_of(check).kind
