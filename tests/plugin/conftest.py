"""What the tests of the plugin share."""

from __future__ import annotations

import os
from pathlib import Path

# pytester takes out of `sys.modules` what an inner run has imported, and these cannot be imported twice
import facenet_pytorch  # noqa: F401
import imagehash  # noqa: F401
import jinja2  # noqa: F401
import matplotlib.backends.backend_svg
import matplotlib.figure  # noqa: F401
import onnxruntime  # noqa: F401
import open_clip  # noqa: F401
import pytest
import scipy.cluster.hierarchy
import scipy.fftpack
import scipy.stats  # noqa: F401
from faceleak_command import Faceleak, run_faceleak
from gate_project import Project, WriteSet
from labelled_project import LabelledProject

import faceleak_check.embedders.dlib_network
import faceleak_check.embedders.fake_pixels
import faceleak_check.embedders.phash
import faceleak_check.pipeline
import faceleak_check.reports.cropping
import faceleak_check.reports.page.build
import faceleak_check.reports.pairs
import faceleak_check.reports.plots
import faceleak_check.reports.progress
import faceleak_check.session  # noqa: F401

ROOT = Path(__file__).parents[2]


@pytest.fixture
def environment(pytester: pytest.Pytester, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store of its own, 80 columns, and nothing from the shell of the person who runs the tests."""
    monkeypatch.setenv("FACELEAK_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p no:hypothesispytest")  # takes a second to import
    # processes of their own test this checkout, too, wherever an installed package points
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(pytester.path / "installed"), str(ROOT)]))
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
