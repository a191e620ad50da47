"""The leaks that keep a policy from passing, from its evidence and from new verdicts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from faceleak_check.policy.schema import Case
from faceleak_check.records import Verdict
from faceleak_check.reports.blamed import blamed_pairs, is_for_leaks
from faceleak_check.reports.opening import Evidence

__all__ = ["Leak", "leaks_in_evidence", "leaks_of"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Leak:
    """A pair that counts against a release.

    Attributes:
        dataset: Name of the generated set.
        generated: Content digest of the generated image.
        source: Content digest of the source image.
        similarity: Cosine of the two.
        case: The case that calls it a leak.
    """

    dataset: str
    generated: str
    source: str
    similarity: float
    case: str


def leaks_in_evidence(evidence: Evidence, policy: Mapping[str, Any]) -> Iterator[Leak]:
    """The leaks of all cases that do not pass for them, whether or not they are over an allowance.

    Args:
        evidence: The evidence.
        policy: The record of a policy in it.

    Raises:
        EvidenceError: A table of pairs is not the one that the evidence names.
    """
    for case in policy["cases"]:
        generated = case["sets"].get("generated")
        for pair in blamed_pairs(evidence, case) if generated else ():
            yield Leak(
                dataset=generated["name"],
                generated=pair["generated_sha256"],
                source=pair["source_sha256"],
                similarity=pair["similarity"],
                case=case["case"],
            )


def leaks_of(verdict: Verdict, case: Case) -> Iterator[Leak]:
    """The same of a case that was run now.

    Args:
        verdict: The verdict on it.
        case: The case.
    """
    measured = verdict.measurement
    if measured is None or case.generated is None:
        return
    high = measured.interval.high if measured.interval and measured.confidence_asked else None
    if not is_for_leaks(verdict.outcome, measured.missed, high, measured.limit):
        return
    for pair in measured.pairs:
        if measured.leaks or pair.similarity > measured.limit:
            yield Leak(
                dataset=case.generated,
                generated=pair.generated.sha256,
                source=pair.source.sha256,
                similarity=pair.similarity,
                case=case.id,
            )
