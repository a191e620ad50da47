"""Upright lines, each with its name above the axes, in as many rows as it takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from faceleak_check.reports.plots.canvas import SMALL

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.transforms import Transform

__all__ = ["Line", "label_lines"]

_UNITS_A_LETTER = 6.0
_UNITS_OF_AXES = 295
_ROW = 12.0
_GAP = 3.0
_POINTS_AN_INCH = 72


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """An upright line with a name.

    Attributes:
        x: Where it stands.
        label: Its name.
        colour: Its colour.
        style: How it is drawn, as matplotlib calls it.
        width: Its width.
    """

    x: float
    label: str
    colour: str
    style: Literal["-", "--"]
    width: float


def label_lines(axes: Axes, lines: Sequence[Line]) -> None:
    """Draws lines with their names like flags to their left, no name over another one or across a line.

    Args:
        axes: The axes; their limits are set.
        lines: The lines.
    """
    across, above = axes.get_xaxis_transform(), _above(axes)
    beside = above + _shift(axes, -_GAP)
    for line, row in _in_rows(lines, *axes.get_xlim()):
        for ends, transform in (((0, 1), across), ((0, _GAP + (row + 0.8) * _ROW), above)):
            axes.plot(
                [line.x, line.x],
                ends,
                color=line.colour,
                linestyle=line.style,
                linewidth=line.width,
                transform=transform,
                clip_on=False,
                zorder=3,
            )
        axes.text(
            line.x,
            _GAP + row * _ROW,
            line.label,
            color=line.colour,
            fontsize=SMALL,
            ha="right",
            va="bottom",
            transform=beside,
        )


def _in_rows(lines: Sequence[Line], low: float, high: float) -> list[tuple[Line, int]]:
    """Each line with the row of its name: above those of all lines that the name would cross."""
    placed: list[tuple[Line, int]] = []
    for line in sorted(lines, key=lambda line: line.x):
        length = (len(line.label) + 1) * _UNITS_A_LETTER / _UNITS_OF_AXES * (high - low)
        crossed = [row for other, row in placed if other.x > line.x - length]
        placed.append((line, max(crossed, default=-1) + 1))
    return placed


def _above(axes: Axes) -> Transform:
    """Across as the data, and upwards in units of the figure from the top of the axes."""
    from matplotlib.transforms import Affine2D, ScaledTranslation, blended_transform_factory

    units = Affine2D().scale(1 / _POINTS_AN_INCH) + _inches(axes)
    inside: Any = axes.transAxes
    return blended_transform_factory(axes.transData, units + ScaledTranslation(0, 1, inside))


def _shift(axes: Axes, units: float) -> Transform:
    """So many units to the right."""
    from matplotlib.transforms import ScaledTranslation

    return ScaledTranslation(units / _POINTS_AN_INCH, 0, _inches(axes))


def _inches(axes: Axes) -> Any:
    figure = axes.get_figure(root=True)
    assert figure is not None
    return figure.dpi_scale_trans
