"""What a verdict rests on, a line or two a fact: rule, threshold, sets, models, screens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from faceleak_check.reports.layout import paragraphs
from faceleak_check.short_digests import short

__all__ = ["fact_lines", "facts"]

_LABEL_WIDTH = 11
_COMBINED = {"any_of": " or ", "all_of": " and "}
_BY_CHANCE = {
    "pairs": ("chance match", "chance matches"),
    "images": ("generated image matches by chance", "generated images match by chance"),
}
_FEW = 0.01
_MANY = 9.95

Record = Mapping[str, Any]
Fact = tuple[str, str]


def fact_lines(record: Record) -> Iterator[str]:
    """The facts of a verdict's record, each behind its label.

    Args:
        record: The verdict as `verdict_record` made it.
    """
    told = list(facts(record))
    width = max([_LABEL_WIDTH, *(len(label) + 1 for label, _ in told)])
    return paragraphs((f"{label:<{width}}{text}" for label, text in told), indent=width)


def facts(record: Record) -> Iterator[Fact]:
    """The facts of a verdict's record: a label of one word, and a sentence.

    Args:
        record: The verdict as `verdict_record` made it.
    """
    measured = record["measurement"]
    if measured:
        yield "rule", measured["rule"]
    yield from _thresholds(record)
    if record["chance"]:
        yield "chance", _chance(record["chance"])
    if measured:
        yield from (("figure", _figure(figure)) for figure in measured["figures"])
    if measured and record["previous"]:
        yield "previous", _previous(record["previous"], measured["unit"])
    yield from _sets(record)
    yield from _alignments(record)
    for embedder in filter(None, [record["embedder"], *record["agreement"].values()]):
        yield "embedder", f"{embedder['name']} {short(embedder['weights_sha256'])}".rstrip()
    if record["scan"]:
        yield "scan", _scan(record["scan"])
    if record["search"]:
        yield "search", _search(record["search"])
    for screen in record["screens"]:
        yield "screen", _screen(screen)


def _thresholds(record: Record) -> Iterator[Fact]:
    for name, found in record["thresholds"].items():
        whose = f"{name}: " if record["agreement"] else ""
        yield "threshold", f"{whose}{_threshold(found)}"
        if found["suspects"]:
            yield "suspects", f"{whose}{_suspects(len(found['suspects']))}"


def _threshold(found: Record) -> str:
    tail = ", extrapolated" if found["extrapolated"] else ""
    return (
        f"cosine >= {found['cosine']:.4f} for {found['asked']} ({_span(found, '.4f')}{tail}), {found['origin']}; "
        f"{_counted(found['n_comparisons'], 'comparison')} of {_counted(found['n_people'], 'person', 'people')}"
    )


def _suspects(n: int) -> str:
    they = "pair seems" if n == 1 else "pairs seem"
    listed = "it" if n == 1 else "they"
    return (
        f"{n:,} {they} to show one person under two names; {listed} did not set the threshold; "
        "see 'suspects' in evidence.json"
    )


def _chance(chance: Record) -> str:
    expected = chance["expected"]
    about = f"about {_number(expected)}" if expected >= _FEW else f"fewer than {_FEW:g}"
    one, many = _BY_CHANCE[chance["unit"]]
    low = _number(chance["low"]) if chance["low"] >= _FEW else "0"
    high = _number(max(chance["high"], _FEW))
    return (
        f"{about} {one if about == 'about 1' else many} ({low} to {high}) "
        f"in {_counted(chance['n_comparisons'], 'comparison')}"
    )


def _number(number: float) -> str:
    return f"{number:,.0f}" if number >= _MANY else f"{number:.2g}"


def _figure(figure: Record) -> str:
    span = "" if figure["low"] is None or figure["high"] is None else f" ({_span(figure, '.4g')})"
    return f"{figure['name']} {figure['value']:.4g}{span}"


def _span(found: Record, digits: str) -> str:
    """An interval, such as ``95%: 0.93 to 0.95``."""
    ends = f"{found['low']:{digits}} to {found['high']:{digits}}"
    return ends if found["confidence"] is None else f"{100 * found['confidence']:.6g}%: {ends}"


def _previous(previous: Record, unit: str) -> str:
    return f"{_figured(previous['value'], unit)} in evidence {short(previous['evidence_sha256'])}"


def _figured(value: float, unit: str) -> str:
    match unit:
        case "share":
            return f"{100 * value:.4g}%"
        case "images":
            return _counted(int(value), "image")
        case "people":
            return _counted(int(value), "person", "people")
        case _:
            return f"{value:.4f}"


def _sets(record: Record) -> Iterator[Fact]:
    for role, one in record["sets"].items():
        counts = one["counts"]
        left_out = {"unreadable": counts["n_unreadable"], **counts["n_excluded"]}
        tail = "".join(f", {n:,} {rule}" for rule, n in left_out.items() if n)
        yield role, f"{one['name']}: {counts['n_seen']:,} seen, {counts['n_embedded']:,} compared{tail}"


def _alignments(record: Record) -> Iterator[Fact]:
    """How pictures became face chips, where there was something to decide."""
    for one in record["sets"].values():
        for name, alignment in one["alignments"].items():
            by = f" by {name}" if record["agreement"] else ""
            if alignment["survey"]:
                yield "alignment", f"{one['name']}{by}: {alignment['reason']}"


def _scan(scan: Record) -> str:
    again = " and ".join(f"{n:,} {role}" for role, n in scan["n_looked_at"].items())
    return (
        f"every image in {scan['precision']}, {again} again in fp32: those that could reach the threshold "
        f"(off by up to {scan['largest_angle']:.2g} radians; {scan['bound']:.2g} are allowed for)"
    )


def _search(search: Record) -> str:
    if search["index"] == "exact":
        return f"exact, as the source has no more than {_counted(search['n_templates'], 'template')}"
    return (
        f"approximate, {search['n_probed']:,} of {search['n_lists']:,} lists; it found the nearest source image of "
        f"{search['n_found']:,} of {_counted(search['n_sampled'], 'generated image')} "
        f"({100 * search['confidence']:.6g}%: at least {100 * search['recall']:.4g}%)"
    )


def _screen(screen: Record) -> str:
    methods = _COMBINED[screen["combine"]].join(
        f"{method['method']} ({method['model']}) > {method['reject_above']:g}" for method in screen["methods"]
    )
    return f"{screen['rule']}: {methods}"


def _counted(n: int, one: str, many: str = "") -> str:
    return f"{n:,} {one if n == 1 else many or one + 's'}"
