"""Who takes part in a calibration, and what people find in a gallery that they are not in."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import numpy as np

from faceleak_check.checks.statistics import impostors
from faceleak_check.image_sets import EmbeddedSet
from faceleak_check.policy.pinned import PinnedThresholds
from faceleak_check.records import EmbedderSpec, FloatArray, ImageList, ImageRef, Suspect
from faceleak_check.search.engine import SearchEngine
from faceleak_check.search.neighbours import Gallery, Neighbours

__all__ = [
    "CalibrationSets",
    "Strangers",
    "Unseen",
    "compared",
    "contents",
    "control_in_source",
    "is_suspect",
]


@dataclass(frozen=True, kw_only=True, eq=False)
class CalibrationSets:
    """What a threshold may be found on.

    Attributes:
        name: The embedder's name in the policy.
        spec: The embedder.
        source: The source set.
        control: People whom the generator never saw; None where the check names none.
        calibration: A labelled set for this alone; None where the check names none.
        pinned: The policy's file of thresholds; None where it has none.
        engine: How nearest neighbours are looked for.
    """

    name: str
    spec: EmbedderSpec
    source: EmbeddedSet
    control: EmbeddedSet | None = None
    calibration: EmbeddedSet | None = None
    pinned: PinnedThresholds | None = None
    engine: SearchEngine = field(default_factory=SearchEngine)

    @property
    def all(self) -> tuple[EmbeddedSet, ...]:
        """Those of calibration, source and control that there are."""
        sets = (self.calibration, self.source, self.control)
        return tuple(one for one in sets if one is not None)

    @property
    def labelled(self) -> EmbeddedSet | None:
        """The set whose impostor pairs count: the first labelled one of `all`."""
        return next((one for one in self.all if one.summary.n_people), None)


@dataclass(frozen=True, kw_only=True)
class Unseen:
    """What people who are not in the gallery find in it.

    Attributes:
        images: Images of unseen people, u.
        gallery: The source images, each content once.
        nearest: Row in the gallery of the best match of each, int64, shape (u,).
        similarity: Cosine to it, shape (u,).
        vectors: Template of each (of its first face), shape (u, dimension).
        origin: Who they are, in words.
        suspects: Pairs of source images that seem to show one person under two names; they are left out.
    """

    images: ImageList
    gallery: Gallery
    nearest: np.ndarray
    similarity: FloatArray
    vectors: np.ndarray
    origin: str
    suspects: tuple[Suspect, ...] = ()

    @property
    def people(self) -> list[tuple[str, ...]]:
        """Who is in each image."""
        return [image.labels or (image.sha256,) for image in self.images]


@dataclass(frozen=True, kw_only=True)
class Strangers:
    """Comparisons of different people of one set.

    Attributes:
        pairs: The comparisons, without those that seem to show one person.
        suspects: Those.
        same_people: Both names of each, in both orders.
    """

    pairs: impostors.Impostors
    suspects: tuple[Suspect, ...]
    same_people: frozenset[tuple[str, str]]


def contents(one: EmbeddedSet) -> str:
    """Digest of all that templates and names come from: one folder may be cut, named and thinned in several ways."""
    digest = hashlib.sha256(f"{one.summary.sha256} {one.summary.labels_sha256} {one.alignment.used}".encode())
    digest.update(one.images.digests.tobytes().hex().encode())
    digest.update(one.templates.n_faces.tobytes())
    return digest.hexdigest()


def compared(one: EmbeddedSet) -> Strangers:
    """Images that show one face and name a person, in the order of their contents."""
    gallery = one.gallery(each_content_once=True)
    rows = gallery.images.in_order_of_content
    named = np.fromiter(map(bool, gallery.images.labels), dtype=bool, count=len(gallery))
    rows = rows[(named & (gallery.n_faces == 1))[rows]]
    people = gallery.images.taken(rows).labels
    # of a million templates no more come into memory than are compared
    chosen = gallery.of_images(rows[impostors.first_of_each_person(people)])
    found = impostors.impostors(np.asarray(chosen.templates.vectors), chosen.images.labels)
    return Strangers(
        pairs=found,
        suspects=tuple(
            Suspect(
                one=chosen.images[pair.first], other=chosen.images[pair.second], similarity=pair.similarity
            )
            for pair in found.suspects
        ),
        same_people=frozenset(
            names
            for pair in found.suspects
            for names in (
                (pair.first_person, pair.second_person),
                (pair.second_person, pair.first_person),
            )
        ),
    )


def is_suspect(one: ImageRef, other: ImageRef, same_people: frozenset[tuple[str, str]]) -> bool:
    """Whether two images belong to people who seem to be one.

    Args:
        one: An image.
        other: Another.
        same_people: Names of such people, each two in both orders.
    """
    return any((left, right) in same_people for left in one.labels for right in other.labels)


def control_in_source(control: EmbeddedSet, source: EmbeddedSet, engine: SearchEngine) -> Unseen:
    """What the people of a control find in the source."""
    probes = control.gallery(each_content_once=True)
    gallery = source.gallery(each_content_once=True)
    exact = engine.exact.between(control.summary.name, source.summary.name)
    matches = Neighbours(generated=probes, source=gallery, metric="cosine", engine=exact).matches(1)
    return Unseen(
        images=probes.images,
        gallery=gallery,
        nearest=matches.source_index[:, 0],
        similarity=matches.similarity[:, 0],
        vectors=probes.templates.vectors[probes.first_face],
        origin=f"people of {control.summary.name!r} against {source.summary.name!r}",
    )
