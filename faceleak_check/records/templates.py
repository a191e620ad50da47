"""Faces and their templates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from faceleak_check.records.arrays import Box, FloatArray, IntArray, Point

__all__ = ["Face", "FaceTemplates", "Templates"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Face:
    """A face that a detector found in a picture.

    Attributes:
        box: Left, top, right, bottom in pixels of the picture; may reach over its borders.
        points: Left eye, right eye, nose tip, left and right mouth corner (left as seen in the picture), each
            x, y in pixels.
        confidence: How sure the detector is, in [0, 1].
    """

    box: Box
    points: tuple[Point, Point, Point, Point, Point]
    confidence: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Templates:
    """Templates of images, row by row.

    Attributes:
        vectors: Unit-length rows, float32, shape (n, dimension).
        norms: Length of each embedding before it was scaled to one, float32, shape (n,).
    """

    vectors: npt.NDArray[np.float32]
    norms: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.vectors)


@dataclass(frozen=True, kw_only=True, slots=True)
class FaceTemplates:
    """The templates of all faces of some images.

    Attributes:
        n_faces: Number of faces in each image, 0 where none was found, int64, shape (n,).
        templates: One row for each face: the images in their order, in each of them the largest face first.
        faces: Where the face of each row lies, float32, shape (rows, 15): its box, its five points and the
            confidence, as in `Face`; None where whole pictures were embedded.
    """

    n_faces: IntArray
    templates: Templates
    faces: FloatArray | None = None

    def __len__(self) -> int:
        return len(self.n_faces)

    @property
    def first_row(self) -> IntArray:
        """Row of each image's first face, shape (n,); where it has none, the row where it would be."""
        first: IntArray = np.cumsum(self.n_faces) - self.n_faces
        return first

    def taken(self, images: IntArray, *, largest_only: bool = False) -> FaceTemplates:
        """The templates of some of the images.

        Args:
            images: Their rows, in the order wanted.
            largest_only: Whether to take the first face of each alone.
        """
        n_faces = np.minimum(self.n_faces[images], 1) if largest_only else self.n_faces[images]
        ends = np.cumsum(n_faces)
        rows = np.repeat(self.first_row[images] - (ends - n_faces), n_faces) + np.arange(n_faces.sum())
        return FaceTemplates(
            n_faces=n_faces,
            templates=Templates(vectors=self.templates.vectors[rows], norms=self.templates.norms[rows]),
            faces=None if self.faces is None else self.faces[rows],
        )

    def face(self, row: int) -> Face | None:
        """The face of a row; None where whole pictures were embedded."""
        if self.faces is None:
            return None
        left, top, right, bottom, *points, confidence = self.faces[row].tolist()
        one, two, three, four, five = zip(points[::2], points[1::2], strict=True)
        return Face(
            box=(left, top, right, bottom), points=(one, two, three, four, five), confidence=confidence
        )
