"""The nearest image of another person in the same set: what somebody who is not in a gallery would find in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from faceleak_check.records import FloatArray, ImageList, IntArray
from faceleak_check.search.engine import SearchEngine
from faceleak_check.search.gallery import Gallery
from faceleak_check.search.places import Barred

__all__ = ["Strangers", "strangers"]


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


def strangers(gallery: Gallery, *, n_most: int = 8192, engine: SearchEngine | None = None) -> Strangers:
    """For images of a labelled gallery, the nearest image of somebody else: leave one person out.

    Images without a name are neither asked nor found, as nobody knows whom they show.

    Args:
        gallery: The images, each content once.
        n_most: Most images to ask; of more, those are taken that come first when each person's first images (by
            content) are asked before anybody's second.
        engine: How neighbours are looked for.

    Raises:
        ModelError: The device is not there.
    """
    named_rows = np.flatnonzero(_is_named(gallery.images))
    named = gallery.of_images(named_rows)
    probes = _probes(named.images, n_most)
    asked = named.of_images(probes)
    if not len(probes):
        return Strangers(probe=probes, nearest=probes, similarity=np.empty(0))
    sources = (engine or SearchEngine()).exact.over(named.templates, "cosine")
    found = sources.nearest(asked.templates, 1, _own(named, asked))
    rows, cosines = found.rows[:, 0].astype(np.int64), found.similarity[:, 0]
    # of a picture of several people that face counts which finds the nearest stranger
    best = np.lexsort((rows, -cosines, asked.image_of))[asked.first_face]
    nearest = np.where(rows[best] >= 0, named_rows[named.image_of[rows[best]]], -1)
    return Strangers(probe=named_rows[probes], nearest=nearest, similarity=cosines[best])


def _is_named(images: ImageList) -> np.ndarray:
    return np.array([bool(names) for names in images.columns.labels], dtype=bool)[images.people]


def _probes(images: ImageList, n_most: int) -> IntArray:
    """Everybody's first images, then everybody's second ones and so on, in the order of their contents."""
    in_order = images.in_order_of_content
    by_person = np.argsort(images.people[in_order], kind="stable")
    people = images.people[in_order][by_person]
    turn = np.empty(len(people), dtype=np.int64)
    turn[by_person] = np.arange(len(people)) - np.searchsorted(people, people)
    return np.sort(in_order[np.argsort(turn, kind="stable")[:n_most]])


def _own(named: Gallery, asked: Gallery) -> Barred:
    """For each face that is asked, the faces in all images that may show the same person."""
    order = np.argsort(named.images.people[named.image_of], kind="stable")
    people = named.images.people[named.image_of][order]
    ends = np.searchsorted(people, np.arange(len(named.images.columns.labels) + 1))
    related = _related(named.images.columns.labels)
    queries, sources = [], []
    for query, person in enumerate(asked.images.people[asked.image_of].tolist()):
        for other in related[person]:
            mine = order[ends[other] : ends[other + 1]]
            queries.append(np.full(len(mine), query))
            sources.append(mine)
    faces = np.concatenate(sources)
    rising = np.argsort(faces, kind="stable")
    return Barred(queries=np.concatenate(queries)[rising], sources=faces[rising])


def _related(labels: tuple[tuple[str, ...], ...]) -> list[list[int]]:
    """For each set of names those that share a name with it, itself among them."""
    with_name: dict[str, list[int]] = {}
    for number, names in enumerate(labels):
        for name in names:
            with_name.setdefault(name, []).append(number)
    return [sorted({other for name in names for other in with_name[name]}) for names in labels]
