"""``faceleak verify``: whether a set is what was tested."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from faceleak_command import Faceleak
from gate_project import Project
from stated_project import FOLDER, leave_run, lines_in, manifest_of, statement

from faceleak_check.records.merkle import merkle_sha256

NAMED = "Name the statement.json of a run, or the folder that --faceleak-evidence named."


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kept") / "project"


@pytest.fixture
def tested(project: Project, kept: Path) -> Project:
    """A run with a leak and a pass, on names of every kind."""
    leave_run(project, kept)
    return project


def test_the_folder_that_was_tested(tested: Project, faceleak: Faceleak) -> None:
    stated = statement(tested)
    root = stated["subject"][0]["digest"]["merkleSha256"]
    digest = tested.evidence()["policies"][0]["sha256"][:12]
    value = stated["predicate"]["policies"][0]["cases"][1]["value"]
    expected = f"""\
generated is what was tested as 'generated': 12 files, Merkle root {root}.
release.yaml (release, SHA-256 {digest}): leak
  LEAK         leak_count[generated-vs-training]  1 image, at most 0
  PASS         top_k_similarity[generated-vs-training]  {value:.4f}, at most 1.0000
evidence.json beside it is the one that the statement sums up.
"""
    for place in (FOLDER, f"{FOLDER}/statement.json"):
        status, out, err = faceleak("verify", place, "--generated", "generated")
        assert (status, out, err) == (0, expected, "")
    whole = str(tested.path / "generated")
    assert faceleak("verify", FOLDER, "--generated", whole)[1] == expected.replace(
        "generated is", f"{whole} is", 1
    )
    source = faceleak("verify", FOLDER, "--generated", "training", "--dataset", "training")
    assert (source[0], source[1].splitlines()[0].partition(":")[0]) == (
        0,
        "training is what was tested as 'training'",
    )


def first(differs: str, n_changed: int, n_missing: int, n_added: int) -> str:
    """What is said of a folder of which one file or more differ."""
    return (
        f"The first file that differs is {differs}.\n"
        f"In all: {n_changed} changed, {n_missing} missing, {n_added} added; 12 files were tested."
    )


def change_one(folder: Path) -> str:
    (folder / "g3.png").write_bytes((folder / "g2.png").read_bytes())
    return first("'g3.png': changed", 1, 0, 0)


def remove_one(folder: Path) -> str:
    (folder / "写真.png").unlink()
    return first("'写真.png': missing", 0, 1, 0)


def add_one(folder: Path) -> str:
    shutil.copy(folder / "g0.png", folder / "new\nline.png")
    return first("'new\\nline.png': added", 0, 0, 1)


def several(folder: Path) -> str:
    (folder / "g5.png").rename(folder / "a.png")
    (folder / "two\nlines.png").write_bytes(b"another")
    return first("'a.png': added", 1, 1, 1)


def mend_the_link(folder: Path) -> str:
    (folder / "link.png").unlink()
    shutil.copy(folder / "g0.png", folder / "link.png")
    return first("'link.png': changed", 1, 0, 0)


@pytest.mark.parametrize("change", [change_one, remove_one, add_one, several, mend_the_link])
def test_a_folder_that_is_another(tested: Project, faceleak: Faceleak, change: Callable[[Path], str]) -> None:
    told = change(tested.path / "generated")
    lost = () if change is mend_the_link else ("link.png",)
    found = merkle_sha256(lines_in(tested.path / "generated", *lost))
    expected = statement(tested)["subject"][0]["digest"]["merkleSha256"]
    assert faceleak("verify", FOLDER, "--generated", "generated") == (
        1,
        (
            f"generated is not what was tested as 'generated'.\n{told}\n"
            f"Merkle root: found {found}, expected {expected}.\n"
            "evidence.json beside it is the one that the statement sums up.\n"
        ),
        "",
    )


def test_without_the_list_only_the_whole_can_be_told(tested: Project, faceleak: Faceleak) -> None:
    change_one(tested.path / "generated")
    shutil.copy(tested.path / FOLDER / "statement.json", tested.path / "alone.json")
    name = manifest_of(tested).name
    expected = statement(tested)["subject"][0]["digest"]["merkleSha256"]
    found = merkle_sha256(lines_in(tested.path / "generated", "link.png"))
    assert faceleak("verify", "alone.json", "--generated", "generated") == (
        1,
        (
            "generated is not what was tested as 'generated'.\n"
            f"Which file differs cannot be told: manifests/{name}: No such file or directory.\n"
            "It holds 12 files; 12 were tested.\n"
            f"Merkle root: found {found}, expected {expected}.\n"
            "evidence.json is not beside the statement, and was not looked at.\n"
        ),
        "",
    )
    shutil.copytree(tested.path / "training", tested.path / "copy")
    (tested.path / "copy/p0/1.png").unlink()
    status, out, _ = faceleak("verify", FOLDER, "--generated", "copy", "--dataset", "training")
    assert (status, out.splitlines()[1:3]) == (
        1,
        [
            "Which file differs cannot be told: the statement names no list of its files.",
            "It holds 5 files; 6 were tested.",
        ],
    )


def test_a_list_that_is_another(tested: Project, faceleak: Faceleak) -> None:
    change_one(tested.path / "generated")
    manifest = manifest_of(tested)
    manifest.write_bytes(b"\n".join([*lines_in(tested.path / "generated", "link.png"), b""]))
    root = merkle_sha256(lines_in(tested.path / "generated", "link.png"))
    status, out, _ = faceleak("verify", FOLDER, "--generated", "generated")
    assert (status, out.splitlines()[1]) == (
        1,
        (
            f"Which file differs cannot be told: {FOLDER}/manifests/{manifest.name} is not the list of the files that "
            f"were tested, as its own Merkle root is {root}."
        ),
    )


def test_evidence_that_is_another(tested: Project, faceleak: Faceleak) -> None:
    evidence = tested.path / FOLDER / "evidence.json"
    expected = hashlib.sha256(evidence.read_bytes()).hexdigest()
    evidence.write_bytes(evidence.read_bytes() + b"\n")
    found = hashlib.sha256(evidence.read_bytes()).hexdigest()
    status, out, err = faceleak("verify", FOLDER, "--generated", "generated")
    assert (status, err) == (1, "")
    assert out.splitlines()[0].startswith("generated is what was tested as 'generated': 12 files, ")
    assert out.splitlines()[-1] == (
        f"{FOLDER}/evidence.json is not the evidence that the statement sums up: found SHA-256 {found}, expected "
        f"{expected}."
    )


def test_no_listing_of_an_earlier_run_is_read_or_kept(tested: Project, faceleak: Faceleak) -> None:
    """An auditor asks about the bytes, and not about what was found in them once."""
    tested.gate()
    kept = list(tested.store.rglob("listings/*"))
    assert len(kept) == 2
    for path in kept:
        path.unlink()
    before = {path: path.stat().st_mtime_ns for path in tested.store.rglob("*")}
    assert faceleak("verify", FOLDER, "--generated", "generated")[0] == 0
    assert {path: path.stat().st_mtime_ns for path in tested.store.rglob("*")} == before


# ------------------------------------------------------------------------------------------- signed statements


def envelope(project: Project, **changes: Any) -> dict[str, Any]:
    payload = base64.b64encode((project.path / FOLDER / "statement.json").read_bytes()).decode()
    return {"payloadType": "application/vnd.in-toto+json", "payload": payload, "signatures": []} | changes


@pytest.mark.parametrize("bundled", [False, True])
def test_a_statement_in_an_envelope(tested: Project, faceleak: Faceleak, bundled: bool) -> None:
    signed = envelope(tested)
    if bundled:
        signed = {"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json", "dsseEnvelope": signed}
    (tested.path / FOLDER / "signed.json").write_text(json.dumps(signed), encoding="utf-8")
    bare = faceleak("verify", FOLDER, "--generated", "generated")
    assert faceleak("verify", f"{FOLDER}/signed.json", "--generated", "generated") == (
        0,
        bare[1],
        "The statement came in an envelope; whose signature it bears is not looked at here.\n",
    )


# -------------------------------------------------------------------------------------------------- bad input


def told(faceleak: Faceleak, *arguments: str) -> str:
    status, out, err = faceleak("verify", *arguments)
    assert (status, out) == (2, "")
    assert err.startswith("faceleak: ")
    return err.removeprefix("faceleak: ").removesuffix("\n")


OURS = "Name the statement.json of a run, as it was written or signed."


def test_statements_that_are_none(tested: Project, faceleak: Faceleak) -> None:
    def of(text: str | bytes) -> str:
        raw = text if isinstance(text, bytes) else text.encode()
        (tested.path / "x.json").write_bytes(raw)
        return told(faceleak, "x.json", "--generated", "generated")

    raw = (tested.path / FOLDER / "statement.json").read_bytes()
    assert told(faceleak, "gone", "--generated", "generated") == (
        f"the statement cannot be opened\ngone: No such file or directory. {NAMED}"
    )
    assert told(faceleak, "generated", "--generated", "generated") == (
        f"the statement cannot be opened\ngenerated/statement.json: No such file or directory. {NAMED}"
    )
    assert of(raw[:400]) == (
        f"the statement is cut off\nx.json: ends after byte 400, in line {raw[:400].count(10) + 1}, before its JSON is "
        "whole. Copy the whole file again."
    )
    assert of("<html>") == (
        "the statement is no JSON\nx.json: line 1, column 1: Expecting value. Take the file as faceleak-check wrote it."
    )
    assert of((tested.path / FOLDER / "evidence.json").read_bytes()) == (
        "this is no statement of faceleak-check\nx.json: found _type None, expected https://in-toto.io/Statement/v1. "
        f"{OURS}"
    )
    assert of(json.dumps(statement(tested) | {"predicateType": "https://slsa.dev/provenance/v1"})) == (
        "this statement is about something else\nx.json: found a predicate of 'https://slsa.dev/provenance/v1', "
        "expected 'urn:faceleak-check:verdicts:1'. Name the statement.json of a run of faceleak-check; a newer one "
        "needs a newer faceleak-check."
    )
    assert of(json.dumps(statement(tested) | {"subject": 7})) == (
        f"this is no statement of faceleak-check\nx.json: subject: found 7, expected a list. {OURS}"
    )
    less = statement(tested)
    del less["predicate"]["policies"][0]["cases"]
    assert of(json.dumps(less)) == (
        "this is no statement of faceleak-check\nx.json: predicate.policies[0].cases: found nothing, expected a list. "
        f"{OURS}"
    )
    other = statement(tested)
    other["subject"][0]["name"] = "another"
    assert of(json.dumps(other)) == (
        "this is no statement of faceleak-check\nx.json: predicate.sets: found nothing of subject 'another', expected "
        f"its facts. {OURS}"
    )
    out = statement(tested)
    out["predicate"]["sets"]["generated"]["manifest"]["file"] = "manifests/../../x.txt"
    assert of(json.dumps(out)) == (
        "this is no statement of faceleak-check\nx.json: predicate.sets.generated.manifest.file: found the text "
        f"'manifests/../../x.txt', expected a text such as ^manifests/[^/]+\\.txt$. {OURS}"
    )
    assert of(json.dumps(envelope(tested, payloadType="text/plain"))) == (
        "this is no statement of faceleak-check\nx.json: found an envelope of 'text/plain', expected "
        f"application/vnd.in-toto+json. {OURS}"
    )
    assert of(json.dumps(envelope(tested, payload="?"))) == (
        f"this is no statement of faceleak-check\nx.json: the envelope's payload is no base64. {OURS}"
    )


def test_sets_that_are_not_there(tested: Project, faceleak: Faceleak) -> None:
    file = f"{FOLDER}/statement.json"
    assert told(faceleak, FOLDER, "--generated", "generated", "--dataset", "generatde") == (
        f"{file}: the statement has no set 'generatde' (did you mean 'generated'?); there are: generated, training"
    )
    assert told(faceleak, FOLDER, "--generated", "generated", "--format", "folders") == (
        "unknown reader 'folders' (did you mean 'folder'?); there are: folder, archive, matches, recordio, parquet, "
        "lmdb, arrays"
    )
    assert told(faceleak, FOLDER, "--generated", "generated", "--format", "matches") == (
        "a match list has no files to compare; name the format of a set of images"
    )
    gone = tested.path / "gone"
    assert told(faceleak, FOLDER, "--generated", "gone").startswith(
        f"dataset 'generated' was not found\n{gone}"
    )
    status, _, err = faceleak("verify", FOLDER)
    assert status == 2
    assert "Missing option '--generated'" in err


def test_two_generated_sets_need_a_name(tested: Project, faceleak: Faceleak) -> None:
    shutil.copytree(tested.path / "generated", tested.path / "other", symlinks=True)
    (tested.path / "other/g0.png").unlink()
    text = (tested.path / "release.yaml").read_text(encoding="utf-8")
    text = text.replace("  training:", "  other: {path: other}\n  training:")
    tested.write(
        "release.yaml",
        f"{text}  - leak_count: {{generated: other, source: training, threshold: {{cosine: 0.9}}, at_most: 1}}\n",
    )
    tested.gate()
    assert told(faceleak, FOLDER, "--generated", "other") == (
        f"{FOLDER}/statement.json: the statement has 2 generated sets; say which one is meant with --dataset: "
        "generated, other"
    )
    status, out, _ = faceleak("verify", FOLDER, "--generated", "other", "--dataset", "other")
    assert (status, out.splitlines()[1:3]) == (
        0,
        [
            f"release.yaml (release, SHA-256 {tested.evidence()['policies'][0]['sha256'][:12]}): leak",
            "  PASS         leak_count[other-vs-training]  1 image, at most 1",
        ],
    )


# ------------------------------------------------------------------------------------------------ other formats


def test_a_set_in_an_archive_is_read_as_it_was(project: Project, faceleak: Faceleak) -> None:
    with zipfile.ZipFile(project.path / "generated.zip", "w") as archive:
        for file in sorted((project.path / "generated").iterdir()):
            archive.write(file, f"set/{file.name}")
    text = project.policy().read_text(encoding="utf-8")
    project.write("release.yaml", text.replace("{path: generated}", "{path: generated.zip, format: archive}"))
    project.gate()
    assert faceleak("verify", FOLDER, "--generated", "generated.zip")[0] == 0
    status, out, _ = faceleak("verify", FOLDER, "--generated", "generated", "--format", "folder")
    assert (status, out.splitlines()[1]) == (1, "The first file that differs is 'g0.png': added.")
    with zipfile.ZipFile(project.path / "generated.zip", "a") as archive:
        archive.write(project.path / "training/p0/1.png", "set/g9.png")
    status, out, _ = faceleak("verify", FOLDER, "--generated", "generated.zip")
    assert (status, out.splitlines()[1]) == (1, "The first file that differs is 'set/g9.png': added.")


def test_a_table_is_read_by_the_columns_of_the_policy(project: Project, faceleak: Faceleak) -> None:
    pictures = [file.read_bytes() for file in sorted((project.path / "generated").iterdir())]
    table = {"picture": pictures, "thumbnail": pictures[::-1], "number": list(range(len(pictures)))}
    pq.write_table(pa.table(table), project.path / "generated.parquet")
    text = project.policy().read_text(encoding="utf-8")
    keys = "{path: generated.parquet, format: parquet, columns: {image: picture, id: number}}"
    project.write("release.yaml", text.replace("{path: generated}", keys))
    project.gate()
    sets = statement(project)["predicate"]["sets"]
    assert sets["generated"]["reading"] == {
        "format": "parquet",
        "columns": {"image": "picture", "id": "number"},
        "templates": False,
    }
    assert faceleak("verify", FOLDER, "--generated", "generated.parquet")[0] == 0
    pq.write_table(pa.table(table | {"picture": pictures[::-1]}), project.path / "generated.parquet")
    status, out, _ = faceleak("verify", FOLDER, "--generated", "generated.parquet")
    assert (status, out.splitlines()[1]) == (1, "The first file that differs is '0': changed.")
