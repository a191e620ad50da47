"""What the tests of the executor share."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from raw_pictures import Files, Write, digest

from faceleak_check.records import ImageRef


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def _write(files: Mapping[str, bytes]) -> list[ImageRef]:
        (tmp_path / "files").mkdir(exist_ok=True)
        for name, data in files.items():
            (tmp_path / "files" / name).write_bytes(data)
        return [ImageRef(id=name, sha256=digest(data)) for name, data in files.items()]

    return _write


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path / "files")
