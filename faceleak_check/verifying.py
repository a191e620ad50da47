"""Whether files are those that a statement is about, and what came out for them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from faceleak_check.checks.judge import told_apart
from faceleak_check.errors import UsageError
from faceleak_check.policy.roles import MATCHES
from faceleak_check.records import ImageSet
from faceleak_check.registry import READERS, suggestion
from faceleak_check.regular_files import read_regular
from faceleak_check.reports.file_lists import differences, root_of
from faceleak_check.reports.leaves import printable
from faceleak_check.reports.statement import MERKLE
from faceleak_check.reports.statement_file import Statement
from faceleak_check.short_digests import short

__all__ = ["Answer", "chosen_set", "compared", "evidence_beside", "reading_of"]

_UNITS = {
    ("images", True): " image",
    ("images", False): " images",
    ("people", True): " person",
    ("people", False): " people",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What to say, and whether all of it is as stated."""

    lines: tuple[str, ...]
    is_same: bool


def chosen_set(stated: Statement, dataset: str | None) -> str:
    """The set of the statement that is meant.

    Raises:
        UsageError: There is no such set, or several could be meant.
    """
    sets = stated.predicate["sets"]
    there = [name for name, digest in stated.subjects.items() if MERKLE in digest]
    if dataset is not None:
        if dataset not in there:
            told = ", ".join(there) or "none"
            raise UsageError(
                f"{stated.file}: the statement has no set {dataset!r}{suggestion(dataset, there)}; there are: {told}"
            )
        return dataset
    meant = [name for name in there if "generated" in sets[name]["roles"]]
    if len(meant) == 1:
        return meant[0]
    if not there:
        raise UsageError(
            f"{stated.file}: the statement is about match lists alone, which have no files to compare"
        )
    what = f"{len(meant)} generated sets" if meant else "no generated set"
    raise UsageError(
        f"{stated.file}: the statement has {what}; say which one is meant with --dataset: {', '.join(meant or there)}"
    )


def reading_of(facts: Mapping[str, Any], read_as: str | None) -> Mapping[str, Any]:
    """How the files were read for the test, unless the user knows better.

    Args:
        facts: What the statement says of a set.
        read_as: Name of another reader; None for that of the test.

    Raises:
        UsageError: There is no such reader.
    """
    then: Mapping[str, Any] = facts["reading"] or {"format": "folder", "columns": {}, "templates": False}
    wanted = read_as or then["format"]
    if wanted == MATCHES:
        raise UsageError("a match list has no files to compare; name the format of a set of images")
    if wanted not in READERS:
        raise UsageError(READERS.unknown(wanted))
    return then if wanted == then["format"] else {"format": wanted, "columns": {}, "templates": False}


def compared(stated: Statement, name: str, found: ImageSet, place: str) -> Answer:
    """Whether files are those that were tested; if so the verdicts, and if not the first that differs.

    Args:
        stated: The statement.
        name: The set of it that they should be.
        found: The files.
        place: Where they are, in words.
    """
    expected = stated.subjects[name][MERKLE]
    lines = [line for block in found.manifest() for line in block[:-1].split(b"\n")]
    root = root_of(lines)
    if root == expected:
        return Answer(lines=(_same(name, place, len(lines), root), *_verdicts(stated, name)), is_same=True)
    return Answer(
        lines=(
            f"{place} is not what was tested as {name!r}.",
            *_why(stated, name, lines),
            f"Merkle root: found {root}, expected {expected}.",
        ),
        is_same=False,
    )


def _same(name: str, place: str, n_files: int, root: str) -> str:
    files = "1 file" if n_files == 1 else f"{n_files:,} files"
    return f"{place} is what was tested as {name!r}: {files}, Merkle root {root}."


def _why(stated: Statement, name: str, lines: list[bytes]) -> Iterator[str]:
    """The first file that differs, where the list of those that were tested is there."""
    tested = _manifest(stated, name)
    if isinstance(tested, str):
        yield f"Which file differs cannot be told: {tested}."
        n_tested = stated.predicate["sets"][name]["n_files"]
        yield f"It holds {len(lines):,} files; {n_tested:,} were tested."
        return
    found = list(differences(tested, lines))
    of_kind = [
        f"{sum(one.kind == kind for one in found):,} {kind}" for kind in ("changed", "missing", "added")
    ]
    yield f"The first file that differs is {printable(found[0].name)!r}: {found[0].kind}."
    yield f"In all: {', '.join(of_kind)}; {len(tested):,} files were tested."


def _manifest(stated: Statement, name: str) -> list[bytes] | str:
    """The lines of the list of files that were tested, or why there is none."""
    manifest = stated.predicate["sets"][name]["manifest"]
    if manifest is None:
        return "the statement names no list of its files"
    file = stated.file.parent / manifest["file"]
    try:
        data = read_regular(file)
    except OSError as error:
        return f"{file}: {error.strerror or 'not there'}"
    lines = data.removesuffix(b"\n").split(b"\n") if data else []
    root = root_of(lines)
    if root != stated.subjects[name][MERKLE]:
        return f"{file} is not the list of the files that were tested, as its own Merkle root is {root}"
    return lines


def _verdicts(stated: Statement, name: str) -> Iterator[str]:
    """What came out for a set, policy by policy."""
    for policy in stated.predicate["policies"]:
        cases = [case for case in policy["cases"] if name in case["sets"].values()]
        if not cases and not policy["not_run"]:
            continue
        digest = f", SHA-256 {short(policy['sha256'])}" if policy["sha256"] else ""
        yield f"{policy['file']} ({policy['name']}{digest}): {policy['outcome']}"
        yield from (f"  {case['outcome'].upper():<12} {case['case']}{_figure(case)}" for case in cases)
        yield from (f"  {'NOT RUN':<12} {case}" for case in policy["not_run"])


def _figure(case: Mapping[str, Any]) -> str:
    if case["value"] is None or case["limit"] is None or case["unit"] is None:
        return ""
    value, limit = told_apart(case["value"], case["limit"], case["unit"])
    unit = _UNITS.get((case["unit"], case["value"] == 1), "")
    waived = f", {case['n_waived']:,} waived" if case["n_waived"] else ""
    return f"  {value}{unit}, {'at least' if case['at_least'] else 'at most'} {limit}{waived}"


def evidence_beside(stated: Statement) -> Answer:
    """Whether the evidence is the one that the statement sums up, where it lies beside it."""
    named = stated.predicate["evidence"]
    file = stated.file.parent / Path(named["name"]).name
    expected = named["digest"]["sha256"]
    try:
        found = hashlib.sha256(read_regular(file)).hexdigest()
    except FileNotFoundError:
        return Answer(
            lines=(f"{file.name} is not beside the statement, and was not looked at.",), is_same=True
        )
    except OSError as error:
        return Answer(lines=(f"{file} cannot be read: {error.strerror}.",), is_same=False)
    if found == expected:
        return Answer(lines=(f"{file.name} beside it is the one that the statement sums up.",), is_same=True)
    words = (
        f"{file} is not the evidence that the statement sums up: found SHA-256 {found}, expected {expected}."
    )
    return Answer(lines=(words,), is_same=False)
