"""Which threshold has which false match rate, and how sure that is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from faceleak_check.reports.plots.canvas import drawn
from faceleak_check.reports.plots.colours import GENERATED, THRESHOLD
from faceleak_check.reports.plots.labels import Line, label_lines
from faceleak_check.reports.plots.markup import Told
from faceleak_check.reports.plots.numbers import decades, power_of_ten, rate

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["error_rates_svg"]

_OURS = re.compile(r"(?P<kind>FMR|FPIR) (?P<rate>[0-9.]+(e[-+]?[0-9]+)?)(?P<percent>%?)")
_UNNAMED = "threshold"

Points = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Asked:
    """The policy's own threshold.

    Attributes:
        words: As the policy asks for it, such as ``FMR 1e-05``.
        cosine: Its cosine.
        fmr: Its false match rate; None where nothing tells.
        confidence: Coverage of its interval, and of those beside it.
    """

    words: str
    cosine: float
    fmr: float | None
    confidence: str


def error_rates_svg(case: Mapping[str, Any], *, place: str = "") -> str:
    """Threshold against false match rate with its interval as a band; the extrapolated part is dashed.

    Args:
        case: The record of a case, as the evidence has it.
        place: Where in a page it stands, such as the policy: an equal figure elsewhere in it needs other ids.

    Returns:
        SVG for a page; empty where the record holds no such rates.
    """
    points: Points = case["error_rates"]
    if len(points) < 2:
        return ""
    asked = _asked(case)
    told = Told(
        kind="error-rates",
        title="Threshold against false match rate",
        place=place,
        text=" ".join(_sentences(points, asked)),
    )
    return drawn(partial(_draw, points=points, asked=asked), told)


def _asked(case: Mapping[str, Any]) -> _Asked | None:
    found = next((one for name, one in case["thresholds"].items() if name not in case["agreement"]), None)
    if found is None:
        return None
    # of evidence that others have made nothing else is drawn: a font does not hold every letter
    words = _OURS.fullmatch(found["asked"])
    fmr = case["chance"]["rate"] if case["chance"] else None
    if words and words["kind"] == "FMR":
        fmr = float(words["rate"]) / (100 if words["percent"] else 1)
    return _Asked(
        words=words.group() if words else _UNNAMED,
        cosine=found["cosine"],
        fmr=fmr,
        confidence=f"{100 * found['confidence']:.6g}%",
    )


def _draw(axes: Axes, points: Points, asked: _Asked | None) -> None:
    rates = [point["fmr"] for point in points]
    axes.set_yscale("log")
    axes.fill_betweenx(
        rates,
        [point["low"] for point in points],
        [point["high"] for point in points],
        color=GENERATED,
        alpha=0.18,
        linewidth=0,
        label=f"{asked.confidence} interval" if asked else "interval",
    )
    n_read = sum(not point["extrapolated"] for point in points)
    _curve(axes, points[:n_read], "-", "counted")
    _curve(axes, points[max(0, n_read - 1) :] if n_read < len(points) else (), "--", "extrapolated")
    _limits(axes, points, asked)
    axes.set_yticks(decades(*axes.get_ylim()))
    axes.yaxis.set_major_formatter(lambda value, _: power_of_ten(value))
    axes.minorticks_off()
    axes.set_xlabel("threshold (cosine)")
    axes.set_ylabel("false match rate")
    axes.grid()
    if asked:
        label = f"{asked.words}: {asked.cosine:.4f}"
        label_lines(axes, [Line(x=asked.cosine, label=label, colour=THRESHOLD, style="-", width=1.4)])
        if asked.fmr:
            axes.plot(asked.cosine, asked.fmr, "o", color=THRESHOLD, markersize=6, zorder=4)
    figure = axes.get_figure()
    assert figure is not None
    figure.legend(loc="outside lower left", ncols=3)


def _curve(axes: Axes, points: Points, style: str, label: str) -> None:
    if points:
        rates = [point["fmr"] for point in points]
        axes.plot([point["cosine"] for point in points], rates, color=GENERATED, linestyle=style, label=label)


def _limits(axes: Axes, points: Points, asked: _Asked | None) -> None:
    own = [asked.cosine] if asked else []
    low, high = (
        min(own + [point["low"] for point in points]),
        max(own + [point["high"] for point in points]),
    )
    margin = 0.03 * (high - low) or 0.01
    rates = [point["fmr"] for point in points] + ([asked.fmr] if asked and asked.fmr else [])
    axes.set_xlim(max(-1.0, low - margin), min(1.0, high + margin))
    axes.set_ylim(min(rates) / 1.5, max(rates) * 1.5)


def _sentences(points: Points, asked: _Asked | None) -> Iterator[str]:
    yield "A curve of the false match rate, on a logarithmic axis, against the threshold, which has an interval."
    for point in (points[0], points[-1]):
        how = ", extrapolated" if point["extrapolated"] else ""
        yield (
            f"A rate of {rate(point['fmr'])} needs a cosine of {point['cosine']:.4f} ({point['low']:.4f} to "
            f"{point['high']:.4f}{how})."
        )
    if asked:
        at = f", which has a false match rate of {rate(asked.fmr)}" if asked.fmr else ""
        words = "" if asked.words == _UNNAMED else f", {asked.words},"
        yield f"A line marks the policy's threshold{words} at {asked.cosine:.4f}{at}."
