"""The example package of docs/extending.md, installed and used as a stranger would."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from gate_project import Project, failure

NAME = "example-projection"
CASE = "leak_count[generated-vs-training]"
EXAMPLE = Path(__file__).resolve().parents[2] / "docs" / "examples" / "faceleak-example-embedder"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package in it, put there by pip."""
    for tool in ("pip", "setuptools"):
        if find_spec(tool) is None:
            pytest.skip(f"needs {tool}, which is not in this environment, to install the example")
    # a build leaves folders beside the source
    source = tmp_path_factory.mktemp("source") / EXAMPLE.name
    shutil.copytree(EXAMPLE, source, ignore=shutil.ignore_patterns("build", "*.egg-info", "__pycache__"))
    target = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index"]
    command = [*pip, "--no-deps", "--no-build-isolation", "--target", str(target), str(source)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return target


@pytest.fixture
def with_example(project: Project, installed: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project whose policy names the example's embedder."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(installed), str(EXAMPLE.parents[2])]))
    policy = project.policy()
    policy.write_text(policy.read_text(encoding="utf-8").replace("fake-pixels", NAME), encoding="utf-8")
    return project


def gate(project: Project) -> tuple[int, str]:
    return project.run_apart("--faceleak-policy=release.yaml", "--junitxml=out.xml")


def test_it_finds_a_copy_and_its_verdict_bears_its_name(with_example: Project) -> None:
    with_example.leak()
    status, output = gate(with_example)
    assert status == pytest.ExitCode.TESTS_FAILED
    assert "1 failed" in output
    (case,) = with_example.evidence()["policies"][0]["cases"]
    assert (case["outcome"], case["embedder"]["name"], case["embedder"]["dimension"]) == ("leak", NAME, 64)
    assert f"'{NAME}' is no face recogniser" in " ".join(output.split())
    embedders = {
        one.get("value") for one in with_example.junit().iter("property") if "embedder" in one.get("name", "")
    }
    assert NAME in embedders


def test_it_passes_where_nothing_leaks(with_example: Project) -> None:
    status, output = gate(with_example)
    assert (status, "1 passed" in output) == (pytest.ExitCode.OK, True), output
    assert with_example.outcomes() == {f"release.yaml::{CASE}": "pass"}


def test_what_it_has_not_makes_the_verdict_inconclusive(with_example: Project) -> None:
    policy = with_example.path / "release.yaml"
    policy.write_text(policy.read_text().replace(f"name: {NAME}", f"name: {NAME}, precision: bf16"))
    status, output = gate(with_example)
    assert status == pytest.ExitCode.TESTS_FAILED
    assert " ".join(failure(output, CASE).split()) == (
        f"INCONCLUSIVE: embedder '{NAME}' has no file of weights and computes in fp32 on the CPU "
        "Leave out `weights`, `sha256`, `precision` and `device`. "
        f"release.yaml:8: {CASE}"
    )


def test_without_it_its_name_is_unknown(with_example: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(EXAMPLE.parents[2]))
    status, output = gate(with_example)
    assert status != pytest.ExitCode.OK
    assert f"unknown embedder '{NAME}'" in output
