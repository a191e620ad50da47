"""What each replaceable part must be able to do; no behaviour."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from faceleak_check.matches import Matches
from faceleak_check.records import (
    EmbedderSpec,
    Face,
    ImageList,
    ImageRef,
    ImageSet,
    IntArray,
    Measurement,
    ScreenSpec,
    Templates,
)

__all__ = [
    "Check",
    "Decode",
    "Detector",
    "Embedder",
    "OrderedReader",
    "PairCheck",
    "Pixels",
    "Progress",
    "Reader",
    "Screen",
    "WatchfulReader",
]

Pixels = npt.NDArray[np.uint8]
"""An RGB picture, uint8, shape (height, width, 3)."""


class Reader(Protocol):
    """Finds the images of a dataset and hands out their bytes."""

    def scan(self, progress: Progress) -> ImageSet:
        """List and digest every image; what cannot be read is listed as excluded.

        Raises:
            DatasetError: The dataset as a whole is missing or empty.
        """

    def read(self, image: ImageRef) -> bytes:
        """The bytes of one image.

        Raises:
            OSError: The file went away or cannot be read.
        """

    def part(self, images: Sequence[ImageRef]) -> Reader:
        """A reader of some of the images, small enough to be sent to another machine.

        A reader of another package may do without; it is then sent whole.
        """


@runtime_checkable
class OrderedReader(Protocol):
    """A reader that knows in which order its images are read fastest; that of the ids is not always it."""

    def reading_order(self, images: ImageList) -> IntArray:
        """The rows of these images of the last scan, in the order in which they lie in their files."""


@runtime_checkable
class WatchfulReader(Protocol):
    """A reader that can tell whether what it has listed is still what is there."""

    def require_unchanged(self) -> None:
        """Raises DatasetError where files were added, removed or changed since the last scan."""


class Detector(Protocol):
    """Finds faces in pictures. Makes no use of its network before `load`.

    Its name, licence and all that decides its answers, in words, are known from the start.
    """

    name: str
    licence: str
    settings: str

    def load(self) -> None:
        """Bring the network into memory.

        Raises:
            ModelError: Weights or device are missing or damaged.
        """

    def detect(self, pictures: Sequence[Pixels]) -> list[tuple[Face, ...]]:
        """The faces of each picture, the largest first; an empty tuple where there is none.

        A picture's answer does not depend on the others. Several threads may call it at once.
        """


@runtime_checkable
class Embedder(Protocol):
    """Turns face chips into templates. Makes no use of its network before `load`.

    Its spec says what chips it takes (size, five-point template); the gate cuts them.
    """

    spec: EmbedderSpec
    batch_size: int

    def load(self) -> None:
        """Bring the network into memory.

        Raises:
            ModelError: Weights or device are missing, damaged or of the wrong kind.
        """

    def embed(self, chips: npt.NDArray[np.uint8]) -> Templates:
        """Templates of a batch of RGB chips, uint8, shape (n, input_size, input_size, 3); n is at most `batch_size`.

        A chip's template does not depend on the others. Several threads may call it at once; on a CPU each of
        them has one core.
        """


class Screen(Protocol):
    """Says how sure it is that pictures are of the kind to take out. Makes no use of its network before `load`.

    One that looks at whole pictures alone may say ``uses_faces = False``: its values are then kept once, however
    faces are found.
    """

    spec: ScreenSpec
    batch_size: int

    def load(self) -> None:
        """Bring the network into memory.

        Raises:
            ModelError: Weights or device are missing, damaged or of the wrong kind.
        """

    def measure(
        self, pictures: Sequence[Pixels], faces: Sequence[tuple[Face, ...] | None]
    ) -> npt.NDArray[np.float64]:
        """The probability of each picture, float64, shape (n,), in [0, 1]; n is at most `batch_size`.

        Args:
            pictures: RGB pictures of any size.
            faces: The faces that the detector found in each; None where the whole picture is to be taken for one.
        """


class Check(Protocol):
    """A rule of a policy: its fields are the policy's keys.

    A check of another package is a `PairCheck`; our own that look at other sets than two are measured each in its own
    way (see `faceleak_check.measuring`).
    """

    @property
    def needs_whole_set(self) -> bool:
        """Whether its figure has all generated images in the denominator, so that screens must look at each of them."""


class PairCheck(Check, Protocol):
    """A rule on the nearest source images of each generated image."""

    @property
    def n_neighbours(self) -> int:
        """How many neighbours of each generated image it looks at."""

    @property
    def metric(self) -> str:
        """What decides which neighbour is nearest: ``cosine`` or ``euclidean``."""

    def leaking(self, matches: Matches) -> npt.NDArray[np.bool_]:
        """Which neighbours speak against the release, shape (n, k)."""

    def measure(self, matches: Matches) -> Measurement:
        """The figure that the policy limits."""


class Progress(Protocol):
    """Told how far a long stage is."""

    def __call__(self, stage: str, done: int, total: int) -> None:
        """`done` of `total` images have passed the stage; total is 0 while unknown."""


Decode = Callable[[bytes], Pixels]
"""Bytes of an image file → RGB picture; raises ValueError with a reason."""
