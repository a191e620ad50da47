"""How well members are told from non-members: true against false positive rate."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from faceleak_check.reports.plots.canvas import drawn
from faceleak_check.reports.plots.colours import GENERATED, MUTED, THRESHOLD
from faceleak_check.reports.plots.markup import Told
from faceleak_check.reports.plots.numbers import decades, percent, power_of_ten

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["roc_svg"]

_AT = re.compile(r"at a false positive rate of ([0-9.e+-]+)%")
_LEAST = 1e-6
"""No set is large enough for rates below it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Point:
    """Where the policy asks: rates as shares."""

    fpr: float
    tpr: float
    limit: float
    low: float
    high: float


def roc_svg(case: Mapping[str, Any], *, place: str = "") -> str:
    """True against false positive rate of membership inference, both on a logarithmic axis: low rates are what counts.

    Args:
        case: The record of a case, as the evidence has it.
        place: Where in a page it stands, such as the policy: an equal figure elsewhere in it needs other ids.

    Returns:
        SVG for a page; empty where the record holds no curve.
    """
    curve = case["curve"]
    if curve is None or not curve["fpr"]:
        return ""
    point = _asked(case["measurement"])
    told = Told(
        kind="roc",
        title="True against false positive rate",
        place=place,
        text=" ".join(_sentences(case, point)),
    )
    return drawn(partial(_draw, fpr=curve["fpr"], tpr=curve["tpr"], point=point), told)


def _asked(measured: Mapping[str, Any] | None) -> _Point | None:
    """The rate that the policy asks for; the record tells it in words alone."""
    found = _AT.search(measured["finding"]) if measured else None
    if measured is None or found is None:
        return None
    interval = measured["interval"] or {"low": measured["value"], "high": measured["value"]}
    return _Point(
        fpr=float(found.group(1)) / 100,
        tpr=measured["value"],
        limit=measured["limit"],
        low=interval["low"],
        high=interval["high"],
    )


def _draw(axes: Axes, fpr: list[float], tpr: list[float], point: _Point | None) -> None:
    wanted = [rate for rate in fpr if rate > 0] + ([point.fpr / 2] if point else [])
    floor = max(_LEAST, 10.0 ** _below(min(wanted, default=1e-3)))
    axes.set(xscale="log", yscale="log", xlim=(floor, 1), ylim=(floor, 1.15))
    axes.plot(
        [max(rate, floor) for rate in fpr],
        [max(rate, floor) for rate in tpr],
        color=GENERATED,
        label="source against control",
    )
    axes.plot([floor, 1], [floor, 1], color=MUTED, linestyle=":", linewidth=1.4, label="chance")
    if point:
        _draw_point(axes, point, floor)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(lambda value, _: power_of_ten(value))
    axes.set_xticks(decades(floor, 1))
    axes.set_yticks(decades(floor, 1))
    axes.minorticks_off()
    axes.set_xlabel("false positive rate")
    axes.set_ylabel("true positive rate")
    axes.grid()
    figure = axes.get_figure()
    assert figure is not None
    figure.legend(loc="outside lower left", ncols=2)


def _below(rate: float) -> int:
    """The exponent of the power of ten below a rate."""
    return math.floor(math.log10(rate) + 1e-9)


def _draw_point(axes: Axes, point: _Point, floor: float) -> None:
    low, middle, high = (max(rate, floor) for rate in (point.low, point.tpr, point.high))
    axes.plot([point.fpr] * 2, [low, high], color=THRESHOLD, linewidth=1.4)
    measured = f"measured: {percent(point.tpr)} at {percent(point.fpr)}"
    axes.plot(point.fpr, middle, "o", color=THRESHOLD, markersize=6, linestyle="none", label=measured)
    axes.plot(
        point.fpr,
        max(point.limit, floor),
        "_",
        color=THRESHOLD,
        markersize=16,
        markeredgewidth=2,
        linestyle="none",
        label=f"allowed: {percent(point.limit)}",
    )


def _sentences(case: Mapping[str, Any], point: _Point | None) -> Iterator[str]:
    yield "A curve of the true positive rate against the false positive rate, both on logarithmic axes, beside chance."
    if point:
        span = f" ({percent(point.low)} to {percent(point.high)})" if point.low < point.high else ""
        yield (
            f"At a false positive rate of {percent(point.fpr)} the true positive rate is {percent(point.tpr)}{span}; "
            f"the policy allows at most {percent(point.limit)}."
        )
    for figure in case["measurement"]["figures"] if case["measurement"] else ():
        if figure["name"] == "auc":
            span = "" if figure["low"] is None else f" ({figure['low']:.3f} to {figure['high']:.3f})"
            yield f"The area under the curve is {figure['value']:.3f}{span}; chance gives 0.5."
