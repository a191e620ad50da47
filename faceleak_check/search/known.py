"""The nearest source faces of generated faces as far as they are known: of some images deeper than of others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from faceleak_check.records import FloatArray, IntArray
from faceleak_check.search.engine import Sources
from faceleak_check.search.figures import Nearest
from faceleak_check.search.gallery import Gallery
from faceleak_check.search.memory import require_room
from faceleak_check.search.picked import Picked

__all__ = ["Known", "Seen"]

_NUMBERS = 1_000_000
"""Neighbours that are looked at together."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """What is known of some images that show equally many faces.

    Attributes:
        images: Their rows, shape (n,).
        neighbours: Their neighbours, nearest first, arrays of shape (n, m).
        horizon: Nearness of the last neighbour that is known of one of their faces, shape (n,): no other neighbour is
            nearer; minus infinity where there is no other.
        n_faces: Number of faces of each.
    """

    images: IntArray
    neighbours: Picked
    horizon: FloatArray
    n_faces: int


@dataclass(frozen=True, kw_only=True, slots=True)
class _Level:
    """Faces that were looked up equally deep.

    Attributes:
        faces: Their rows, ascending; None for all.
        found: What was found.
    """

    faces: IntArray | None
    found: Nearest

    def of(self, faces: IntArray) -> Nearest:
        return self.found.lines(faces if self.faces is None else np.searchsorted(self.faces, faces))

    def joined(self, faces: IntArray, found: Nearest) -> _Level:
        assert self.faces is not None
        both = np.concatenate([self.faces, faces])
        order = np.argsort(both)
        whole = Nearest.none(len(both), found.depth, 0 if found.rows.dtype == np.int32 else 2**31)
        whole.put(slice(0, len(self.faces)), self.found)
        whole.put(slice(len(self.faces), None), found)
        return _Level(faces=both[order], found=whole.lines(order))


class Known:
    """Looks up all generated faces, and some of them deeper when they are asked for.

    Args:
        generated: The generated images.
        sources: Templates of the source images' faces.
        n_sources: Number of those.
        depth: How many neighbours of each face to look up at first.
        metric: ``cosine`` or ``euclidean``.

    Raises:
        InconclusiveError: That many neighbours cannot be held.
    """

    def __init__(self, generated: Gallery, sources: Sources, n_sources: int, depth: int, metric: str) -> None:
        self._generated = generated
        self._sources = sources
        self._n_sources = n_sources
        self._metric = metric
        self.depth = min(depth, n_sources)
        self._levels: dict[int, _Level] = {}
        self._depth_of = np.full(len(generated), self.depth)
        self._look_up(None, self.depth)

    def deepen(self, images: IntArray) -> None:
        """Looks twice as deep for the faces of these images."""
        for depth in np.unique(self._depth_of[images]).tolist():
            mine = images[self._depth_of[images] == depth]
            deeper = min(2 * depth, self._n_sources)
            self._look_up(np.sort(self._generated.faces_of_all(mine)), deeper)
            self._depth_of[mine] = deeper

    def _look_up(self, faces: IntArray | None, depth: int) -> None:
        templates = self._generated.templates if faces is None else self._generated.templates.taken(faces)
        each = Nearest.none(1, depth, self._n_sources).nbytes
        require_room(each * len(templates), f"{depth:,} neighbours of each of {len(templates):,} faces")
        found = self._sources.nearest(templates, depth)
        if faces is not None and depth in self._levels:
            self._levels[depth] = self._levels[depth].joined(faces, found)
        else:
            self._levels[depth] = _Level(faces=faces, found=found)

    def seen(self, images: IntArray) -> Iterator[Seen]:
        """What is known of these images, some thousand at a time: those that are alike together."""
        n_faces, depths = self._generated.n_faces[images], self._depth_of[images]
        order = np.lexsort((n_faces, depths))
        alike = np.flatnonzero(np.diff(n_faces[order]) | np.diff(depths[order])) + 1
        for group in np.split(images[order], alike):
            if len(group):
                yield from self._seen(group, int(self._generated.n_faces[group[0]]))

    def _seen(self, images: IntArray, n_faces: int) -> Iterator[Seen]:
        level = self._levels[int(self._depth_of[images[0]])]
        n_images = max(1, _NUMBERS // (n_faces * level.found.depth))
        for start in range(0, len(images), n_images):
            some = images[start : start + n_images]
            faces = self._generated.first_face[some, None] + np.arange(n_faces)
            yield self._together(some, faces, level.of(faces.ravel()))

    def _together(self, images: IntArray, faces: IntArray, found: Nearest) -> Seen:
        """Two pictures are as near as their two nearest faces."""
        n = len(images)
        last = found.nearness(self._metric)[:, -1].reshape(n, -1).max(axis=1)
        known = Picked(
            own=np.repeat(faces, found.depth, axis=1),
            faces=found.rows.reshape(n, -1),
            similarity=found.similarity.reshape(n, -1),
            distance=found.distance.reshape(n, -1),
        )
        if faces.shape[1] > 1:
            known = known.sorted_by(np.lexsort((known.faces, -known.nearness(self._metric)), axis=1))
        horizon = np.full(n, -np.inf) if found.depth == self._n_sources else last
        return Seen(images=images, neighbours=known, horizon=horizon, n_faces=faces.shape[1])
