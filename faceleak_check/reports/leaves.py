"""Texts and numbers as the evidence holds them."""

from __future__ import annotations

__all__ = ["printable", "rounded", "rounded_rate"]

_DECIMALS = 9


def printable(name: str) -> str:
    r"""A file's name as text that any reader of UTF-8 accepts: bytes that are no UTF-8 become ``\xNN``."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def rounded(number: float) -> float:
    """The number to nine decimals, without a minus before zero."""
    return round(float(number), _DECIMALS) + 0.0


def rounded_rate(rate: float) -> float:
    """An error rate to nine digits: to nine decimals a small one would be zero, which none is."""
    return float(f"{rate:.{_DECIMALS}g}") + 0.0
