"""Looks at every image in bf16, and in fp32 only at those that could count.

A template in bf16 lies at some angle from the one in fp32. By the triangle inequality on the sphere, two templates that
are within an angle of each other in fp32 are within that angle plus both of theirs in bf16. So no pair over the
threshold is missed as long as no image's angle is larger than the bound that is used: twice the largest angle seen, on
a sample of each set and on every image that was looked at again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from faceleak_check.checks.leaks import cosine_of
from faceleak_check.embedding import EmbeddedSets
from faceleak_check.image_sets import EmbeddedSet, Role
from faceleak_check.protocols import Embedder
from faceleak_check.records import FloatArray, IntArray, Scan, Templates
from faceleak_check.search.reach import within

__all__ = ["looked_at_again"]

_SAMPLE = 256
_SAFETY = 2.0
_SMALLEST = 1e-3
"""A bound below float32's own rounding would mean nothing."""


def looked_at_again(
    check: object, sets: Mapping[Role, EmbeddedSet], embedded: EmbeddedSets, embedder: Embedder
) -> tuple[dict[Role, EmbeddedSet], Scan]:
    """The sets of a case with the templates in full precision of all images that could be in a leaking pair.

    Args:
        check: A check, with a threshold that is a cosine.
        sets: The sets by role, with templates in bf16.
        embedded: Embeds images.
        embedder: The embedder in full precision.

    Raises:
        InconclusiveError: An image went away, or the store or the model cannot be used.
    """
    cosine = cosine_of(check)
    assert cosine is not None
    again = {role: _Again(sets[role], embedded, embedder) for role in _ROLES}
    for one in again.values():
        one.look(one.sample())
    while True:  # a larger angle than was seen before widens the bound
        bound = max(_SMALLEST, _SAFETY * max(one.largest for one in again.values()))
        lowest = math.cos(min(math.pi, math.acos(min(1.0, max(-1.0, cosine))) + 2 * bound))
        rows = within(again["generated"].bare.gallery(), again["source"].bare.gallery(), lowest)
        found = [one.look(some) for one, some in zip(again.values(), rows, strict=True)]
        if not any(found):
            break
    scan = Scan(
        precision="bf16",
        n_looked_at={role: one.n_seen for role, one in again.items()},
        largest_angle=max(one.largest for one in again.values()),
        bound=bound,
    )
    return {**sets, **{role: one.refined() for role, one in again.items()}}, scan


_ROLES: tuple[Role, ...] = ("generated", "source")


class _Again:
    """One set, of which more and more images are looked at again.

    Attributes:
        bare: The set in bf16.
        largest: The largest angle between both templates of a face, in radians.
    """

    def __init__(self, one: EmbeddedSet, embedded: EmbeddedSets, embedder: Embedder) -> None:
        self.bare = one
        self.largest = 0.0
        self._embedded = embedded
        self._embedder = embedder
        self._seen = np.zeros(len(one.images), dtype=bool)
        self._rows: list[IntArray] = []
        self._templates: list[Templates] = []

    @property
    def n_seen(self) -> int:
        """Number of images that were looked at again."""
        return int(self._seen.sum())

    def sample(self) -> IntArray:
        """Some images, by their contents."""
        return self.bare.images.in_order_of_content[:_SAMPLE]

    def look(self, images: IntArray) -> bool:
        """Looks at those of the images that were not looked at yet; whether there were any."""
        new = images[~self._seen[images]]
        if not len(new):
            return False
        self._seen[new] = True
        found = self._embedded.in_full(self.bare, self.bare.images.taken(new), self._embedder)
        n_faces = self.bare.templates.n_faces[new]
        rows = np.repeat(self.bare.templates.first_row[new], n_faces) + _counted(n_faces)
        # of a picture of which the largest face alone counts, the first template alone is there
        theirs = np.repeat(found.first_row, n_faces) + _counted(n_faces)
        templates = found.templates.part(theirs)
        self.largest = max(
            self.largest,
            _largest_angle(self.bare.templates.templates.vectors[rows], np.asarray(templates.vectors)),
        )
        self._rows.append(rows)
        self._templates.append(templates)
        return True

    def refined(self) -> EmbeddedSet:
        """The set with the templates in full precision where they are known."""
        if not self._rows:
            return self.bare
        templates = Templates(
            vectors=np.concatenate([np.asarray(one.vectors) for one in self._templates]),
            norms=np.concatenate([one.norms for one in self._templates]),
        )
        every = self.bare.templates
        refined = replace(every, templates=every.templates.replaced(np.concatenate(self._rows), templates))
        return replace(self.bare, templates=refined)


def _counted(lengths: IntArray) -> IntArray:
    """0, 1, … for each length, one after the other."""
    ends = np.cumsum(lengths)
    counted: IntArray = np.arange(lengths.sum()) - np.repeat(ends - lengths, lengths)
    return counted


def _largest_angle(one: FloatArray, other: FloatArray) -> float:
    """The largest angle between row and row, in radians; by the chord, which is exact for small ones."""
    chords = np.linalg.norm(one.astype(np.float64) - other.astype(np.float64), axis=1)
    return float(2 * np.arcsin(np.minimum(chords / 2, 1)).max(initial=0.0))
