"""At which thresholds a check of canaries must catch them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from faceleak_check.policy.agreement import own_threshold
from faceleak_check.policy.schema import Case, NamedEmbedder
from faceleak_check.policy.types import Threshold
from faceleak_check.policy.validation import Validator

__all__ = ["CANARY_RECALL", "check_canaries", "guarded"]

CANARY_RECALL = "canary_recall"


def guarded(canary: Case, cases: Sequence[Case]) -> tuple[tuple[Case, Threshold], ...]:
    """The other checks on the same source and embedder, each with that embedder's threshold, in file order.

    A Euclidean distance is left out: nobody can say whether it or a cosine is the stricter one.

    Args:
        canary: A ``canary_recall``, whose copies must be caught by each of them where it names no threshold.
        cases: All cases of the policy.
    """
    assert canary.embedder is not None
    found = [
        (case, _threshold(case, canary.embedder))
        for case in cases
        if case.source == canary.source and case.check_name != CANARY_RECALL
    ]
    return tuple(
        (case, threshold)
        for case, threshold in found
        if threshold is not None and threshold.euclidean is None
    )


def _threshold(case: Case, embedder: NamedEmbedder) -> Threshold | None:
    """From where on the embedder calls a pair a leak in this check; None where it has no say or no threshold."""
    for other in case.agreement:
        if other.embedder == embedder:
            return other.threshold
    if case.embedder != embedder:
        return None
    check: Any = case.check
    if getattr(check, "limits_cosine", False):
        return Threshold(cosine=check.at_most)
    return own_threshold(check)


def check_canaries(cases: Sequence[Case], validator: Validator) -> None:
    """Report each check of canaries that has no threshold of its own and no other check to take it from.

    Args:
        cases: All cases of a policy whose checks are all free of errors.
        validator: Where problems go.
    """
    for n, case in enumerate(cases):
        if case.check_name != CANARY_RECALL or own_threshold(case.check) or guarded(case, cases):
            continue
        assert case.embedder is not None
        message = (
            f"no other check of this policy has a cosine or an error rate for {case.source!r} by "
            f"{case.embedder.name!r}, so nothing says when a canary is caught; "
            "write 'threshold' here, such as {cosine: 0.9}"
        )
        validator.report(("checks", n, CANARY_RECALL), message, at_key=True)
