"""Faces and their templates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from faceleak_check.records.arrays import Box, FloatArray, IntArray, Point
from faceleak_check.records.rows import Rows

__all__ = ["FACE_NUMBERS", "Face", "FaceTemplates", "Templates"]

FACE_NUMBERS = 15
"""Numbers of a face in one row: four of its box, ten of its points, and its confidence."""


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
        vectors: Unit-length rows, float32, shape (n, dimension); `Rows` where they come into memory when asked for.
        norms: Length of each embedding before it was scaled to one, float32, shape (n,).
    """

    vectors: npt.NDArray[np.float32] | Rows
    norms: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.vectors)

    @property
    def dimension(self) -> int:
        """Length of a template."""
        return int(self.vectors.shape[1])

    def part(self, rows: slice | IntArray) -> Templates:
        """Some of the templates, in memory."""
        return Templates(vectors=self.vectors[rows], norms=self.norms[rows])

    def replaced(self, rows: IntArray, others: Templates) -> Templates:
        """The same with other templates in some rows."""
        norms = self.norms.copy()
        norms[rows] = others.norms
        values = np.asarray(others.vectors)
        if isinstance(self.vectors, Rows):
            return Templates(vectors=self.vectors.replaced(rows, values), norms=norms)
        vectors = self.vectors.copy()
        vectors[rows] = values
        return Templates(vectors=vectors, norms=norms)

    def taken(self, rows: IntArray) -> Templates:
        """Some of the templates, without a copy of those that are not in memory."""
        vectors = self.vectors.taken(rows) if isinstance(self.vectors, Rows) else self.vectors[rows]
        return Templates(vectors=vectors, norms=self.norms[rows])


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
    faces: FloatArray | Rows | None = None

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
        faces = self.faces.taken(rows) if isinstance(self.faces, Rows) else self.faces
        return FaceTemplates(
            n_faces=n_faces,
            templates=self.templates.taken(rows),
            faces=faces[rows] if isinstance(faces, np.ndarray) else faces,
        )

    @property
    def boxes(self) -> FloatArray | Rows | None:
        """Left, top, right, bottom of the face of each row; None where whole pictures were embedded."""
        return self.faces.columns(slice(4)) if isinstance(self.faces, Rows) else _boxes(self.faces)

    def face(self, row: int) -> Face | None:
        """The face of a row; None where whole pictures were embedded."""
        if self.faces is None:
            return None
        left, top, right, bottom, *points, confidence = self.faces[row].tolist()
        one, two, three, four, five = zip(points[::2], points[1::2], strict=True)
        return Face(
            box=(left, top, right, bottom), points=(one, two, three, four, five), confidence=confidence
        )


def _boxes(faces: FloatArray | None) -> FloatArray | None:
    return None if faces is None else faces[:, :4]
