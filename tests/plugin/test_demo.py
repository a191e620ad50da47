"""``faceleak demo``, run as a newcomer runs it: real faces, real model, real pytest."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from docs_shell import Shell
from made_once import made_once
from PIL import Image
from shown_commands import agrees, blocks
from tutorial import Tutorial

from faceleak_check.demo import COPIES, read_findings

pytestmark = pytest.mark.needs("demo")


@dataclass(frozen=True, kw_only=True, slots=True)
class Ran:
    """A demo that was run once for all tests."""

    folder: Path
    status: int
    output: str


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    above = made_once(tmp_path_factory, "with space", run_the_demo)
    ran = json.loads((above / "ran.json").read_text(encoding="utf-8"))
    return Ran(folder=above / "faceleak-demo", status=ran["status"], output=ran["output"])


def run_the_demo(above: Path) -> None:
    # what could lead a pytest inside astray
    (above / "pytest.ini").write_text("[pytest]\naddopts = --no-such-option\n", encoding="utf-8")
    (above / "conftest.py").write_text("raise RuntimeError('not ours')\n", encoding="utf-8")
    command = [sys.executable, "-c", "from faceleak_check.cli import main; main()", "demo"]
    environment = {**os.environ, "PYTEST_ADDOPTS": "--collect-only", "COLUMNS": "80"}
    done = subprocess.run(command, cwd=above, env=environment, capture_output=True, text=True, check=False)
    ran = {"status": done.returncode, "output": done.stdout + done.stderr}
    (above / "ran.json").write_text(json.dumps(ran), encoding="utf-8")


def test_it_works(demo: Ran) -> None:
    assert demo.status == 0, demo.output


def test_exactly_the_five_copies_are_named(demo: Ran) -> None:
    findings = read_findings(demo.folder)
    assert sorted(findings.leaky) == sorted((copy.generated, copy.source) for copy in COPIES)
    assert findings.clean == {}
    assert len(COPIES) == 5
    assert findings.n_no_face == 10
    assert findings.highest < 0.96 <= min(findings.leaky.values())


def test_it_says_in_plain_words_what_happened(demo: Ran) -> None:
    findings = read_findings(demo.folder)
    cosine = {copy.person: f"{findings.leaky[copy.generated, copy.source]:.4f}" for copy in COPIES}
    said = demo.output[demo.output.index("What happened") :]
    assert said == (
        f"""\
What happened
  clean.yaml  passed: no picture is as near to a training face as a copy of it would be
              (highest cosine {findings.highest:.4f}, the policy's limit is 0.96).
  leaky.yaml  failed: 5 pictures are training faces in disguise:
              sample-003.png is person-004/face.png, mirrored: cosine {cosine[4]}
              sample-009.png is person-011/face.png, 25% brighter: cosine {cosine[11]}
              sample-016.png is person-023/face.png, turned by 5 degrees: cosine {cosine[23]}
              sample-021.png is person-036/face.png, cropped by 8%: cosine {cosine[36]}
              sample-033.png is person-042/face.png, saved as JPEG at quality 35: cosine {cosine[42]}
  both        hold 10 pictures without a face: counted as no_face, and not compared.

Files to open
  faceleak-demo/leaky.yaml                     the policy, with comments
  faceleak-demo/leaky-evidence/report.html     the report: open it in a browser
  faceleak-demo/leaky-evidence/evidence.json   every figure behind the verdicts
  faceleak-demo/leaky.xml                      the JUnit file to hand in: no name, no face in it
  faceleak-demo/generated-leaky/ and faceleak-demo/training/   the pictures; look at a pair

Real faces stand in for generated ones here: this shows the gate, not a generator.
The gate works as it should.
"""
    )


def test_pytest_is_shown_at_work(demo: Ran) -> None:
    assert "$ cd faceleak-demo && pytest --faceleak-policy clean.yaml --junitxml=clean.xml" in demo.output
    assert "clean.yaml ..." in demo.output
    assert "leaky.yaml FFF" in demo.output
    assert demo.output.count("  LEAK         ") == 3
    assert (
        demo.output.index("clean.yaml ...")
        < demo.output.index("leaky.yaml FFF")
        < demo.output.index("What happened")
    )


def test_all_files_are_there(demo: Ran) -> None:
    n_pictures = {
        name: len(list((demo.folder / name).rglob("*.png")))
        for name in ("training", "unseen", "generated-clean", "generated-leaky")
    }
    assert n_pictures == {"training": 50, "unseen": 25, "generated-clean": 35, "generated-leaky": 40}
    for file in ("clean.yaml", "leaky.yaml", "clean.xml", "leaky.xml", "leaky-evidence/evidence.json"):
        assert (demo.folder / file).is_file()
    for path in demo.folder.rglob("*.png"):
        with Image.open(path) as picture:
            assert (picture.format, picture.size) == ("PNG", (112, 112))


def test_no_person_is_in_two_sets(demo: Ran) -> None:
    seen: dict[bytes, Path] = {}
    for folder in ("training", "unseen", "generated-clean"):
        for path in (demo.folder / folder).rglob("*.png"):
            pixels = np.asarray(Image.open(path)).tobytes()
            assert pixels not in seen, f"{path} is {seen.get(pixels)}"
            seen[pixels] = path


def test_the_junit_file_names_no_picture(demo: Ran) -> None:
    text = (demo.folder / "leaky.xml").read_text(encoding="utf-8")
    for word in ("sample-", "person-", "face.png", str(demo.folder)):
        assert word not in text


def test_its_policies_and_evidence_are_on_real_people(demo: Ran) -> None:
    evidence = json.loads((demo.folder / "leaky-evidence/evidence.json").read_text(encoding="utf-8"))
    (policy,) = evidence["policies"]
    assert [case["brief"] for case in policy["cases"][:2]] == ["5 > 0 images", "5 > 0 people"]
    assert {case["embedder"]["name"] for case in policy["cases"]} == {"dlib-resnet"}
    assert [case["warnings"] for case in policy["cases"]] == [[], [], []]


def test_the_tutorial_is_true(
    demo: Ran,
    environment: None,
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    capsysbinary: pytest.CaptureFixture[bytes],
    long: bool,
) -> None:
    """Each command of docs/tutorial.md, in its order, and each output that it shows."""
    folder = pytester.path / "faceleak-demo"
    shutil.copytree(demo.folder, folder)
    monkeypatch.chdir(folder)
    tutorial = Tutorial(Shell(pytester, monkeypatch, capsysbinary), folder, demo.output, long=long)
    tutorial.follow()
    assert tutorial.n_compared == (12 if long else 11)


@pytest.mark.parametrize(("page", "begins"), [("README.md", "_____"), ("docs/tutorial.md", "What happened")])
def test_what_pages_show_of_the_demo_was_printed(demo: Ran, page: str, begins: str) -> None:
    (shown,) = (block.text for block in blocks(page) if block.text.startswith(begins))
    assert agrees(shown, demo.output)
