"""A control set must show people whom the generator never saw: who is in the source too is taken out and listed.

What is generated is nobody: among real people it would match itself, and hide what leaks.
"""

from __future__ import annotations

import numpy as np

from faceleak_check.checks.statistics.suspects import suspects
from faceleak_check.errors import InconclusiveError
from faceleak_check.image_sets import EmbeddedSet
from faceleak_check.records import IN_SOURCE, Exclusion, ImageRef, IntArray
from faceleak_check.search.neighbours import Gallery

__all__ = ["refuse_generated", "without_source_people"]

FEWEST = 30
"""Images below which a control says nothing: the rule of 30 (Doddington et al. 2000; ISO/IEC 19795-1)."""

MOST_COMPARED = 4000
"""Images of each set that are compared to find people who are in both under two names."""


def without_source_people(control: EmbeddedSet, source: EmbeddedSet) -> EmbeddedSet:
    """The control without images of people who are in the source too: by content, by name, by template.

    A number is no name: record files and folders are numbered from 0 on in every set.
    """
    shared_contents = source.images.by_content.first(control.images.digests) >= 0
    names = {label for label in source.images.names if not label.isdigit()}
    looks = _look_alike(control, source)
    gone = {}
    for image, is_shared in zip(control.images, shared_contents.tolist(), strict=True):
        shared = sorted(set(image.labels) & names)
        if is_shared:
            reason = f"this very image is in {source.summary.name!r} too"
        elif shared:
            reason = f"{shared[0]!r} is in {source.summary.name!r} too"
        elif _key(image) in looks:
            reason = f"it seems to show a person of {source.summary.name!r}: {looks[_key(image)]!r}"
        else:
            continue
        gone[image.id] = Exclusion(id=image.id, rule=IN_SOURCE, reason=reason, sha256=image.sha256)
    left = control.without(gone)
    if len(left.images) < FEWEST:
        raise InconclusiveError(
            f"only {len(left.images):,} of {len(control.images):,} images of the control {control.summary.name!r} show "
            f"people who are not in {source.summary.name!r}, and at least {FEWEST} are needed",
            detail="A control holds real people whom the generator never saw: name another set, or add people to it.",
        )
    return left


def refuse_generated(real: EmbeddedSet, generated: EmbeddedSet, role: str) -> None:
    """Refuses a set of real people that holds generated images.

    Args:
        real: The set.
        generated: The generated set.
        role: What the set is to the check, ``control`` or ``calibration``.

    Raises:
        InconclusiveError: An image is in both, by its content.
    """
    n_shared = int((generated.images.by_content.first(real.images.digests) >= 0).sum())
    if n_shared:
        raise InconclusiveError(
            f"{n_shared:,} of {len(real.images):,} images of the {role} {real.summary.name!r} are generated ones: "
            f"{generated.summary.name!r} holds them too",
            detail=f"A {role} holds pictures of real people: what is generated would match itself there, and raise the "
            "bar for leaks. Take it out of the folder.",
        )


def _look_alike(control: EmbeddedSet, source: EmbeddedSet) -> dict[str, str]:
    """Control people whom the templates show to be source people under other names."""
    galleries = [one.gallery(each_content_once=True) for one in (control, source)]
    chosen = [gallery.of_images(_one_face(gallery, MOST_COMPARED)) for gallery in galleries]
    mine, theirs = chosen
    people: list[tuple[str, ...]] = [(f"control {_key(image)}",) for image in mine.images]
    people += [tuple(f"source {name}" for name in image.labels or (image.sha256,)) for image in theirs.images]
    vectors = np.concatenate([np.asarray(one.templates.vectors) for one in chosen])
    found = suspects(vectors, people) if len(vectors) else ()
    alike = {}
    for pair in found:
        names = sorted((pair.first_person, pair.second_person))
        if names[0].startswith("control ") and names[1].startswith("source "):
            alike[names[0].removeprefix("control ")] = names[1].removeprefix("source ")
    return alike


def _key(image: ImageRef) -> str:
    return image.labels[0] if image.labels else image.sha256


def _one_face(gallery: Gallery, n_most: int) -> IntArray:
    rows = gallery.images.in_order_of_content
    alone: IntArray = rows[gallery.n_faces[rows] == 1][:n_most]
    return alone
