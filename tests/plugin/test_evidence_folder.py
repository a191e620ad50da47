"""What a run leaves behind for others to check."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
from collections.abc import Iterator
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pyarrow.parquet as pq
import pytest
from full_verdict import AGE, CLIP, SECOND, full_verdict
from gate_project import ALL, Project

from faceleak_check.landmarks import ARCFACE_112
from faceleak_check.policy.parse import parse_policy
from faceleak_check.records import Verdict
from faceleak_check.reports.evidence import EvidenceFolder
from faceleak_check.reports.plain import verdict_record
from faceleak_check.reports.policy_records import policy_record

SCHEMA = json.loads(
    (files("faceleak_check") / "reports" / "evidence.schema.json").read_text(encoding="utf-8")
)
CASE = "leak_count[generated-vs-training]"


def contents(folder: Path) -> dict[str, bytes]:
    """Every file but ``run.json``, and the page, which shows its times."""
    paths = [path for path in folder.rglob("*.*") if path.name not in ("run.json", "report.html")]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def changed(old: Any, new: Any, place: str = "") -> Iterator[str]:
    """Where two JSON values differ."""
    if isinstance(old, dict) and isinstance(new, dict) and old.keys() == new.keys():
        for key in old:
            yield from changed(old[key], new[key], f"{place}.{key}")
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for n, (one, other) in enumerate(zip(old, new, strict=True)):
            yield from changed(one, other, f"{place}[{n}]")
    elif old != new:
        yield place


def mixed(project: Project) -> None:
    """Policies with each kind of outcome."""
    project.leak("g9.png")
    project.write("generated/broken.png", "no picture")
    project.write("generated/notes.txt", "no picture")
    rate = "leak_rate: threshold: {cosine: 0.9}, at_most: 15%, confidence: 90%"
    project.policy("release.yaml", *ALL, rate, keys="exclusions: {at_most: 15%}\n")
    project.policy("strict.yaml", "leak_count: threshold: {euclidean: 0.1}, at_most: 5")
    project.policy("invalid.yaml", "leak_count: threshold: {cosine: 3}, at_most: 0")
    digest = hashlib.sha256((project.path / "training/p3/1.png").read_bytes()).hexdigest()
    project.write(
        "waivers.yaml",
        f"version: 1\nwaivers: [{{generated: {digest}, source: {digest}, reason: x, owner: y, "
        "date: 2026-01-01, expires: 9999-12-31}]\n",
    )
    project.policy("waived.yaml", keys="exclusions: {at_most: 15%}\nwaivers: waivers.yaml\n")
    text = project.policy("missing.yaml").read_text(encoding="utf-8")
    project.write("missing.yaml", text.replace("path: training", "path: nowhere"))
    project.write(
        "list.yaml",
        "version: 1\nname: list\ndatasets:\n  list: {path: list.csv, format: matches}\nchecks:\n"
        "  - leak_count: {matches: list, threshold: {cosine: 0.5}, at_most: 0}\n",
    )
    header = "sample_identity,sample_image_name,best_match_identity,best_match_image_name,similarity\n"
    project.write("list.csv", f"{header}a,1.png,b,2.png,0.75\na,2.png,b,2.png,not a number\n")


POLICIES = ("release", "strict", "waived", "missing", "list")


def arguments(*names: str) -> list[str]:
    return [f"--faceleak-policy={name}.yaml" for name in names]


def test_two_runs_from_empty_stores_leave_the_same_bytes(
    project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    mixed(project)
    first = project.run(*arguments(*POLICIES), "--faceleak-evidence=first")
    monkeypatch.setenv("FACELEAK_STORE", str(tmp_path / "another store"))
    second = project.run(*arguments(*POLICIES), "--faceleak-evidence=second")
    assert first.parseoutcomes() == second.parseoutcomes() == {"failed": 5, "errors": 3, "passed": 1}
    evidence = contents(project.path / "first")
    assert evidence == contents(project.path / "second")
    assert len(evidence) == 12


def test_a_second_run_with_templates_in_the_store_leaves_the_same_bytes(project: Project) -> None:
    mixed(project)
    project.run(*arguments("release"), "--faceleak-evidence=first")
    project.run(*arguments("release"), "--faceleak-evidence=second")
    assert contents(project.path / "first") == contents(project.path / "second")
    assert [
        project.run_record(name)["cases"][f"release.yaml::{CASE}"]["n_embedded"]
        for name in ("first", "second")
    ] == [
        12,
        0,
    ]


def test_evidence_changes_only_where_the_input_does(project: Project) -> None:
    project.policy()
    project.gate()
    before = project.evidence()
    project.write_set(project.path / "generated", ["g5.png"], seed=77)
    project.gate()
    of_the_set = ".policies[0].cases[0].sets.generated"
    places = [place for place in changed(before, project.evidence()) if ".histograms[" not in place]
    parts = ("manifest.file", "manifest.sha256", "median_norm", "merkle_sha256", "sha256")
    assert places == [*(f"{of_the_set}.{part}" for part in parts), ".sha256"]
    project.write("release.yaml", (project.path / "release.yaml").read_text(encoding="utf-8") + "# seen\n")
    between = project.evidence()
    project.gate()
    assert list(changed(between, project.evidence())) == [".policies[0].sha256", ".sha256"]


def test_it_follows_the_published_schema(project: Project) -> None:
    mixed(project)
    project.run(*arguments(*POLICIES))
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    validator = jsonschema.Draft202012Validator(SCHEMA)
    validator.validate(project.evidence())
    project.run(*arguments("invalid", *POLICIES))
    validator.validate(project.evidence())
    assert [policy["outcome"] for policy in project.evidence()["policies"]] == ["inconclusive"] * 6
    project.run(*arguments(*POLICIES), "-k", "leak_count")
    validator.validate(project.evidence())


def in_evidence(project: Project, verdict: Verdict) -> dict[str, Any]:
    """The evidence of a run whose one case had that verdict, as it is written."""
    folder = EvidenceFolder(project.path / "faceleak-evidence")
    folder.start()
    record = {**verdict_record(verdict), "pairs_file": folder.add_pairs("release.yaml", verdict)}
    policy = parse_policy(project.policy())
    folder.finish([policy_record(policy, {verdict.case: {**record, "run": {}}})], {})
    return project.evidence()


def test_screens_agreement_and_faces_follow_the_schema(project: Project) -> None:
    evidence = in_evidence(project, full_verdict())
    jsonschema.Draft202012Validator(SCHEMA).validate(evidence)
    [policy] = evidence["policies"]
    [case] = policy["cases"]
    assert (policy["outcome"], case["outcome"]) == ("leak", "leak")
    assert case["screens"] == [
        {
            "rule": "child",
            "combine": "any_of",
            "methods": [
                {**asdict(CLIP), "reject_above": 0.5, "n_images": 5},
                {**asdict(AGE), "reject_above": 0.333333333, "n_images": 4},
            ],
            "groups": {
                "generated": {"n_looked_at": 5, "n_excluded": 3, "n_leaking": 1, "leak_rate": 0.333333333},
                "source": {"n_looked_at": 2, "n_excluded": 0, "n_leaking": 0, "leak_rate": None},
            },
        }
    ]
    assert (case["measurement"]["value"], case["unscreened"]["value"], case["unscreened"]["n"]) == (
        0.25,
        0.4,
        5,
    )
    assert case["embedder"]["template"] == {
        "name": "arcface-112",
        "size": 112,
        "points": [list(point) for point in ARCFACE_112.points],
    }
    assert case["agreement"] == {"second": asdict(SECOND)}


def test_alignments_and_exclusions_in_the_evidence(project: Project) -> None:
    [case] = in_evidence(project, full_verdict())["policies"][0]["cases"]
    generated, source = case["sets"]["generated"], case["sets"]["source"]
    said_so = {"asked": "none", "used": "none", "reason": "said so", "survey": None}
    assert generated["alignments"] == {
        "first": {
            "asked": "auto",
            "used": "mtcnn",
            "reason": "faces lie elsewhere",
            "survey": {"n_sampled": 64, "n_with_face": 60, "offset": 0.512},
        },
        "second": said_so,
    }
    assert source["alignments"] == {
        "first": {
            "asked": "auto",
            "used": "none",
            "reason": "no face",
            "survey": {"n_sampled": 8, "n_with_face": 0, "offset": None},
        },
        "second": said_so,
    }
    assert (generated["n_faces"], source["n_faces"]) == (9, None)
    assert generated["excluded"] == [
        {
            "id": "secret-5.png",
            "rule": "child",
            "reason": "a child",
            "sha256": "5" * 64,
            "value": 0.987654321,
        },
        {
            "id": "secret-6.png",
            "rule": "no_face",
            "reason": "no face was found",
            "sha256": "6" * 64,
            "value": None,
        },
    ]


def test_faces_and_second_opinions_in_the_table(project: Project) -> None:
    [case] = in_evidence(project, full_verdict())["policies"][0]["cases"]
    table = pq.read_table(project.path / "faceleak-evidence" / case["pairs_file"]["file"]).to_pylist()
    assert [row.pop("waived") for row in table] == [False, True]
    assert table == case["measurement"]["worst_pairs"] + case["waived"]
    assert table == [
        {
            "generated": "secret-1.png",
            "generated_sha256": "1" * 64,
            "source": "secret-2.png",
            "source_sha256": "2" * 64,
            "source_people": ["Secret Person"],
            "similarity": 0.97,
            "distance": 0.25,
            "generated_box": [-1.3, 2.0, 30.0, 40.5],
            "source_box": [0.0, 0.0, 100.0, 100.0],
            "seconds": [{"embedder": "second", "similarity": 0.76543211, "distance": 0.5}],
            "kind": None,
            "bits": None,
        },
        {
            "generated": "secret-3.png",
            "generated_sha256": "3" * 64,
            "source": "secret-4.png",
            "source_sha256": "4" * 64,
            "source_people": ["Secret Person"],
            "similarity": 0.99,
            "distance": 0.125,
            "generated_box": None,
            "source_box": None,
            "seconds": [],
            "kind": None,
            "bits": None,
        },
    ]


def test_every_key_of_the_schema_is_described_and_required(project: Project) -> None:
    def shapes(shape: Any) -> Iterator[dict[str, Any]]:
        if isinstance(shape, dict):
            yield shape
            for value in shape.values():
                yield from shapes(value)
        elif isinstance(shape, list):
            for value in shape:
                yield from shapes(value)

    objects = [shape for shape in shapes(SCHEMA) if "properties" in shape]
    assert len(objects) == 36
    for shape in objects:
        assert shape["additionalProperties"] is False
        assert shape["required"] == list(shape["properties"])
        for name, value in shape["properties"].items():
            target = SCHEMA["$defs"].get(value.get("$ref", "").rpartition("/")[2], {})
            assert (value.get("description") or target.get("description", "")).endswith("."), name


def test_times_are_in_one_file_alone(project: Project) -> None:
    project.policy()
    project.gate()
    run = project.run_record()
    assert run == {
        "started": run["started"],
        "finished": run["finished"],
        "seconds": run["seconds"],
        "pytest_exit_status": 0,
        "cases": {
            f"release.yaml::{CASE}": {
                "n_embedded": 12,
                "n_screened": 0,
                "seconds": run["cases"][f"release.yaml::{CASE}"]["seconds"],
                "notes": [],
            }
        },
    }
    for time in ("started", "finished"):
        assert run[time] not in json.dumps(project.evidence())


def test_the_pairs_are_a_table(project: Project) -> None:
    project.leak("a.png", "p1/1.png")
    project.leak("b.png", "p2/1.png")
    digests = {
        n: hashlib.sha256((project.path / f"training/p{n}/1.png").read_bytes()).hexdigest() for n in (1, 2)
    }
    project.write(
        "waivers.yaml",
        f"version: 1\nwaivers: [{{generated: {digests[1]}, source: {digests[1]}, reason: x, owner: y, "
        "date: 2026-01-01, expires: 9999-12-31}]\n",
    )
    project.policy(keys="waivers: waivers.yaml\n")
    project.gate().assert_outcomes(failed=1)
    (case,) = project.evidence()["policies"][0]["cases"]
    file = project.path / "faceleak-evidence" / case["pairs_file"]["file"]
    assert hashlib.sha256(file.read_bytes()).hexdigest() == case["pairs_file"]["sha256"]
    table = pq.read_table(file)
    assert [(field.name, str(field.type), field.nullable) for field in table.schema] == [
        ("generated", "string", False),
        ("generated_sha256", "string", False),
        ("source", "string", False),
        ("source_sha256", "string", False),
        ("source_people", "list<element: string>", False),
        ("similarity", "double", False),
        ("distance", "double", True),
        ("generated_box", "list<element: double>", True),
        ("source_box", "list<element: double>", True),
        (
            "seconds",
            "list<element: struct<embedder: string not null, similarity: double not null, distance: double not null>>",
            False,
        ),
        ("kind", "string", True),
        ("bits", "int64", True),
        ("waived", "bool", False),
    ]
    rows = [
        {
            "generated": f"{letter}.png",
            "generated_sha256": digests[n],
            "source": f"p{n}/1.png",
            "source_sha256": digests[n],
            "source_people": [f"p{n}"],
            "similarity": 1.0,
            "distance": 0.0,
            "generated_box": None,
            "source_box": None,
            "seconds": [],
            "kind": "copy",
            "bits": 0,
            "waived": waived,
        }
        for letter, n, waived in (("b", 2, False), ("a", 1, True))
    ]
    assert table.to_pylist() == rows


def test_the_json_shows_twenty_pairs_and_the_table_all(project: Project) -> None:
    for n in range(25):
        project.leak(f"leak{n:02}.png", f"p{n % 6}/1.png")
    project.policy()
    project.gate()
    (case,) = project.evidence()["policies"][0]["cases"]
    assert (case["measurement"]["n_pairs"], len(case["measurement"]["worst_pairs"])) == (25, 20)
    assert pq.read_table(project.path / "faceleak-evidence" / case["pairs_file"]["file"]).num_rows == 25
    jsonschema.Draft202012Validator(SCHEMA).validate(project.evidence())


def test_a_case_that_did_not_run_makes_its_policy_inconclusive(project: Project) -> None:
    project.policy("release.yaml", "leak_count", "leak_rate")
    result = project.gate("-k", "leak_count")
    result.assert_outcomes(passed=1, deselected=1)
    (policy,) = project.evidence()["policies"]
    assert policy["outcome"] == "inconclusive"
    assert policy["not_run"] == ["leak_rate[generated-vs-training]"]


def test_only_the_owner_may_read_it(project: Project) -> None:
    old = os.umask(0)
    try:
        project.policy()
        project.gate()
    finally:
        os.umask(old)
    folder = project.path / "faceleak-evidence"
    modes = {
        str(path.relative_to(folder)).partition(".")[0]: stat.S_IMODE(path.stat().st_mode)
        for path in (folder, *folder.rglob("*"))
    }
    folders = {"": 0o700, "manifests": 0o700, "pairs": 0o700}
    written = ("evidence", "manifests/generated", "pairs/release", "report", "run", "statement")
    assert modes == folders | dict.fromkeys(written, 0o600)


def test_evidence_of_an_earlier_run_is_gone_when_a_run_starts(project: Project) -> None:
    project.leak()
    project.policy("release.yaml", *ALL)
    project.gate()
    folder = project.path / "faceleak-evidence"
    (folder / f".evidence.json.{'1f' * 8}.tmp").touch()
    (folder / "pairs" / f".x.parquet.{'2e' * 8}.tmp").touch()
    (folder / "pairs" / "of the user.parquet").touch()
    (folder / "notes.txt").touch()
    project.write(
        "conftest.py",
        "import pathlib\n"
        "def pytest_collection_finish():\n"
        "    print('THERE', sorted(p.name for p in pathlib.Path('faceleak-evidence').rglob('*')))\n",
    )
    result = project.gate("-s")
    assert "THERE ['manifests', 'notes.txt', 'of the user.parquet', 'pairs']" in result.stdout.str()


def test_two_policies_of_one_name_keep_their_pairs_apart(project: Project) -> None:
    project.leak()
    project.policy("a/release.yaml")
    project.policy("b/release.yaml")
    for folder in ("a", "b"):
        shutil.copytree(project.path / "training", project.path / folder / "training")
        shutil.copytree(project.path / "generated", project.path / folder / "generated")
    project.run("--faceleak-policy", "a", "--faceleak-policy", "b").assert_outcomes(failed=2)
    files = {
        case["pairs_file"]["file"] for policy in project.evidence()["policies"] for case in policy["cases"]
    }
    assert len(files) == 2


def test_long_names_keep_their_pairs_apart(project: Project) -> None:
    name = "long-" * 30 + ".yaml"
    project.leak()
    project.policy("release.yaml", *ALL).rename(project.path / name)
    project.run("--faceleak-policy", name).assert_outcomes(failed=4)
    assert len(list((project.path / "faceleak-evidence/pairs").iterdir())) == 4
