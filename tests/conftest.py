"""What the tests of all folders share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from small_clip import SmallClip


@pytest.fixture(scope="session")
def small_clip(tmp_path_factory: pytest.TempPathFactory, lfw_faces: Sequence[Any]) -> SmallClip:
    """A real CLIP, trained here and now to tell faces from patches without one."""
    from small_clip import train_small_clip

    return train_small_clip(tmp_path_factory.mktemp("small-clip"), lfw_faces)
