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


def _paragraphs(sentences: Iterable[str], *, indent: int = 4) -> Iterator[str]:
    for sentence in sentences:
        yield from _wrapped(safe(sentence), " " * indent)


def _wrapped(sentence: str, indent: str) -> Iterator[str]:
    line = ""
    for word in sentence.split(" "):
        if line and cell_len(line) + 1 + cell_len(word) > _WIDTH:
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
    if record["embedder"]:
        digest = record["embedder"]["weights_sha256"][:_DIGEST_SHOWN]
        yield f"embedder   {record['embedder']['name']} {digest}".rstrip()


def _pair_table(measured: Record, *, names: bool) -> Iterator[str]:
    pairs = measured["worst_pairs"][:_PAIRS_SHOWN]
    title = "leaks" if measured["pairs_are_leaks"] else "most similar pairs"
    yield f"{title}, worst first ({len(pairs):,} of {measured['n_pairs']:,}):"
    rows = [("cosine", "generated image", "source image")]
    for pair in pairs:
        left, right = (
            safe(pair[side]) if names else pair[f"{side}_sha256"][:_DIGEST_SHOWN]
            for side in ("generated", "source")
        )
        rows.append((f"{pair['similarity']:.4f}", left, right))
    widest = max(cell_len(left) for _, left, _ in rows)
    other = max(cell_len(right) for _, _, right in rows)
    room = _WIDTH - 2 - 7 - 2 - 2
    left_width = min(widest, max(room // 2, room - other))
    for similarity, left, right in rows:
        left_cell = _fitted(left, left_width)
        padding = " " * (left_width - cell_len(left_cell))
        yield f"  {similarity:<7} {left_cell}{padding}  {_fitted(right, room - left_width)}".rstrip()


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
