"""The simpler rules beside the gate: how near each picture comes to the source by each of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import imagehash
import numpy as np
import numpy.typing as npt
from normalised import normalised
from PIL import Image
from planting import Picture

from faceleak_check.embedding import EmbeddedSets, build_embedder
from faceleak_check.executors.local import LocalExecutor
from faceleak_check.image_sets import EmbeddedSet
from faceleak_check.policy.schema import Dataset, EmbedderChoice, Labels
from faceleak_check.readers.decode import decode
from faceleak_check.silence import silent

__all__ = ["COSINE", "HASH", "HASH_BITS", "MEANS", "NOT_COMPARED", "Book", "Gallery", "embedded"]

COSINE, HASH, MEANS = "fixed cosine", "perceptual hash", "identity means"
HASH_BITS = 10
"""Bits of two hashes that may differ in duplicates: the default of imagededup."""
NOT_COMPARED = -np.inf

Floats = npt.NDArray[np.float32]


def embedded(pictures: Path, store: Path) -> EmbeddedSet:
    """All pictures of a folder, embedded and hashed by the package's own reader, detector, aligner and store."""
    dataset = Dataset(
        name="pictures",
        path=pictures,
        format="folder",
        labels=Labels(kind="none"),
        columns=None,
        line=1,
        column=1,
    )
    sets = EmbeddedSets(store, LocalExecutor(decode), silent, [])
    choice = EmbedderChoice(name="dlib-resnet", align="mtcnn")
    found = sets.embed(dataset, choice, build_embedder(choice))
    sets.hashes(found, found.images)
    return found


class Book:
    """Templates and hashes of pictures."""

    def __init__(self, one: EmbeddedSet) -> None:
        gallery = one.gallery()
        rows = {image.id: gallery.faces_of(row) for row, image in enumerate(gallery.images)}
        self._templates = {name: gallery.templates.vectors[faces] for name, faces in rows.items()}
        self._hashes: dict[Path, npt.NDArray[np.bool_]] = {}
        self._nothing = np.empty((0, gallery.templates.vectors.shape[1]), np.float32)

    def templates(self, picture: Picture) -> Floats:
        """One row for each face, none where no face was found."""
        return self._templates.get(f"{picture.kind}/{picture.name}", self._nothing)

    def perceptual_hash(self, file: Path) -> npt.NDArray[np.bool_]:
        """imagehash's pHash of a file, shape (64,)."""
        if file not in self._hashes:
            picture = Image.fromarray(decode(file.read_bytes()))
            self._hashes[file] = imagehash.phash(picture).hash.ravel()
        return self._hashes[file]


@dataclass(frozen=True, kw_only=True)
class Gallery:
    """The source photographs as the simple rules see them.

    Attributes:
        book: Templates and hashes.
        files: The file of each picture.
        source: The source pictures.
        control: The control's.
    """

    book: Book
    files: Mapping[Picture, Path]
    source: Sequence[Picture]
    control: Sequence[Picture]

    def values(self, pictures: Iterable[Picture]) -> dict[str, dict[Picture, float]]:
        """How near each picture comes to the source, by rule: a cosine, or minus the number of bits that differ."""
        wanted = list(pictures)
        templates = [self.book.templates(picture) for picture in self.source]
        faces = np.concatenate(templates)
        means = self._means(templates)
        hashes = np.stack([self.book.perceptual_hash(self.files[picture]) for picture in self.source])
        found: dict[str, dict[Picture, float]] = {COSINE: {}, MEANS: {}, HASH: {}}
        for picture in wanted:
            probe = self.book.templates(picture)
            found[COSINE][picture] = _highest(probe, faces)
            found[MEANS][picture] = _highest(probe, means)
            differ = hashes != self.book.perceptual_hash(self.files[picture])
            found[HASH][picture] = -float(differ.sum(axis=1).min())
        return found

    def normalised(self, pictures: Sequence[Picture]) -> dict[str, dict[Picture, float]]:
        """How near each picture comes by cosines set against the control, by name; of its largest face alone."""
        seen = [picture for picture in pictures if len(self.book.templates(picture))]
        found = normalised(*(self._largest(some) for some in (seen, self.source, self.control)))
        return {
            name: dict.fromkeys(pictures, NOT_COMPARED) | dict(zip(seen, values.tolist(), strict=True))
            for name, values in found.items()
        }

    def _largest(self, pictures: Sequence[Picture]) -> Floats:
        return np.concatenate([self.book.templates(picture)[:1] for picture in pictures])

    def _means(self, templates: Sequence[Floats]) -> Floats:
        """The mean of each person's templates, of the largest face of each photograph."""
        of_person: dict[str, list[Any]] = {}
        for picture, rows in zip(self.source, templates, strict=True):
            of_person.setdefault(picture.shot.person, []).extend(rows[:1])
        means = np.stack([np.mean(rows, axis=0) for rows in of_person.values() if rows])
        return np.asarray(means / np.linalg.norm(means, axis=1, keepdims=True), np.float32)


def _highest(probe: Floats, gallery: Floats) -> float:
    return float((probe @ gallery.T).max()) if len(probe) else NOT_COMPARED
