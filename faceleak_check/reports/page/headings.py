"""Outcomes and sets in words that need no knowledge of biometrics; what checks ask stands with each of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["OUTCOME_WORDS", "POLICY_WORDS", "ROLES", "in_order"]

OUTCOME_WORDS: Mapping[str, str] = {
    "leak": "Leak",
    "inconclusive": "No verdict",
    "waived": "Waived",
    "pass": "Passed",
}
"""A case's outcome, as its badge says it."""

POLICY_WORDS: Mapping[str, str] = {
    "leak": "The policy does not let this release through: more was found than it allows.",
    "inconclusive": "There is no verdict on this release. A check that could not be decided never counts as passed.",
    "waived": "The policy lets this release through, because somebody took responsibility for pairs that were found.",
    "pass": "The policy lets this release through: every check met its limit.",
}
"""A policy's outcome in a sentence."""

ROLES: Mapping[str, str] = {
    "generated": "generated",
    "source": "source",
    "control": "never seen by the generator",
    "calibration": "strangers to find the threshold on",
    "matches": "matches from a list",
    "dataset": "in the dataset",
    "canaries": "altered copies",
}
"""What a set is in a comparison, in the order in which a reader asks for them."""


def in_order(sets: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The sets of a case, each behind its role, as `ROLES` has them."""
    known = list(ROLES)
    yield from sorted(sets.items(), key=lambda one: known.index(one[0]) if one[0] in known else len(known))
