"""What the tests of the plugin share."""

from __future__ import annotations

from pathlib import Path

# pytester takes out of `sys.modules` what an inner run has imported, and these cannot be imported twice
import facenet_pytorch  # noqa: F401
import onnxruntime  # noqa: F401
import open_clip  # noqa: F401
import pytest
from gate_project import Project, WriteSet

import faceleak_check.embedders.dlib_network
import faceleak_check.embedders.fake_pixels
import faceleak_check.pipeline
import faceleak_check.reports.pairs
import faceleak_check.reports.progress
import faceleak_check.session  # noqa: F401


@pytest.fixture
def project(
    pytester: pytest.Pytester, write_set: WriteSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Project:
    """A project with two small sets and a store of its own."""
    monkeypatch.setenv("FACELEAK_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p no:hypothesispytest")  # takes a second to import
    monkeypatch.setenv("PYTHONPATH", str(pytester.path / "installed"))
    for name in ("CI", "BUILD_NUMBER", "GENERATED", "TRAINING"):
        monkeypatch.delenv(name, raising=False)
    return Project(pytester, write_set)
