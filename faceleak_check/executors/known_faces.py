"""The faces of some images as plain numbers, which another machine can be given."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Self

import numpy as np

from faceleak_check.records import FACE_NUMBERS, Face, ImageRef

__all__ = ["KnownFaces", "face_numbers"]


class KnownFaces:
    """Tells the faces of images.

    Args:
        faces: The numbers of the faces of each image one after the other, float64, by content digest; None where
            whole pictures are taken for faces.
    """

    def __init__(self, faces: Mapping[str, bytes | None]) -> None:
        self._faces = faces

    @classmethod
    def of(cls, images: Iterable[ImageRef], faces_of: Callable[[ImageRef], tuple[Face, ...] | None]) -> Self:
        """What is known of the faces of these images."""
        return cls({image.sha256: _packed(faces_of(image)) for image in images})

    def __call__(self, image: ImageRef) -> tuple[Face, ...] | None:
        """The faces of an image, as they were."""
        packed = self._faces[image.sha256]
        if packed is None:
            return None
        return tuple(map(_face, np.frombuffer(packed, np.float64).reshape(-1, FACE_NUMBERS).tolist()))


def face_numbers(face: Face) -> tuple[float, ...]:
    """Box, points and confidence of a face in one row."""
    return *face.box, *(number for point in face.points for number in point), face.confidence


def _packed(faces: tuple[Face, ...] | None) -> bytes | None:
    return None if faces is None else np.array([face_numbers(face) for face in faces], np.float64).tobytes()


def _face(numbers: list[float]) -> Face:
    left, top, right, bottom, *points, confidence = numbers
    one, two, three, four, five = zip(points[::2], points[1::2], strict=True)
    return Face(box=(left, top, right, bottom), points=(one, two, three, four, five), confidence=confidence)
