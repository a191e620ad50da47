"""What each replaceable part must be able to do; no behaviour."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from faceleak_check.matches import Matches
from faceleak_check.records import EmbedderSpec, ImageRef, ImageSet, Measurement, Templates

__all__ = ["Check", "Decode", "Embedder", "Pixels", "Progress", "Reader", "TemplateStore"]

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


@runtime_checkable
class Embedder(Protocol):
    """Turns face chips into templates. Makes no use of its network before `load`."""

    spec: EmbedderSpec
    batch_size: int

    def load(self) -> None:
        """Bring the network into memory.

        Raises:
            ModelError: Weights or device are missing, damaged or of the wrong kind.
        """

    def begin_thread(self) -> None:
        """Called once in each thread that will call `prepare` and `embed`: from here on one core is all it uses."""

    def end_threads(self) -> None:
        """Called once when those threads are over, to leave the process as it was."""

    def prepare(self, picture: Pixels) -> Pixels:
        """The face chip of a decoded picture, uint8, shape (input_size, input_size, 3)."""

    def embed(self, chips: npt.NDArray[np.uint8]) -> Templates:
        """Templates of a batch of chips, uint8, shape (n, input_size, input_size, 3); n is at most `batch_size`.

        Several threads may call it at once.
        """


class TemplateStore(Protocol):
    """Keeps templates by content digest, for one embedder spec."""

    def missing(self, digests: Sequence[str]) -> list[str]:
        """Those of the digests that have no template yet, each once, in order."""

    def add(self, digests: Sequence[str], templates: Templates) -> None:
        """Keep templates for good.

        Raises:
            ModelError: The templates are not finite unit vectors.
            StoreError: The store cannot be written.
        """

    def get(self, digests: Sequence[str]) -> Templates:
        """Templates in the order of the digests."""


class Check(Protocol):
    """A rule of a policy: its fields are the policy's keys."""

    @property
    def n_neighbours(self) -> int:
        """How many neighbours of each generated image it looks at."""

    @property
    def metric(self) -> str:
        """What decides which neighbour is nearest: ``cosine`` or ``euclidean``."""

    def measure(self, matches: Matches) -> Measurement:
        """The figure that the policy limits."""


class Progress(Protocol):
    """Told how far a long stage is."""

    def __call__(self, stage: str, done: int, total: int) -> None:
        """`done` of `total` images have passed the stage; total is 0 while unknown."""


Decode = Callable[[bytes], Pixels]
"""Bytes of an image file → RGB picture; raises ValueError with a reason."""
