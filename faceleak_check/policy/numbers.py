"""What YAML gives, a number or a text such as ``5%`` → the number that a key means.

Each raises a plain sentence that says what was found, what was expected and what to write.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal

from faceleak_check.hash_bits import HASH_BITS
from faceleak_check.policy.wording import found

__all__ = [
    "LARGEST_CHIP",
    "LEAST_MEMORY",
    "chip_size",
    "confidence",
    "cosine",
    "count",
    "distance",
    "divisor",
    "hash_bits",
    "memory",
    "pixel_value",
    "positive_count",
    "positive_share",
    "rate",
    "share",
]

LARGEST_COUNT = 10**12
LARGEST_CHIP = 1024
LEAST_MEMORY = 64 << 20
_NUMBER = re.compile(r"[-+]?(?:[0-9]{1,30}(?:\.[0-9]{0,30})?|\.[0-9]{1,30})(?:[eE][-+]?[0-9]{1,3})?")
_SIZE = re.compile(r"(?P<number>[0-9]{1,12}(?:\.[0-9]{1,6})?) ?(?P<unit>[KMGT]i?B|B)")
_UNITS = {"B": 1} | {
    f"{letter}{i}B": (1024 if i else 1000) ** n for n, letter in enumerate("KMGT", 1) for i in ("i", "")
}
_WHOLE = re.compile(r"[-+]?[0-9]{1,30}")


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


def share(value: object) -> float:
    """A share in [0, 1], such as ``0.1%`` or ``0.001``.

    Not a bare 1: who means one in a hundred would let everything pass. What a program gives is a float.
    """
    if not isinstance(value, float | bool) and _number(value) == 1:
        raise ValueError(f"found {found(value)}, which may be one in a hundred or all: write 1% or 100%")
    return _share(value)


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


def confidence(value: object) -> float:
    """The confidence of an interval, above 0.5 and below 1."""
    number = _share(value)
    if not 0.5 < number < 1:
        raise ValueError(f"found {found(value)}, expected a confidence above 50% and below 100%, such as 95%")
    return number


def positive_share(value: object) -> float:
    """A share in (0, 1]; a lowest share of 0 would ask for nothing."""
    number = _share(value)
    if number == 0:
        raise ValueError(f"found {found(value)}, expected a share above 0, such as 99% or 0.99")
    return number


def rate(value: object) -> float:
    """An error rate in (0, 1), such as ``1e-5`` or ``0.1%``."""
    expected = f"found {found(value)}, expected an error rate above 0 and below 1, such as 1e-5 or 0.1%"
    if _number(value) == 1:
        raise ValueError(f"{expected}: for one in a hundred write 1% or 0.01")
    number = share(value)
    if not 0 < number < 1:
        raise ValueError(expected)
    return number


def cosine(value: object) -> float:
    """A cosine in [-1, 1]."""
    number = _number(value)
    if number is None or not -1 <= number <= 1:
        raise ValueError(f"found {found(value)}, expected a cosine between -1 and 1, such as 0.94")
    return number


def distance(value: object) -> float:
    """A finite number of 0 or more."""
    number = _number(value)
    if number is None or number < 0 or not math.isfinite(number):
        raise ValueError(f"found {found(value)}, expected a distance of 0 or more, such as 0.6")
    return number + 0.0


def pixel_value(value: object) -> float:
    """A number in [0, 255]."""
    number = _number(value)
    if number is None or not 0 <= number <= 255:
        raise ValueError(f"found {found(value)}, expected a pixel value between 0 and 255, such as 127.5")
    return number + 0.0


def divisor(value: object) -> float:
    """A finite number above 0."""
    number = _number(value)
    if number is None or number <= 0 or not math.isfinite(number):
        raise ValueError(f"found {found(value)}, expected a number above 0, such as 127.5")
    return number


def chip_size(value: object) -> int:
    """A whole number in [1, 1024]."""
    number = _whole_number(value)
    if number is None or not 1 <= number <= LARGEST_CHIP:
        raise ValueError(
            f"found {found(value)}, expected a whole number of pixels from 1 to {LARGEST_CHIP:,}, such as 112"
        )
    return number


def hash_bits(value: object) -> int:
    """A whole number in [0, 64]."""
    number = _whole_number(value)
    if number is None or not 0 <= number <= HASH_BITS:
        raise ValueError(
            f"found {found(value)}, expected a whole number of bits from 0 to {HASH_BITS}, such as 8"
        )
    return number


def memory(value: object) -> int:
    """A number of bytes of at least 64 MiB, such as ``4 GiB``."""
    size = _SIZE.fullmatch(value) if isinstance(value, str) else None
    n_bytes = int(Decimal(size["number"]) * _UNITS[size["unit"]]) if size else _whole_number(value)
    if n_bytes is None or not LEAST_MEMORY <= n_bytes <= LARGEST_COUNT * 1000:
        raise ValueError(
            f"found {found(value)}, expected an amount of memory of 64 MiB or more, such as 4 GiB"
        )
    return n_bytes


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


def count(value: object) -> int:
    """A whole number of 0 or more."""
    return _whole(value, 0)


def positive_count(value: object) -> int:
    """A whole number of 1 or more."""
    return _whole(value, 1)
