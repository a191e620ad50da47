"""Nearest source images of generated images, looked up only as deep as a verdict needs.

A picture may show several faces. Two pictures are as near as their two nearest faces, so that no face of a group can
hide behind another; each source picture counts once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from faceleak_check.matches import Gone, Matches
from faceleak_check.records import IntArray
from faceleak_check.search.engine import SearchEngine, Sources
from faceleak_check.search.gallery import Gallery, between
from faceleak_check.search.known import Known, Seen
from faceleak_check.search.pairs import NearestPairs
from faceleak_check.search.picked import Picked
from faceleak_check.search.remaining import Remaining

__all__ = ["Gallery", "Neighbours", "between"]

_SPARE = 2
"""Neighbours beyond those asked for that are looked up in the same pass, as some may be taken out."""


@dataclass(kw_only=True)
class Neighbours:
    """The nearest source images of each generated image.

    The first search goes a little deeper than asked. Where so many neighbours are taken out (by a screen, by a waiver,
    because a second embedder disagrees) that too few are left, the images concerned are searched again, deeper.

    Attributes:
        generated: The generated images.
        source: The source images, each content once.
        metric: ``cosine`` or ``euclidean``.
        engine: How neighbours are looked for.
    """

    generated: Gallery
    source: Gallery
    metric: str
    engine: SearchEngine = field(default_factory=SearchEngine)
    _known: Known | None = field(default=None, init=False)

    def matches(self, k: int, gone: Gone = Gone()) -> Matches:  # noqa: B008  frozen
        """The k nearest source images of each generated image that are left.

        Args:
            k: Neighbours wanted; there may be fewer source images.
            gone: What is taken out.

        Raises:
            InconclusiveError: That many neighbours cannot be held, or the device is not there.
        """
        k = min(k, len(self.source))
        known = self._as_deep_as(k)
        remaining = Remaining(self.generated, self.source, gone)
        images, line_of = remaining.images, _places(remaining.images, len(self.generated))
        picked = Picked.none(len(images), k)
        while len(images):
            short = [images[:0]]
            for seen in known.seen(images):
                nearest, is_short = self._nearest(seen, k, remaining)
                picked.put(line_of[seen.images], nearest)
                short.append(seen.images[is_short])
            images = np.concatenate(short)
            known.deepen(images)
        return self._as_matches(remaining.images, picked)

    def best_pairs(self, k: int, gone: Gone = Gone()) -> Matches:  # noqa: B008  frozen
        """The k nearest pairs of all that are left, and those that are as near as the last of them.

        Only the images that may hold more of them are looked up deeper. Of each image only the k nearest count.

        Args:
            k: Pairs wanted.
            gone: What is taken out.

        Returns:
            One neighbour for each pair; a generated image comes as often as it has places.

        Raises:
            InconclusiveError: That many neighbours cannot be held, or the device is not there.
        """
        known = self._as_deep_as(1)
        remaining = Remaining(self.generated, self.source, gone)
        images, pairs = remaining.images, NearestPairs.none(self.metric)
        horizon = np.full(len(self.generated), -np.inf)
        while len(images):
            pairs = pairs.without(images)
            for seen in known.seen(images):
                left = remaining.among(seen.images, seen.neighbours.faces)
                is_full = self._n_certain(seen, left) >= k
                horizon[seen.images] = np.where(is_full, -np.inf, seen.horizon)
                pairs = pairs.joined(seen, left & (left.cumsum(axis=1) <= k)).best(k)
            images = np.flatnonzero(np.isfinite(horizon) & (horizon >= pairs.lowest(k)))
            known.deepen(images)
        return self._as_matches(pairs.images, pairs.picked)

    def nothing_left(self, gone: Gone) -> bool:
        """Whether no generated image or no source image is left at all."""
        return bool(self.generated.rows_of(gone.generated).all() or self.source.rows_of(gone.source).all())

    @property
    def is_approximate(self) -> bool:
        """Whether neighbours may be missed."""
        return self._sources.is_approximate

    @property
    def lists(self) -> tuple[int, int]:
        """Number of lists of an approximate search, and how many of them are looked through for an image."""
        return self._sources.lists

    def n_missed(self, n_most: int) -> tuple[int, int]:
        """Of how many images an approximate search misses the nearest source image.

        Args:
            n_most: Most images to ask, evenly taken in the order of their contents.

        Returns:
            How many were missed, and how many were asked.
        """
        in_order = self.generated.images.in_order_of_content
        places = np.linspace(0, len(in_order) - 1, min(n_most, len(in_order))).astype(np.int64)
        faces = self.generated.first_face[np.unique(in_order[places])]
        return self._sources.n_missed(self.generated.part(faces)), len(faces)

    @cached_property
    def _sources(self) -> Sources:
        return self.engine.over(self.source.templates, self.metric)

    def _as_deep_as(self, k: int) -> Known:
        depth = min(k + _SPARE, len(self.source.templates))
        if self._known is None or self._known.depth < depth:
            self._known = None  # two are not to be held at a time
            self._known = Known(self.generated, self._sources, len(self.source.templates), depth, self.metric)
        return self._known

    def _nearest(self, seen: Seen, k: int, remaining: Remaining) -> tuple[Picked, npt.NDArray[np.bool_]]:
        """The k nearest that are left of each image, and which images have to be searched deeper."""
        left = remaining.among(seen.images, seen.neighbours.faces)
        if left[:, :k].all():
            nearest, is_short = seen.neighbours.at(np.s_[:, :k]), np.zeros(len(left), dtype=bool)
        else:
            order = np.argsort(~left, axis=1, kind="stable")[:, :k]
            there = np.take_along_axis(left, order, axis=1)
            nearest = seen.neighbours.sorted_by(order).where(there)
            is_short = ~there[:, -1]
        if seen.n_faces > 1:  # what is not known of one face may be nearer than what is known of another
            is_short |= seen.horizon >= nearest.nearness(self.metric)[:, -1]
        return nearest, is_short & np.isfinite(seen.horizon)

    def _n_certain(self, seen: Seen, left: npt.NDArray[np.bool_]) -> IntArray:
        """How many of each image's neighbours that are left are known to be the nearest of all."""
        if seen.n_faces > 1:  # what is known of one face may be nearer to another, of which it is not known
            left = left & (seen.neighbours.nearness(self.metric) > seen.horizon[:, None])
        n_left: IntArray = left.sum(axis=1)
        return n_left

    def _as_matches(self, images: IntArray, picked: Picked) -> Matches:
        return Matches(
            generated=self.generated.images.taken(images),
            source=self.source.images,
            source_index=np.where(picked.faces >= 0, self.source.image_of[picked.faces], -1),
            similarity=picked.similarity,
            distance=picked.distance,
            generated_box=self.generated.boxes_of(picked.own),
            source_box=self.source.boxes_of(picked.faces),
        )


def _places(rows: IntArray, n: int) -> IntArray:
    """For each of n rows its place among some of them; -1 for the others."""
    places = np.full(n, -1)
    places[rows] = np.arange(len(rows))
    return places
