"""The types of a policy's values: shares, counts, thresholds, and the decorator of its records."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any, Literal, TypeVar, cast, dataclass_transform

import pydantic.dataclasses
from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema

from faceleak_check.hash_bits import HASH_BITS
from faceleak_check.policy.expressions import NUMBER, SHARE, SIZE, VARIABLE
from faceleak_check.policy.numbers import (
    LARGEST_CHIP,
    LEAST_MEMORY,
    chip_size,
    confidence,
    cosine,
    count,
    distance,
    divisor,
    hash_bits,
    memory,
    pixel_value,
    positive_count,
    positive_share,
    rate,
    share,
)

__all__ = [
    "ChipSize",
    "Confidence",
    "Cosine",
    "Count",
    "Device",
    "Distance",
    "Divisor",
    "HashBits",
    "Memory",
    "PixelValue",
    "PositiveCount",
    "PositiveShare",
    "Precision",
    "Rate",
    "Share",
    "Threshold",
    "check_keys",
]

T = TypeVar("T")

_VARIABLE = {"type": "string", "pattern": VARIABLE}
_PERCENT = {"type": "string", "pattern": SHARE}
_DIGITS = {"type": "string", "pattern": NUMBER}


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


def _schema(*shapes: dict[str, Any]) -> WithJsonSchema:
    return WithJsonSchema({"anyOf": [*shapes, _VARIABLE]})


Share = Annotated[
    float, BeforeValidator(share), _schema({"type": "number", "minimum": 0, "maximum": 1}, _PERCENT)
]
"""A share in [0, 1], written ``0.1%`` or ``0.001``."""

PositiveShare = Annotated[
    float,
    BeforeValidator(positive_share),
    _schema({"type": "number", "exclusiveMinimum": 0, "maximum": 1}, _PERCENT),
]
"""A share in (0, 1], written ``99%`` or ``0.99``."""

Rate = Annotated[
    float,
    BeforeValidator(rate),
    _schema({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}, _PERCENT),
]
"""An error rate, above 0 and below 1, written ``1e-5`` or ``0.1%``."""

Confidence = Annotated[
    float,
    BeforeValidator(confidence),
    _schema({"type": "number", "exclusiveMinimum": 0.5, "exclusiveMaximum": 1}, _PERCENT),
]
"""The confidence of an interval, above 0.5 and below 1, written ``95%`` or ``0.95``."""

Cosine = Annotated[
    float, BeforeValidator(cosine), _schema({"type": "number", "minimum": -1, "maximum": 1}, _DIGITS)
]
"""A cosine in [-1, 1]."""

Distance = Annotated[float, BeforeValidator(distance), _schema({"type": "number", "minimum": 0}, _DIGITS)]
"""A Euclidean distance of 0 or more."""

PixelValue = Annotated[
    float, BeforeValidator(pixel_value), _schema({"type": "number", "minimum": 0, "maximum": 255}, _DIGITS)
]
"""A pixel value in [0, 255]."""

Divisor = Annotated[
    float, BeforeValidator(divisor), _schema({"type": "number", "exclusiveMinimum": 0}, _DIGITS)
]
"""A number above 0."""

ChipSize = Annotated[
    int, BeforeValidator(chip_size), _schema({"type": "integer", "minimum": 1, "maximum": LARGEST_CHIP})
]
"""Height and width of a face chip in pixels, in [1, 1024]."""

HashBits = Annotated[
    int, BeforeValidator(hash_bits), _schema({"type": "integer", "minimum": 0, "maximum": HASH_BITS})
]
"""How many of the bits of two perceptual hashes differ, in [0, 64]."""

Memory = Annotated[
    int,
    BeforeValidator(memory),
    _schema({"type": "integer", "minimum": LEAST_MEMORY}, {"type": "string", "pattern": SIZE}),
]
"""An amount of memory in bytes, written ``4 GiB``."""

Count = Annotated[int, BeforeValidator(count), _schema({"type": "integer", "minimum": 0})]
"""A whole number of 0 or more."""

Device = Literal["cpu", "cuda", "auto"]
"""Where a network or a search runs; `auto` is the GPU where there is one."""

Precision = Literal["fp32", "bf16"]
"""What a network computes with."""

PositiveCount = Annotated[int, BeforeValidator(positive_count), _schema({"type": "integer", "minimum": 1})]
"""A whole number of 1 or more."""


@check_keys
class Threshold:
    """When a pair counts as the same person; exactly one key is given.

    Attributes:
        cosine: Cosine of the two templates from which on a pair is a match.
        euclidean: Euclidean distance of the two embeddings up to which a pair is a match.
        fmr: False match rate that the threshold may have, on impostor pairs of a labelled set.
        fpir: Chance that a person who is not in the source set finds any match in it.
    """

    cosine: Cosine | None = None
    euclidean: Distance | None = None
    fmr: Rate | None = None
    fpir: Rate | None = None

    def __post_init__(self) -> None:
        given = self._given()
        if len(given) != 1:
            raise ValueError(
                f"found {' and '.join(given) or 'no key'}, "
                "expected exactly one of cosine, euclidean, fmr, fpir"
            )

    @property
    def kind(self) -> str:
        """The key that is given: ``cosine``, ``euclidean``, ``fmr`` or ``fpir``."""
        return self._given()[0]

    @property
    def value(self) -> float:
        """The value of that key."""
        value: float = getattr(self, self.kind)
        return value

    @property
    def is_rate(self) -> bool:
        """Whether the threshold is an error rate, which becomes a cosine when the data are there."""
        return self.fmr is not None or self.fpir is not None

    def _given(self) -> list[str]:
        return [field.name for field in dataclasses.fields(self) if getattr(self, field.name) is not None]

    def describe(self) -> str:
        """The rule in words, such as ``cosine >= 0.94``."""
        if self.cosine is not None:
            return f"cosine >= {self.cosine:.15g}"
        if self.euclidean is not None:
            return f"Euclidean distance <= {self.euclidean:.15g}"
        return f"FMR {self.fmr:.6g}" if self.fmr is not None else f"FPIR {self.fpir:.6g}"
