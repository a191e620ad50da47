"""Rows of numbers that lie in several arrays, such as the shards of a store, and come into memory when asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from faceleak_check.records.arrays import IntArray

__all__ = ["Rows"]


class Rows:
    """Read-only rows: some rows of several arrays, without a copy of them.

    ``rows[index]`` is an array in memory; `taken` is another view.

    Args:
        parts: Arrays of shape (any, d) and the same type, at least one; they may be memory-mapped.
        rows: Which rows of the parts joined, in which order, int64, shape (n,); None for all.
        columns: Which columns.
    """

    def __init__(
        self,
        parts: Sequence[npt.NDArray[np.float32]],
        rows: IntArray | None = None,
        columns: slice = slice(None),
    ) -> None:
        self._parts = tuple(parts)
        self._ends = np.cumsum([len(part) for part in self._parts], dtype=np.int64)
        self._rows = rows
        self._columns = columns

    def __len__(self) -> int:
        return int(self._ends[-1]) if self._rows is None else len(self._rows)

    @property
    def shape(self) -> tuple[int, int]:
        """Number of rows and of columns."""
        return len(self), int(self._parts[0][:0, self._columns].shape[1])

    @property
    def dtype(self) -> np.dtype[np.float32]:
        """The type of the numbers."""
        return self._parts[0].dtype

    def taken(self, rows: IntArray) -> Rows:
        """Some of the rows, without a copy."""
        return Rows(self._parts, self._places(rows), self._columns)

    def replaced(self, rows: IntArray, values: npt.NDArray[np.float32]) -> Rows:
        """The same with other values in some rows, without a copy of the others.

        Args:
            rows: Which rows.
            values: Their new values, shape (len(rows), d).
        """
        places = self._places(slice(None)).copy()
        places[rows] = int(self._ends[-1]) + np.arange(len(rows))
        return Rows((*self._parts, values), places, self._columns)

    def columns(self, columns: slice) -> Rows:
        """Some of the columns of all rows, without a copy; once alone."""
        return Rows(self._parts, self._rows, columns)

    def __getitem__(self, index: int | slice | IntArray | npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
        """A copy in memory."""
        if isinstance(index, int | np.integer):
            row: npt.NDArray[np.float32] = self._gathered(self._places(np.array([index])))[0]
            return row
        return self._gathered(self._places(index))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        """All rows in memory."""
        return np.asarray(self[:], dtype=dtype)

    def _places(self, index: slice | IntArray | npt.NDArray[np.bool_]) -> IntArray:
        if isinstance(index, slice):
            rows = np.arange(*index.indices(len(self)), dtype=np.int64)
        elif index.dtype == bool:
            rows = np.flatnonzero(index)
        else:
            rows = np.where(index < 0, index + len(self), index).astype(np.int64, copy=False)
        return rows if self._rows is None else self._rows[rows]

    def _gathered(self, places: IntArray) -> npt.NDArray[np.float32]:
        part_of = np.searchsorted(self._ends, places, side="right")
        found = np.empty((len(places), self.shape[1]), dtype=self.dtype)
        for part in np.unique(part_of).tolist():
            array, start = self._parts[part], int(self._ends[part]) - len(self._parts[part])
            mine = np.flatnonzero(part_of == part) if len(self._parts) > 1 else slice(None)
            found[mine] = array[places[mine] - start, self._columns]
        return found
