"""The nearest image of another person in the same set: what somebody who is not in a gallery would find in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from faceleak_check.records import FloatArray, IntArray
from faceleak_check.search.neighbours import Gallery

__all__ = ["Strangers", "strangers"]

_PROBE_FACES = 1024
_GALLERY_FACES = 65_536


@dataclass(frozen=True, kw_only=True, slots=True)
class Strangers:
    """The nearest stranger of each probe.

    Attributes:
        probe: Row of each probe in the gallery, int64, shape (n,).
        nearest: Row of the nearest image of another person; -1 where the gallery shows nobody else.
        similarity: Cosine to it; -2 where there is none.
    """

    probe: IntArray
    nearest: IntArray
    similarity: FloatArray


def strangers(gallery: Gallery, *, n_most: int = 8192) -> Strangers:
    """For images of a labelled gallery, the nearest image of somebody else: leave one person out.

    Images without a name are neither asked nor found, as nobody knows whom they show.

    Args:
        gallery: The images, each content once.
        n_most: Most images to ask; of more, those are taken that come first when each person's first images (by
            content) are asked before anybody's second.
    """
    named = np.array([bool(image.labels) for image in gallery.images], dtype=bool)
    probes = _probes(gallery, named, n_most)
    codes = _codes(gallery)
    nearest = np.full(len(probes), -1, dtype=np.int64)
    similarity = np.full(len(probes), -2.0)
    for start in range(0, len(probes), _PROBE_FACES):
        block = slice(start, start + _PROBE_FACES)
        nearest[block], similarity[block] = _highest(gallery, probes[block], codes, named)
    return Strangers(probe=probes, nearest=nearest, similarity=similarity)


def _probes(gallery: Gallery, named: np.ndarray, n_most: int) -> IntArray:
    taken: dict[tuple[str, ...], int] = {}
    turn = []
    for row in sorted(np.flatnonzero(named).tolist(), key=lambda row: gallery.images[row].sha256):
        labels = gallery.images[row].labels
        taken[labels] = taken.get(labels, 0) + 1
        turn.append((taken[labels], row))
    return np.array(sorted(row for _, row in sorted(turn, key=lambda one: one[0])[:n_most]), dtype=np.int64)


def _codes(gallery: Gallery) -> list[frozenset[int]]:
    numbers: dict[str, int] = {}
    return [
        frozenset(numbers.setdefault(label, len(numbers)) for label in image.labels)
        for image in gallery.images
    ]


def _highest(
    gallery: Gallery, probes: IntArray, codes: list[frozenset[int]], named: np.ndarray
) -> tuple[IntArray, FloatArray]:
    mine = gallery.of_images(probes)
    best = np.full(len(probes), -2.0)
    rows = np.full(len(probes), -1, dtype=np.int64)
    own = _own_faces(gallery, probes, codes)
    for start in range(0, len(gallery.templates), _GALLERY_FACES):
        faces = np.arange(start, min(start + _GALLERY_FACES, len(gallery.templates)))
        images = gallery.image_of[faces]
        cosines = mine.templates.vectors @ gallery.templates.vectors[faces].T
        cosines = np.maximum.reduceat(cosines, mine.first_face, axis=0)
        cosines[:, ~named[images]] = -2.0
        for line, mine_too in enumerate(own):
            here = mine_too[(mine_too >= start) & (mine_too <= faces[-1])]
            cosines[line, here - start] = -2.0
        columns = cosines.argmax(axis=1)
        highest = cosines[np.arange(len(probes)), columns].astype(np.float64)
        better = highest > best
        best[better], rows[better] = highest[better], images[columns[better]]
    return rows, np.clip(best, -2.0, 1.0)


def _own_faces(gallery: Gallery, probes: IntArray, codes: list[frozenset[int]]) -> list[IntArray]:
    """For each probe the faces in all images that may show the same person."""
    by_person: dict[int, list[int]] = {}
    for face, image in enumerate(gallery.image_of.tolist()):
        for person in codes[image]:
            by_person.setdefault(person, []).append(face)
    return [
        np.array(sorted({face for person in codes[probe] for face in by_person[person]}), dtype=np.int64)
        for probe in probes.tolist()
    ]
