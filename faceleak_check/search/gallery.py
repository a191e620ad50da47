"""Images with the templates of their faces, as the search takes them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from faceleak_check.records import DigestIndex, FloatArray, ImageList, IntArray, Rows, Templates
from faceleak_check.search.figures import figures

__all__ = ["Gallery", "between"]


@dataclass(frozen=True, kw_only=True)
class Gallery:
    """Images with the templates of their faces.

    Attributes:
        images: The images, n.
        n_faces: Faces of each image, at least one, int64, shape (n,).
        templates: Templates of the faces, image by image.
        boxes: Left, top, right, bottom of each face in pixels, shape (number of faces, 4); None for whole pictures.
    """

    images: ImageList
    n_faces: IntArray
    templates: Templates
    boxes: FloatArray | Rows | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "images", ImageList.of(self.images))

    def __len__(self) -> int:
        return len(self.images)

    @cached_property
    def image_of(self) -> IntArray:
        """Row of the image of each face."""
        return np.repeat(np.arange(len(self.images), dtype=np.int64), self.n_faces)

    @cached_property
    def first_face(self) -> IntArray:
        """Row of the first face of each image."""
        return np.cumsum(self.n_faces) - self.n_faces

    @property
    def row_of(self) -> DigestIndex:
        """Rows of the images of each content."""
        return self.images.by_content

    def part(self, faces: IntArray) -> Templates:
        """Templates of some faces, by their rows, in memory."""
        return self.templates.part(faces)

    def faces_of_all(self, images: IntArray) -> IntArray:
        """Rows of all faces of some images, image by image."""
        n_faces = self.n_faces[images]
        ends = np.cumsum(n_faces)
        faces: IntArray = np.repeat(self.first_face[images] - (ends - n_faces), n_faces)
        return faces + np.arange(len(faces))

    def of_images(self, rows: IntArray) -> Gallery:
        """The gallery of some of the images, by their rows."""
        faces = self.faces_of_all(rows)
        return Gallery(
            images=self.images.taken(rows),
            n_faces=self.n_faces[rows],
            templates=self.templates.taken(faces),
            boxes=self.boxes.taken(faces) if isinstance(self.boxes, Rows) else self.boxes_of(faces),
        )

    def without(self, digests: Collection[str]) -> Gallery:
        """The gallery without the images of these contents."""
        return self.of_images(np.flatnonzero(~self.rows_of(digests))) if digests else self

    def faces_of(self, image: int) -> IntArray:
        """Rows of the faces of one image."""
        first = int(self.first_face[image])
        return np.arange(first, first + int(self.n_faces[image]))

    def rows_of(self, digests: Collection[str]) -> npt.NDArray[np.bool_]:
        """Which images have one of these contents, shape (n,)."""
        return self.row_of.rows_among(digests)

    def boxes_of(self, faces: IntArray) -> FloatArray | None:
        """The boxes of some faces, an array of any shape, in memory."""
        if self.boxes is None:
            return None
        return self.boxes[faces.ravel()].reshape(*faces.shape, 4)


def between(one: Gallery, row: int, other: Gallery, other_row: int) -> tuple[FloatArray, FloatArray]:
    """Cosine and Euclidean distance of each face of one image with each of another."""
    left, right = one.faces_of(row), other.faces_of(other_row)
    return figures(one.part(np.repeat(left, len(right))), other.part(np.tile(right, len(left))))
