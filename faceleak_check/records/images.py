"""Images, and where each of them went."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from faceleak_check.records.image_list import ImageList
from faceleak_check.records.set_digests import contents_sha256, labels_sha256, manifest_lines

__all__ = [
    "IN_SOURCE",
    "NO_FACE",
    "SEVERAL_FACES",
    "UNREADABLE",
    "UNSEEN_FOLDER",
    "Alignment",
    "Counts",
    "Exclusion",
    "ImageSet",
    "SetSummary",
    "Survey",
]

UNREADABLE = "unreadable"
"""The exclusion rule of files that should be images and cannot be decoded."""

NO_FACE = "no_face"
"""The exclusion rule of pictures in which no face was found, where faces are looked for."""

SEVERAL_FACES = "several_faces"
"""The exclusion rule of pictures with more faces than one, where the policy says ``faces: error``."""

IN_SOURCE = "in_source"
"""The exclusion rule of control images that show a person of the source set."""

UNSEEN_FOLDER = "folder"
"""The exclusion rule of folders that could not be looked into: one exclusion, any number of images."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Exclusion:
    """An image that was seen and could not be, or was not, compared.

    Attributes:
        id: Name inside the dataset.
        rule: Why: ``unreadable``, ``no_face`` or the name of a screen.
        reason: One sentence on this image.
        sha256: Digest of the bytes where they could be read.
        value: What the screen that took it out gave it, in [0, 1].
    """

    id: str
    rule: str
    reason: str
    sha256: str | None = None
    value: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageSet:
    """What a reader found in a dataset.

    Attributes:
        name: The dataset's name in the policy.
        images: The images, in the order of their ids.
        excluded: Files that should be images and cannot be read.
        n_other_files: Number of files that are no images, by suffix.
    """

    name: str
    images: ImageList
    excluded: tuple[Exclusion, ...] = ()
    n_other_files: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "images", ImageList.of(self.images))

    def without(self, contents: Collection[str]) -> ImageSet:
        """The set as if there were no files of these contents.

        Args:
            contents: Content digests, 64 hexadecimal digits each.
        """
        if not contents:
            return self
        left = np.flatnonzero(~self.images.by_content.rows_among(contents))
        excluded = tuple(gone for gone in self.excluded if gone.sha256 not in contents)
        return replace(self, images=self.images.taken(left), excluded=excluded)

    @property
    def sha256(self) -> str:
        """Digest of the set: every id with its content digest, in the order of the ids."""
        return contents_sha256(self.images, self._lost)

    def manifest(self) -> Iterator[bytes]:
        """The lines ``<digest>  <id>`` that the set's Merkle tree is built on, some at a time, with their newlines.

        They are in the order of the ids' bytes. What could not be read has its rule in place of a digest.
        """
        return manifest_lines(self.images, self._lost)

    @property
    def _lost(self) -> list[tuple[str, str]]:
        return [(gone.id, gone.sha256 or gone.rule) for gone in self.excluded]

    @property
    def n_people(self) -> int | None:
        """Number of people named; None where nobody is."""
        return len(self.images.names) or None

    @property
    def labels_sha256(self) -> str | None:
        """Digest of who is said to be in which image; None where nobody is named."""
        return labels_sha256(self.images) if self.images.names else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Counts:
    """Where each image of a set went: ``n_seen`` is the sum of all the others.

    Attributes:
        n_seen: Images found.
        n_embedded: Images compared.
        n_unreadable: Files that should be images and cannot be decoded.
        n_excluded: Images taken out by a rule, by the rule's name.
    """

    n_seen: int
    n_embedded: int
    n_unreadable: int
    n_excluded: Mapping[str, int] = field(default_factory=dict)

    @property
    def n_left_out(self) -> int:
        """Images seen and not compared."""
        return self.n_unreadable + sum(self.n_excluded.values())


@dataclass(frozen=True, kw_only=True, slots=True)
class Survey:
    """What a sample of a dataset looks like to the face detector.

    Attributes:
        n_sampled: Pictures looked at.
        n_with_face: Those in which a face was found.
        offset: How far from where the embedder's template has them the five points of nine in ten of the largest faces
            lie at most, when the whole picture is taken as a chip, in units of the template's eye distance; None where
            no face was found.
    """

    n_sampled: int
    n_with_face: int
    offset: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Alignment:
    """How the pictures of a dataset become face chips.

    Attributes:
        asked: What the policy says: ``none``, ``mtcnn`` or ``auto``.
        used: What is done.
        reason: Why, in one sentence with the survey's figures.
        warnings: What looks wrong about it.
        survey: What a sample looked like; None where the embedder has no template to compare with.
    """

    asked: Literal["none", "mtcnn", "auto"]
    used: Literal["none", "mtcnn"]
    reason: str
    warnings: tuple[str, ...] = ()
    survey: Survey | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class SetSummary:
    """What a verdict tells of one of the sets that it compared.

    Attributes:
        name: The dataset's name in the policy.
        sha256: Digest of the set.
        labels_sha256: Digest of who is said to be in which image; None where nobody is named.
        counts: Where each image went.
        excluded: Each image left out, with its rule and reason.
        n_other_files: Number of files that are no images, by suffix.
        n_faces: Number of faces compared; None where whole pictures are.
        median_norm: Median length of the embeddings before scaling, which with some networks (AdaFace) tells how good
            the pictures are; None without templates.
        alignments: How pictures became face chips, and why so, by the name of the embedder in the policy; empty for
            match lists.
        n_people: Number of people named; None where nobody is.
        found: What the reader found, which the set's Merkle tree and manifest are made of; None where nothing was read.
    """

    name: str
    sha256: str
    counts: Counts
    labels_sha256: str | None = None
    excluded: tuple[Exclusion, ...] = ()
    n_other_files: Mapping[str, int] = field(default_factory=dict)
    n_faces: int | None = None
    median_norm: float | None = None
    alignments: Mapping[str, Alignment] = field(default_factory=dict)
    n_people: int | None = None
    found: ImageSet | None = field(default=None, compare=False, repr=False)
