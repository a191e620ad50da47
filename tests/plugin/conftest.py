"""What the tests of the plugin share."""

from __future__ import annotations

import os
from pathlib import Path

import imported_once  # noqa: F401
import pytest
from faceleak_command import Faceleak, run_faceleak
from gate_project import Project, WriteSet
from labelled_project import LabelledProject

ROOT = Path(__file__).parents[2]


@pytest.fixture
def environment(pytester: pytest.Pytester, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store of its own, 80 columns, and nothing from the shell of the person who runs the tests."""
    monkeypatch.setenv("FACELEAK_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p no:hypothesispytest")  # takes a second to import
    # processes of their own test this checkout, too, wherever an installed package points
    folders = [str(pytester.path / "installed"), str(ROOT), os.environ.get("PYTHONPATH")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, folders)))
    for name in ("CI", "BUILD_NUMBER", "GENERATED", "TRAINING", "GITHUB_ACTIONS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def project(environment: None, pytester: pytest.Pytester, write_set: WriteSet) -> Project:
    """A project with two small sets and a store of its own."""
    return Project(pytester, write_set)


@pytest.fixture
def labelled(environment: None, pytester: pytest.Pytester, write_set: WriteSet) -> LabelledProject:
    """A project with a source and a control that name their people, and a store of its own."""
    return LabelledProject(pytester, write_set)


@pytest.fixture
def faceleak(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> Faceleak:
    """Runs ``faceleak`` in this process, in the project's folder."""
    monkeypatch.setenv("TERM", "dumb")
    return run_faceleak(project.path, monkeypatch, capsysbinary)
