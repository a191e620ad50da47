"""What the tests of the store share."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny_store import (
    SPEC,
)

from faceleak_check.store.templates import DiskTemplateStore


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def store(root: Path) -> DiskTemplateStore:
    return DiskTemplateStore(root, SPEC)
