"""What a run leaves for auditors: lists of files and a statement to sign."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest
from faceleak_command import Faceleak
from gate_project import Project, failure
from stated_project import FOLDER, leave_run, lines_in, manifest_of, statement

from faceleak_check.records.merkle import merkle_sha256
from faceleak_check.reports.opening import open_evidence
from faceleak_check.seals import canonical_json

SCHEMA = json.loads((files("faceleak_check") / "reports/statement.schema.json").read_text(encoding="utf-8"))
EVIDENCE = json.loads((files("faceleak_check") / "reports/evidence.schema.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kept") / "project"


@pytest.fixture
def tested(project: Project, kept: Path) -> Project:
    """A run with a leak and a pass, on names of every kind."""
    leave_run(project, kept)
    return project


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


def test_a_match_list_is_stated_by_the_digest_of_its_bytes(project: Project, faceleak: Faceleak) -> None:
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


def test_the_evidence_of_a_run_opens_again(tested: Project) -> None:
    evidence = open_evidence(tested.path / FOLDER)
    assert (evidence.version, evidence.is_sealed) == (5, True)
    assert evidence.data == tested.evidence()
    assert evidence.sha256 == statement(tested)["predicate"]["evidence"]["digest"]["sha256"]
