"""A measured value, its interval and its limit on one line, as SVG."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["scale_svg"]

_WIDTH = 600
_EDGE = 8
_HEIGHT = 34
_MIDDLE = 17
_HEADROOM = 1.12

Record = Mapping[str, Any]


def scale_svg(measured: Record) -> str:
    """The line; empty where value, limit and ends are all zero, and there is nothing to compare by eye.

    It repeats what stands beside it in words, and is hidden from screen readers.

    Args:
        measured: The record of a measurement.
    """
    interval = measured["interval"]
    ends = [interval["low"], interval["high"]] if interval else []
    numbers = [measured["value"], measured["limit"], *ends]
    left = min(0.0, *numbers)
    right = left + (max(numbers) - left) * _HEADROOM
    if right <= left:
        return ""

    def x(number: float) -> str:
        return f"{_EDGE + (_WIDTH - 2 * _EDGE) * (number - left) / (right - left):.1f}"

    span = ""
    if interval:
        span = (
            f'<line class="span" x1="{x(interval["low"])}" x2="{x(interval["high"])}" y1="{_MIDDLE}" '
            f'y2="{_MIDDLE}"/>'
        )
    return (
        f'<svg class="scale" viewBox="0 0 {_WIDTH} {_HEIGHT}" aria-hidden="true" focusable="false">'
        f'<line class="axis" x1="{_EDGE}" x2="{_WIDTH - _EDGE}" y1="{_MIDDLE}" y2="{_MIDDLE}"/>{span}'
        f'<line class="limit" x1="{x(measured["limit"])}" x2="{x(measured["limit"])}" y1="4" y2="{_HEIGHT - 4}"/>'
        f'<circle class="value" cx="{x(measured["value"])}" cy="{_MIDDLE}" r="6"/></svg>'
    )
