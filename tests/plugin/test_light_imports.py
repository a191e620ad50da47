"""pytest loads the plugin in every run of every project: what it may import there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = (
    "numpy",
    "torch",
    "faiss",
    "yaml",
    "pydantic",
    "rich",
    "PIL",
    "pyarrow",
    "typer",
    "safetensors",
    "matplotlib",
    "jinja2",
)
TELL = f"import json, sys; print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))"


def run(folder: Path, *arguments: str) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    environment["PYTEST_ADDOPTS"] = "-p no:hypothesispytest -p no:anyio -p no:timeout"
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout


def loaded(output: str) -> list[str]:
    names: list[str] = json.loads(output.splitlines()[-1])
    return names


@pytest.mark.parametrize(
    "statement",
    ["import faceleak_check", "import faceleak_check.plugin", "from faceleak_check import PolicyError"],
)
def test_importing_the_package_loads_nothing_heavy(tmp_path: Path, statement: str) -> None:
    assert loaded(run(tmp_path, "-c", f"{statement}; {TELL}")) == []


def test_the_names_of_the_package_are_all_there(tmp_path: Path) -> None:
    names = "import faceleak_check; print([type(getattr(faceleak_check, n)).__name__ for n in faceleak_check.__all__])"
    assert run(tmp_path, "-c", names).splitlines() == [
        "['type', 'type', 'EnumType', 'type', 'type', 'type', 'type', 'function']"
    ]


def test_a_run_of_a_project_without_policies_loads_nothing_heavy(tmp_path: Path) -> None:
    (tmp_path / "test_own.py").write_text("def test_own(): pass\n", encoding="utf-8")
    (tmp_path / "conftest.py").write_text(
        f"def pytest_unconfigure():\n    {TELL}\n"
        "    print(sorted(name for name in sys.modules if name.startswith('faceleak')))\n",
        encoding="utf-8",
    )
    lines = run(tmp_path, "-m", "pytest", "-q").splitlines()
    assert lines[-2:] == ["[]", "['faceleak_check', 'faceleak_check.plugin']"]


def test_collecting_a_policy_loads_no_model(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(f"def pytest_unconfigure():\n    {TELL}\n", encoding="utf-8")
    (tmp_path / "release.yaml").write_text(
        "version: 1\nname: release\ndatasets:\n  a: {path: a}\n  b: {path: b}\n"
        "checks:\n  - leak_count: {generated: a, source: b, threshold: {cosine: 0.9}, at_most: 0}\n",
        encoding="utf-8",
    )
    output = run(tmp_path, "-m", "pytest", "--collect-only", "--faceleak-policy=release.yaml")
    assert not {"torch", "faiss", "PIL", "pyarrow", "matplotlib", "jinja2"} & set(loaded(output))
