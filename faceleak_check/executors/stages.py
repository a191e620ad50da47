"""What is done with decoded pictures: embedding their faces, or asking a screen about them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol, Self, TypeVar, runtime_checkable

import numpy as np
import numpy.typing as npt

from faceleak_check.errors import ModelError
from faceleak_check.executors.known_faces import KnownFaces, face_numbers
from faceleak_check.faces.align import Cutter, FaceChip
from faceleak_check.faces.survey import offset
from faceleak_check.guards import blamed
from faceleak_check.protocols import Detector, Embedder, Pixels, Screen
from faceleak_check.records import FACE_NUMBERS, ChipTemplate, Face, FaceTemplates, ImageRef, Templates

__all__ = ["Collected", "EmbedStage", "Further", "ScreenStage", "Stage", "SurveyStage", "WithFurther"]

Further = Callable[[bytes], Iterator[Pixels]]
"""A file's bytes → the pictures in it beside the first one; raises ValueError with a reason."""

Prepared = TypeVar("Prepared")
Result = TypeVar("Result")


class Stage(Protocol[Prepared, Result]):
    """Work on a batch of pictures, in two steps, so that large pictures need not be in memory together."""

    batch_size: int

    def load(self) -> None:
        """Bring networks into memory; called once, before anything else."""

    def prepare(self, images: Sequence[ImageRef], pictures: Sequence[Pixels]) -> list[Prepared]:
        """What is kept of each picture of a part of the batch; several threads may call it at once."""

    def compute(self, prepared: Sequence[Prepared]) -> Result:
        """The result of a whole batch; several threads may call it at once."""

    def joined(self, results: Sequence[Result]) -> Result:
        """The results of several batches as one."""


@runtime_checkable
class WithFurther(Protocol[Prepared]):
    """A stage that looks at all pictures in a file, and not at the first one alone."""

    def completed(self, prepared: Prepared, data: bytes) -> Prepared:
        """What is kept of all pictures in a file, given what is kept of the first one.

        Raises:
            ValueError: One of them cannot be had; the message names no path.
        """


class EmbedStage:
    """Cuts the faces out of pictures and embeds them.

    Args:
        cutter: From pictures to face chips.
        embedder: From chips to templates.
        further: Hands out the other pictures of a file, whose faces are faces of the image, too; None for no others.
    """

    def __init__(self, cutter: Cutter, embedder: Embedder, further: Further | None = None) -> None:
        self._cutter = cutter
        self._embedder = embedder
        self.further = further
        self._part = f"embedder {embedder.spec.name!r}"
        self.batch_size = embedder.batch_size
        self.device = embedder.spec.device

    def about(self, images: Sequence[ImageRef]) -> None:
        """Nothing but their bytes is needed."""

    def knowing(self, about: None) -> Self:  # noqa: ARG002
        """The same."""
        return self

    def load(self) -> None:
        """Loads detector and network."""
        self._cutter.load()
        with blamed(self._part, "load"):
            self._embedder.load()

    def prepare(
        self,
        images: Sequence[ImageRef],  # noqa: ARG002
        pictures: Sequence[Pixels],
    ) -> list[tuple[FaceChip, ...]]:
        """The face chips of each picture."""
        return self._cutter.cut(pictures)

    def completed(self, prepared: tuple[FaceChip, ...], data: bytes) -> tuple[FaceChip, ...]:
        """The face chips of a picture and of all others in its file.

        Raises:
            ValueError: One of the others cannot be had; the message names no path.
        """
        others = () if self.further is None else self.further(data)
        return (*prepared, *(chip for picture in others for chip in self._cutter.cut([picture])[0]))

    def compute(self, prepared: Sequence[tuple[FaceChip, ...]]) -> FaceTemplates:
        """Templates of all chips, in batches of the embedder's size.

        Raises:
            ModelError: The embedder does not give one template a chip.
        """
        chips = [chip for faces in prepared for chip in faces]
        size = self._embedder.batch_size
        parts = [
            self._embedded(np.stack([chip.pixels for chip in chips[start : start + size]]))
            for start in range(0, len(chips), size)
        ]
        found = [chip.face for chip in chips if chip.face is not None]
        return FaceTemplates(
            n_faces=np.array([len(faces) for faces in prepared], dtype=np.int64),
            templates=_joined_templates(parts, self._embedder.spec.dimension),
            faces=None if any(chip.face is None for chip in chips) else _face_rows(found),
        )

    def _embedded(self, chips: npt.NDArray[np.uint8]) -> Templates:
        """The templates of one batch; one row too many would give all that follow another picture's template."""
        with blamed(self._part, "embed pictures"):
            found = self._embedder.embed(chips)
        expected = (len(chips), self._embedder.spec.dimension), (len(chips),)
        shapes = isinstance(found, Templates) and (np.shape(found.vectors), np.shape(found.norms))
        if shapes == expected:
            return found
        told = f"vectors and norms of shape {shapes[0]} and {shapes[1]}" if shapes else type(found).__name__
        raise ModelError(
            f"{self._part} gave templates that cannot be compared",
            detail=f"Found {told} for {len(chips):,} chips; expected Templates with vectors and norms of shape "
            f"{expected[0]} and {expected[1]}. The embedder is broken.",
        )

    def joined(self, results: Sequence[FaceTemplates]) -> FaceTemplates:
        """The templates of several batches; whole pictures and faces do not mix."""
        faces = [result.faces for result in results if result.faces is not None]
        whole = any(result.faces is None for result in results)
        return FaceTemplates(
            n_faces=np.concatenate([result.n_faces for result in results]),
            templates=_joined_templates(
                [result.templates for result in results], self._embedder.spec.dimension
            ),
            faces=None if whole else np.concatenate(faces),
        )


def _joined_templates(parts: Sequence[Templates], dimension: int) -> Templates:
    if not parts:
        return Templates(vectors=np.empty((0, dimension), np.float32), norms=np.empty(0, np.float32))
    return Templates(
        vectors=np.concatenate([part.vectors for part in parts]),
        norms=np.concatenate([part.norms for part in parts]),
    )


def _face_rows(faces: Sequence[Face]) -> npt.NDArray[np.float32]:
    return np.array(list(map(face_numbers, faces)), dtype=np.float32).reshape(-1, FACE_NUMBERS)


class ScreenStage:
    """Asks a screen about pictures.

    Args:
        screen: The screen.
        faces_of: The faces that were found in an image; None where the whole picture is to be taken for one.
    """

    def __init__(self, screen: Screen, faces_of: Callable[[ImageRef], tuple[Face, ...] | None]) -> None:
        self._screen = screen
        self._faces_of = faces_of
        self._part = f"screen {screen.spec.method!r}"
        self.batch_size = screen.batch_size
        self.device = screen.spec.device

    def __reduce__(self) -> tuple[object, ...]:
        # the faces of a million images stay behind: those of a part go along with it
        return type(self), (self._screen, KnownFaces({}))

    def about(self, images: Sequence[ImageRef]) -> KnownFaces:
        """The faces that were found in some images."""
        return KnownFaces.of(images, self._faces_of)

    def knowing(self, about: KnownFaces) -> ScreenStage:
        """The stage for images with these faces; the screen stays loaded."""
        return ScreenStage(self._screen, about)

    def load(self) -> None:
        """Loads the screen's network."""
        with blamed(self._part, "load"):
            self._screen.load()

    def prepare(self, images: Sequence[ImageRef], pictures: Sequence[Pixels]) -> list[float]:
        """The screen's value of each picture."""
        faces = [self._faces_of(image) for image in images]
        with blamed(self._part, "look at pictures"):
            values = [float(value) for value in self._screen.measure(pictures, faces)]
        if len(values) != len(pictures):
            raise ModelError(
                f"{self._part} gave values that are no probabilities",
                detail=f"Found {len(values):,} values for {len(pictures):,} pictures; expected one for each. "
                "The screen is broken.",
            )
        return values

    def compute(self, prepared: Sequence[float]) -> npt.NDArray[np.float64]:
        """The values of a batch."""
        return np.array(prepared, dtype=np.float64)

    def joined(self, results: Sequence[npt.NDArray[np.float64]]) -> npt.NDArray[np.float64]:
        """The values of several batches."""
        return np.concatenate(results)


class SurveyStage:
    """Looks where the faces of pictures lie.

    Args:
        detector: Finds faces.
        template: Where the embedder expects them.
        size: Height and width of its chips in pixels.
    """

    batch_size = 4

    def __init__(self, detector: Detector, template: ChipTemplate, size: int) -> None:
        self._detector = detector
        self._template = template
        self._size = size

    def load(self) -> None:
        """Loads the detector."""
        self._detector.load()

    def prepare(
        self,
        images: Sequence[ImageRef],  # noqa: ARG002
        pictures: Sequence[Pixels],
    ) -> list[float | None]:
        """For each picture how far its face lies from the template; None where there is none."""
        return [
            offset(picture, faces, self._template, self._size)
            for picture, faces in zip(pictures, self._detector.detect(pictures), strict=True)
        ]

    def compute(self, prepared: Sequence[float | None]) -> list[float | None]:
        """The same."""
        return list(prepared)

    def joined(self, results: Sequence[list[float | None]]) -> list[float | None]:
        """The offsets of several batches."""
        return [one for result in results for one in result]


class Collected:
    """Keeps results in memory; a sink for what no store needs."""

    def __init__(self) -> None:
        self.results: list[Any] = []

    def add(self, digests: Sequence[str], result: Any) -> None:  # noqa: ARG002
        """Keeps a result."""
        self.results.append(result)
