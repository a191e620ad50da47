"""What each replaceable part must be able to do; no behaviour.

What a part of another package raises besides the errors named here, and what it hands in besides the shapes and ranges
named here, makes the verdict inconclusive. `faceleak_check.testing` has a function for each kind that tells its author
sooner; docs/extending.md shows one of each.
"""

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
    """Finds the images of a dataset and hands out their bytes.

    It is made from a `faceleak_check.policy.schema.Dataset`, without looking at any file. Its class may say:

    - ``options``: a class made with `check_keys`, whose fields are the format's own keys in a policy; its record is
      then `Dataset.options`.
    - ``names_people``: ``if_asked`` where its files can say who is in an image (``labels: own``), ``always`` where they
      do; it then fills in `ImageRef.labels`. Labels by folder or in a table are the gate's business.
    - ``reads_urls = True``: `Dataset.path` may be a `Url`, and not only a `Path`.
    """

    def scan(self, progress: Progress) -> ImageSet:
        """List and digest every image; what should be one and cannot be read is listed as excluded.

        What is neither is lost without a trace, so nothing may be left out in silence.

        Args:
            progress: To be told, from time to time, how many images were found.

        Returns:
            The set under the dataset's name, each id once, in the order of the bytes of the ids.

        Raises:
            DatasetError: The dataset as a whole is missing or empty. The message names no path; the detail may.
        """

    def read(self, image: ImageRef) -> bytes:
        """The bytes of one image, whose SHA-256 is the image's; several threads may call it at once.

        Raises:
            OSError: The image went away or cannot be read; it then counts as unreadable. The message names no path.
        """

    def part(self, images: Sequence[ImageRef]) -> Reader:
        """A reader of some of the images, small enough to be sent to another machine.

        A reader of another package may do without; it is then sent whole, and must be fit for Python's pickle.
        """


@runtime_checkable
class OrderedReader(Protocol):
    """A reader that knows in which order its images are read fastest; that of the ids is not always it."""

    def reading_order(self, images: ImageList) -> IntArray:
        """The rows of these images of the last scan, in the order in which they lie in their files.

        Returns:
            Each row from 0 to n - 1 once, int64, shape (n,).
        """


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

    It is made from the policy's `EmbedderChoice`, and refuses with a `ModelError` what it cannot do. Its spec, whose
    name is the one in the policy, says what chips it takes (size, five-point template); the gate cuts them. It must
    be fit for Python's pickle, loaded or not; `faceleak_check.remade.Remade` makes it so. Its class may have a
    ``model_file(choice)`` that says where its weights lie.
    """

    spec: EmbedderSpec
    batch_size: int

    def load(self) -> None:
        """Bring the network into memory.

        Raises:
            ModelError: Weights or device are missing, damaged or of the wrong kind.
        """

    def embed(self, chips: npt.NDArray[np.uint8]) -> Templates:
        """The template of each chip, in their order.

        A chip's template does not depend on the others, on a CPU to the last bit. Several threads may call it at once;
        on a CPU each of them has one core.

        Args:
            chips: RGB, uint8, shape (n, input_size, input_size, 3); n is from 1 to `batch_size`. Not to be changed.

        Returns:
            Vectors, finite float32 rows of length one, shape (n, dimension), and the length that each had, finite
            float32 above 0, shape (n,).

        Raises:
            ModelError: The network cannot give a template.
        """


class Screen(Protocol):
    """Says how sure it is that pictures are of the kind to take out. Makes no use of its network before `load`.

    It is made from the rule's name in the policy and a record of its keys. Its class has ``keys``, the class of that
    record, made with `check_keys`, with at least ``method`` and ``reject_above``, a `Share`; it may have a static
    method ``problem(rule, keys)`` that says in words why it cannot serve a rule. Its spec, whose method is the name
    in the policy, says all that decides its answers. It must be fit for Python's pickle, as an `Embedder` must. One
    that looks at whole pictures alone may say ``uses_faces = False``: its values are then kept once, however faces
    are found.
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
        """How sure it is of each picture, in their order; what is above ``reject_above`` is taken out.

        A picture's value does not depend on the others. Several threads may call it at once.

        Args:
            pictures: RGB pictures of any size from 1 x 1; n is from 1 to `batch_size`. Not to be changed.
            faces: The faces that the detector found in each; None where the whole picture is to be taken for one.

        Returns:
            Finite float64, shape (n,), in [0, 1].
        """


class Check(Protocol):
    """A rule of a policy: a class made with `check_keys`, whose fields are the policy's keys.

    A check of another package is a `PairCheck`; our own that look at other sets than two are measured each in its own
    way (see `faceleak_check.measuring`). Its class may say:

    - ``about``: an `AboutCheck`, the words that reports have for it.
    - ``roles``: the ways to name its sets, ``(("generated", "source"), ("matches",))`` where it says nothing.
    - ``may_name``: further sets, ``control`` and ``calibration``, that a threshold may be found on.
    - ``needs_labels = True``: the source must name its people.

    A field called ``threshold`` of type `Threshold` may be asked for as an error rate; it is a cosine or a distance
    once the check measures.
    """

    @property
    def needs_whole_set(self) -> bool:
        """Whether its figure has all generated images in the denominator, so that screens must look at each of them."""


class PairCheck(Check, Protocol):
    """A rule on the nearest source images of each generated image."""

    @property
    def n_neighbours(self) -> int:
        """How many neighbours of each generated image it looks at, 1 or more."""

    @property
    def metric(self) -> str:
        """What decides which neighbour is nearest: ``cosine`` or ``euclidean``."""

    def leaking(self, matches: Matches) -> npt.NDArray[np.bool_]:
        """Which neighbours speak against the release, bool, shape (n, k); False where there is none (row -1)."""

    def measure(self, matches: Matches) -> Measurement:
        """The figure that the policy limits; asked again whenever pairs were taken out, also of all of them.

        Args:
            matches: The nearest neighbours of the n generated images that are left. Their order decides nothing.

        Returns:
            A finite value and limit, plain int or float; n as given; pairs among those given; with ``confidence_asked``
            an interval. Whether the limit is met is judged by the gate.
        """


class Progress(Protocol):
    """Told how far a long stage is."""

    def __call__(self, stage: str, done: int, total: int) -> None:
        """`done` of `total` images have passed the stage; total is 0 while unknown."""


Decode = Callable[[bytes], Pixels]
"""Bytes of an image file → RGB picture; raises ValueError with a reason."""
