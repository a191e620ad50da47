"""Nearest source images of generated images, looked up only as deep as a verdict needs.

A picture may show several faces. Two pictures are as near as their two nearest faces, so that no face of a group can
hide behind another; each source picture counts once.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from faceleak_check.errors import InconclusiveError
from faceleak_check.matches import NO_MATCH, Gone, Matches
from faceleak_check.records import FloatArray, ImageRef, IntArray, Templates
from faceleak_check.search.exact import figures, nearest

__all__ = ["Gallery", "Neighbours", "between"]

_SPARE = 8
_MOST_NEIGHBOURS = 100_000_000
_NOTHING: Mapping[str, float] = MappingProxyType(
    {"own": -1, "faces": -1, "similarity": NO_MATCH, "distance": np.inf}
)


@dataclass(frozen=True, kw_only=True)
class Gallery:
    """Images with the templates of their faces.

    Attributes:
        images: The images, n.
        n_faces: Faces of each image, at least one, int64, shape (n,).
        templates: Templates of the faces, image by image.
        boxes: Left, top, right, bottom of each face in pixels, shape (number of faces, 4); None for whole pictures.
    """

    images: tuple[ImageRef, ...]
    n_faces: IntArray
    templates: Templates
    boxes: FloatArray | None = None

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

    @cached_property
    def row_of(self) -> dict[str, list[int]]:
        """Rows of the images of each content."""
        rows: dict[str, list[int]] = {}
        for row, image in enumerate(self.images):
            rows.setdefault(image.sha256, []).append(row)
        return rows

    def part(self, faces: IntArray) -> Templates:
        """Templates of some faces, by their rows."""
        return Templates(vectors=self.templates.vectors[faces], norms=self.templates.norms[faces])

    def of_images(self, rows: IntArray) -> Gallery:
        """The gallery of some of the images, by their rows."""
        n_faces = self.n_faces[rows]
        ends = np.cumsum(n_faces)
        faces = np.repeat(self.first_face[rows] - (ends - n_faces), n_faces) + np.arange(n_faces.sum())
        return Gallery(
            images=tuple(self.images[int(row)] for row in rows),
            n_faces=n_faces,
            templates=self.part(faces),
            boxes=None if self.boxes is None else self.boxes[faces],
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
        rows = np.zeros(len(self), dtype=bool)
        for digest in digests:
            rows[self.row_of.get(digest, [])] = True
        return rows


@dataclass(frozen=True, kw_only=True, slots=True)
class _Nearest:
    """The nearest source faces of generated faces (or images), each array of shape (n, depth), nearest first.

    Attributes:
        own: Row of the generated face; -1 where there is no neighbour, as in `faces`.
        faces: Row of the source face.
        similarity: Cosine.
        distance: Euclidean distance before scaling.
    """

    own: IntArray
    faces: IntArray
    similarity: FloatArray
    distance: FloatArray

    @property
    def depth(self) -> int:
        return int(self.faces.shape[1])

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        return {
            "own": self.own,
            "faces": self.faces,
            "similarity": self.similarity,
            "distance": self.distance,
        }

    def rows(self, rows: slice | IntArray) -> _Nearest:
        return _Nearest(**{name: array[rows] for name, array in self.arrays().items()})

    def columns(self, order: IntArray) -> _Nearest:
        return _Nearest(
            **{name: np.take_along_axis(array, order, axis=1) for name, array in self.arrays().items()}
        )

    def where(self, there: npt.NDArray[np.bool_]) -> _Nearest:
        """The same with nothing where no neighbour is left."""
        return _Nearest(
            **{name: np.where(there, array, _NOTHING[name]) for name, array in self.arrays().items()}
        )

    def nearness(self, metric: str) -> FloatArray:
        return self.similarity if metric == "cosine" else -self.distance


def _side_by_side(parts: Sequence[_Nearest]) -> _Nearest:
    columns = [part.arrays() for part in parts]
    return _Nearest(**{name: np.concatenate([one[name] for one in columns], axis=1) for name in _NOTHING})


@dataclass(kw_only=True)
class Neighbours:
    """The nearest source images of each generated image.

    The first search goes a little deeper than asked. Where so many neighbours are taken out (by a screen, by a waiver,
    because a second embedder disagrees) that too few are left, the images concerned are searched again, deeper.

    Attributes:
        generated: The generated images.
        source: The source images, each content once.
        metric: ``cosine`` or ``euclidean``.
    """

    generated: Gallery
    source: Gallery
    metric: str
    _shallow: _Nearest | None = field(default=None, init=False)
    _deep: dict[int, _Nearest] = field(default_factory=dict, init=False)

    def matches(self, k: int, gone: Gone = Gone()) -> Matches:  # noqa: B008  frozen
        """The k nearest source images of each generated image that are left.

        Args:
            k: Neighbours wanted; there may be fewer source images.
            gone: What is taken out.

        Raises:
            InconclusiveError: That many neighbours cannot be held.
        """
        k = min(k, len(self.source))
        self._search(k)
        counted = ~self.generated.rows_of(gone.generated)
        while True:
            found, short = self._selected(k, gone)
            if not (short & counted).any():
                break
            self._deepen(np.flatnonzero(short & counted))
        found = found.rows(np.flatnonzero(counted))
        return Matches(
            generated=tuple(itertools.compress(self.generated.images, counted)),
            source=self.source.images,
            source_index=np.where(found.faces >= 0, self.source.image_of[found.faces], -1),
            similarity=found.similarity,
            distance=found.distance,
            generated_box=_boxes(self.generated, found.own),
            source_box=_boxes(self.source, found.faces),
        )

    def nothing_left(self, gone: Gone) -> bool:
        """Whether no generated image or no source image is left at all."""
        return bool(self.generated.rows_of(gone.generated).all() or self.source.rows_of(gone.source).all())

    def _search(self, k: int) -> None:
        depth = min(k + _SPARE, len(self.source.templates))
        if self._shallow is None or self._shallow.depth < depth:
            self._shallow = self._nearest(np.arange(len(self.generated.templates)), depth)
            self._deep.clear()

    def _deepen(self, images: IntArray) -> None:
        """Searches twice as deep for the faces of these images."""
        faces = np.flatnonzero(np.isin(self.generated.image_of, images))
        depths = np.array([self._of(int(face)).depth for face in faces])
        for depth in np.unique(depths):
            same = faces[depths == depth]
            found = self._nearest(same, min(2 * int(depth), len(self.source.templates)))
            self._deep.update({int(face): found.rows(slice(n, n + 1)) for n, face in enumerate(same)})

    def _nearest(self, faces: IntArray, depth: int) -> _Nearest:
        if depth * len(faces) > _MOST_NEIGHBOURS:
            raise InconclusiveError(
                f"{depth:,} neighbours of each of {len(faces):,} faces are too many to hold",
                detail=f"At most {_MOST_NEIGHBOURS:,} can be held at a time: choose a smaller k, or compare fewer "
                "images at a time.",
            )
        queries = self.generated.part(faces)
        rows, similarity, distance = nearest(queries, self.source.templates, depth, metric=self.metric)
        own = np.broadcast_to(faces[:, None], rows.shape)
        return _Nearest(own=own, faces=rows, similarity=similarity, distance=distance)

    def _of(self, face: int) -> _Nearest:
        assert self._shallow is not None
        return self._deep[face] if face in self._deep else self._shallow.rows(slice(face, face + 1))

    def _selected(self, k: int, gone: Gone) -> tuple[_Nearest, npt.NDArray[np.bool_]]:
        """For each image its k nearest that are left, and whether it has to be searched deeper."""
        picked, short = self._of_first_faces(k, gone)
        special = self.generated.n_faces > 1
        special[self.generated.image_of[list(self._deep)]] = True
        for image in np.flatnonzero(special):
            merged, short[image] = self._of_all_faces(int(image), k, gone)
            for name, array in picked.arrays().items():
                array[image] = merged.arrays()[name][0]
        return picked, short

    def _of_first_faces(self, k: int, gone: Gone) -> tuple[_Nearest, npt.NDArray[np.bool_]]:
        """All images at once, right for those that show one face and were not searched deeper."""
        assert self._shallow is not None
        found = self._shallow.rows(self.generated.first_face)
        left = self._left(np.arange(len(self.generated)), found.faces, gone)
        order = np.argsort(~left, axis=1, kind="stable")[:, :k]
        picked = found.columns(order).where(np.take_along_axis(left, order, axis=1))
        return picked, (left.sum(axis=1) < k) & (found.depth < len(self.source.templates))

    def _of_all_faces(self, image: int, k: int, gone: Gone) -> tuple[_Nearest, bool]:
        """One image: its k nearest that are left, whichever of its faces they are near to."""
        start = int(self.generated.first_face[image])
        alone = [self._of(face) for face in range(start, start + int(self.generated.n_faces[image]))]
        both = _side_by_side(alone)
        both = both.columns(np.lexsort((both.faces, -both.nearness(self.metric)), axis=1))
        left = self._left(np.array([image]), both.faces, gone)
        left &= ~_seen_before(np.where(left, self.source.image_of[both.faces], -1)) | ~left
        order = np.argsort(~left, axis=1, kind="stable")[:, :k]
        picked = both.columns(order).where(np.take_along_axis(left, order, axis=1))
        return picked, self._may_miss(picked, alone)

    def _may_miss(self, picked: _Nearest, alone: Sequence[_Nearest]) -> bool:
        """Whether a neighbour that was not looked at could be nearer than the last one picked."""
        unseen = [one for one in alone if one.depth < len(self.source.templates)]
        if picked.faces[0, -1] < 0 or len(alone) == 1:
            return bool(unseen) and picked.faces[0, -1] < 0
        last = picked.nearness(self.metric)[0, -1]
        return any(one.nearness(self.metric)[0, -1] >= last for one in unseen)

    def _left(self, images: IntArray, faces: IntArray, gone: Gone) -> npt.NDArray[np.bool_]:
        """Which neighbours are left; of a source image's faces only the nearest is."""
        sources = self.source.image_of[faces]
        left = np.ones(faces.shape, dtype=bool)
        if len(self.source.templates) > len(self.source):
            left &= ~_seen_before(sources)
        if gone.source:
            left &= ~self.source.rows_of(gone.source)[sources]
        line_of = {int(image): n for n, image in enumerate(images)} if gone.pairs else {}
        for generated, source in gone.pairs:
            rows = self.source.row_of.get(source, [])
            for image in self.generated.row_of.get(generated, []):
                if image in line_of:
                    left[line_of[image]] &= ~np.isin(sources[line_of[image]], rows)
        return left


def _seen_before(rows: IntArray) -> npt.NDArray[np.bool_]:
    """Which entries stand further left in their line already."""
    order = np.argsort(rows, axis=1, kind="stable")
    ordered = np.take_along_axis(rows, order, axis=1)
    again = np.zeros(rows.shape, dtype=bool)
    again[:, 1:] = ordered[:, 1:] == ordered[:, :-1]
    seen = np.empty_like(again)
    np.put_along_axis(seen, order, again, axis=1)
    return seen


def _boxes(gallery: Gallery, faces: IntArray) -> FloatArray | None:
    return None if gallery.boxes is None else gallery.boxes[faces]


def between(one: Gallery, row: int, other: Gallery, other_row: int) -> tuple[FloatArray, FloatArray]:
    """Cosine and Euclidean distance of each face of one image with each of another."""
    left, right = one.faces_of(row), other.faces_of(other_row)
    return figures(one.part(np.repeat(left, len(right))), other.part(np.tile(right, len(left))))
