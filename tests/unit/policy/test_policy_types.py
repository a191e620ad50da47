from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from faceleak_check.policy.types import (
    ChipSize,
    Confidence,
    Cosine,
    Count,
    Distance,
    Divisor,
    HashBits,
    PixelValue,
    PositiveCount,
    PositiveShare,
    Rate,
    Share,
    Threshold,
    check_keys,
)


def _built(kind: Any, value: object) -> Any:
    return TypeAdapter(kind).validate_python(value)


def _refusal(kind: Any, value: object) -> str:
    with pytest.raises(ValidationError) as refused:
        _built(kind, value)
    [error] = refused.value.errors()
    return str(error["ctx"]["error"])


@pytest.mark.parametrize(
    ("written", "share"),
    [
        ("0.1%", 0.001),
        ("5 %", 0.05),
        ("0.05", 0.05),
        (0.05, 0.05),
        ("1e-3", 0.001),
        (1e-3, 0.001),
        ("1e-3%", 0.00001),
        (0, 0.0),
        (1.0, 1.0),
        ("100%", 1.0),
        ("0%", 0.0),
    ],
)
def test_share(written: object, share: float) -> None:
    assert _built(Share, written) == share


def test_share_has_no_negative_zero() -> None:
    assert math.copysign(1, _built(Share, -0.0)) == 1


@pytest.mark.parametrize(
    ("written", "message"),
    [
        (5, "found 5, expected a share between 0 and 1: write 5% or 0.05"),
        (99.9, "found 99.9, expected a share between 0 and 1: write 99.9% or 0.999"),
        ("5", "found the text '5', expected a share between 0 and 1: write 5% or 0.05"),
        (500, "found 500, expected a share between 0 and 1, such as 5% or 0.05"),
        (1, "found 1, which may be one in a hundred or all: write 1% or 100%"),
        ("1", "found the text '1', which may be one in a hundred or all: write 1% or 100%"),
        ("101%", "found the text '101%', expected a share between 0 and 1, such as 5% or 0.05"),
        ("-1%", "found the text '-1%', expected a share between 0 and 1, such as 5% or 0.05"),
        (-0.1, "found -0.1, expected a share between 0 and 1, such as 5% or 0.05"),
        (True, "found true, expected a share between 0 and 1, such as 5% or 0.05"),
        (float("nan"), "found nan, expected a share between 0 and 1, such as 5% or 0.05"),
        (float("inf"), "found inf, expected a share between 0 and 1, such as 5% or 0.05"),
        ("nan%", "found the text 'nan%', expected a share between 0 and 1, such as 5% or 0.05"),
        ("abc", "found the text 'abc', expected a share between 0 and 1, such as 5% or 0.05"),
        ("5  %", "found the text '5  %', expected a share between 0 and 1, such as 5% or 0.05"),
        ("1e999%", "found the text '1e999%', expected a share between 0 and 1, such as 5% or 0.05"),
        ([1], "found a list, expected a share between 0 and 1, such as 5% or 0.05"),
        ({}, "found a mapping, expected a share between 0 and 1, such as 5% or 0.05"),
        (None, "found nothing, expected a share between 0 and 1, such as 5% or 0.05"),
    ],
)
def test_share_refused(written: object, message: str) -> None:
    assert _refusal(Share, written) == message


@pytest.mark.parametrize(
    ("kind", "written", "value"),
    [
        (Confidence, "95%", 0.95),
        (Confidence, 0.51, 0.51),
        (Cosine, -1, -1.0),
        (Cosine, "0.5", 0.5),
        (Cosine, 1, 1.0),
        (Distance, 0, 0.0),
        (Distance, 1.5, 1.5),
        (Count, 0, 0),
        (Count, "10", 10),
        (Count, 10.0, 10),
        (PixelValue, 0, 0.0),
        (PixelValue, "127.5", 127.5),
        (Divisor, 1e-3, 1e-3),
        (ChipSize, 1, 1),
        (ChipSize, "1024", 1024),
        (PositiveCount, 1, 1),
        (PositiveCount, 10**12, 10**12),
        (HashBits, 0, 0),
        (HashBits, "64", 64),
        (Rate, "1e-5", 1e-5),
        (Rate, "0.1%", 0.001),
        (Rate, 0.999, 0.999),
        (PositiveShare, "100%", 1.0),
        (PositiveShare, 0.01, 0.01),
    ],
)
def test_numbers(kind: Any, written: object, value: float) -> None:
    built = _built(kind, written)
    assert built == value
    assert type(built) is type(value)


@pytest.mark.parametrize(
    ("kind", "written", "message"),
    [
        (Confidence, 0.5, "found 0.5, expected a confidence above 50% and below 100%, such as 95%"),
        (Confidence, 1, "found 1, expected a confidence above 50% and below 100%, such as 95%"),
        (Confidence, 95, "found 95, expected a share between 0 and 1: write 95% or 0.95"),
        (Cosine, 1.01, "found 1.01, expected a cosine between -1 and 1, such as 0.94"),
        (Cosine, "94%", "found the text '94%', expected a cosine between -1 and 1, such as 0.94"),
        (Cosine, True, "found true, expected a cosine between -1 and 1, such as 0.94"),
        (Cosine, float("nan"), "found nan, expected a cosine between -1 and 1, such as 0.94"),
        (Distance, -1, "found -1, expected a distance of 0 or more, such as 0.6"),
        (Distance, float("inf"), "found inf, expected a distance of 0 or more, such as 0.6"),
        (Count, -1, "found -1, expected a whole number of 0 or more"),
        (Count, True, "found true, expected a whole number of 0 or more"),
        (Count, 1.5, "found 1.5, expected a whole number of 0 or more"),
        (Count, "10 ", "found the text '10 ', expected a whole number of 0 or more"),
        (Count, "5%", "found the text '5%', expected a whole number of 0 or more, not a share"),
        (Count, float("inf"), "found inf, expected a whole number of 0 or more"),
        (
            Count,
            10**13,
            "found 10000000000000, expected a whole number of 0 or more and at most 1,000,000,000,000",
        ),
        (PixelValue, -1, "found -1, expected a pixel value between 0 and 255, such as 127.5"),
        (PixelValue, 255.5, "found 255.5, expected a pixel value between 0 and 255, such as 127.5"),
        (PixelValue, "50%", "found the text '50%', expected a pixel value between 0 and 255, such as 127.5"),
        (Divisor, 0, "found 0, expected a number above 0, such as 127.5"),
        (Divisor, -0.0, "found -0.0, expected a number above 0, such as 127.5"),
        (Divisor, float("inf"), "found inf, expected a number above 0, such as 127.5"),
        (ChipSize, 0, "found 0, expected a whole number of pixels from 1 to 1,024, such as 112"),
        (ChipSize, 1025, "found 1025, expected a whole number of pixels from 1 to 1,024, such as 112"),
        (ChipSize, True, "found true, expected a whole number of pixels from 1 to 1,024, such as 112"),
        (PositiveCount, 0, "found 0, expected a whole number of 1 or more"),
        (HashBits, -1, "found -1, expected a whole number of bits from 0 to 64, such as 8"),
        (HashBits, 65, "found 65, expected a whole number of bits from 0 to 64, such as 8"),
        (HashBits, "5%", "found the text '5%', expected a whole number of bits from 0 to 64, such as 8"),
        (Rate, 0, "found 0, expected an error rate above 0 and below 1, such as 1e-5 or 0.1%"),
        (Rate, "0%", "found the text '0%', expected an error rate above 0 and below 1, such as 1e-5 or 0.1%"),
        (
            Rate,
            "100%",
            "found the text '100%', expected an error rate above 0 and below 1, such as 1e-5 or 0.1%",
        ),
        (
            Rate,
            1,
            (
                "found 1, expected an error rate above 0 and below 1, such as 1e-5 or 0.1%: "
                "for one in a hundred write 1% or 0.01"
            ),
        ),
        (Rate, 5, "found 5, expected a share between 0 and 1: write 5% or 0.05"),
        (PositiveShare, 0, "found 0, expected a share above 0, such as 99% or 0.99"),
        (PositiveShare, 99, "found 99, expected a share between 0 and 1: write 99% or 0.99"),
    ],
)
def test_numbers_refused(kind: Any, written: object, message: str) -> None:
    assert _refusal(kind, written) == message


@pytest.mark.parametrize(
    ("threshold", "words"),
    [
        (Threshold(cosine=0.94), "cosine >= 0.94"),
        (Threshold(euclidean=0.6), "Euclidean distance <= 0.6"),
        (Threshold(fmr=1e-5), "FMR 1e-05"),
        (Threshold(fpir=0.01), "FPIR 0.01"),
        (Threshold(cosine=0), "cosine >= 0"),
    ],
)
def test_threshold_in_words(threshold: Threshold, words: str) -> None:
    assert threshold.describe() == words


@pytest.mark.parametrize(
    ("kind", "value", "is_rate"),
    [("cosine", 0.0, False), ("euclidean", 0.6, False), ("fmr", 1e-5, True), ("fpir", 0.01, True)],
)
def test_what_a_threshold_says(kind: str, value: float, *, is_rate: bool) -> None:
    threshold = Threshold(**{kind: value})
    assert (threshold.kind, threshold.value, threshold.is_rate) == (kind, value, is_rate)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({}, "found no key, expected exactly one of cosine, euclidean, fmr, fpir"),
        (
            {"cosine": 0.5, "euclidean": 1},
            "found cosine and euclidean, expected exactly one of cosine, euclidean, fmr, fpir",
        ),
    ],
)
def test_threshold_has_one_key(keys: dict[str, object], message: str) -> None:
    assert _refusal(Threshold, keys) == message


def test_check_keys_makes_a_frozen_keyword_only_slotted_record() -> None:
    @check_keys
    class Example:
        at_most: Share

    example = Example(at_most=0.5)
    with pytest.raises(dataclasses.FrozenInstanceError):
        example.at_most = 0.1  # type: ignore[misc]
    with pytest.raises(ValidationError, match="Unexpected positional argument"):
        Example(0.5)  # type: ignore[call-arg]
    with pytest.raises(ValidationError, match="Unexpected keyword argument"):
        Example(at_mots=0.5)  # type: ignore[call-arg]
    assert not hasattr(example, "__dict__")
