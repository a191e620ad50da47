"""docs/ci.md: its YAML is what it should be, and each of its commands runs, in its order, where it says."""

from __future__ import annotations

import os
import re
import subprocess
import sysconfig
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from lxml import etree

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/ci.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
GITHUB, GITLAB = (yaml.load(text, yaml.BaseLoader) for language, text in BLOCKS if language == "yaml")
(ELSEWHERE,) = (text for language, text in BLOCKS if language == "sh")
POLICY = """\
version: 1
name: release
datasets:
  generated: {path: ../generated}
  training: {path: ../training, labels: parent_folder}
embedder: {name: fake-pixels}
checks:
  - leak_count: {generated: generated, source: training, threshold: {cosine: 0.9}, at_most: 0}
"""
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
    "optional-dependencies"
]

WriteSet = Callable[..., Path]


@pytest.fixture
def checkout(tmp_path: Path, write_set: WriteSet) -> Path:
    write_set(tmp_path / "generated", ["g0.png", "g1.png"], seed=1)
    write_set(tmp_path / "training", ["p0/1.png", "p1/1.png"], seed=2)
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies/release.yaml").write_text(POLICY, encoding="utf-8")
    return tmp_path


def run(command: str, folder: Path, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Runs a command as a runner does, with this project's own commands on the path.

    What installs this project is not run, since nothing may be fetched here; it must name this project and extras that
    it has.
    """
    installs = re.fullmatch(r'pip install "faceleak-check\[([\w,]+)\]"', command.strip())
    if installs:
        assert set(installs[1].split(",")) <= EXTRAS.keys()
        return subprocess.CompletedProcess(command, 0, "", "")
    assert "pip" not in command.split()
    path = f"{sysconfig.get_path('scripts')}{os.pathsep}{os.environ['PATH']}"
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("GITHUB_", "PYTEST_"))}
    return subprocess.run(
        ["bash", "-eo", "pipefail", "-c", command],
        cwd=folder,
        env={**ours, "PATH": path, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def run_all(commands: list[str], folder: Path, environment: Mapping[str, str]) -> list[int]:
    return [run(command, folder, environment).returncode for command in commands]


def what_is_left(folder: Path) -> tuple[str | None, bool, bool]:
    """Number of tests in the JUnit file, whether there are templates in the store, and whether there is evidence."""
    suite = etree.parse(folder / "faceleak.xml").getroot().find("testsuite")
    assert suite is not None
    has_shards = any((folder / ".faceleak-store").rglob("*.safetensors"))
    return suite.get("tests"), has_shards, (folder / "faceleak-evidence/evidence.json").is_file()


def steps() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = GITHUB["jobs"]["faceleak"]["steps"]
    return found


def test_the_workflow_of_github_runs(checkout: Path) -> None:
    commands = [step["run"] for step in steps() if "run" in step]
    assert len(commands) == 4
    environment = {
        **GITHUB["jobs"]["faceleak"]["env"],
        "GITHUB_ACTIONS": "true",
        "GITHUB_WORKSPACE": str(checkout),
        "GITHUB_STEP_SUMMARY": str(checkout / "summary.md"),
    }
    assert run_all(commands, checkout, environment) == [0, 0, 0, 0]
    assert what_is_left(checkout) == ("1", True, True)
    assert (checkout / "summary.md").read_text(encoding="utf-8").startswith("\n\n## faceleak-check: 1 pass")


def test_the_workflow_keeps_what_its_commands_leave() -> None:
    (gate,) = (step["run"] for step in steps() if "pytest" in step.get("run", ""))
    by_action = {step["uses"].partition("@")[0]: step for step in steps() if "uses" in step}
    paths = [
        step["with"]["path"] for step in steps() if step.get("uses", "").startswith("actions/upload-artifact")
    ]
    assert paths == ["faceleak.xml", "faceleak-evidence/"]
    assert f"--junitxml={paths[0]}" in gate
    assert by_action["mikepenz/action-junit-report"]["with"]["report_paths"] == paths[0]
    restore, save = by_action["actions/cache/restore"]["with"], by_action["actions/cache/save"]["with"]
    assert restore["path"] == save["path"] == GITHUB["jobs"]["faceleak"]["env"]["FACELEAK_STORE"]
    assert restore["key"] == save["key"]
    assert all(restore["key"].startswith(key) for key in restore["restore-keys"].splitlines())
    assert "hashFiles('policies/release.yaml')" in restore["key"]


def test_what_stands_after_a_red_gate_is_done_all_the_same() -> None:
    """A step is passed over where one before it failed, unless it says otherwise."""
    names = [step.get("name") for step in steps()]
    after = steps()[names.index("Gate") + 1 :]
    assert len(after) == 4
    assert {step.get("if") for step in after} == {"always()"}


def test_actions_are_named_by_major_version() -> None:
    used = [step["uses"] for step in steps() if "uses" in step]
    assert [name for name in used if not re.fullmatch(r"[\w-]+(/[\w-]+)+@v\d+", name)] == []
    assert GITHUB["permissions"] == {"contents": "read", "checks": "write"}


def test_the_job_of_gitlab_turns_red_for_a_leak_and_leaves_all_there_is_to_keep(checkout: Path) -> None:
    (checkout / "generated/secret.png").write_bytes((checkout / "training/p0/1.png").read_bytes())
    job = GITLAB["faceleak"]
    environment = {
        "FACELEAK_STORE": job["variables"]["FACELEAK_STORE"].replace("$CI_PROJECT_DIR", str(checkout))
    }
    assert run_all(job["script"][:-1], checkout, environment) == [0, 0, 0]
    gate = run(job["script"][-1], checkout, environment)
    assert gate.returncode == 1
    assert "secret" not in gate.stdout + gate.stderr
    assert what_is_left(checkout) == ("1", True, True)


def test_the_job_of_gitlab_keeps_what_its_commands_leave() -> None:
    job = GITLAB["faceleak"]
    assert job["variables"]["FACELEAK_STORE"] == f"$CI_PROJECT_DIR/{job['cache']['paths'][0]}"
    assert job["cache"]["key"]["files"] == ["policies/release.yaml"]
    kept = job["artifacts"]
    assert (kept["when"], kept["access"], job["cache"]["when"]) == ("always", "developer", "always")
    assert f"--junitxml={kept['reports']['junit']}" in job["script"][-1]
    assert kept["paths"] == ["faceleak-evidence/"]


def test_the_commands_for_elsewhere_run(checkout: Path) -> None:
    assert run(ELSEWHERE, checkout, {"FACELEAK_STORE": ".faceleak-store"}).returncode == 0
    assert what_is_left(checkout) == ("1", True, True)
