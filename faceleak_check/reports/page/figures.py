"""The figures of a policy's cases, each once, and what became of their canaries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["CanaryTable", "Drawing", "canary_tables", "drawings"]

Record = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Drawing:
    """A figure of one or several cases, as SVG."""

    cases: tuple[str, ...]
    title: str
    svg: str
    caption: str


@dataclass(frozen=True, kw_only=True, slots=True)
class CanaryTable:
    """What became of the canaries of a case: kind, number, number caught and lowest cosine of each."""

    case: str
    rows: tuple[tuple[str, str, str, str], ...]


def drawings(cases: Sequence[Record], place: str) -> Iterator[Drawing]:
    """The figures of some cases, those that are equal once.

    Args:
        cases: The records of the cases.
        place: Where in the page they stand.
    """
    from faceleak_check.reports.plots import error_rates_svg, histogram_svg, roc_svg

    found: dict[tuple[str, str, str], list[str]] = {}
    for case in cases:
        for draw, (title, caption) in (
            (histogram_svg, _histogram(case)),
            (roc_svg, _ROC),
            (error_rates_svg, _RATES),
        ):
            svg = draw(case, place=place)
            if svg:
                found.setdefault((svg, title, caption), []).append(case["case"])
    for (svg, title, caption), names in found.items():
        yield Drawing(cases=tuple(names), title=title, svg=svg, caption=caption)


def _histogram(case: Record) -> tuple[str, str]:
    drawn = {one["name"] for one in case["histograms"]}
    if "best_match" not in drawn:
        return "Similarities", "How many images lie at which cosine."
    has_control = drawn & {"best_match_in_control", "best_match_of_control"}
    beyond = ", beyond what the control shows," if has_control else ""
    return "Best matches", (
        "Each generated image is counted at the cosine of its most similar photograph. What lies right of the "
        f"threshold counts. A lump at the right{beyond} is what leaking looks like."
    )


_ROC = (
    "Membership inference",
    (
        "How many photographs of the source an attacker would recognise as such (upwards), for each share of "
        "strangers that he takes for them by mistake (to the right). On the diagonal he only guesses."
    ),
)
_RATES = (
    "Threshold against error rate",
    (
        "How often two strangers reach a cosine. The band is where the true rate is expected to lie; where it was "
        "extrapolated, no comparison of strangers has been that similar."
    ),
)


def canary_tables(cases: Sequence[Record]) -> Iterator[CanaryTable]:
    """A table for each case that has canaries."""
    for case in cases:
        rows = tuple(
            (
                one["kind"],
                f"{one['n']:,}",
                f"{one['n_caught']:,}",
                "none compared" if one["lowest"] is None else f"{one['lowest']:.4f}",
            )
            for one in case["canaries"]
        )
        if rows:
            yield CanaryTable(case=case["case"], rows=rows)
