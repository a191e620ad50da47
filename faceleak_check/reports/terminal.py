"""Verdicts as text of at most 80 columns.

Works on the record of a verdict (the JSON of the evidence), so that it can print what another process measured.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from rich.cells import cell_len, chop_cells

__all__ = ["failure_text", "headline", "place_line", "policy_lines", "safe"]

_WIDTH = 80
_PAIRS_SHOWN = 10
_DIGEST_SHOWN = 12
_NAME_SHOWN = 12
_OTHERS_SHOWN = 5
_OTHERS_WIDTH = 40
_COMBINED = {"any_of": " or ", "all_of": " and "}
_COLOURS = {"pass": "green", "waived": "green", "leak": "red", "inconclusive": "yellow"}

Record = Mapping[str, Any]


def headline(record: Record) -> str:
    """The reasons in one sentence, without names of files."""
    return "; ".join(record["reasons"])


def failure_text(record: Record, *, names: bool) -> str:
    """What stands under a failed or inconclusive case.

    Args:
        record: The verdict as `verdict_record` made it.
        names: Whether to name files; without them images are shown by their digests, for JUnit.
    """
    return "\n".join(_failure_lines(record, names=names))


def _failure_lines(record: Record, *, names: bool) -> Iterator[str]:
    first, *others = record["reasons"]
    yield from _paragraphs([f"{record['outcome'].upper()}: {first}", *(f"also: {other}" for other in others)])
    if names:
        yield from (safe(line) for detail in record["details"] for line in detail.split("\n"))
    if record["measurement"] or record["sets"]:
        yield ""
        yield from _facts(record)
    if record["measurement"] and record["measurement"]["worst_pairs"]:
        yield ""
        yield from _pair_table(record["measurement"], names=names)
    if record["measurement"] and record["measurement"]["n_pairs"] and record.get("pairs_file"):
        yield "all pairs, in the evidence folder:"
        yield f"  {record['pairs_file']['file']}"
    yield from _paragraphs(f"note: {warning}" for warning in record["warnings"])


def place_line(path: str, line: int, case: str) -> str:
    """Where in the policy a case stands; its name as well where there is room for it."""
    place = f"{safe(path)}:{line}"
    return f"{place}: {case}" if cell_len(f"{place}: {case}") <= _WIDTH else place


def _paragraphs(sentences: Iterable[str], *, indent: int = 4, width: int = _WIDTH) -> Iterator[str]:
    for sentence in sentences:
        yield from _wrapped(safe(sentence), " " * indent, width)


def _wrapped(sentence: str, indent: str, width: int) -> Iterator[str]:
    line = ""
    for word in sentence.split(" "):
        if line and cell_len(line) + 1 + cell_len(word) > width:
            yield line
            line = indent + word
        else:
            line = f"{line} {word}" if line else word
    yield line


def _facts(record: Record) -> Iterator[str]:
    yield from _paragraphs(_fact_lines(record), indent=11)


def _fact_lines(record: Record) -> Iterator[str]:
    if record["measurement"]:
        yield f"rule       {record['measurement']['rule']}"
    for role, one in record["sets"].items():
        counts = one["counts"]
        left_out = {"unreadable": counts["n_unreadable"], **counts["n_excluded"]}
        tail = "".join(f", {n:,} {rule}" for rule, n in left_out.items() if n)
        yield f"{role:<10} {one['name']}: {counts['n_seen']:,} seen, {counts['n_embedded']:,} compared{tail}"
    yield from _alignments(record)
    for embedder in filter(None, [record["embedder"], *record["agreement"].values()]):
        yield f"embedder   {embedder['name']} {embedder['weights_sha256'][:_DIGEST_SHOWN]}".rstrip()
    for screen in record["screens"]:
        methods = _COMBINED[screen["combine"]].join(
            f"{method['method']} ({method['model']}) > {method['reject_above']:g}"
            for method in screen["methods"]
        )
        yield f"screen     {screen['rule']}: {methods}"


def _alignments(record: Record) -> Iterator[str]:
    """How pictures became face chips, where there was something to decide."""
    for one in record["sets"].values():
        for name, alignment in one["alignments"].items():
            by = f" by {name}" if record["agreement"] else ""
            if alignment["survey"]:
                yield f"alignment  {one['name']}{by}: {alignment['reason']}"


def _pair_table(measured: Record, *, names: bool) -> Iterator[str]:
    pairs = measured["worst_pairs"][:_PAIRS_SHOWN]
    title = "leaks" if measured["pairs_are_leaks"] else "most similar pairs"
    yield f"{title}, worst first ({len(pairs):,} of {measured['n_pairs']:,}):"
    figures = _aligned([_cosine_titles(pairs[0]), *map(_cosines, pairs)])
    images = [("generated image", "source image"), *(_images(pair, names=names) for pair in pairs)]
    room = _WIDTH - 2 - cell_len(figures[0]) - 2 - 1
    widest, other = (max(cell_len(row[side]) for row in images) for side in (0, 1))
    left_width = min(widest, max(room // 2, room - other))
    for figure, (left, right) in zip(figures, images, strict=True):
        left_cell = _padded(_fitted(left, left_width), left_width)
        yield f"  {figure}{left_cell}  {_fitted(right, room - left_width)}".rstrip()


def _cosine_titles(pair: Record) -> list[str]:
    others = pair["seconds"][:_OTHERS_SHOWN]
    width = min(_NAME_SHOWN, _OTHERS_WIDTH // max(len(others), 1) - 2)
    return ["cosine", *(_fitted(safe(one["embedder"]), width) for one in others)]


def _cosines(pair: Record) -> list[str]:
    others = pair["seconds"][:_OTHERS_SHOWN]
    return [f"{one['similarity']:.4f}" for one in (pair, *others)]


def _images(pair: Record, *, names: bool) -> tuple[str, str]:
    if names:
        return safe(pair["generated"]), safe(pair["source"])
    return pair["generated_sha256"][:_DIGEST_SHOWN], pair["source_sha256"][:_DIGEST_SHOWN]


def _aligned(rows: list[list[str]]) -> list[str]:
    """Rows of cells as text, two spaces behind the widest cell of each column."""
    widths = [max(map(cell_len, column)) + 2 for column in zip(*rows, strict=True)]
    return ["".join(map(_padded, row, widths)) for row in rows]


def _padded(text: str, width: int) -> str:
    return text + " " * (width - cell_len(text))


def _fitted(text: str, width: int) -> str:
    """The text cut in its middle to fit; both ends of a file's name tell something."""
    if cell_len(text) <= width:
        return text
    head = chop_cells(text, (width - 1) // 2)[0]
    tail = chop_cells(text[::-1], width - 1 - cell_len(head))[0][::-1]
    return f"{head}…{tail}"


def safe(text: str) -> str:
    """The text without anything that could move a terminal's cursor or break a line."""
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)


def policy_lines(policy: Record) -> Iterator[tuple[str, str]]:
    """One line a case, under the policy's name, each with a colour or an empty text."""
    file, named = safe(policy["file"]), safe(f"{policy['file']} ({policy['name']})")
    yield named if policy["name"] and cell_len(named) <= _WIDTH else file, ""
    if policy["problems"]:
        yield f"  INVALID      problems: {len(policy['problems']):,}, shown above", "red"
    for case in policy["cases"]:
        yield _case_line(case), _COLOURS[case["outcome"]]
    for case in policy["not_run"]:
        yield _outcome_line("not run", case), "yellow"
    for line in _paragraphs(_notes(policy), indent=6, width=_WIDTH - 2):
        yield f"  {line}", ""


def _notes(policy: Record) -> Iterator[str]:
    """The warnings of cases that passed, each once; the others' stand under their failures."""
    passed = (case for case in policy["cases"] if case["outcome"] in ("pass", "waived"))
    yield from dict.fromkeys(f"note: {warning}" for case in passed for warning in case["warnings"])


def _case_line(record: Record) -> str:
    line = _outcome_line(record["outcome"], record["case"])
    text = safe(record["brief"] or headline(record))
    if record["outcome"] == "inconclusive" and len(record["reasons"]) > 1:
        text = safe(record["reasons"][0])
    room = _WIDTH - cell_len(line) - 2
    return f"{line}  {text if cell_len(text) <= room else _cut(text, room)}".rstrip()


def _outcome_line(outcome: str, case: str) -> str:
    return f"  {outcome.upper():<12} {_fitted(safe(case), _WIDTH - 15)}"


def _cut(text: str, room: int) -> str:
    return chop_cells(text, room - 1)[0] + "…" if room > 1 else ""
