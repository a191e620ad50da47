"""Numbers as figures show them: powers of ten as text, shares as per cent."""

from __future__ import annotations

import math

__all__ = ["decades", "percent", "power_of_ten", "rate"]

_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def percent(share: float) -> str:
    """A share such as ``0.1%``."""
    return f"{100 * share:.3g}%"


def rate(value: float) -> str:
    """An error rate such as ``0.0001`` or ``2.5e-07``."""
    return f"{value:.3g}"


def power_of_ten(value: float) -> str:
    """A power of ten such as ``10⁻⁵``; empty for any other number, whose tick goes without a label."""
    if value <= 0:
        return ""
    exponent = math.log10(value)
    if not math.isclose(exponent, round(exponent), abs_tol=1e-6):
        return ""
    return "1" if round(exponent) == 0 else f"10{str(round(exponent)).translate(_RAISED)}"


def decades(low: float, high: float) -> list[float]:
    """The powers of ten between two positive numbers, thinned out to at most eight."""
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    step = max(1, math.ceil((last - first + 1) / 8))
    return [10.0**exponent for exponent in range(last, first - 1, -step)]
