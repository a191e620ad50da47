"""From a heap of pairs to rows of neighbours."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from faceleak_check.matches import NO_MATCH
from faceleak_check.readers.tables import TableError

__all__ = ["grouped"]

_MAX_CELLS = 200_000_000


def grouped(
    row: npt.NDArray[np.int64],
    place: npt.NDArray[np.int64],
    similarity: npt.NDArray[np.float64],
    *,
    n_rows: int,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Neighbours of each row, nearest first; of a pair that comes twice the higher similarity counts.

    Args:
        row: Row of each pair, shape (n_pairs,).
        place: Its neighbour.
        similarity: Its cosine.
        n_rows: Number of rows; each has a pair.

    Returns:
        Neighbours and cosines, both of shape (n_rows, k) with the largest number of neighbours as k. The
        places left over hold -1 and `NO_MATCH`.

    Raises:
        TableError: One row has so many more neighbours than the others that the answer takes gigabytes.
    """
    nearest_first = np.lexsort((place, -similarity, row))
    row, place, similarity = row[nearest_first], place[nearest_first], similarity[nearest_first]
    # the first of equal pairs is the nearest, and np.unique finds the first
    n_places = int(place.max(initial=0)) + 1
    once = np.sort(np.unique(row * n_places + place, return_index=True)[1])
    row, place, similarity = row[once], place[once], similarity[once]
    n_neighbours = np.bincount(row, minlength=n_rows)
    k = int(n_neighbours.max(initial=1))
    _refuse_size(n_rows, k)
    column = np.arange(len(row)) - np.repeat(np.cumsum(n_neighbours) - n_neighbours, n_neighbours)
    index = np.full((n_rows, k), -1, dtype=np.int64)
    cosine = np.full((n_rows, k), NO_MATCH)
    index[row, column] = place
    cosine[row, column] = similarity
    return index, cosine


def _refuse_size(n_rows: int, k: int) -> None:
    if n_rows * k > _MAX_CELLS:
        raise TableError(
            f"names {k:,} source images for one generated image",
            f"With {n_rows:,} generated images that is too much to hold; keep the nearest few of each.",
        )
