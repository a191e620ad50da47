"""Whether a check can look at all images in bf16 first, with the same verdict as in fp32."""

from __future__ import annotations

from faceleak_check.policy.schema import Case
from faceleak_check.policy.types import Threshold
from faceleak_check.registry import CHECKS

__all__ = ["why_not_scanned"]


def why_not_scanned(case: Case, *, has_hub_rule: bool, pins: bool) -> str:
    """Why a case embeds every image in full precision all the same; empty where it does not.

    Args:
        case: A case whose embedder has the key ``scan``.
        has_hub_rule: Whether the policy has a hub rule.
        pins: Whether the policy pins its error rates in a file.
    """
    return _why_not_for_its_check(case, pins=pins) or _why_not_for_its_sets(case, has_hub_rule=has_hub_rule)


def _why_not_for_its_check(case: Case, *, pins: bool) -> str:
    if not CHECKS.is_built_in(case.check_name):
        return "it is a check of another package, which may look below its threshold"
    threshold = getattr(case.check, "threshold", None)
    if case.generated is None or case.source is None or not isinstance(threshold, Threshold):
        return "it has no threshold from which on a pair counts"
    if threshold.euclidean is not None:
        return "its threshold is a distance"
    if threshold.is_rate and not pins:
        return "its threshold is an error rate that is found on all images; pin it with 'thresholds: FILE'"
    return ""


def _why_not_for_its_sets(case: Case, *, has_hub_rule: bool) -> str:
    if case.control is not None or case.calibration is not None:
        return "it looks at a control or calibration set"
    if case.agreement:
        return "several embedders must agree"
    return "the hub rule looks at all images" if has_hub_rule else ""
