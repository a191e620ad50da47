"""Datasets with their templates, and where each of their images went."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from faceleak_check.protocols import Reader
from faceleak_check.records import (
    NO_FACE,
    SEVERAL_FACES,
    UNREADABLE,
    Alignment,
    Counts,
    Exclusion,
    Face,
    FaceTemplates,
    ImageRef,
    ImageSet,
    IntArray,
    SetSummary,
)
from faceleak_check.search.neighbours import Gallery

__all__ = ["EmbeddedSet", "Role", "accounted", "each_content_once", "summary_of", "with_excluded"]

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
    """

    images: tuple[ImageRef, ...]
    templates: FaceTemplates
    reader: Reader
    summary: SetSummary
    alignment: Alignment

    def gallery(self, *, each_content_once: bool = False, first_only: bool = False) -> Gallery:
        """The images as the search takes them.

        Args:
            each_content_once: Whether equal images are one, which then has the labels of all.
            first_only: Whether to take the first template of each image alone.
        """
        images, templates = self.images, self.templates
        if each_content_once or first_only:
            rows = np.arange(len(images))
            if each_content_once:
                images, rows = _first_of_each_content(images)
            templates = templates.taken(rows, largest_only=first_only)
        return Gallery(
            images=images,
            n_faces=templates.n_faces,
            templates=templates.templates,
            boxes=None if templates.faces is None else templates.faces[:, :4],
        )

    def without(self, gone: Mapping[str, Exclusion]) -> EmbeddedSet:
        """The set without the images of these ids."""
        rows = [row for row, image in enumerate(self.images) if image.id not in gone]
        lost = [gone[image.id] for image in self.images if image.id in gone]
        if not lost:
            return self
        templates = self.templates.taken(np.array(rows, dtype=np.int64))
        return replace(
            self,
            images=tuple(self.images[row] for row in rows),
            templates=templates,
            summary=_with_figures(with_excluded(self.summary, lost), templates),
        )

    def faces_by_content(self) -> Callable[[ImageRef], tuple[Face, ...] | None]:
        """What tells the faces of an image; None where whole pictures are compared."""
        if self.templates.faces is None:
            return lambda _: None
        starts = self.templates.first_row.tolist()
        rows = {
            image.sha256: range(start, start + n_faces)
            for image, start, n_faces in zip(
                self.images, starts, self.templates.n_faces.tolist(), strict=True
            )
        }
        face = self.templates.face
        return lambda image: tuple(filter(None, map(face, rows[image.sha256])))


def accounted(
    found: ImageSet,
    failed: Mapping[str, Exclusion],
    templates_of: Callable[[list[str]], FaceTemplates],
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
    readable = [image for image in found.images if image.sha256 not in failed]
    templates = templates_of([image.sha256 for image in readable])
    excluded = [
        replace(failed[image.sha256], id=image.id) for image in found.images if image.sha256 in failed
    ]
    rows = []
    for row, (image, n_faces) in enumerate(zip(readable, templates.n_faces.tolist(), strict=True)):
        lost = _lost(n_faces, faces)
        if lost is None:
            rows.append(row)
        else:
            excluded.append(Exclusion(id=image.id, rule=lost[0], reason=lost[1], sha256=image.sha256))
    images = tuple(readable[row] for row in rows)
    kept = templates.taken(np.array(rows, dtype=np.int64), largest_only=faces == "largest")
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


def each_content_once(images: tuple[ImageRef, ...]) -> tuple[ImageRef, ...]:
    """The first image of each content; it takes over the labels of the others."""
    return _first_of_each_content(images)[0]


def _first_of_each_content(images: tuple[ImageRef, ...]) -> tuple[tuple[ImageRef, ...], IntArray]:
    first: dict[str, ImageRef] = {}
    rows: dict[str, int] = {}
    for row, image in enumerate(images):
        known = first.get(image.sha256)
        if known is None:
            first[image.sha256], rows[image.sha256] = image, row
        elif set(image.labels) - set(known.labels):
            first[image.sha256] = replace(known, labels=tuple(dict.fromkeys(known.labels + image.labels)))
    return tuple(first.values()), np.array(list(rows.values()), dtype=np.int64)
