"""The figures of a report, as a page, a person and a screen reader get them."""

from __future__ import annotations

import copy
import re
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from lxml import etree
from whole_verdicts import EVERY

from faceleak_check.reports.plain import verdict_record
from faceleak_check.reports.plots import error_rates_svg, histogram_svg, roc_svg
from faceleak_check.reports.plots.canvas import drawn as drawn_on
from faceleak_check.reports.plots.markup import Told
from faceleak_check.reports.plots.numbers import decades, power_of_ten

SVG = "{http://www.w3.org/2000/svg}"
Draw = Callable[..., str]


def histogram(name: str, values: Any, **keys: Any) -> dict[str, Any]:
    counts = np.histogram(values, bins=200, range=(-1, 1))[0].tolist()
    given = {
        "name": name,
        "counts": counts,
        "n": len(values),
        "sampled": False,
        "marks": [],
        "threshold": 0.62,
    }
    return {**given, **keys}


def beside_a_control() -> dict[str, Any]:
    """A case of 10,000 generated images, five of them copies."""
    random = np.random.default_rng(4)
    best = np.append(random.normal(0.38, 0.06, 9995), [0.98, 0.97, 0.97, 0.95, 0.91]).clip(-1, 1)
    highest = np.sort(best)[::-1]
    marks = [{"k": k, "similarity": float(highest[k - 1])} for k in (1, 10, 100, 1000, 10_000)]
    record = blank()
    record["histograms"] = [
        histogram("best_match", best, marks=marks),
        histogram("best_match_in_control", random.normal(0.37, 0.06, 10_000)),
        histogram("best_match_of_control", random.normal(0.36, 0.05, 400)),
    ]
    return record


def blank() -> dict[str, Any]:
    return copy.deepcopy(verdict_record(EVERY["nothing"]))


def calibrated() -> dict[str, Any]:
    """A case at an FMR of 1e-5 that is extrapolated from 1e-3 on."""
    record = blank()
    rates = [0.1, 0.01, 0.001, 1e-4, 1e-5, 1e-6]
    cosines = [0.21, 0.33, 0.42, 0.49, 0.55, 0.6]
    record["error_rates"] = [
        {
            "fmr": rate,
            "cosine": cosine,
            "low": cosine - place / 100,
            "high": cosine + place / 100,
            "extrapolated": rate < 0.001,
        }
        for place, (rate, cosine) in enumerate(zip(rates, cosines, strict=True))
    ]
    asked = verdict_record(EVERY["calibrated"])["thresholds"]["adaface-ir101"]
    record["thresholds"] = {"adaface-ir101": asked | {"asked": "FMR 1e-05", "cosine": 0.55}}
    return record


def told() -> dict[str, Any]:
    """A membership inference with its curve."""
    record = copy.deepcopy(verdict_record(EVERY["membership"]))
    fpr = np.geomspace(1e-3, 1, 60)
    record["curve"] = {"fpr": [0.0, *fpr.tolist()], "tpr": [0.0, *(fpr**0.6).tolist()]}
    finding = "16 of 494 source images (3.24%) are told to be members at a false positive rate of 1%"
    record["measurement"] |= {
        "finding": finding,
        "value": 0.0324,
        "limit": 0.05,
        "interval": {"low": 0.02, "high": 0.06, "confidence": 0.95},
    }
    return record


FIGURES: dict[str, tuple[Draw, Callable[[], dict[str, Any]]]] = {
    "histogram": (histogram_svg, beside_a_control),
    "roc": (roc_svg, told),
    "error-rates": (error_rates_svg, calibrated),
}
each_figure = pytest.mark.parametrize("kind", FIGURES)


@cache
def drawn(kind: str, place: str = "") -> str:
    draw, record = FIGURES[kind]
    return draw(record(), place=place)


def texts(svg: str) -> list[str]:
    return ["".join(one.itertext()) for one in etree.fromstring(svg).iter(f"{SVG}text")]


def desc(svg: str) -> str:
    return etree.fromstring(svg).findtext(f"{SVG}desc") or ""


@each_figure
def test_it_can_stand_in_a_page_beside_others(kind: str) -> None:
    svg = drawn(kind)
    root = etree.fromstring(svg)
    assert (root.tag, root.get("role"), root.get("class")) == (f"{SVG}svg", "img", f"plot plot-{kind}")
    assert root.get("width") is root.get("height") is None
    assert root.get("viewBox") == "0 0 360 280"
    ids = root.xpath("//@id")
    assert len(ids) == len(set(ids))
    assert root.get("aria-labelledby").split() == [
        root.find(f"{SVG}title").get("id"),
        root.find(f"{SVG}desc").get("id"),
    ]
    referred = re.findall(r'(?:url\(|href=")#([^)"]+)', svg)
    assert referred
    assert set(referred) <= set(ids)
    assert root.xpath("//*[local-name()='style' or local-name()='metadata' or local-name()='script']") == []
    assert "xlink" not in svg
    assert "<!--" not in svg


def test_no_two_figures_share_an_id() -> None:
    ids = [name for kind in FIGURES for name in etree.fromstring(drawn(kind)).xpath("//@id")]
    assert len(ids) == len(set(ids))


@each_figure
def test_an_equal_figure_elsewhere_in_the_page_has_other_ids(kind: str) -> None:
    one, other = (drawn(kind, place=place) for place in ("policy-1", "policy-2"))
    assert not set(etree.fromstring(one).xpath("//@id")) & set(etree.fromstring(other).xpath("//@id"))
    assert texts(one) == texts(other)


@each_figure
def test_the_same_record_gives_the_same_bytes_whatever_the_users_style(kind: str) -> None:
    first = drawn(kind)
    with mpl.rc_context({"lines.linewidth": 9, "font.size": 30, "svg.hashsalt": None, "axes.grid": True}):
        assert drawn.__wrapped__(kind) == first
        assert mpl.rcParams["lines.linewidth"] == 9


@each_figure
def test_every_colour_is_a_variable_of_the_page(kind: str) -> None:
    bare = re.sub(r"var\(--[a-z]+, #[0-9a-f]{6}\)", "", drawn(kind))
    assert re.findall(r"#[0-9a-f]{6}\b", bare) == []
    assert "rgb(" not in bare
    assert re.findall(r"(?:fill|stroke): (?!none|url)[a-z]+", bare) == []


@each_figure
def test_nothing_is_told_by_colour_alone(kind: str) -> None:
    """Of the lines that carry data each has dashes of its own."""
    styles = re.findall(r'style="fill: none;([^"]*)"', drawn(kind))
    looks: dict[str, set[str]] = {}
    for style in styles:
        colour = re.search(r"stroke: var\((--[a-z]+)", style)
        dashes = re.search(r"stroke-dasharray: ([0-9. ,]+)", style)
        if colour and colour[1] not in ("--line", "--muted"):
            looks.setdefault(dashes[1] if dashes else "", set()).add(colour[1])
    # a solid line is the main curve, or the threshold that its label names
    assert all(len(colours) == 1 for dashes, colours in looks.items() if dashes)
    assert looks[""] <= {"--generated", "--threshold"}


def test_the_histogram_in_words() -> None:
    svg = drawn("histogram")
    assert etree.fromstring(svg).findtext(f"{SVG}title") == "Cosines of best matches"
    assert desc(svg) == (
        "A histogram of cosines; each curve is of shares of its own set. "
        "Generated images in the source: 10,000, from 0.12 to 1.00, most between 0.38 and 0.40. "
        "Generated images in the control: 10,000, from 0.12 to 0.60, most between 0.34 and 0.36. "
        "Control images in the source: 400, from 0.18 to 0.50, most between 0.36 and 0.38. "
        "A line marks the threshold, 0.6200. "
        "Dashed lines mark the k-th highest cosines: k = 1 at 0.9800; k = 10 at 0.5732; k = 100 at 0.5185; "
        "k = 1,000 at 0.4591."
    )


def test_the_histogram_names_its_lines_and_its_sets() -> None:
    shown = texts(drawn("histogram"))
    for label in (
        "threshold 0.6200",
        "top 1",
        "top 10",
        "top 100",
        "top 1,000",
        "generated images in the source, 10,000",
        "generated images in the control, 10,000",
        "control images in the source, 400",
        "share of the images",
    ):
        assert label in shown


def test_few_images_stand_on_a_linear_axis() -> None:
    record = blank()
    record["histograms"] = [histogram("best_match", [0.1, 0.2, 0.2, 0.7], threshold=None)]
    shown = texts(histogram_svg(record))
    assert "0%" in shown
    assert not [text for text in shown if "⁻" in text or "threshold" in text]


def test_one_image_at_one_cosine_can_be_drawn() -> None:
    record = blank()
    one = histogram("best_match", [1.0], threshold=None, marks=[{"k": 1, "similarity": 1.0}])
    record["histograms"] = [one]
    assert "top 1" in texts(histogram_svg(record))


def test_marks_of_all_pairs_are_the_papers() -> None:
    record = blank()
    marks = [{"k": 1, "similarity": 0.9}, {"k": 10, "similarity": 0.9}, {"k": 50, "similarity": 0.5}]
    record["histograms"] = [
        histogram("all_pairs", [0.0] * 600, marks=marks, sampled=True),
        histogram("best_match", [0.2] * 30, marks=[{"k": 1, "similarity": 0.2}]),
    ]
    shown = texts(histogram_svg(record))
    assert [text for text in shown if text.startswith("top")] == ["top 50", "top 1, 10"]
    assert "all pairs, 600 (a sample)" in shown


def test_the_curve_of_members_in_words() -> None:
    svg = drawn("roc")
    assert desc(svg) == (
        "A curve of the true positive rate against the false positive rate, both on logarithmic axes, beside chance. "
        "At a false positive rate of 1% the true positive rate is 3.24% (2% to 6%); the policy allows at most 5%. "
        "The area under the curve is 0.710 (0.680 to 0.740); chance gives 0.5."
    )
    shown = texts(svg)
    for label in ("chance", "measured: 3.24% at 1%", "allowed: 5%", "10⁻³", "1"):
        assert label in shown


def test_a_curve_without_a_known_rate_has_no_point() -> None:
    record = told()
    record["measurement"]["finding"] = "told otherwise"
    assert not [text for text in texts(roc_svg(record)) if "measured" in text]
    record["measurement"] = None
    assert desc(roc_svg(record)).endswith("beside chance.")


def test_error_rates_in_words() -> None:
    svg = drawn("error-rates")
    assert desc(svg) == (
        "A curve of the false match rate, on a logarithmic axis, against the threshold, which has an interval. "
        "A rate of 0.1 needs a cosine of 0.2100 (0.2100 to 0.2100). "
        "A rate of 1e-06 needs a cosine of 0.6000 (0.5500 to 0.6500, extrapolated). "
        "A line marks the policy's threshold, FMR 1e-05, at 0.5500, which has a false match rate of 1e-05."
    )
    for label in ("counted", "extrapolated", "FMR 1e-05: 0.5500", "10⁻⁶", "false match rate"):
        assert label in texts(svg)


def dashes(svg: str, colour: str) -> list[bool]:
    """Whether each line of this colour has dashes, in the order in which they are drawn."""
    styles = re.findall(rf'style="fill: none;([^"]*stroke: var\({colour},[^"]*)"', svg)
    return ["stroke-dasharray" in style for style in styles]


def test_what_is_extrapolated_is_dashed() -> None:
    in_axes_and_legend = [False, True]
    assert dashes(drawn("error-rates"), "--generated") == 2 * in_axes_and_legend
    record = calibrated()
    record["error_rates"] = record["error_rates"][:3]
    assert dashes(error_rates_svg(record), "--generated") == [False, False]
    assert "extrapolated" not in texts(error_rates_svg(record))
    for point in record["error_rates"]:
        point["extrapolated"] = True
    assert dashes(error_rates_svg(record), "--generated") == [True, True]


def test_a_control_is_dashed_beside_the_generated_images() -> None:
    assert dashes(drawn("histogram"), "--generated") == [False, False]
    assert dashes(drawn("histogram"), "--control") == [True] * 4
    assert dashes(drawn("histogram"), "--threshold") == [False, False]


def test_an_fpir_stands_at_the_false_match_rate_that_chance_tells() -> None:
    record = calibrated()
    record["thresholds"]["adaface-ir101"]["asked"] = "FPIR 0.01"
    record["chance"] = verdict_record(EVERY["calibrated"])["chance"] | {"rate": 2e-5}
    assert desc(error_rates_svg(record)).endswith(
        "FPIR 0.01, at 0.5500, which has a false match rate of 2e-05."
    )
    record["chance"] = None
    assert desc(error_rates_svg(record)).endswith("FPIR 0.01, at 0.5500.")


@pytest.mark.parametrize(
    "hostile", ["FPIR <script>\"&'\n\x1b[1m\udcff$x^2$", "FMR", "顔", "FMR 1e-05 顔", ""]
)
def test_what_is_no_rate_of_ours_is_not_drawn(hostile: str) -> None:
    record = calibrated()
    record["thresholds"]["adaface-ir101"]["asked"] = hostile
    svg = error_rates_svg(record, place=hostile)
    assert "threshold: 0.5500" in texts(svg)
    assert desc(svg).endswith("A line marks the policy's threshold at 0.5500.")
    assert etree.fromstring(svg).xpath("//*[local-name()='script']") == []


def test_warnings_that_are_errors_do_not_keep_a_figure_from_being_drawn() -> None:
    """matplotlib warns of letters that its font lacks."""
    told = Told(kind="roc", title="", text="")
    assert "顔" in texts(drawn_on(lambda axes: axes.set_xlabel("顔"), told))


def test_words_stay_text() -> None:
    told = Told(kind="roc", title="<b>'\"&\0\udcff", text="</desc><script>alert(1)</script>\n\x1b")
    svg = drawn_on(lambda axes: None, told)
    root = etree.fromstring(svg)
    assert root.findtext(f"{SVG}title") == "<b>'\"&��"
    assert root.findtext(f"{SVG}desc") == "</desc><script>alert(1)</script>��"


@pytest.mark.parametrize("draw", [histogram_svg, roc_svg, error_rates_svg])
def test_nothing_is_drawn_of_nothing(draw: Draw) -> None:
    record = blank()
    assert draw(record) == ""
    record["histograms"] = [histogram("best_match", []), histogram("best_match_of_control", [0.1, 0.2])]
    record["curve"] = {"fpr": [], "tpr": []}
    record["error_rates"] = calibrated()["error_rates"][:1]
    assert draw(record) == ""


@pytest.mark.parametrize("name", EVERY)
def test_every_kind_of_verdict_can_be_drawn(name: str) -> None:
    record = verdict_record(EVERY[name])
    drawings = {draw.__name__: bool(draw(record)) for draw in (histogram_svg, roc_svg, error_rates_svg)}
    assert drawings == {
        "histogram_svg": name == "calibrated",
        "roc_svg": name == "membership",
        "error_rates_svg": name == "calibrated",
    }


def test_powers_of_ten_are_text() -> None:
    assert [power_of_ten(value) for value in (1, 0.1, 1e-12, 0.5, 0, 100)] == [
        "1",
        "10⁻¹",
        "10⁻¹²",
        "",
        "",
        "10²",
    ]
    assert decades(1e-3, 1) == [1, 0.1, 0.01, 0.001]
    assert decades(1e-15, 1) == [1, 1e-2, 1e-4, 1e-6, 1e-8, 1e-10, 1e-12, 1e-14]


def test_the_plotting_library_is_loaded_when_a_figure_is_drawn() -> None:
    code = "import sys, faceleak_check.reports.plots; print('matplotlib' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "False\n"
