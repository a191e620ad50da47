"""What the tests of faults share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fault_project import FaultProject, Pristine
from forked import Forks, forking


@pytest.fixture(scope="session")
def forks() -> Iterator[Forks]:
    with forking() as running:
        yield running


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory, forks: Forks) -> Pristine:
    """A project before a run and after one, to be copied."""
    return Pristine(tmp_path_factory.mktemp("pristine"), forks)


@pytest.fixture
def project(tmp_path: Path, pristine: Pristine) -> FaultProject:
    """A project in which nothing was run yet, and two pictures leak."""
    return pristine.copied(tmp_path / "project", ran=False)


@pytest.fixture
def ran(tmp_path: Path, pristine: Pristine) -> FaultProject:
    """The same with the evidence and the store of a whole run."""
    return pristine.copied(tmp_path / "project", ran=True)
