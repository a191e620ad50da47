"""The types of a policy's values: shares, counts, thresholds, and the decorator of its records.

Every validator takes what YAML gives (a number, or text such as ``5%``) and raises a plain sentence that says
what was found, what was expected and what to write.
"""

from __future__ import annotations

import dataclasses
import math
import re
from decimal import Decimal
from typing import Annotated, Any, TypeVar, cast, dataclass_transform

import pydantic.dataclasses
from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema

from faceleak_check.policy.wording import found

__all__ = [
    "Confidence",
    "Cosine",
    "Count",
    "Distance",
    "PositiveCount",
    "Share",
    "Threshold",
    "check_keys",
]

T = TypeVar("T")

LARGEST_COUNT = 10**12
_NUMBER = re.compile(r"[-+]?(?:[0-9]{1,30}(?:\.[0-9]{0,30})?|\.[0-9]{1,30})(?:[eE][-+]?[0-9]{1,3})?")
_WHOLE = re.compile(r"[-+]?[0-9]{1,30}")
_VARIABLE = {"type": "string", "pattern": r"\$\{"}
_PERCENT = {"type": "string", "pattern": r"^[-+]?[0-9.]+([eE][-+]?[0-9]+)?( ?%)?$"}
_DIGITS = {"type": "string", "pattern": r"^[-+]?[0-9.]+([eE][-+]?[0-9]+)?$"}


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(Field, dataclasses.field))
def check_keys(cls: type[T]) -> type[T]:
    """Make a class a frozen, keyword-only, slotted record whose fields are keys of a policy.

    Values are checked when it is built, and a key that is no field is refused. The class docstring's
    ``Attributes`` become the descriptions that an editor shows.
    """
    decorate = pydantic.dataclasses.dataclass(
        frozen=True, kw_only=True, slots=True, config=ConfigDict(extra="forbid")
    )
    return cast("type[T]", decorate(cls))


def _number(value: object) -> float | None:
    """The finite number that a value is or spells, else None."""
    if isinstance(value, str):
        return float(value) if _NUMBER.fullmatch(value) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) < LARGEST_COUNT else None


def _percent(value: object) -> float | None:
    """The share that a text such as ``0.1%`` spells; decimal, so that 0.1% is 0.001 to the last bit."""
    if not (isinstance(value, str) and value.endswith("%")):
        return None
    digits = value.removesuffix("%").removesuffix(" ")
    return float(Decimal(digits) / 100) if _NUMBER.fullmatch(digits) else None


def _share(value: object) -> float:
    number = _percent(value)
    if number is None:
        number = _number(value)
        if number is not None and 1 < number <= 100:
            raise ValueError(
                f"found {found(value)}, expected a share between 0 and 1: "
                f"write {number:.15g}% or {number / 100:.15g}"
            )
    if number is None or not 0 <= number <= 1:
        raise ValueError(f"found {found(value)}, expected a share between 0 and 1, such as 5% or 0.05")
    return number + 0.0  # -0.0 would be shown as "-0%"


def _confidence(value: object) -> float:
    number = _share(value)
    if not 0.5 < number < 1:
        raise ValueError(f"found {found(value)}, expected a confidence above 50% and below 100%, such as 95%")
    return number


def _cosine(value: object) -> float:
    number = _number(value)
    if number is None or not -1 <= number <= 1:
        raise ValueError(f"found {found(value)}, expected a cosine between -1 and 1, such as 0.94")
    return number


def _distance(value: object) -> float:
    number = _number(value)
    if number is None or number < 0 or not math.isfinite(number):
        raise ValueError(f"found {found(value)}, expected a distance of 0 or more, such as 0.6")
    return number + 0.0


def _whole(value: object, lowest: int) -> int:
    number = _whole_number(value)
    if number is None or not lowest <= number <= LARGEST_COUNT:
        highest = f" and at most {LARGEST_COUNT:,}" if number is not None and number > LARGEST_COUNT else ""
        not_a_share = ", not a share" if _percent(value) is not None else ""
        raise ValueError(
            f"found {found(value)}, expected a whole number of {lowest} or more{highest}{not_a_share}"
        )
    return number


def _whole_number(value: object) -> int | None:
    if isinstance(value, str):
        return int(value) if _WHOLE.fullmatch(value) else None
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _count(value: object) -> int:
    return _whole(value, 0)


def _positive_count(value: object) -> int:
    return _whole(value, 1)


def _schema(*shapes: dict[str, Any]) -> WithJsonSchema:
    return WithJsonSchema({"anyOf": [*shapes, _VARIABLE]})


Share = Annotated[
    float, BeforeValidator(_share), _schema({"type": "number", "minimum": 0, "maximum": 1}, _PERCENT)
]
"""A share in [0, 1], written ``0.1%`` or ``0.001``."""

Confidence = Annotated[
    float,
    BeforeValidator(_confidence),
    _schema({"type": "number", "exclusiveMinimum": 0.5, "exclusiveMaximum": 1}, _PERCENT),
]
"""The confidence of an interval, above 0.5 and below 1, written ``95%`` or ``0.95``."""

Cosine = Annotated[
    float, BeforeValidator(_cosine), _schema({"type": "number", "minimum": -1, "maximum": 1}, _DIGITS)
]
"""A cosine in [-1, 1]."""

Distance = Annotated[float, BeforeValidator(_distance), _schema({"type": "number", "minimum": 0}, _DIGITS)]
"""A Euclidean distance of 0 or more."""

Count = Annotated[int, BeforeValidator(_count), _schema({"type": "integer", "minimum": 0})]
"""A whole number of 0 or more."""

PositiveCount = Annotated[int, BeforeValidator(_positive_count), _schema({"type": "integer", "minimum": 1})]
"""A whole number of 1 or more."""


@check_keys
class Threshold:
    """When a pair counts as the same person; exactly one key is given.

    Attributes:
        cosine: Cosine of the two templates from which on a pair is a match.
        euclidean: Euclidean distance of the two embeddings up to which a pair is a match.
        fmr: False match rate that the threshold may have, by the user's own impostor pairs. Not in this version.
        fpir: Chance that a stranger finds any match in the whole source set. Not in this version.
    """

    cosine: Cosine | None = None
    euclidean: Distance | None = None
    fmr: Share | None = None
    fpir: Share | None = None

    def __post_init__(self) -> None:
        given = [field.name for field in dataclasses.fields(self) if getattr(self, field.name) is not None]
        if len(given) != 1:
            raise ValueError(
                f"found {' and '.join(given) or 'no key'}, "
                "expected exactly one of cosine, euclidean, fmr, fpir"
            )

    def describe(self) -> str:
        """The rule in words, such as ``cosine >= 0.94``."""
        if self.cosine is not None:
            return f"cosine >= {self.cosine:.15g}"
        if self.euclidean is not None:
            return f"Euclidean distance <= {self.euclidean:.15g}"
        return f"FMR {self.fmr:g}" if self.fmr is not None else f"FPIR {self.fpir:g}"
