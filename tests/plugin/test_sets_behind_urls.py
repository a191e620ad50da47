from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import fsspec.implementations.memory  # noqa: F401 - cannot be imported twice, see conftest.py
import pytest
import requests  # noqa: F401
from gate_project import Project
from http_files import FileServer, serving

import faceleak_check.readers.archive.reader
import faceleak_check.readers.storage.http  # noqa: F401

POLICY = """\
version: 1
name: release
datasets:
  generated: {path: "%s", format: archive}
  training: {path: "%s"}
embedder: {name: fake-pixels}
exclusions: {at_most: %s}
checks:
  - leak_count: {generated: generated, source: training, threshold: {cosine: 0.9}, at_most: 0}
"""


@pytest.fixture
def server(project: Project) -> Iterator[FileServer]:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for file in sorted((project.path / "generated").iterdir()):
            archive.write(file, file.name)
    folder = project.path / "training"
    training = {f"set/{file.relative_to(folder)}": file.read_bytes() for file in folder.rglob("*.png")}
    with serving({"x.zip": data.getvalue(), **training}) as files:
        yield files


def policy(project: Project, server: FileServer, at_most: str = "0%") -> None:
    urls = (server.url(path, user="user:hunter2", query="?token=hunter2") for path in ("x.zip", "set/"))
    project.write("release.yaml", POLICY % (*urls, at_most))


def places_of(word: bytes, *folders: Path) -> list[Path]:
    """The files that hold a word."""
    files = [file for folder in folders for file in folder.rglob("*") if file.is_file()]
    return [file for file in files if word in file.read_bytes()]


def outcome(project: Project) -> str:
    evidence = json.loads((project.path / "faceleak-evidence" / "evidence.json").read_text(encoding="utf-8"))
    found: str = evidence["policies"][0]["outcome"]
    return found


def test_sets_behind_urls_pass_and_leak_as_others_do(project: Project, server: FileServer) -> None:
    policy(project, server)
    assert project.gate().ret == pytest.ExitCode.OK
    assert outcome(project) == "pass"
    with zipfile.ZipFile(io.BytesIO(server.files["x.zip"])) as archive:
        server.files["set/leaked.png"] = archive.read("g3.png")
    assert project.gate().ret == pytest.ExitCode.TESTS_FAILED
    assert outcome(project) == "leak"


@pytest.mark.parametrize("trouble", ["none", "gone", "denied", "broken", "image", "leak", "typo"])
def test_no_secret_of_a_url_is_ever_told(project: Project, server: FileServer, trouble: str) -> None:
    policy(project, server)
    if trouble == "gone":
        del server.files["x.zip"]
    elif trouble == "denied":
        server.statuses["set/"] = [403] * 9
    elif trouble == "broken":
        server.files["x.zip"] = server.files["x.zip"][:100]
    elif trouble == "image":
        server.statuses["set/p1/1.png"] = [404] * 9
    elif trouble == "leak":
        with zipfile.ZipFile(io.BytesIO(server.files["x.zip"])) as archive:
            server.files["set/leaked.png"] = archive.read("g3.png")
    elif trouble == "typo":
        text = (project.path / "release.yaml").read_text(encoding="utf-8")
        project.write("release.yaml", text.replace('{path: "http', '{path: "simplecache::http'))
    result = project.gate("-vv", "--log-level=DEBUG", "-o", "junit_logging=all", "--showlocals", "--tb=long")
    assert result.ret == (pytest.ExitCode.OK if trouble == "none" else result.ret)
    assert (result.ret == pytest.ExitCode.OK) == (trouble == "none")
    assert "hunter2" not in result.stdout.str() + result.stderr.str()
    (project.path / "release.yaml").unlink()
    assert (project.path / "out.xml").is_file()
    assert places_of(b"hunter2", project.path, project.store) == []


def test_an_image_that_changes_after_it_was_listed_is_counted(project: Project, server: FileServer) -> None:
    policy(project, server, at_most="50%")
    other = server.files["set/p2/1.png"]
    server.changing["set/p1/1.png"] = [server.files["set/p1/1.png"], other]
    result = project.gate()
    assert result.ret == pytest.ExitCode.OK
    evidence = json.loads((project.path / "faceleak-evidence" / "evidence.json").read_text(encoding="utf-8"))
    (case,) = evidence["policies"][0]["cases"]
    excluded = case["sets"]["source"]["excluded"]
    assert [(gone["id"], gone["reason"]) for gone in excluded] == [
        ("p1/1.png", "the file changed while the gate ran")
    ]


def test_a_run_without_the_network(project: Project, server: FileServer) -> None:
    policy(project, server)
    result = project.gate("--faceleak-offline")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        [
            "INCONCLUSIVE: dataset 'generated' cannot be listed (it lies on another machine,",
            "    and the network may not be used)",
        ]
    )
    assert server.requests == []
