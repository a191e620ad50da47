"""Evidence that is opened again, and evidence that somebody has damaged."""

from __future__ import annotations

import copy
import hashlib
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from whole_verdicts import EVERY, calibrated, nothing

from faceleak_check.errors import EvidenceError
from faceleak_check.reports.evidence import EvidenceFolder
from faceleak_check.reports.opening import Evidence, open_evidence, pairs_of
from faceleak_check.reports.plain import verdict_record
from faceleak_check.seals import EVIDENCE_VERSION, canonical_json, digest_of, sealed

ADVICE = "Name the evidence.json of a run, or the folder that --faceleak-evidence named."
AS_WRITTEN = "Name the evidence.json of a run, as it was written."
FIRST = "policies.0.cases.0"
TABLE = "expected a text such as ^pairs/[^/]+\\.parquet$"


def written(folder: Path) -> Path:
    """The evidence of a run with every kind of verdict, with its tables of pairs."""
    evidence = EvidenceFolder(folder)
    evidence.start()
    cases = [
        {**verdict_record(one), "pairs_file": evidence.add_pairs("release.yaml", one)}
        for one in EVERY.values()
    ]
    policy = {
        "file": "release.yaml",
        "sha256": "a" * 64,
        "name": "release",
        "description": "",
        "outcome": "leak",
        "problems": [],
        "cases": cases,
        "not_run": [],
        "waivers": None,
        "standards": [],
    }
    evidence.finish([policy], {})
    return evidence.evidence_file


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Not to be changed."""
    return written(tmp_path_factory.mktemp("original"))


@pytest.fixture
def file(original: Path, tmp_path: Path) -> Path:
    """A copy to be changed."""
    shutil.copytree(original.parent, tmp_path / "evidence")
    return tmp_path / "evidence" / "evidence.json"


def problem(path: Path) -> str:
    """What a user is told."""
    with pytest.raises(EvidenceError) as found:
        open_evidence(path)
    assert str(path) not in found.value.message
    return str(found.value)


def edited(file: Path, change: Callable[[Any], None], *, seal: bool = False) -> dict[str, Any]:
    """Changes the data of a file, and seals it again where that is asked for."""
    data: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    change(data)
    data = sealed(data) if seal else data
    file.write_bytes(canonical_json(data))
    return data


# ----------------------------------------------------------------------------------------------- what is whole


def test_evidence_is_opened_by_its_file_or_its_folder(original: Path) -> None:
    raw = original.read_bytes()
    expected = Evidence(
        folder=original.parent,
        file=original,
        version=5,
        data=json.loads(raw),
        is_sealed=True,
        sha256=hashlib.sha256(raw).hexdigest(),
    )
    assert open_evidence(original) == expected
    assert open_evidence(original.parent) == expected
    assert EVIDENCE_VERSION == 5


def test_it_may_have_another_name_and_lie_alone(original: Path, tmp_path: Path) -> None:
    alone = tmp_path / "صورة.json"
    shutil.copy(original, alone)
    evidence = open_evidence(alone)
    assert (evidence.file, evidence.folder) == (alone, tmp_path)


def test_the_seal_is_over_the_canonical_text_without_it(original: Path) -> None:
    lines = original.read_bytes().splitlines(keepends=True)
    (seal,) = [line for line in lines if line.startswith(b'  "sha256": ')]
    without = b"".join(line for line in lines if line != seal)
    assert seal == f'  "sha256": "{hashlib.sha256(without).hexdigest()}",\n'.encode()


def test_another_layout_of_the_same_data_is_no_change(file: Path) -> None:
    data = json.loads(file.read_bytes())
    file.write_text(json.dumps(dict(reversed(data.items()))), encoding="utf-8")
    assert open_evidence(file).data == data


# -------------------------------------------------------------------------------------------- what is not there


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    gone = tmp_path / "gone.json"
    assert problem(gone) == (f"the evidence cannot be opened\n{gone}: No such file or directory. {ADVICE}")
    assert problem(tmp_path) == (
        f"the evidence cannot be opened\n{tmp_path}/evidence.json: No such file or directory. {ADVICE}"
    )


def test_a_folder_in_its_place(file: Path) -> None:
    file.unlink()
    file.mkdir()
    assert problem(file.parent) == f"the evidence cannot be opened\n{file}: Is a directory. {ADVICE}"


# -------------------------------------------------------------------------------------------- what is cut off


@pytest.mark.parametrize("part", [1, 100, 0.1, 0.5, 0.9])
def test_a_file_that_is_cut_off(file: Path, part: float) -> None:
    raw = file.read_bytes()
    left = raw[: part if isinstance(part, int) else int(part * len(raw))]
    file.write_bytes(left)
    assert problem(file) == (
        f"the evidence is cut off\n{file}: ends after byte {len(left):,}, in line {left.count(10) + 1:,}, before "
        "its JSON is whole. Copy the whole file again."
    )


def test_a_file_without_its_last_bracket_or_within_a_letter(file: Path) -> None:
    raw = file.read_bytes()
    file.write_bytes(raw[:-2])
    assert problem(file).startswith(
        f"the evidence is cut off\n{file}: ends after byte {len(raw) - 2:,}, in line "
    )
    file.write_bytes('{\n"a": "é'.encode()[:-1])
    assert problem(file).startswith(f"the evidence is cut off\n{file}: ends after byte 9, in line 2, ")


def test_an_empty_file(file: Path) -> None:
    file.write_bytes(b"")
    assert problem(file) == f"the evidence is cut off\n{file}: the file is empty. Copy the whole file again."


def test_every_cut_is_noticed(original: Path, tmp_path: Path) -> None:
    raw, cut = original.read_bytes(), tmp_path / "cut.json"
    for n in range(0, len(raw) - 1, 997):
        cut.write_bytes(raw[:n])
        assert problem(cut).startswith("the evidence is cut off\n")


# ------------------------------------------------------------------------------------------------ what is no JSON


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        (b"version: 1\nname: release\n", "line 1, column 1: Expecting value"),
        (b'{\n  "a": 1,\n  "b" 2\n}\n', "line 3, column 7: Expecting ':' delimiter"),
        (b'{"a": 1}\n{"b": 2}\n', "line 2, column 1: Extra data"),
        (b'{"a": NaN}\n', "NaN is no number of JSON"),
        (b'{"a": {"b": 1, "c": 2, "b": 3}}\n', "the key 'b' stands in one place twice"),
        (b'{"a": "\xff"}\n', "byte 8 is no UTF-8"),
        (b"PAR1\x00\x01", "line 1, column 1: Expecting value"),
        (b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "it is nested too deeply"),
        (b'{"a": ' + b"9" * 5000 + b"}", "a whole number has more digits than can be read"),
        (b'{"a": -1e999}', "a number is larger than can be read"),
    ],
)  # fmt: skip
def test_what_is_no_json(file: Path, raw: bytes, found: str) -> None:
    file.write_bytes(raw)
    assert problem(file) == (
        f"the evidence is no JSON\n{file}: {found}. Take the file as faceleak-check wrote it."
    )


# ----------------------------------------------------------------------------------------------- what is not ours


@pytest.mark.parametrize(
    "raw", [b"7", b"[]", b"{}", b'{"evidence_version": 5}', b'{"policies": []}', b"null"]
)
def test_other_json(file: Path, raw: bytes) -> None:
    file.write_bytes(raw)
    assert problem(file) == (
        f"this is no evidence of faceleak-check\n{file}: found JSON without evidence_version and policies. {AS_WRITTEN}"
    )


@pytest.mark.parametrize("version", ["5", None, True, 0, -1, 5.0, [5]])
def test_a_version_that_is_none(file: Path, version: object) -> None:
    edited(file, lambda data: data.update(evidence_version=version))
    assert problem(file) == (
        f"this is no evidence of faceleak-check\n{file}: evidence_version is no version, but 1 to 5 are. {AS_WRITTEN}"
    )


def test_a_newer_version(file: Path) -> None:
    """Whatever is in it."""
    edited(file, lambda data: data.update(evidence_version=6, policies="elsewhere"))
    assert problem(file) == (
        f"the evidence was written by a newer faceleak-check\n{file}: found evidence of version 6, expected 1 to 5. "
        "Install a newer faceleak-check to open it: pip install --upgrade faceleak-check"
    )


# --------------------------------------------------------------------------------------------- what was changed


def better(data: Any) -> None:
    """What somebody would change."""
    data["policies"][0]["cases"][0]["outcome"] = "pass"


@pytest.mark.parametrize(
    "change",
    [
        better,
        lambda data: data["tools"].update(numpy="9"),
        lambda data: data["policies"].clear(),
        lambda data: data["policies"][0].update(name=data["policies"][0]["name"] + " "),
        lambda data: data.update(evidence_version=4),
        lambda data: data.update(more=1),
    ],
)
def test_a_change_by_hand_is_named(file: Path, change: Callable[[Any], None]) -> None:
    named = json.loads(file.read_bytes())["sha256"]
    data = edited(file, change)
    assert problem(file) == (
        f"the evidence was changed after it was written\n{file}: found contents of SHA-256 {digest_of(data)}, "
        f"expected {named}, which the file itself names. Take the file as the run wrote it, or run the policy again."
    )


def test_a_seal_that_was_taken_out(file: Path) -> None:
    data = edited(file, lambda data: data.pop("sha256"))
    assert problem(file) == (
        f"the evidence was changed after it was written\n{file}: found contents of SHA-256 {digest_of(data)}, "
        "expected none, which the file itself names. Take the file as the run wrote it, or run the policy again."
    )


def test_what_no_run_can_have_written(file: Path) -> None:
    raw = file.read_text(encoding="utf-8")
    file.write_text(raw.replace('"name": "release"', '"name": "\\ud800"'), encoding="utf-8")
    assert problem(file).startswith(
        f"this is no evidence of faceleak-check\n{file}: it cannot have been written like this: "
    )


def test_a_number_that_is_none(file: Path) -> None:
    raw = file.read_text(encoding="utf-8")
    file.write_text(raw.replace('"name": "release"', '"name": 1e999'), encoding="utf-8")
    assert problem(file) == (
        f"the evidence is no JSON\n{file}: a number is larger than can be read. Take the file as faceleak-check "
        "wrote it."
    )


@pytest.mark.parametrize(
    ("place", "value", "found"),
    [
        ("policies", 7, "{}: found 7, expected a list"),
        ("policies.0", None, "{}: found nothing, expected a mapping"),
        (f"{FIRST}.outcome", "x", "{}: found the text 'x', expected pass or leak or waived or inconclusive"),
        (f"{FIRST}.measurement.value", True, "{}: found true, expected a number"),
        (f"{FIRST}.reasons.0", {}, "{}: found a mapping, expected a text"),
        (
            f"{FIRST}.sets.source.sha256",
            "x",
            "{}: found the text 'x', expected a text such as ^[0-9a-f]{{64}}$",
        ),
        (
            f"{FIRST}.pairs_file.file",
            "pairs/../x.parquet",
            f"{{}}: found the text 'pairs/../x.parquet', {TABLE}",
        ),
        (
            f"{FIRST}.pairs_file.file",
            "pairs/x.parquet\n",
            f"{{}}: found the text 'pairs/x.parquet\\n', {TABLE}",
        ),
    ],
)
def test_a_forged_seal_brings_no_reader_down(file: Path, place: str, value: object, found: str) -> None:
    *way, last = [int(part) if part.isdigit() else part for part in place.split(".")]

    def change(data: Any) -> None:
        for part in way:
            data = data[part]
        data[last] = value

    edited(file, change, seal=True)
    shown = re.sub(r"\.(\d+)", r"[\1]", place)
    expected = found.format(shown)
    assert problem(file) == f"this is no evidence of faceleak-check\n{file}: {expected}. {AS_WRITTEN}"


def test_what_may_not_be_missing(file: Path) -> None:
    edited(file, lambda data: data["policies"][0]["cases"][0].pop("brief"), seal=True)
    assert problem(file) == (
        f"this is no evidence of faceleak-check\n{file}: policies[0].cases[0].brief: found nothing, expected a text. "
        f"{AS_WRITTEN}"
    )


# ------------------------------------------------------------------------------------------------------- pairs


def case_of(evidence: Evidence, check: str) -> dict[str, Any]:
    cases: list[dict[str, Any]] = evidence.data["policies"][0]["cases"]
    return next(case for case in cases if case["check"] == check)


def test_all_pairs_come_from_the_table(original: Path) -> None:
    evidence = open_evidence(original)
    case = case_of(evidence, calibrated().check)
    expected = [{**pair, "waived": False} for pair in case["measurement"]["worst_pairs"]]
    assert pairs_of(evidence, case) == expected + [{**pair, "waived": True} for pair in case["waived"]]
    assert pairs_of(evidence, case_of(evidence, nothing().check)) == []


def test_without_the_table_the_worst_are_left(file: Path) -> None:
    def more(data: Any) -> None:
        for case in data["policies"][0]["cases"]:
            if case["check"] == calibrated().check:
                case["waived"] = case["measurement"]["worst_pairs"][:1]

    edited(file, more, seal=True)
    shutil.rmtree(file.parent / "pairs")
    evidence = open_evidence(file)
    case = case_of(evidence, calibrated().check)
    worst = case["measurement"]["worst_pairs"]
    assert pairs_of(evidence, case) == [
        *({**pair, "waived": False} for pair in worst),
        {**worst[0], "waived": True},
    ]
    assert pairs_of(evidence, {**case, "pairs_file": None}) == pairs_of(evidence, case)


def test_a_table_that_is_another(file: Path) -> None:
    evidence = open_evidence(file)
    case = case_of(evidence, calibrated().check)
    table = file.parent / case["pairs_file"]["file"]
    table.write_bytes(table.read_bytes() + b"\0")
    with pytest.raises(EvidenceError) as found:
        pairs_of(evidence, case)
    assert str(found.value) == (
        f"a table of pairs is not the one that the evidence names\n{table}: found SHA-256 "
        f"{hashlib.sha256(table.read_bytes()).hexdigest()}, expected {case['pairs_file']['sha256']}. Copy the whole "
        "evidence folder again, or run the policy again."
    )


def test_a_table_that_is_none(file: Path) -> None:
    evidence = open_evidence(file)
    case = copy.deepcopy(case_of(evidence, calibrated().check))
    table = file.parent / case["pairs_file"]["file"]
    table.write_bytes(b"no table")
    case["pairs_file"]["sha256"] = hashlib.sha256(b"no table").hexdigest()
    with pytest.raises(EvidenceError) as found:
        pairs_of(evidence, case)
    assert str(found.value).startswith(f"a table of pairs cannot be read\n{table}: ")
    table.unlink()
    table.mkdir()
    with pytest.raises(EvidenceError) as found:
        pairs_of(evidence, case)
    assert str(found.value) == (
        f"the table of pairs cannot be opened\n{table}: Is a directory. Make it readable, or copy the whole evidence "
        "folder again."
    )
