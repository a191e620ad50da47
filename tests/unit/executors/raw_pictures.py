"""Pictures of 8 x 8 pixels as plain bytes, and those who look at them."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from faceleak_check.embedders.fake_pixels import FakePixels
from faceleak_check.errors import ModelError
from faceleak_check.policy.schema import EmbedderChoice
from faceleak_check.protocols import Pixels
from faceleak_check.records import Digests, ImageList, ImageRef, ImageSet, Templates
from faceleak_check.store.templates import DiskTemplateStore

Write = Callable[[Mapping[str, bytes]], list[ImageRef]]


class Files:
    """A reader of files whose names are their ids."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def scan(self, progress: object) -> ImageSet:
        raise NotImplementedError

    def read(self, image: ImageRef) -> bytes:
        return (self.folder / image.id).read_bytes()


class CountingPixels(FakePixels):
    """Counts what is asked of it; the real templates."""

    def __init__(self) -> None:
        super().__init__(EmbedderChoice(name="fake-pixels"))
        self.n_loads = 0
        self.batches: list[int] = []

    def load(self) -> None:
        self.n_loads += 1

    def embed(self, chips: npt.NDArray[np.uint8]) -> Templates:
        assert self.n_loads == 1, "embedded before it was loaded"
        self.batches.append(len(chips))
        return super().embed(chips)


class BrokenPixels(CountingPixels):
    def embed(self, chips: npt.NDArray[np.uint8]) -> Templates:
        raise ModelError("the network gave nothing", detail="mend it")


class UnloadablePixels(CountingPixels):
    def load(self) -> None:
        raise ModelError("the network cannot be loaded", detail="install it")


def decode(data: bytes) -> Pixels:
    """8 x 8 pixels as plain bytes; anything else is damaged."""
    if len(data) != 192:
        raise ValueError("the file is cut short")
    return np.frombuffer(data, np.uint8).reshape(8, 8, 3)


def picture(seed: int) -> bytes:
    return np.random.default_rng(seed).integers(0, 256, 192, dtype=np.uint8).tobytes()


def numbered(n: int) -> dict[str, bytes]:
    return {f"{number}.raw": picture(number) for number in range(n)}


def vectors_of(embedder: FakePixels, seeds: Sequence[int]) -> npt.NDArray[np.float32]:
    return embedder.embed(np.stack([decode(picture(seed)) for seed in seeds])).vectors


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def digests(images: Sequence[ImageRef]) -> list[str]:
    return [image.sha256 for image in images]


def contents(images: Sequence[ImageRef]) -> Digests:
    return ImageList.of(images).digests


def missing(store: DiskTemplateStore, images: Sequence[ImageRef]) -> list[ImageRef]:
    """Of these images those that the store does not know."""
    return [image for image, absent in zip(images, store.missing(contents(images)), strict=True) if absent]


def silent(stage: str, done: int, total: int) -> None:
    pass


def threads_left() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("faceleak")]
