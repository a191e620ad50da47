"""Keys that later versions serve.

Their form is checked now; each of them is then refused, so that no policy passes because it was ignored.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.metadata import version
from typing import Any, ClassVar

from faceleak_check.errors import Problem
from faceleak_check.policy.source import Source
from faceleak_check.policy.types import Confidence, Share, check_keys
from faceleak_check.policy.wording import KeyPath
from faceleak_check.registry import READERS

__all__ = ["HUB", "PLANNED_CHECKS", "PLANNED_FORMATS", "HubScreen", "planned_problems"]

HUB = "hub"
"""The screen that only a later version serves."""

PLANNED_FORMATS = ("recordio",)
PLANNED_THRESHOLDS = ("fmr", "fpir")


@check_keys
class HubScreen:
    """Images that are nearest to a large share of all others. Not in this version.

    Attributes:
        max_share: Share of the generated images above which their common nearest neighbour is a hub.
    """

    max_share: Share


@check_keys
class ExcessRisk:
    """The rate of leaks beyond that of a control set. Not in this version.

    Attributes:
        at_most: Highest excess risk allowed.
        confidence: Confidence of the interval that must meet the limit.
    """

    roles: ClassVar[tuple[str, ...]] = ("generated", "source", "control")

    at_most: Share
    confidence: Confidence | None = None


@check_keys
class MembershipInference:
    """How often membership in the source set can be told. Not in this version.

    Attributes:
        fpr: False positive rate at which it is measured.
        at_most: Highest true positive rate allowed.
    """

    roles: ClassVar[tuple[str, ...]] = ("generated", "source", "control")

    fpr: Share
    at_most: Share


@check_keys
class CanaryRecall:
    """The share of altered source images that the gate catches. Not in this version.

    Attributes:
        at_least: Lowest share allowed.
    """

    roles: ClassVar[tuple[str, ...]] = ("source",)

    at_least: Share


PLANNED_CHECKS: Mapping[str, Any] = {
    "excess_risk": ExcessRisk,
    "membership_inference": MembershipInference,
    "canary_recall": CanaryRecall,
}


def planned_problems(source: Source) -> Iterator[Problem]:
    """A problem for each key or value of the policy that only a later version serves."""
    for path, what in _planned(source.data):
        message = (
            f"{what}not available in faceleak-check {version('faceleak-check')}; "
            "a policy that asks for it cannot pass. Take it out, or wait for a version that has it."
        )
        yield source.problem(path, message, at_key=not what)


def _planned(data: Mapping[str, Any]) -> Iterator[tuple[KeyPath, str]]:
    """Paths of such keys, and of such values with the value in words."""
    if HUB in _mapping(data.get("screens")):
        yield ("screens", HUB), ""
    for name, keys in _mapping(data.get("datasets")).items():
        reader = _mapping(keys).get("format")
        if reader in PLANNED_FORMATS and reader not in READERS:
            yield ("datasets", name, "format"), f"{reader!r} is "
    checks = data.get("checks")
    for n, entry in enumerate(checks if isinstance(checks, list) else []):
        for name, keys in _mapping(entry).items():
            for steps in _planned_in_check(name, keys):
                yield ("checks", n, name, *steps), ""


def _planned_in_check(name: str, keys: object) -> Iterator[tuple[str, ...]]:
    if name in PLANNED_CHECKS:
        yield ()
    keys = _mapping(keys)
    threshold = _mapping(keys.get("threshold"))
    # embedders that must agree have a threshold each, under names that the user chose
    by_name = {(name,): _mapping(own) for name, own in threshold.items()}
    for steps, own in (by_name if "agreement" in keys else {(): threshold}).items():
        yield from (("threshold", *steps, rate) for rate in PLANNED_THRESHOLDS if rate in own)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
