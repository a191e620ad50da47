"""What checks with a control set measure, given what is taken out of their sets."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial, reduce

import numpy as np

from faceleak_check.checks.excess_risk import ExcessRisk
from faceleak_check.checks.leaks import people_of
from faceleak_check.checks.membership_inference import MembershipInference
from faceleak_check.comparison import Measured
from faceleak_check.errors import InconclusiveError
from faceleak_check.matches import Gone, Matches
from faceleak_check.records import ImageRef
from faceleak_check.search.engine import SearchEngine
from faceleak_check.search.neighbours import Gallery, Neighbours

__all__ = ["ExcessFigures", "MembershipFigures", "no_excess"]

MOST_UNEVEN = 2
"""Times that a part of the source may be larger than the others where one person has many images."""


def no_excess(error: ValueError) -> InconclusiveError:
    """Why the excess risk cannot be measured, in the words of the statistics."""
    return InconclusiveError(f"the excess risk cannot be measured: {error}")


@dataclass(frozen=True, kw_only=True)
class ExcessFigures:
    """The excess of hits in the source over hits in a control set, on galleries of equal size.

    Attributes:
        check: The check.
        generated: The generated images.
        source: The source images, each content once.
        control: The control images, each content once, none of a person of the source.
        engine: How nearest neighbours are looked for.
    """

    check: ExcessRisk
    generated: Gallery
    source: Gallery
    control: Gallery
    engine: SearchEngine = field(default_factory=SearchEngine)
    _parts: dict[str, list[Neighbours]] = field(default_factory=dict, init=False)

    def measure(self, gone: Gone) -> Measured | None:
        """See `faceleak_check.comparison.Figures`."""
        everything = (self.generated, gone.generated), (self.source, gone.source), (self.control, gone.source)
        if any(gallery.rows_of(digests).all() for gallery, digests in everything):
            return None
        parts = self._parts or self._split()
        source = [part.matches(1, gone) for part in parts["source"]]
        control = [part.matches(1, gone) for part in parts["control"]]
        try:
            measured = self.check.measure_parts(source, control)
        except ValueError as error:
            raise no_excess(error) from None
        nearer = partial(_nearer, metric=self.check.metric)
        return Measured(
            measurement=measured,
            matches=reduce(nearer, source),
            in_control=reduce(nearer, control),
            depends={
                "source": [pair.source for pair in measured.pairs],
                "control": [image for part in control for image in self._hit(part)],
            },
        )

    def _split(self) -> dict[str, list[Neighbours]]:
        """Parts of equal size, no person in two of them; the whole source takes part."""
        n_parts = -(-len(self.source) // len(self.control))
        size = len(self.source) / n_parts
        n_controls = max(1, int(len(self.control) // size))
        control = _by_person(self.control, n_controls, size, everyone=False)
        source = _by_person(self.source, n_parts, size, everyone=True)
        if not all(map(len, source)):
            raise InconclusiveError(
                f"the source shows too few people to be split into {n_parts:,} parts as large as the control",
                detail="No person may be in two parts: name a control of more images.",
            )
        largest = max(map(len, source))
        if largest > MOST_UNEVEN * size:
            raise InconclusiveError(
                f"one person has {largest:,} images of the source, where a part as large as the control has "
                f"{size:.0f}: no galleries of equal size can be made",
                detail="No person may be in two parts: name a control of more images.",
            )
        self._parts["source"] = [self._beside(part) for part in source]
        self._parts["control"] = [self._beside(part) for part in control]
        return self._parts

    def _beside(self, gallery: Gallery) -> Neighbours:
        return Neighbours(
            generated=self.generated, source=gallery, metric=self.check.metric, engine=self.engine
        )

    def _hit(self, matches: Matches) -> list[ImageRef]:
        rows = np.unique(matches.source_index[self.check.leaking(matches)])
        return [matches.source[int(row)] for row in rows]


def _by_person(gallery: Gallery, n_parts: int, size: float, *, everyone: bool) -> list[Gallery]:
    """So many galleries of about this many images each, people kept together, in the order of their contents."""
    people = people_of(gallery.images.labels)
    n_images = np.bincount(people)
    part_of = np.full(len(n_images), -1)
    filled = np.zeros(n_parts)
    in_order = people[gallery.images.in_order_of_content]
    for person in dict.fromkeys(in_order.tolist()):
        part = int(np.argmin(filled))
        if everyone or filled[part] < size:
            part_of[person] = part
            filled[part] += n_images[person]
    return [gallery.of_images(np.flatnonzero(part_of[people] == part)) for part in range(n_parts)]


def _nearer(one: Matches, other: Matches, metric: str) -> Matches:
    """The nearer of two best matches of the same images."""
    is_other = other.similarity[:, 0] > one.similarity[:, 0]
    if metric == "euclidean" and one.distance is not None and other.distance is not None:
        is_other = other.distance[:, 0] < one.distance[:, 0]
    boxes = [
        None if left is None or right is None else _chosen(is_other, left, right)
        for left, right in (
            (one.distance, other.distance),
            (one.generated_box, other.generated_box),
            (one.source_box, other.source_box),
        )
    ]
    return Matches(
        generated=one.generated,
        source=one.source.joined(other.source),
        source_index=_chosen(is_other, one.source_index, other.source_index + len(one.source)),
        similarity=_chosen(is_other, one.similarity, other.similarity),
        distance=boxes[0],
        generated_box=boxes[1],
        source_box=boxes[2],
    )


def _chosen(is_other: np.ndarray, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return np.where(is_other.reshape(-1, *(1,) * (one.ndim - 1)), other, one)


@dataclass(kw_only=True)
class MembershipFigures:
    """How near the generated images come to source images, and to control images.

    Attributes:
        check: The check.
        generated: The generated images, each content once.
        source: The source images.
        control: The control images.
        engine: How nearest neighbours are looked for.
    """

    check: MembershipInference
    generated: Gallery
    source: Gallery
    control: Gallery
    engine: SearchEngine = field(default_factory=SearchEngine)

    def __post_init__(self) -> None:
        self._members = self._near(self.source)
        self._others = self._near(self.control)

    def _near(self, real: Gallery) -> Neighbours:
        return Neighbours(generated=real, source=self.generated, metric=self.check.metric, engine=self.engine)

    def measure(self, gone: Gone) -> Measured | None:
        """See `faceleak_check.comparison.Figures`."""
        turned = Gone(
            pairs=frozenset((source, generated) for generated, source in gone.pairs),
            generated=gone.source,
            source=gone.generated,
        )
        if self._members.nothing_left(turned) or self._others.nothing_left(turned):
            return None
        try:
            measured, curve = self.check.measure_members(
                self._members.matches(1, turned), self._others.matches(1, turned)
            )
        except ValueError as error:
            raise InconclusiveError(f"membership inference cannot be measured: {error}") from None
        return Measured(measurement=measured, curve=curve)
