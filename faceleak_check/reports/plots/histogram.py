"""The paper's figure: where the cosines of best matches lie, beside those of a control."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from faceleak_check.reports.plots.bins import Series, series_of, span
from faceleak_check.reports.plots.canvas import drawn
from faceleak_check.reports.plots.colours import CONTROL, GENERATED, INK, MUTED, THRESHOLD
from faceleak_check.reports.plots.labels import Line, label_lines
from faceleak_check.reports.plots.markup import Told
from faceleak_check.reports.plots.numbers import decades, percent, power_of_ten

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["histogram_svg"]

_MANY = 500
"""From so many images on a single one is too little to be seen on a linear axis."""
_CONTROL_ALONE = "best_match_of_control"
_LOOKS: Mapping[str, Mapping[str, Any]] = {
    "best_match": {"color": GENERATED, "linestyle": "-", "linewidth": 1.6},
    "best_match_in_control": {"color": CONTROL, "linestyle": "--", "linewidth": 1.6},
    "best_match_of_control": {"color": CONTROL, "linestyle": ":", "linewidth": 1.8},
    "all_pairs": {"color": MUTED, "linestyle": "-.", "linewidth": 1.2},
}


def histogram_svg(case: Mapping[str, Any], *, place: str = "") -> str:
    """Best matches of the generated images in the source, the control's beside them; threshold and top k as lines.

    Sets of different sizes compare, as each bar is a share of its own set.

    Args:
        case: The record of a case, as the evidence has it.
        place: Where in a page it stands, such as the policy: an equal figure elsewhere in it needs other ids.

    Returns:
        SVG for a page; empty where the record holds no histogram of generated images: a control alone says nothing.
    """
    series = series_of(case["histograms"])
    if not any(one.name != _CONTROL_ALONE for one in series):
        return ""
    ends = span(case["histograms"])
    told = Told(
        kind="histogram",
        title="Cosines of best matches",
        place=place,
        text=" ".join(_sentences(series)),
    )
    return drawn(partial(_draw, series=series, ends=ends), told)


def _draw(axes: Axes, series: Sequence[Series], ends: tuple[float, float]) -> None:
    largest = max(one.n for one in series)
    floor = 0.5 / largest if largest >= _MANY else 0.0
    for one in series:
        _draw_one(axes, one, floor)
    margin = 0.03 * (ends[1] - ends[0])
    axes.set_xlim(max(-1.0, ends[0] - margin), min(1.0, ends[1] + margin))
    has_pairs = any(one.name == "all_pairs" for one in series)
    axes.set_xlabel("cosine" if has_pairs else "cosine to the best match")
    axes.set_ylabel("share of the pairs or images" if has_pairs else "share of the images")
    if floor:
        axes.set_yscale("log")
        axes.set_ylim(floor, 1)
        axes.set_yticks(decades(floor, 1), minor=False)
        axes.yaxis.set_major_formatter(lambda value, _: power_of_ten(value))
        axes.yaxis.set_minor_locator(_no_ticks())
    else:
        axes.set_ylim(bottom=0)
        axes.yaxis.set_major_formatter(lambda value, _: percent(value))
    axes.grid(axis="y")
    label_lines(axes, list(_lines(series)))
    figure = axes.get_figure()
    assert figure is not None
    figure.legend(loc="outside lower left")


def _draw_one(axes: Axes, one: Series, floor: float) -> None:
    shares = [max(share, floor) for share in one.shares]
    if one.name == "best_match":
        axes.stairs(shares, one.edges, baseline=floor, fill=True, color=GENERATED, alpha=0.22, linewidth=0)
    axes.stairs(shares, one.edges, baseline=floor, label=one.legend, **_LOOKS[one.name])


def _no_ticks() -> Any:
    from matplotlib.ticker import NullLocator

    return NullLocator()


def _lines(series: Sequence[Series]) -> Iterator[Line]:
    threshold = _threshold(series)
    if threshold is not None:
        yield Line(x=threshold, label=f"threshold {threshold:.4f}", colour=THRESHOLD, style="-", width=1.6)
    for ks, cosine in _marks(series):
        yield Line(x=cosine, label=f"top {ks}", colour=INK, style="--", width=1.0)


def _threshold(series: Sequence[Series]) -> float | None:
    return next((one.threshold for one in series if one.threshold is not None), None)


def _marks(series: Sequence[Series]) -> Iterator[tuple[str, float]]:
    """The marks, those at one place together: their lines would be one."""
    # those of all pairs are the paper's own
    marked = max(series, key=lambda one: (bool(one.marks), one.name == "all_pairs"))
    places: dict[float, list[int]] = {}
    for k, cosine in marked.marks:
        # the last of all is where the histogram begins
        if k < marked.n or k == 1:
            places.setdefault(round(cosine, 4), []).append(k)
    for cosine, ks in places.items():
        yield ", ".join(f"{k:,}" for k in ks), cosine


def _sentences(series: Sequence[Series]) -> Iterator[str]:
    yield "A histogram of cosines; each curve is of shares of its own set."
    for one in series:
        filled = [place for place, share in enumerate(one.shares) if share]
        peak = max(filled, key=lambda place: one.shares[place])
        yield (
            f"{one.label[:1].upper()}{one.label[1:]}: {one.n:,}{' (a sample)' if one.is_sample else ''}, from "
            f"{one.edges[filled[0]]:.2f} to {one.edges[filled[-1] + 1]:.2f}, most between {one.edges[peak]:.2f} and "
            f"{one.edges[peak + 1]:.2f}."
        )
    threshold, marks = _threshold(series), [f"k = {ks} at {cosine:.4f}" for ks, cosine in _marks(series)]
    if threshold is not None:
        yield f"A line marks the threshold, {threshold:.4f}."
    if marks:
        yield f"Dashed lines mark the k-th highest cosines: {'; '.join(marks)}."
