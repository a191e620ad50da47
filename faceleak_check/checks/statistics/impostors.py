"""Comparisons of different people: what chance matches look like."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from faceleak_check.checks.statistics.suspects import (
    BLOCK,
    People,
    Suspect,
    described,
    named_by_first,
    suspect_pairs,
)
from faceleak_check.records import FloatArray, IntArray

__all__ = ["Impostors", "first_of_each_person", "impostors", "probes"]

FEWEST_IMAGES = 30
FEWEST_PEOPLE = 10
"""With fewer the intervals hold the truth less often than they say: of 95%, in 8 to 9 of 10 simulated sets."""
N_MOST_IMAGES = 8000
N_KEPT = 500_000
"""That many of the highest similarities are all kept, and about as many drawn from the others."""
NO_PAIR = np.float32(-2)
"""Below every cosine."""

Pairs = tuple[FloatArray, IntArray, IntArray]
"""Cosines and the rows of their two images."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Impostors:
    """Similarities of different people, highest first.

    Attributes:
        similarities: Cosines, falling, shape (m,).
        times: How many comparisons each stands for, shape (m,): 1, but for a sample of the lower ones in a large set.
        first: The person that each depends on, 0 to n_people - 1, shape (m,).
        second: The other one, or None where each is of one probe against a gallery.
        n_comparisons: All comparisons.
        n_people: People in them.
        n_images: Images in them.
        suspects: Names that seem to be one person; their pairs are left out.
    """

    similarities: FloatArray
    times: FloatArray
    first: IntArray
    second: IntArray | None
    n_comparisons: int
    n_people: int
    n_images: int
    suspects: tuple[Suspect, ...] = ()

    @property
    def n_independent(self) -> int:
        """Pairs of people, or people: images of one person vary together, and count as one here."""
        if self.second is None:
            return self.n_people
        return self.n_people * (self.n_people - 1) // 2


def impostors(
    vectors: FloatArray, people: Sequence[tuple[str, ...]], *, n_most_images: int = N_MOST_IMAGES
) -> Impostors:
    """Compare all images of different people.

    Two images are of different people if they have no name in common. An image without a name is passed over: it could
    show anybody. Pairs that seem to show one person all the same are left out and listed (see `suspects`).

    Args:
        vectors: Unit-length templates, shape (n, dimension).
        people: Names of each image, n tuples.
        n_most_images: Of a larger set every person's first image is taken, then every person's second and so on, in the
            order given.

    Raises:
        ValueError: The templates are damaged, or there are too few images, people or comparisons, or all are equal.
    """
    _check_templates(vectors)
    if len(people) != len(vectors):
        raise ValueError(f"there are {len(vectors)} templates and the people of {len(people)} images")
    chosen = first_of_each_person(people, n_most_images)
    _check_size(len(chosen), len({min(people[row]) for row in chosen}), "images with a person's name")
    order, whose = named_by_first([people[row] for row in chosen])
    rows = np.array(chosen, dtype=np.int64)[order]
    given = np.ascontiguousarray(vectors[rows], dtype=np.float32)
    taken_out = suspect_pairs(given, whose)
    similarities, times, first, second = _compared(given, whose, taken_out)
    return Impostors(
        similarities=similarities,
        times=times,
        first=whose.of_row[first],
        second=whose.of_row[second],
        n_comparisons=round(float(times.sum())),
        n_people=len(whose.names),
        n_images=len(rows),
        suspects=described(given, whose, taken_out, rows),
    )


def probes(similarities: FloatArray, people: Sequence[tuple[str, ...]]) -> Impostors:
    """The highest cosine of each image of somebody who is not in a gallery to all images of the gallery.

    Args:
        similarities: The highest cosine of each probe, shape (n,).
        people: Names of each probe, n tuples; a probe without a name is a person of its own.

    Raises:
        ValueError: A similarity is no cosine, or there are too few probes or people, or all are equal.
    """
    if len(people) != len(similarities):
        raise ValueError(f"there are {len(similarities)} similarities and the people of {len(people)} probes")
    bad = np.flatnonzero(~(np.abs(similarities) <= 1 + 1e-4))
    if len(bad):
        raise ValueError(f"similarity {bad[0]} is {similarities[bad[0]]:g}: a cosine lies between -1 and 1")
    names = [("named", min(given)) if given else ("unnamed", str(row)) for row, given in enumerate(people)]
    known = {name: number for number, name in enumerate(sorted(set(names)))}
    _check_size(len(names), len(known), "probes")
    falling = np.argsort(-similarities, kind="stable")
    values = np.minimum(similarities[falling], 1).astype(np.float32)
    _check_uneven(values)
    return Impostors(
        similarities=values,
        times=np.ones(len(values)),
        first=np.array([known[name] for name in names], dtype=np.int64)[falling],
        second=None,
        n_comparisons=len(values),
        n_people=len(known),
        n_images=len(values),
    )


def _check_templates(vectors: FloatArray) -> None:
    norms = np.linalg.norm(vectors, axis=1)
    bad = np.flatnonzero(~(np.abs(norms - 1) < 1e-3))
    if len(bad):
        raise ValueError(
            f"template {bad[0]} has the length {norms[bad[0]]:g} where a template has the length 1 "
            f"({len(bad)} of {len(vectors)} are so): no cosine can be had"
        )


def _check_size(n_images: int, n_people: int, what: str) -> None:
    if n_images < FEWEST_IMAGES:
        raise ValueError(f"found {n_images} {what}: a threshold needs at least {FEWEST_IMAGES}")
    if n_people < FEWEST_PEOPLE:
        raise ValueError(
            f"found {what} of {n_people} {'person' if n_people == 1 else 'people'}: a threshold needs at least "
            f"{FEWEST_PEOPLE} people, since how sure it is comes from how much people differ"
        )


def _check_uneven(values: FloatArray) -> None:
    if values[0] == values[-1]:
        raise ValueError(
            f"all {len(values)} comparisons have the same cosine, {values[0]:g}: they set no threshold"
        )


def first_of_each_person(people: Sequence[tuple[str, ...]], n_most: int = N_MOST_IMAGES) -> list[int]:
    """Rows with a name, at most so many, of as many people as can be, in the order given."""
    seen: Counter[str] = Counter()
    turns = []
    for row, given in enumerate(people):
        if given:
            turns.append((seen[min(given)], row))
            seen[min(given)] += 1
    return sorted(row for _, row in sorted(turns)[:n_most])


def _compared(
    vectors: FloatArray, people: People, taken_out: IntArray
) -> tuple[FloatArray, FloatArray, IntArray, IntArray]:
    """Cosines of all pairs of different people, falling; how many each stands for; and their rows."""
    n = len(vectors)
    step = max(1, n * n // 2 // N_KEPT)
    high, low = [_empty()], [_empty()]
    floor, n_pairs = np.float32(-1.5), 0
    for begin in range(0, n, BLOCK):
        block = _block(vectors, people, taken_out, begin)
        low.append(_taken(block, slice(-n_pairs % step, None, step)))
        n_pairs += len(block[0])
        high.append(_taken(block, block[0] >= floor))
        if sum(len(part[0]) for part in high) > 2 * N_KEPT:
            high = [_highest(high)]
            floor = high[0][0].min()
    if not n_pairs:
        raise ValueError("no two images are of different people: every pair of them has a name in common")
    top = _highest(high)
    rest = _joined(low)
    rest = _taken(rest, rest[0] < top[0].min())
    similarities, first, second = _joined([top, rest])
    share = (n_pairs - len(top[0])) / max(1, len(rest[0]))
    times = np.concatenate([np.ones(len(top[0])), np.full(len(rest[0]), share)])
    falling = np.argsort(-similarities, kind="stable")
    values = np.minimum(similarities[falling], np.float32(1))
    _check_uneven(values)
    return values, times[falling], first[falling], second[falling]


def _empty() -> Pairs:
    return np.empty(0, np.float32), np.empty(0, np.int64), np.empty(0, np.int64)


def _joined(parts: Sequence[Pairs]) -> Pairs:
    return (
        np.concatenate([similarities for similarities, _, _ in parts]),
        np.concatenate([first for _, first, _ in parts]),
        np.concatenate([second for _, _, second in parts]),
    )


def _highest(parts: Sequence[Pairs]) -> Pairs:
    similarities, first, second = _joined(parts)
    if len(similarities) <= N_KEPT:
        return similarities, first, second
    keep = similarities >= -np.partition(-similarities, N_KEPT - 1)[N_KEPT - 1]
    return similarities[keep], first[keep], second[keep]


def _taken(pairs: Pairs, which: slice | npt.NDArray[np.bool_]) -> Pairs:
    similarities, first, second = pairs
    # copies: a slice would hold the whole block in memory
    return similarities[which].copy(), first[which].copy(), second[which].copy()


def _block(vectors: FloatArray, people: People, taken_out: IntArray, begin: int) -> Pairs:
    """The pairs of some rows with all rows after them."""
    rows = slice(begin, begin + BLOCK)
    likeness = vectors[rows] @ vectors[begin:].T
    likeness[people.of_row[rows, None] == people.of_row[None, begin:]] = NO_PAIR
    for held in people.together:
        own = held[(held >= begin) & (held < begin + BLOCK)] - begin
        likeness[np.ix_(own, held[held >= begin] - begin)] = NO_PAIR
    gone = taken_out[(taken_out[:, 0] >= begin) & (taken_out[:, 0] < begin + BLOCK)] - begin
    likeness[gone[:, 0], gone[:, 1]] = NO_PAIR
    likeness[np.tril_indices(len(likeness))] = NO_PAIR
    first, second = np.nonzero(likeness > NO_PAIR)
    return likeness[first, second], first + begin, second + begin
