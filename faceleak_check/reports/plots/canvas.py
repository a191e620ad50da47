"""One figure: its axes to draw on, and the SVG that is made of it."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from faceleak_check.reports.plots.colours import INK, LINE, MUTED
from faceleak_check.reports.plots.markup import Told, inline

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["SMALL", "drawn"]

FONT_SIZE = 11
SMALL = 10
_POINTS_AN_INCH = 72
_WIDTH, _HEIGHT = 360, 280
"""In units of the SVG: as wide as a telephone, where letters are ten pixels high."""

_STYLE: dict[str, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "faceleak-check",
    "font.family": ["DejaVu Sans"],
    "font.size": FONT_SIZE,
    "text.color": INK,
    "text.parse_math": False,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.labelsize": FONT_SIZE,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.formatter.useoffset": False,
    "grid.color": LINE,
    "grid.linewidth": 0.6,
    "xtick.color": MUTED,
    "xtick.labelcolor": INK,
    "xtick.labelsize": SMALL,
    "ytick.color": MUTED,
    "ytick.labelcolor": INK,
    "ytick.labelsize": SMALL,
    "xtick.minor.visible": False,
    "ytick.minor.visible": False,
    "legend.frameon": False,
    "legend.fontsize": SMALL,
    "legend.handlelength": 2.4,
    "lines.linewidth": 1.6,
    "lines.dash_capstyle": "butt",
}


def drawn(draw: Callable[[Axes], None], told: Told) -> str:
    """A figure of one pair of axes as SVG: the same bytes for the same data, whatever the user's own style is.

    Args:
        draw: Draws on the axes.
        told: What the figure shows, in words.
    """
    with warnings.catch_warnings():
        # a user's own run may make errors of warnings, such as those between matplotlib and its packages
        warnings.simplefilter("ignore")
        return inline(_file(draw), told)


def _file(draw: Callable[[Axes], None]) -> str:
    import matplotlib as mpl
    from matplotlib.figure import Figure

    settings: Any = mpl.rcParams
    with mpl.rc_context():
        mpl.rcdefaults()
        settings.update(_STYLE)
        figure = Figure(figsize=(_WIDTH / _POINTS_AN_INCH, _HEIGHT / _POINTS_AN_INCH), layout="constrained")
        figure.patch.set_visible(False)
        axes = figure.add_subplot()
        axes.patch.set_visible(False)
        axes.set_axisbelow(True)
        draw(axes)
        file = io.StringIO()
        figure.savefig(file, format="svg", metadata={"Date": None})
    return file.getvalue()
