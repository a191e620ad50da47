"""Which pairs of a list of matches are leaks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from faceleak_check.matches import Matches
from faceleak_check.policy.types import Threshold
from faceleak_check.records import IntArray, Pair

__all__ = ["Leaks", "cosine_of", "find_leaks", "leaking", "metric_of", "people_of", "worst_first"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Leaks:
    """The pairs at or over a threshold.

    Attributes:
        n_images: Number of distinct generated images among them.
        pairs: The pairs, worst first.
        rule: The threshold in words.
    """

    n_images: int
    pairs: tuple[Pair, ...]
    rule: str


def find_leaks(matches: Matches, threshold: Threshold) -> Leaks:
    """All neighbours that are at or over the threshold."""
    rows = leaking(matches, threshold)
    return Leaks(
        n_images=int(rows.any(axis=1).sum()),
        pairs=worst_first(matches, rows, by_distance=metric_of(threshold) == "euclidean"),
        rule=threshold.describe(),
    )


def metric_of(threshold: Threshold) -> str:
    """What decides which neighbour is nearest: ``cosine`` or ``euclidean``."""
    return "cosine" if threshold.euclidean is None else "euclidean"


def leaking(matches: Matches, threshold: Threshold) -> npt.NDArray[np.bool_]:
    """Which neighbours are at or over the threshold, shape (n, k); one whose figure is no number is."""
    if threshold.cosine is not None:
        return np.asarray((matches.source_index >= 0) & ~(matches.similarity < threshold.cosine))
    if threshold.euclidean is None or matches.distance is None:
        raise ValueError(f"{threshold.describe()} cannot be applied to these matches")
    return np.asarray((matches.source_index >= 0) & ~(matches.distance > threshold.euclidean))


def worst_first(
    matches: Matches, rows: npt.NDArray[np.bool_], *, by_distance: bool = False
) -> tuple[Pair, ...]:
    """The marked pairs, nearest first, equal ones in the order of their names.

    Args:
        matches: n generated images with k neighbours.
        rows: Which pairs, shape (n, k).
        by_distance: Nearest by Euclidean distance instead of by cosine.
    """
    pairs = [matches.pair(row, column) for row, column in np.argwhere(rows).tolist()]
    return tuple(sorted(pairs, key=_by_distance if by_distance else _by_similarity))


def _by_similarity(pair: Pair) -> tuple[float, str, str]:
    return -pair.similarity, pair.generated.id, pair.source.id


def _by_distance(pair: Pair) -> tuple[float, str, str]:
    return pair.distance or 0.0, pair.generated.id, pair.source.id


def people_of(labels: Sequence[tuple[str, ...]]) -> IntArray:
    """A number for the person in each image, int64, shape (n,); an image without a name is a person of its own.

    Args:
        labels: Names of the people in each image; the first one counts.
    """
    numbers: dict[object, int] = {}
    names: list[object] = [names[0] if names else row for row, names in enumerate(labels)]
    return np.array([numbers.setdefault(name, len(numbers)) for name in names], dtype=np.int64)


def cosine_of(check: object) -> float | None:
    """The cosine from which on a check calls a pair a leak; None where it has none."""
    threshold = getattr(check, "threshold", None)
    if isinstance(threshold, Threshold):
        return threshold.cosine
    limit = getattr(check, "at_most", None)
    return limit if getattr(check, "limits_cosine", False) else None
