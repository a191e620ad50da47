"""Value, limit and interval of a measurement's record, as a reader compares them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from faceleak_check.checks.judge import told_apart

__all__ = ["interval_text", "limit_text", "value_text"]

Record = Mapping[str, Any]


def value_text(measured: Record) -> str:
    """The measured figure, such as ``14.3%``, with as many digits as tell it from its limit."""
    return told_apart(measured["value"], measured["limit"], measured["unit"])[0]


def limit_text(measured: Record, *, signs: tuple[str, str] = ("at most", "at least")) -> str:
    """What the policy allows, such as ``at most 0``.

    Args:
        measured: The record of a measurement.
        signs: What stands before a highest, and before a lowest value.
    """
    limit = told_apart(measured["value"], measured["limit"], measured["unit"])[1]
    return f"{signs[bool(measured['at_least'])]} {limit}"


def interval_text(measured: Record) -> str:
    """The interval with its confidence, such as ``95%: 2.57% to 51.3%``; empty where there is none."""
    interval = measured["interval"]
    if interval is None:
        return ""
    low, high = (told_apart(interval[end], measured["limit"], "share")[0] for end in ("low", "high"))
    return f"{100 * interval['confidence']:.6g}%: {low} to {high}"
