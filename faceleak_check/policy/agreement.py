"""The thresholds of a check on which embedders must agree: one for each, by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, get_args

from faceleak_check.policy.types import Threshold
from faceleak_check.policy.validation import Validator
from faceleak_check.policy.wording import KeyPath, found
from faceleak_check.registry import suggestion

__all__ = ["THRESHOLD", "agreed_thresholds", "can_agree", "has_threshold", "own_threshold"]

THRESHOLD = "threshold"
_KINDS = tuple(Threshold.__dataclass_fields__)


def has_threshold(kind: type[Any]) -> bool:
    """Whether a check calls pairs leaks by a `Threshold` under that name."""
    field = kind.__pydantic_fields__.get(THRESHOLD)
    return field is not None and (field.annotation is Threshold or Threshold in get_args(field.annotation))


def own_threshold(check: object) -> Threshold | None:
    """The threshold of a check; None where it has none."""
    threshold = getattr(check, THRESHOLD, None)
    return threshold if isinstance(threshold, Threshold) else None


def can_agree(kind: type[Any]) -> bool:
    """Whether several embedders may have to agree on a check, each with a threshold of its own."""
    return has_threshold(kind) and getattr(kind, "can_agree", True)


def agreed_thresholds(
    validator: Validator, keys: Mapping[str, Any], names: Sequence[str], path: KeyPath
) -> tuple[Threshold, ...]:
    """The threshold of each embedder, in their order; nothing where one has a problem or is missing.

    Args:
        validator: Where problems go.
        keys: All keys of the check.
        names: The embedders that must agree.
        path: Where the check stands.
    """
    place = (*path, THRESHOLD)
    if THRESHOLD not in keys or not names or not _is_by_name(validator, keys[THRESHOLD], names, place):
        return ()
    given = keys[THRESHOLD]
    for name in given:
        if name not in names:
            validator.report_unknown_key(place, name, names)
    for name in names:
        if name not in given and not any(suggestion(key, [name]) for key in given if key not in names):
            validator.report(
                place, f"missing key {name!r}; each embedder has a threshold of its own", at_key=True
            )
    built = [validator.build(Threshold, given[name], (*place, name)) for name in names if name in given]
    there = tuple(threshold for threshold in built if threshold is not None)
    return there if len(there) == len(names) else ()


def _is_by_name(validator: Validator, given: object, names: Sequence[str], place: KeyPath) -> bool:
    expected = "expected one for each embedder: {" + ", ".join(f"{name}: {{...}}" for name in names) + "}"
    if not isinstance(given, dict):
        validator.report(place, f"found {found(given)}, {expected}")
        return False
    if any(key in _KINDS and key not in names for key in given):
        validator.report(place, f"found one threshold for all, {expected}")
        return False
    return True
