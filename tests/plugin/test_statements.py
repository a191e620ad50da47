"""What a run leaves for auditors: lists of files, a statement to sign, and ``faceleak verify``."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from gate_project import Project, failure

from faceleak_check.cli import main
from faceleak_check.records.merkle import merkle_sha256
from faceleak_check.reports.opening import open_evidence
from faceleak_check.seals import canonical_json

SCHEMA = json.loads((files("faceleak_check") / "reports/statement.schema.json").read_text(encoding="utf-8"))
EVIDENCE = json.loads((files("faceleak_check") / "reports/evidence.schema.json").read_text(encoding="utf-8"))
FOLDER = "faceleak-evidence"
NAMED = "Name the statement.json of a run, or the folder that --faceleak-evidence named."
Answer = tuple[int, str, str]


@pytest.fixture
def faceleak(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Answer]:
    """Runs ``faceleak`` in this process, in the project's folder."""
    monkeypatch.setenv("TERM", "dumb")

    def run(*arguments: str) -> Answer:
        capsys.readouterr()
        monkeypatch.setattr(sys, "argv", ["faceleak", *arguments])
        with pytest.raises(SystemExit) as left:
            main()
        written = capsys.readouterr()
        return int(left.value.code or 0), written.out, written.err

    return run


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the run is kept that the tests begin with."""
    return tmp_path_factory.mktemp("kept") / "project"


@pytest.fixture
def tested(project: Project, kept: Path) -> Project:
    """A run with a leak and a pass, on names of every kind."""
    if kept.exists():
        shutil.copytree(kept, project.path, symlinks=True, dirs_exist_ok=True)
    else:
        run_first(project)
        shutil.copytree(project.path, kept, symlinks=True)
    return project


def run_first(project: Project) -> None:
    project.leak("b/صورة.png")
    for name in ("<script>.png", "two\nlines.png", "写真.png"):
        project.write_set(project.path / "generated", [name], seed=len(name))
    project.write("generated/broken.png", "no picture")
    project.write("generated/notes.txt", "no picture")
    (project.path / "generated/link.png").symlink_to("/etc/hostname")
    project.policy(
        "release.yaml",
        "leak_count",
        "top_k_similarity: k: 3, at_most: 1",
        keys="exclusions: {at_most: 50%}\n",
    )
    project.gate()


def statement(project: Project) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((project.path / FOLDER / "statement.json").read_bytes())
    return data


def manifest_of(project: Project) -> Path:
    (manifest,) = (project.path / FOLDER / "manifests").iterdir()
    return manifest


def lines_in(folder: Path, *lost: str) -> list[bytes]:
    """The lines of a set's list, by the tools of this test alone."""
    found = []
    for path in (path for path in folder.rglob("*") if path.suffix == ".png"):
        name = os.fsencode(path.relative_to(folder))
        digest = "link" if path.name in lost else hashlib.sha256(path.read_bytes()).hexdigest()
        found.append((name, digest))
    lines = []
    for name, digest in sorted(found):
        plain = name.replace(b"\\", b"\\\\").replace(b"\n", b"\\n")
        lines.append((b"" if plain == name else b"\\") + digest.encode() + b"  " + plain)
    return lines


# --------------------------------------------------------------------------------------------- what a run leaves


def test_a_generated_set_has_a_list_of_its_files_and_a_root(tested: Project) -> None:
    expected = lines_in(tested.path / "generated", "link.png")
    assert len(expected) == 12
    manifest = manifest_of(tested)
    assert manifest.read_bytes() == b"\n".join([*expected, b""])
    root = merkle_sha256(expected)
    assert manifest.name == f"generated.{root[:8]}.txt"
    assert manifest.stat().st_mode & 0o777 == 0o600
    for case in tested.evidence()["policies"][0]["cases"]:
        one = case["sets"]["generated"]
        assert one["merkle_sha256"] == root
        assert one["manifest"] == {
            "file": f"manifests/{manifest.name}",
            "sha256": hashlib.sha256(manifest.read_bytes()).hexdigest(),
        }
        assert one["reading"] == {"format": "folder", "columns": {}, "templates": False}
        source = case["sets"]["source"]
        assert source["merkle_sha256"] == merkle_sha256(lines_in(tested.path / "training"))
        assert source["manifest"] is None
    jsonschema.Draft202012Validator(EVIDENCE).validate(tested.evidence())


def test_sha256sum_checks_the_folder_by_it(tested: Project) -> None:
    """All but the link, which the gate does not follow, and which has no digest."""
    ran = subprocess.run(
        ["sha256sum", "--check", "--quiet", manifest_of(tested)],
        cwd=tested.path / "generated",
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stdout) == (0, "")
    assert ran.stderr == "sha256sum: WARNING: 1 line is improperly formatted\n"


def test_the_statement(tested: Project) -> None:
    stated, evidence = statement(tested), tested.evidence()
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.Draft202012Validator(SCHEMA).validate(stated)
    raw = (tested.path / FOLDER / "statement.json").read_bytes()
    assert raw == canonical_json(stated)
    (policy,) = evidence["policies"]
    sets = policy["cases"][0]["sets"]
    assert stated["_type"] == "https://in-toto.io/Statement/v1"
    assert stated["predicateType"] == "urn:faceleak-check:verdicts:1"
    assert stated["subject"] == [
        {"name": "generated", "digest": {"merkleSha256": sets["generated"]["merkle_sha256"]}},
        {"name": "training", "digest": {"merkleSha256": sets["source"]["merkle_sha256"]}},
    ]
    embedder = policy["cases"][0]["embedder"]
    measured = [case["measurement"] for case in policy["cases"]]
    of_both = {"generated": "generated", "source": "training"}
    assert stated["predicate"] == {
        "evidence": {
            "name": "evidence.json",
            "digest": {
                "sha256": hashlib.sha256((tested.path / FOLDER / "evidence.json").read_bytes()).hexdigest()
            },
            "version": 5,
        },
        "models": [
            {
                "kind": "embedder",
                "name": "fake-pixels",
                "weights_sha256": None,
                "spec_sha256": policy["cases"][0]["embedder_sha256"],
                "licence": embedder["licence"],
            }
        ],
        "policies": [
            {
                "file": "release.yaml",
                "sha256": policy["sha256"],
                "name": "release",
                "outcome": "leak",
                "not_run": [],
                "cases": [
                    {
                        "case": "leak_count[generated-vs-training]",
                        "check": "leak_count",
                        "outcome": "leak",
                        "value": 1,
                        "limit": 0,
                        "at_least": False,
                        "unit": "images",
                        "interval": measured[0]["interval"],
                        "n_waived": 0,
                        "sets": of_both,
                    },
                    {
                        "case": "top_k_similarity[generated-vs-training]",
                        "check": "top_k_similarity",
                        "outcome": "pass",
                        "value": measured[1]["value"],
                        "limit": 1,
                        "at_least": False,
                        "unit": "cosine",
                        "interval": None,
                        "n_waived": 0,
                        "sets": of_both,
                    },
                ],
            }
        ],
        "sets": {
            "generated": {
                "manifest": sets["generated"]["manifest"],
                "n_files": 12,
                "reading": sets["generated"]["reading"],
                "roles": ["generated"],
            },
            "training": {
                "manifest": None,
                "n_files": 6,
                "reading": sets["source"]["reading"],
                "roles": ["source"],
            },
        },
        "tools": evidence["tools"],
    }


def test_the_statement_names_no_image(tested: Project) -> None:
    text = (tested.path / FOLDER / "statement.json").read_text(encoding="utf-8")
    for path in (tested.path / "generated").rglob("*.*"):
        assert path.name not in text
    assert ".png" not in text
    assert str(tested.path) not in text


def test_sets_of_one_name_are_told_apart(tested: Project) -> None:
    """Two policies may call different folders the same, and one folder by two names."""
    shutil.copytree(tested.path / "generated", tested.path / "other", symlinks=True)
    tested.write_set(tested.path / "other", ["more.png"], seed=50)
    text = tested.policy("second.yaml", keys="exclusions: {at_most: 50%}\n").read_text(encoding="utf-8")
    tested.write("second.yaml", text.replace("path: generated", "path: other"))
    tested.run("--faceleak-policy=release.yaml", "--faceleak-policy=second.yaml")
    assert [one["name"] for one in statement(tested)["subject"]] == [
        "generated",
        "training",
        "second/generated",
    ]
    policies = statement(tested)["predicate"]["policies"]
    assert [case["sets"]["generated"] for policy in policies for case in policy["cases"]] == [
        "generated",
        "generated",
        "second/generated",
    ]
    assert len(list((tested.path / FOLDER / "manifests").iterdir())) == 2


def test_a_match_list_is_stated_by_the_digest_of_its_bytes(
    project: Project, faceleak: Callable[..., Answer]
) -> None:
    header = "sample_identity,sample_image_name,best_match_identity,best_match_image_name,similarity\n"
    listed = project.write("list.csv", f"{header}a,1.png,b,2.png,0.75\n")
    project.write(
        "list.yaml",
        "version: 1\nname: list\ndatasets:\n  list: {path: list.csv, format: matches}\nchecks:\n"
        "  - leak_count: {matches: list, threshold: {cosine: 0.5}, at_most: 0}\n",
    )
    project.run("--faceleak-policy=list.yaml")
    stated = statement(project)
    jsonschema.Draft202012Validator(SCHEMA).validate(stated)
    digest = hashlib.sha256(listed.read_bytes()).hexdigest()
    assert stated["subject"] == [{"name": "list", "digest": {"sha256": digest}}]
    assert not (project.path / FOLDER / "manifests").exists()
    file = Path(FOLDER) / "statement.json"
    assert faceleak("verify", FOLDER, "--generated", "generated") == (
        2,
        "",
        f"faceleak: {file}: the statement is about match lists alone, which have no files to compare\n",
    )


def test_where_nothing_was_read_nothing_is_stated(tested: Project) -> None:
    shutil.rmtree(tested.path / "training")
    tested.gate()
    left = sorted(path.name for path in (tested.path / FOLDER).iterdir() if path.suffix == ".json")
    assert left == ["evidence.json", "run.json"]
    assert list((tested.path / FOLDER / "manifests").iterdir()) == []


def test_an_earlier_runs_files_go_and_those_of_others_stay(tested: Project) -> None:
    folder = tested.path / FOLDER
    mine = folder / "manifests" / "mine.txt"
    mine.write_text("mine", encoding="utf-8")
    for name in (f".evidence.json.{'a' * 16}.tmp", f"manifests/.generated.txt.{'b' * 16}.tmp"):
        (folder / name).write_text("half", encoding="utf-8")
    before = manifest_of_tested = next(path for path in (folder / "manifests").glob("generated.*"))
    tested.write_set(tested.path / "generated", ["g5.png"], seed=77)
    tested.gate()
    assert not before.exists()
    assert mine.read_text(encoding="utf-8") == "mine"
    assert list(folder.rglob("*.tmp")) == []
    assert len(list(manifest_of_tested.parent.glob("generated.*"))) == 1


def test_workers_leave_the_same(tested: Project) -> None:
    alone = {
        path: path.read_bytes()
        for path in sorted((tested.path / FOLDER).rglob("*.*"))
        if path.suffix in (".parquet", ".txt")
    }
    stated = (tested.path / FOLDER / "statement.json").read_bytes()
    status, _ = tested.run_apart("--faceleak-policy=release.yaml", "-n2", "-p", "xdist")
    assert status == 1
    assert (tested.path / FOLDER / "statement.json").read_bytes() == stated
    assert {path: path.read_bytes() for path in alone} == alone


# ------------------------------------------------------------------------------------------------ full disks

LIMITED = """\
import resource

def pytest_collection_finish():
    from faceleak_check.reports.manifests import Manifests

    written = Manifests._write
    whole = resource.getrlimit(resource.RLIMIT_FSIZE)[1]

    def write(self, *arguments):
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, whole))
        try:
            return written(self, *arguments)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (whole, whole))

    Manifests._write = write
"""


@pytest.mark.parametrize("leaks", [False, True])
def test_a_list_that_cannot_be_written_never_passes(project: Project, leaks: bool) -> None:
    if leaks:
        project.leak()
    project.policy()
    project.write("conftest.py", LIMITED)
    status, output = project.run_apart("--faceleak-policy=release.yaml", "--junitxml=out.xml")
    assert status == pytest.ExitCode.TESTS_FAILED
    case = "leak_count[generated-vs-training]"
    outcome = "LEAK" if leaks else "INCONCLUSIVE"
    told = project.shown(failure(output, case)).splitlines()
    assert told[0] == f"{outcome}: the evidence cannot be written: File too large"
    assert (
        "PROJECT/faceleak-evidence: choose another folder with --faceleak-evidence DIR, or free some space."
        in told
    )
    (record,) = project.evidence()["policies"][0]["cases"]
    assert (record["outcome"], record["sets"]["generated"]["manifest"]) == (outcome.lower(), None)
    assert record["pairs_file"] is not None
    jsonschema.Draft202012Validator(EVIDENCE).validate(project.evidence())
    assert list((project.path / FOLDER / "manifests").iterdir()) == []


# ---------------------------------------------------------------------------------------------------- verify


def test_the_folder_that_was_tested(tested: Project, faceleak: Callable[..., Answer]) -> None:
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
def test_a_folder_that_is_another(
    tested: Project, faceleak: Callable[..., Answer], change: Callable[[Path], str]
) -> None:
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


def test_without_the_list_only_the_whole_can_be_told(
    tested: Project, faceleak: Callable[..., Answer]
) -> None:
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


def test_a_list_that_is_another(tested: Project, faceleak: Callable[..., Answer]) -> None:
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


def test_evidence_that_is_another(tested: Project, faceleak: Callable[..., Answer]) -> None:
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


def test_no_listing_of_an_earlier_run_is_read_or_kept(
    tested: Project, faceleak: Callable[..., Answer]
) -> None:
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
def test_a_statement_in_an_envelope(tested: Project, faceleak: Callable[..., Answer], bundled: bool) -> None:
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


def told(faceleak: Callable[..., Answer], *arguments: str) -> str:
    status, out, err = faceleak("verify", *arguments)
    assert (status, out) == (2, "")
    assert err.startswith("faceleak: ")
    return err.removeprefix("faceleak: ").removesuffix("\n")


OURS = "Name the statement.json of a run, as it was written or signed."


def test_statements_that_are_none(tested: Project, faceleak: Callable[..., Answer]) -> None:
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


def test_sets_that_are_not_there(tested: Project, faceleak: Callable[..., Answer]) -> None:
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


def test_two_generated_sets_need_a_name(tested: Project, faceleak: Callable[..., Answer]) -> None:
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


def test_a_set_in_an_archive_is_read_as_it_was(project: Project, faceleak: Callable[..., Answer]) -> None:
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


def test_a_table_is_read_by_the_columns_of_the_policy(
    project: Project, faceleak: Callable[..., Answer]
) -> None:
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


def test_the_evidence_of_a_run_opens_again(tested: Project) -> None:
    evidence = open_evidence(tested.path / FOLDER)
    assert (evidence.version, evidence.is_sealed) == (5, True)
    assert evidence.data == tested.evidence()
    assert evidence.sha256 == statement(tested)["predicate"]["evidence"]["digest"]["sha256"]
