"""The pairs that keep a case from passing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from faceleak_check.records import Outcome
from faceleak_check.reports.opening import Evidence, pairs_of

__all__ = ["blamed_pairs", "is_for_leaks"]


def blamed_pairs(evidence: Evidence, case: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The leaks of a case that does not pass for them, worst first, whether or not they are over an allowance.

    Args:
        evidence: The evidence.
        case: The record of a case in it.

    Raises:
        EvidenceError: The table of pairs is not the one that the evidence names.
    """
    measured = case["measurement"]
    if measured is None:
        return
    asked = measured["confidence_asked"] and measured["interval"] is not None
    high = measured["interval"]["high"] if asked else None
    if is_for_leaks(case["outcome"], measured["missed"], high, measured["limit"]):
        for pair in pairs_of(evidence, case):
            # the most similar pairs of all are listed, too, where they are under the limit
            counts = measured["pairs_are_leaks"] or pair["similarity"] > measured["limit"]
            if counts and not pair["waived"]:
                yield pair


def is_for_leaks(outcome: str, missed: str, high: float | None, limit: float) -> bool:
    """Whether a case does not pass for its leaks, so that with fewer of them it could.

    Args:
        outcome: Its outcome.
        missed: What follows where its limit is not met.
        high: Upper end of the interval that must meet the limit; None where the value itself must.
        limit: The limit.
    """
    straddles = outcome == Outcome.INCONCLUSIVE and high is not None and high > limit
    return missed == Outcome.LEAK and (outcome == Outcome.LEAK or straddles)
