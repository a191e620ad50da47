"""Hubs: is a source image that many generated images match everybody's neighbour, or a person who was reproduced?

Only evidence excuses. A hub stays one for people whom no generator saw, or it lies at the centre of all faces and the
generated images around it have nothing else in common. A reproduced person does neither.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["HubEvidence", "Matched", "Others", "Unseen", "centralities", "hub_evidence"]

MIN_UNSEEN_PEOPLE = 3
MIN_UNLIKE_GROUPS = 5
MAX_SHARE_ALIKE = 0.02
MAX_RANK = 0.01
TIMES_FAIR = 5
OUTLIER = 3.5
MAD_TO_DEVIATION = 1.4826
ROWS = 1024

Floats = npt.NDArray[np.floating[Any]]
Ints = npt.NDArray[np.integer[Any]]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True, slots=True)
class Matched:
    """All generated images whose best match is the source image in question.

    Attributes:
        similarity: Cosine of each to the source image, shape (k,).
        vectors: Their unit templates, shape (k, d).
        groups: Synthetic person of each, shape (k,). Without, each is one of its own.
    """

    similarity: Floats
    vectors: Floats
    groups: Ints | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Unseen:
    """Images of people whom the generator never saw, or of the source's other people with their own left out.

    Attributes:
        similarity: Cosine of each to the source image in question, shape (u,).
        is_best: Whether that source image is the best match of each, shape (u,).
        people: Person of each, shape (u,).
    """

    similarity: Floats
    is_best: Bools
    people: Ints


@dataclass(frozen=True, kw_only=True, slots=True)
class Others:
    """How central the source image in question is among other people's, see centralities.

    Attributes:
        centrality: Cosine of the source image to the centre of all faces.
        centralities: The same of source images of other people, shape (s,).
    """

    centrality: float
    centralities: Floats


@dataclass(frozen=True, kw_only=True, slots=True)
class HubEvidence:
    """What speaks for a hub, and which of its pairs that excuses.

    Attributes:
        excused: Which pairs are excused, shape (k,).
        by: "unseen" where unseen people excuse a pair, else "unlike" where unlikeness does, else "".
        share: Share of all generated images that match this source image.
        level: Highest cosine that unseen people excuse; minus infinity without evidence of theirs.
        n_unseen: Number of unseen images.
        n_unseen_best: Number of them whose best match this source image is.
        n_unseen_people: Number of people on these.
        n_groups: Number of synthetic persons among the pairs.
        n_unlike_groups: Number of them none of whose near images resemble another's, outliers aside.
        share_alike: Share of pairs of images of two synthetic persons that resemble each other, outliers aside.
        rank: Share of source images at least as central, this one included; 1 where it is not known.
    """

    excused: Bools
    by: str
    share: float
    level: float
    n_unseen: int
    n_unseen_best: int
    n_unseen_people: int
    n_groups: int
    n_unlike_groups: int
    share_alike: float
    rank: float


def centralities(vectors: Floats, reference: Floats) -> Floats:
    """Cosine of templates to the mean direction of a reference, which is where hubs of cosine lie.

    M. Radovanovic, A. Nanopoulos and M. Ivanovic, Hubs in space, JMLR 11 (2010), 2487-2531, section 4.

    Args:
        vectors: Unit templates, shape (n, d).
        reference: Unit templates, shape (r, d), one of each person. Take real people other than the one in question:
            a generator that reproduces him moves the centre of its own images towards him.

    Raises:
        ValueError: The reference has no direction.
    """
    centre = np.asarray(reference, dtype=np.float64).sum(axis=0)
    length = float(np.linalg.norm(centre))
    if not length > 0:
        raise ValueError(
            f"{len(reference)} reference templates have no mean direction: give real people's templates"
        )
    return np.asarray(vectors @ (centre / length))


def hub_evidence(
    matched: Matched,
    *,
    threshold: float,
    max_share: float,
    n_generated: int,
    n_source: int,
    unseen: Unseen | None = None,
    others: Others | None = None,
) -> HubEvidence:
    """Weighs the evidence that a source image is a hub, and excuses the pairs that it explains.

    By unseen people (k-occurrence, Radovanovic et al. as above, section 3): it is the best match of at least 3 of
    them, and of a hub's share of their images: max_share, or 5 times the even share 1 / n_source if that is more.
    Then pairs up to the highest cosine that they reach, outliers aside, are excused.

    By unlikeness: it is among the most central 1% of the source (so it needs 99 others), and 5 or more synthetic
    persons that match it resemble nobody else there. Then pairs are excused that resemble no other synthetic person's
    and are no outliers. The centre is asked for since a person blended with many others looks like a hub without it:
    all blends are near him, and as unlike each other as the cone around him lets them be.

    Outliers lie over median + 3.5 * 1.4826 * MAD (B. Iglewicz and D. C. Hoaglin, How to detect and handle outliers,
    ASQC 1993).

    Args:
        matched: The generated images that match it, all of them and not only those at or over the threshold.
        threshold: From which cosine on two templates resemble each other.
        max_share: Share of the generated images from which on a match of them is suspected, in (0, 1].
        n_generated: Number of generated images.
        n_source: Number of source images.
        unseen: What unseen people make of it.
        others: How central it is.

    Raises:
        ValueError: Shapes differ, or a number is not finite.
    """
    n_pairs = len(matched.similarity)
    groups = (
        np.arange(n_pairs) if matched.groups is None else np.unique(matched.groups, return_inverse=True)[1]
    )
    _check(matched, groups, unseen, n_generated)
    share, rank = n_pairs / n_generated, _rank(others)
    hub_share = max(max_share, TIMES_FAIR / n_source)
    seen = _by_unseen(unseen, hub_share)
    near = matched.similarity <= _fence(matched.similarity)
    unlike = _unlike(matched.vectors[near], groups[near], threshold)
    by_unlikeness = np.zeros(n_pairs, dtype=np.bool_)
    if rank <= MAX_RANK and unlike.n_groups >= MIN_UNLIKE_GROUPS and unlike.share_alike <= MAX_SHARE_ALIKE:
        by_unlikeness[near] = unlike.images
    is_suspected = share >= hub_share
    by_unseen = is_suspected & (matched.similarity <= seen.level)
    by_unlikeness &= is_suspected
    return HubEvidence(
        excused=by_unseen | by_unlikeness,
        by="unseen" if by_unseen.any() else "unlike" if by_unlikeness.any() else "",
        share=share,
        level=seen.level,
        n_unseen=seen.n,
        n_unseen_best=seen.n_best,
        n_unseen_people=seen.n_people,
        n_groups=len(np.unique(groups)),
        n_unlike_groups=unlike.n_groups,
        share_alike=unlike.share_alike,
        rank=rank,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Seen:
    level: float = -np.inf
    n: int = 0
    n_best: int = 0
    n_people: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class _Unlike:
    images: Bools
    n_groups: int
    share_alike: float


def _check(matched: Matched, groups: Ints, unseen: Unseen | None, n_generated: int) -> None:
    n_pairs = len(matched.similarity)
    if not len(matched.vectors) == len(groups) == n_pairs or not 1 <= n_pairs <= n_generated:
        raise ValueError(
            f"{n_pairs} similarities, {len(matched.vectors)} templates and {len(groups)} groups of {n_generated} "
            "generated images: expected one of each for every image that matches, and at least one"
        )
    if unseen is not None and not len(unseen.similarity) == len(unseen.is_best) == len(unseen.people):
        raise ValueError(
            f"{len(unseen.similarity)} similarities of unseen images, {len(unseen.is_best)} best matches and "
            f"{len(unseen.people)} people: expected one of each for every unseen image"
        )
    if not (np.isfinite(matched.similarity).all() and np.isfinite(matched.vectors).all()):
        raise ValueError(
            "templates that match a suspected hub hold numbers that are not finite: leave them out"
        )


def _rank(others: Others | None) -> float:
    if others is None:
        return 1.0
    return float((1 + (others.centralities >= others.centrality).sum()) / (1 + len(others.centralities)))


def _fence(values: Floats) -> float:
    """The highest value that is no outlier among them."""
    middle = float(np.median(values))
    return middle + OUTLIER * MAD_TO_DEVIATION * float(np.median(np.abs(values - middle)))


def _by_unseen(unseen: Unseen | None, hub_share: float) -> _Seen:
    if unseen is None or not len(unseen.similarity):
        return _Seen()
    people, person = np.unique(unseen.people[unseen.is_best], return_inverse=True)
    n, n_best = len(unseen.similarity), int(unseen.is_best.sum())
    if len(people) < MIN_UNSEEN_PEOPLE or n_best < hub_share * n:
        return _Seen(n=n, n_best=n_best, n_people=len(people))
    highest = np.full(len(people), -np.inf)
    np.maximum.at(highest, person, unseen.similarity[unseen.is_best])
    level = float(highest[highest <= _fence(highest)].max())
    return _Seen(level=level, n=n, n_best=n_best, n_people=len(people))


def _unlike(vectors: Floats, groups: Ints, threshold: float) -> _Unlike:
    """Which images resemble none of another group, in blocks so that many fit into memory."""
    n_alike, n_across = np.zeros(len(vectors), dtype=np.int64), 0
    for start in range(0, len(vectors), ROWS):
        rows = slice(start, start + ROWS)
        is_across = groups[rows, None] != groups[None]
        n_alike[rows] = ((vectors[rows] @ vectors.T >= threshold) & is_across).sum(axis=1)
        n_across += int(is_across.sum())
    images = n_alike == 0
    n_groups = len(np.unique(groups)) - len(np.unique(groups[~images]))
    return _Unlike(
        images=images, n_groups=n_groups, share_alike=float(n_alike.sum()) / n_across if n_across else 1.0
    )
