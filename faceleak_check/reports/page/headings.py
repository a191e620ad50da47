"""What each check asks, in words that need no knowledge of biometrics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["OUTCOME_WORDS", "POLICY_WORDS", "ROLES", "heading_of", "in_order", "question_of"]

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

_CHECKS: Mapping[str, tuple[str, str]] = {
    "leak_rate": (
        "Share of generated images that match a real photograph",
        (
            "How large a share of the generated images resembles somebody in the source set so much that the "
            "recogniser takes both for one person?"
        ),
    ),
    "leak_count": (
        "Number of generated images that match a real photograph",
        (
            "How many generated images resemble somebody in the source set so much that the recogniser takes both "
            "for one person?"
        ),
    ),
    "identity_exposure": (
        "Real people who come back",
        "How many different people of the source set are matched by generated images?",
    ),
    "excess_risk": (
        "Matches beyond chance",
        "Do generated images match the source set more often than they match people whom the generator never saw?",
    ),
    "membership_inference": (
        "Can training photographs be told from others?",
        "Could somebody who has the generated images tell which photographs the generator was trained on?",
    ),
    "near_copy": ("Copied photographs", "Are generated images copies of photographs of the source set?"),
    "canary_recall": (
        "Is the gate awake?",
        "Are altered copies of source photographs, sent through the whole gate, caught as they should be?",
    ),
    "coverage": ("Was enough looked at?", "Could enough of the dataset's images be compared at all?"),
    "top_k_similarity": (
        "The most similar pairs",
        "How similar is the most similar of all pairs of a generated and a source image?",
    ),
}


def in_order(sets: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The sets of a case, each behind its role, as `ROLES` has them."""
    known = list(ROLES)
    yield from sorted(sets.items(), key=lambda one: known.index(one[0]) if one[0] in known else len(known))


def heading_of(check: str) -> str:
    """A check's title; its name with spaces where it is none of ours."""
    return _CHECKS[check][0] if check in _CHECKS else check.replace("_", " ").capitalize()


def question_of(check: str) -> str:
    """The question that a check answers; empty where it is none of ours."""
    return _CHECKS[check][1] if check in _CHECKS else ""
