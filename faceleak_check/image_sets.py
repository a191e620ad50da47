"""Datasets with their templates, and where each of their images went."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from faceleak_check.protocols import OrderedReader, Reader
from faceleak_check.records import (
    NO_FACE,
    SEVERAL_FACES,
    UNREADABLE,
    Alignment,
    Counts,
    Digests,
    Exclusion,
    Face,
    FaceTemplates,
    ImageList,
    ImageRef,
    ImageSet,
    IntArray,
    SetSummary,
)
from faceleak_check.search.neighbours import Gallery

__all__ = [
    "EmbeddedSet",
    "Role",
    "accounted",
    "each_content_once",
    "in_reading_order",
    "summary_of",
    "with_excluded",
]

Role = Literal["generated", "source", "control", "calibration", "dataset", "canaries"]
"""What a dataset is to a check."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class EmbeddedSet:
    """A dataset with its templates.

    Attributes:
        images: The images that can be compared, in the order of their ids.
        templates: The templates of their faces.
        reader: Hands out their bytes.
        summary: Where each image of the dataset went.
        alignment: How its pictures became face chips.
        has_pictures: Whether the reader can hand out pictures; not where templates were computed elsewhere.
    """

    images: ImageList
    templates: FaceTemplates
    reader: Reader
    summary: SetSummary
    alignment: Alignment
    has_pictures: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "images", ImageList.of(self.images))

    def gallery(self, *, each_content_once: bool = False, first_only: bool = False) -> Gallery:
        """The images as the search takes them.

        Args:
            each_content_once: Whether equal images are one, which then has the labels of all.
            first_only: Whether to take the first template of each image alone.
        """
        images, templates = self.images, self.templates
        rows = _firsts(images) if each_content_once else None
        if rows is not None:
            images = _merged(images, rows)
        if rows is not None or (first_only and templates.n_faces.max(initial=0) > 1):
            every = np.arange(len(self.images)) if rows is None else rows
            templates = templates.taken(every, largest_only=first_only)
        return Gallery(
            images=images, n_faces=templates.n_faces, templates=templates.templates, boxes=templates.boxes
        )

    def without(self, gone: Mapping[str, Exclusion]) -> EmbeddedSet:
        """The set without the images of these ids."""
        if not gone:
            return self
        is_lost = np.fromiter((image.id in gone for image in self.images), dtype=bool, count=len(self.images))
        lost = [gone[image.id] for image in self.images.taken(np.flatnonzero(is_lost))]
        if not lost:
            return self
        rows = np.flatnonzero(~is_lost)
        templates = self.templates.taken(rows)
        return replace(
            self,
            images=self.images.taken(rows),
            templates=templates,
            summary=_with_figures(with_excluded(self.summary, lost), templates),
        )

    def faces_by_content(self) -> Callable[[ImageRef], tuple[Face, ...] | None]:
        """What tells the faces of an image; None where whole pictures are compared."""
        if self.templates.faces is None:
            return lambda _: None
        starts, n_faces = self.templates.first_row, self.templates.n_faces
        templates, rows = self.templates, self.images.by_content

        def faces_of(image: ImageRef) -> tuple[Face, ...]:
            row = rows[image.sha256][-1]
            return tuple(filter(None, map(templates.face, range(starts[row], starts[row] + n_faces[row]))))

        return faces_of


def accounted(
    found: ImageSet,
    failed: Mapping[str, Exclusion],
    templates_of: Callable[[Digests], FaceTemplates],
    reader: Reader,
    alignment: Alignment,
    faces: str,
) -> EmbeddedSet:
    """A dataset with its templates once each image is accounted for: compared, unreadable, no face, too many.

    Args:
        found: What the reader found.
        failed: The images that could not be decoded, by content digest.
        templates_of: The templates of all others, by content digest.
        reader: Hands out their bytes.
        alignment: How pictures became face chips.
        faces: Which faces of a picture count: ``all``, ``largest`` or ``error``.
    """
    failing = found.images.by_content.rows_among(failed)
    readable = found.images.taken(np.flatnonzero(~failing)) if failing.any() else found.images
    templates = templates_of(readable.digests)
    excluded = [
        replace(failed[image.sha256], id=image.id) for image in found.images.taken(np.flatnonzero(failing))
    ]
    lost = {
        row: gone
        for row in _odd(templates.n_faces, faces)
        if (gone := _lost(int(templates.n_faces[row]), faces))
    }
    for row, (rule, reason) in lost.items():
        image = readable[row]
        excluded.append(Exclusion(id=image.id, rule=rule, reason=reason, sha256=image.sha256))
    images, kept = readable, templates
    if lost or (faces == "largest" and templates.n_faces.max(initial=0) > 1):
        rows = np.setdiff1d(np.arange(len(readable)), np.array(list(lost), dtype=np.int64))
        images, kept = readable.taken(rows), templates.taken(rows, largest_only=faces == "largest")
        alignment = _with_warning(alignment, int(templates.n_faces[rows].sum() - kept.n_faces.sum()))
    in_order = tuple(sorted([*found.excluded, *excluded], key=lambda gone: gone.id))
    summary = summary_of(found, len(images), in_order)
    return EmbeddedSet(
        images=images,
        templates=kept,
        reader=reader,
        summary=_with_figures(summary, kept),
        alignment=alignment,
    )


def _with_figures(summary: SetSummary, templates: FaceTemplates) -> SetSummary:
    norms = templates.templates.norms
    return replace(
        summary,
        n_faces=None if templates.faces is None else int(templates.n_faces.sum()),
        median_norm=float(np.median(norms)) if len(norms) else None,
    )


def _with_warning(alignment: Alignment, n_passed_over: int) -> Alignment:
    """The alignment, and how many faces nobody compared."""
    if not n_passed_over:
        return alignment
    faces = f"{n_passed_over:,} {'face' if n_passed_over == 1 else 'faces'}"
    warning = f"{faces} beside the largest one of a picture not compared, as the policy says `faces: largest`"
    return replace(alignment, warnings=(*alignment.warnings, warning))


def _odd(n_faces: IntArray, faces: str) -> list[int]:
    """Rows of the images that may be lost for their number of faces."""
    rows: list[int] = np.flatnonzero((n_faces == 0) | ((n_faces > 1) & (faces == "error"))).tolist()
    return rows


def _lost(n_faces: int, faces: str) -> tuple[str, str] | None:
    if n_faces == 0:
        return NO_FACE, "no face was found in it"
    if n_faces > 1 and faces == "error":
        return SEVERAL_FACES, f"it shows {n_faces:,} faces, and the policy says faces: error"
    return None


def summary_of(found: ImageSet, n_compared: int, excluded: tuple[Exclusion, ...]) -> SetSummary:
    """Where each image of a set went."""
    by_rule = Counter(gone.rule for gone in excluded)
    n_unreadable = by_rule.pop(UNREADABLE, 0)
    return SetSummary(
        name=found.name,
        sha256=found.sha256,
        labels_sha256=found.labels_sha256,
        counts=Counts(
            n_seen=n_compared + len(excluded),
            n_embedded=n_compared,
            n_unreadable=n_unreadable,
            n_excluded=dict(sorted(by_rule.items())),
        ),
        excluded=excluded,
        n_other_files=found.n_other_files,
        n_people=found.n_people,
        found=found,
    )


def with_excluded(one: SetSummary, more: Sequence[Exclusion]) -> SetSummary:
    """The summary once some of the compared images are taken out."""
    by_rule = Counter(gone.rule for gone in more)
    n_unreadable = by_rule.pop(UNREADABLE, 0)
    counts = replace(
        one.counts,
        n_embedded=one.counts.n_embedded - len(more),
        n_unreadable=one.counts.n_unreadable + n_unreadable,
        n_excluded=dict(sorted((Counter(one.counts.n_excluded) + by_rule).items())),
    )
    excluded = tuple(sorted([*one.excluded, *more], key=lambda gone: gone.id))
    return replace(one, counts=counts, excluded=excluded)


def each_content_once(images: ImageList) -> ImageList:
    """The first image of each content; it takes over the labels of the others."""
    rows = _firsts(images)
    return images if rows is None else _merged(images, rows)


def in_reading_order(reader: Reader, images: ImageList) -> ImageList:
    """The images as they are read fastest: a compressed archive cannot be read backwards."""
    return images.taken(reader.reading_order(images)) if isinstance(reader, OrderedReader) else images


def _firsts(images: ImageList) -> IntArray | None:
    """Rows of the first image of each content; None where no content comes twice."""
    firsts = images.by_content.firsts == np.arange(len(images))
    return None if firsts.all() else np.flatnonzero(firsts)


def _merged(images: ImageList, rows: IntArray) -> ImageList:
    """The images of these rows with the labels of all that have their content."""
    firsts = images.by_content.firsts
    labels = dict(enumerate(images.labels))
    for row in np.flatnonzero(firsts != np.arange(len(images))).tolist():
        first = int(firsts[row])
        labels[first] = tuple(dict.fromkeys(labels[first] + labels[row]))
    return images.taken(rows).relabelled([labels[row] for row in rows.tolist()])
