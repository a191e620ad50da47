"""The groups of test images, and what the package's parts make of them."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from faceleak_check.executors.local import LocalExecutor
from faceleak_check.executors.stages import Collected, EmbedStage
from faceleak_check.faces.align import Cutter, FaceChip
from faceleak_check.faces.detect import Mtcnn
from faceleak_check.image_sets import each_content_once
from faceleak_check.policy.schema import Dataset, Labels
from faceleak_check.protocols import Embedder, Pixels
from faceleak_check.readers.decode import decode
from faceleak_check.readers.folder import FolderReader
from faceleak_check.records import Face, FaceTemplates, ImageRef
from faceleak_check.silence import silent

__all__ = ["OF_PEOPLE", "DlibFaces", "Embedded", "FacesStage", "Group", "embedded"]

OF_PEOPLE = ("identities", "orl")
"""The groups whose folders are people."""


class Group:
    """The pictures of one folder of the test images."""

    def __init__(self, root: Path, name: str) -> None:
        self.name = name
        people = Labels(kind="parent_folder" if name in OF_PEOPLE else "none")
        path = (root / name).resolve()
        self.reader = FolderReader(
            Dataset(name=name, path=path, format="folder", labels=people, columns=None, line=1, column=1)
        )
        self.images = each_content_once(self.reader.scan(silent).images)

    def run(self, stage: Any) -> tuple[tuple[ImageRef, ...], Any]:
        """The images that can be decoded, and what the stage makes of them."""
        sink = Collected()
        gone = LocalExecutor(decode).run(self.images, self.reader, stage, sink, silent, self.name)
        lost = {exclusion.sha256 for exclusion in gone}
        return tuple(image for image in self.images if image.sha256 not in lost), stage.joined(sink.results)


@dataclass(frozen=True, kw_only=True, slots=True)
class Embedded:
    """The largest face of each picture of some groups."""

    people: tuple[str, ...]
    vectors: np.ndarray
    n_pictures: int

    @property
    def n_failed(self) -> int:
        return self.n_pictures - len(self.vectors)

    def joined(self, other: Embedded) -> Embedded:
        return Embedded(
            people=self.people + other.people,
            vectors=np.concatenate([self.vectors, other.vectors]),
            n_pictures=self.n_pictures + other.n_pictures,
        )


def embedded(group: Group, cutter: Cutter, embedder: Embedder) -> Embedded:
    images, found = group.run(EmbedStage(cutter, embedder))
    assert isinstance(found, FaceTemplates)
    largest = found.taken(np.arange(len(found)), largest_only=True)
    return Embedded(
        people=tuple(
            f"{group.name}/{image.labels}" for image, n in zip(images, largest.n_faces, strict=True) if n
        ),
        vectors=np.asarray(largest.templates.vectors),
        n_pictures=len(group.images),
    )


class DlibFaces:
    """dlib's own way from a picture to a chip: its frontal face detector, five-point predictor and aligner."""

    def __init__(self) -> None:
        import dlib

        self._dlib = dlib
        package = find_spec("face_recognition_models")
        folders = (package.submodule_search_locations or []) if package else []
        self._points = str(Path(*folders[:1], "models", "shape_predictor_5_face_landmarks.dat"))
        self._of_thread = threading.local()

    def load(self) -> None:
        """Nothing to do: each thread loads its own."""

    def cut(self, pictures: Sequence[Pixels]) -> list[tuple[FaceChip, ...]]:
        return [self._largest(picture) for picture in pictures]

    def _largest(self, picture: Pixels) -> tuple[FaceChip, ...]:
        if not hasattr(self._of_thread, "detect"):
            # its detector may not be called by two threads at once
            self._of_thread.detect = self._dlib.get_frontal_face_detector()
            self._of_thread.predict = self._dlib.shape_predictor(self._points)
        boxes = sorted(self._of_thread.detect(picture, 1), key=lambda box: -box.area())
        shapes = [self._of_thread.predict(picture, box) for box in boxes[:1]]
        chips = [self._dlib.get_face_chip(picture, shape, size=150, padding=0.25) for shape in shapes]
        return tuple(FaceChip(pixels=np.asarray(chip), face=None) for chip in chips)


class FacesStage:
    """Looks for faces; a stage for the executor."""

    batch_size = 4

    def __init__(self) -> None:
        self._detector = Mtcnn()

    def load(self) -> None:
        self._detector.load()

    def prepare(
        self,
        images: Sequence[ImageRef],  # noqa: ARG002
        pictures: Sequence[Pixels],
    ) -> list[tuple[Face, ...]]:
        return self._detector.detect(pictures)

    def compute(self, prepared: Sequence[tuple[Face, ...]]) -> list[tuple[Face, ...]]:
        return list(prepared)

    def joined(self, results: Sequence[list[tuple[Face, ...]]]) -> list[tuple[Face, ...]]:
        return [faces for result in results for faces in result]
