"""What a run leaves, read again: no damage changes what it says without a word, and none gives a traceback."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from gates import write_evidence, write_folder
from kinds import FalsePassError, Kind, Whole, require_words
from planted import LEAK, as_file, dataset, pictures, silent

from faceleak_check.errors import EvidenceError, InconclusiveError, UsageError
from faceleak_check.previous import read_previous
from faceleak_check.quarantine.leaks import leaks_in_evidence
from faceleak_check.records import Verdict
from faceleak_check.registry import READERS
from faceleak_check.reports.opening import Evidence, open_evidence
from faceleak_check.reports.page.build import PageOptions, build_page
from faceleak_check.reports.statement_file import open_statement
from faceleak_check.review.pairs import pairs_to_review
from faceleak_check.verifying import chosen_set, compared, evidence_beside, reading_of

__all__ = ["KINDS"]

_TOKENS = (
    *(
        b"null",
        b"true",
        b"0",
        b"-1",
        b"1e999",
        b"NaN",
        b'""',
        b"[]",
        b"{}",
        b'"pass"',
        b'"leak"',
        b'"inconclusive"',
    ),
    *(
        b'"outcome"',
        b'"cases"',
        b'"policies"',
        b'"sets"',
        b'"measurement"',
        b'"value"',
        b'"sha256"',
        b",",
        b":",
    ),
    *(
        b"evidence_version",
        b'"file"',
        b'"../../x"',
        b'"a\\u0000b"',
        b'"\\ud800"',
        b"5",
        b"4",
        b"predicate",
        b"subject",
    ),
    *(
        b"merkleSha256",
        b'"generated"',
        b'"training"',
        b'"roles"',
        b'"reading"',
        b'"format"',
        b'"manifest"',
        b"99",
    ),
)
_OLD = Path(__file__).parents[1] / "old_evidence"


@cache
def _run(root: Path) -> Path:
    """The evidence of one gate, and beside it the set as it was and one with a picture more."""
    folder = write_evidence(root)
    write_folder(root / "other", {**pictures(3), "p9/9.png": as_file(LEAK[::-1])})
    return folder


def _evidence(folder: Path) -> Sequence[Whole]:
    return [Whole(name="newest", data=(_run(folder / "run") / "evidence.json").read_bytes())]


def _judged_evidence(folder: Path, whole: Whole, data: bytes) -> str:
    """The seal holds: what is opened says what was written."""
    file = _run(folder / "run") / "damaged.json"
    file.write_bytes(data)
    answer = _used(file)
    if answer == "read" and json.loads(data) != json.loads(whole.data):
        raise FalsePassError("evidence that was changed is opened")
    return answer


def _old_evidence(folder: Path) -> Sequence[Whole]:
    return [
        Whole(name=f"version-{n}", data=(_OLD / f"version-{n}" / "evidence.json").read_bytes())
        for n in (1, 3, 4)
    ]


def _judged_old(folder: Path, whole: Whole, data: bytes) -> str:
    """It has no seal, so it may say something else; nothing breaks down over it."""
    file = folder / "evidence.json"
    file.write_bytes(data)
    return _used(file)


def _used(file: Path) -> str:
    """Opens evidence and does with it all that commands do."""
    _read_as_previous(file)
    try:
        evidence = open_evidence(file)
        for policy in evidence.data["policies"]:
            list(leaks_in_evidence(evidence, policy))
            pairs_to_review(evidence, policy)
        build_page(evidence, PageOptions())
    except (EvidenceError, UsageError) as error:
        require_words(str(error).partition("\n")[0])
        return "refused"
    return "read"


@cache
def _verdict() -> Verdict:
    from full_verdict import full_verdict

    return full_verdict()


def _read_as_previous(file: Path) -> None:
    with contextlib.suppress(InconclusiveError):
        read_previous(file, _verdict())


def _pairs(folder: Path) -> Sequence[Whole]:
    (file, *_) = sorted((_run(folder / "run") / "pairs").iterdir())
    return [Whole(name=file.name, data=file.read_bytes())]


def _judged_pairs(folder: Path, whole: Whole, data: bytes) -> str:
    file = _run(folder / "run") / "pairs" / whole.name
    file.write_bytes(data)
    evidence: Evidence = open_evidence(_run(folder / "run"))
    try:
        found = [list(leaks_in_evidence(evidence, policy)) for policy in evidence.data["policies"]]
    except EvidenceError as error:
        require_words(str(error).partition("\n")[0])
        return "refused"
    if data != whole.data or not any(found):
        raise FalsePassError(f"a table of pairs that was changed is opened: {found}")
    return "read"


def _statement(folder: Path) -> Sequence[Whole]:
    return [Whole(name="statement", data=(_run(folder / "run") / "statement.json").read_bytes())]


def _judged_statement(folder: Path, whole: Whole, data: bytes) -> str:
    """A set with one picture more is never what was tested, and the set itself is where the root still is."""
    file = _run(folder / "run") / "damaged.json"
    file.write_bytes(data)
    answers = {name: _verified(file, folder / "run" / name) for name in ("other", "generated")}
    if answers["other"] is True:
        raise FalsePassError("a set that was not tested counts as what was tested")
    return "refused" if answers["generated"] is None else "read"


def _manifest(folder: Path) -> Sequence[Whole]:
    (file,) = (_run(folder / "run") / "manifests").iterdir()
    return [Whole(name=file.name, data=file.read_bytes())]


def _judged_manifest(folder: Path, whole: Whole, data: bytes) -> str:
    run = _run(folder / "run")
    (run / "manifests" / whole.name).write_bytes(data)
    if _verified(run / "statement.json", folder / "run" / "other") is not False:
        raise FalsePassError("a set that was not tested counts as what was tested")
    if _verified(run / "statement.json", folder / "run" / "generated") is not True:
        raise AssertionError("the set that was tested does not count as such")
    return "read" if data == whole.data else "told"


def _verified(file: Path, place: Path) -> bool | None:
    """What ``faceleak verify`` finds; None where it refuses."""
    try:
        stated = open_statement(file)
        name = chosen_set(stated, None)
        reading = reading_of(stated.predicate["sets"][name], None)
        if reading["format"] != "folder":
            return None
        found = READERS.load("folder")(dataset(place, "folder")).scan(silent)
        answers = [compared(stated, name, found, "DIR"), evidence_beside(stated)]
    except (EvidenceError, UsageError, InconclusiveError) as error:
        require_words(str(error).partition("\n")[0])
        return None
    assert all("\n" not in line for answer in answers for line in answer.lines)
    return answers[0].is_same


KINDS = (
    Kind(name="evidence", wholes=_evidence, judge=_judged_evidence, tokens=_TOKENS),
    Kind(name="old-evidence", wholes=_old_evidence, judge=_judged_old, tokens=_TOKENS),
    Kind(name="pairs", wholes=_pairs, judge=_judged_pairs),
    Kind(name="statement", wholes=_statement, judge=_judged_statement, tokens=_TOKENS),
    Kind(
        name="manifest",
        wholes=_manifest,
        judge=_judged_manifest,
        tokens=(b"  ", b"\\", b"unreadable", b"link", b"p3/3.png"),
    ),
)
