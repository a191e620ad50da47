from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from faceleak_check.policy.schema import Columns, Dataset, Labels

NOBODY = 65534
UNLABELLED = Labels(kind="none")


@pytest.fixture
def dataset(tmp_path: Path) -> Callable[..., Dataset]:
    """A dataset named ``training`` whose policy key stands at line 6, column 13."""

    def make(
        path: Path | None = None, *, labels: Labels = UNLABELLED, columns: Columns | None = None
    ) -> Dataset:
        return Dataset(
            name="training",
            path=path or tmp_path / "faces",
            format="folder",
            labels=labels,
            columns=columns,
            line=6,
            column=13,
        )

    return make


@pytest.fixture
def faces(tmp_path: Path) -> Path:
    """An empty folder."""
    folder = tmp_path / "faces"
    folder.mkdir()
    return folder


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """An empty folder that any user may enter, unlike those of pytest."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture
def unprivileged() -> Callable[[], AbstractContextManager[None]]:
    """Takes the power of root away for a while, so that permissions count."""

    @contextmanager
    def drop() -> Iterator[None]:
        was_root = os.geteuid() == 0
        if was_root:
            os.seteuid(NOBODY)
        try:
            yield
        finally:
            if was_root:
                os.seteuid(0)

    return drop
