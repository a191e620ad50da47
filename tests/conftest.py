"""What the tests of all folders share."""

from __future__ import annotations

import gc
import signal
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pytest
from made_once import made_once

if TYPE_CHECKING:
    from small_clip import SmallClip


def pytest_configure() -> None:
    """A shell that starts the tests in the background has them ignore Ctrl-C, and so would all that they start."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """All that is imported by now stays: to look through it for rubbish again and again takes time."""
    gc.collect()
    gc.freeze()


def pytest_unconfigure() -> None:
    """What stays behind is told of by some packages where nobody collects it."""
    gc.unfreeze()


@pytest.fixture(scope="session")
def small_clip(tmp_path_factory: pytest.TempPathFactory, lfw_faces: Sequence[Any]) -> SmallClip:
    """A real CLIP, trained here and now to tell faces from patches without one."""
    from small_clip import small_clip_in, train_small_clip

    folder = made_once(tmp_path_factory, "small-clip", lambda path: train_small_clip(path, lfw_faces))
    return small_clip_in(folder, lfw_faces)
