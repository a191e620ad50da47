"""Embedders that tell what they were given, also from other processes; importable by the workers of a cluster."""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import time
import uuid
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from faceleak_check.embedders.fake_pixels import FakePixels
from faceleak_check.errors import ModelError
from faceleak_check.policy.schema import EmbedderChoice
from faceleak_check.records import FaceTemplates, Templates
from faceleak_check.store.templates import DiskTemplateStore

CHOICE = EmbedderChoice(name="fake-pixels")


class TellingPixels(FakePixels):
    """Leaves a file for each picture that it embeds.

    Args:
        folder: Where.
        seconds: How long each picture takes.
    """

    batch_size = 8

    def __init__(self, folder: Path, seconds: float = 0) -> None:
        super().__init__(CHOICE)
        self._folder = folder
        self._seconds = seconds

    def embed(self, chips: npt.NDArray[np.uint8]) -> Templates:
        for chip in chips:
            time.sleep(self._seconds)
            (self._folder / f"{hashlib.sha256(chip).hexdigest()}.{os.getpid()}.{uuid.uuid4().hex}").touch()
        return super().embed(chips)


def times_embedded(folder: Path) -> Counter[str]:
    """How often each picture was embedded."""
    return Counter(path.name.partition(".")[0] for path in folder.iterdir())


def embedded_by_each(folder: Path) -> list[int]:
    """How many pictures each process has embedded."""
    return list(Counter(path.name.split(".")[1] for path in folder.iterdir()).values())


class DeadlyPixels(TellingPixels):
    """A black picture ends the process that embeds it."""

    def embed(self, chips: npt.NDArray[np.uint8]) -> Templates:
        if any(not chip.any() for chip in chips):
            os.kill(os.getpid(), signal.SIGKILL)
        return super().embed(chips)


class DeadlyStore(DiskTemplateStore):
    """Ends the first process that has kept something in it."""

    def add(self, digests: Sequence[str], found: FaceTemplates) -> None:
        super().add(digests, found)
        with contextlib.suppress(FileExistsError):
            (self.folder / "died").touch(exist_ok=False)
            os.kill(os.getpid(), signal.SIGKILL)


class UnloadablePixels(FakePixels):
    """Cannot be loaded."""

    batch_size = 8

    def __init__(self) -> None:
        super().__init__(CHOICE)

    def load(self) -> None:
        raise ModelError("the network cannot be loaded", detail="install it")
