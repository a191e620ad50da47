"""The texts that name rows and people."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import numpy.typing as npt

from faceleak_check.readers.arrays.rows import ArrayRows
from faceleak_check.readers.arrays.trouble import ArrayError, called
from faceleak_check.records import IntArray

__all__ = ["ROW", "Names", "numbered", "people", "texts", "unique_names"]

ROW = "row "
"""What a row is called that nothing names, with its number after it."""

_CELLS = 1 << 22
"""Letters that are packed at a time."""


def numbered(row: int) -> str:
    """The id of a row that nothing names."""
    return f"{ROW}{row:08d}"


def texts(array: ArrayRows, start: int, stop: int, *, may_be_empty: bool) -> list[str]:
    """Some of an array's values as texts; whole numbers as digits.

    Args:
        array: An array of texts or whole numbers.
        start: Its first row that is wanted.
        stop: The row after the last one.
        may_be_empty: Whether a row may have an empty text, which names nobody.

    Raises:
        ArrayError: A text is empty or no Unicode.
        FileError: The rows cannot be read.
    """
    found: list[str] = _strings(array, array.rows(start, stop)).tolist()
    for row, text in enumerate(found, start):
        if not text and not may_be_empty:
            raise _empty(array, row)
        if not _is_unicode(text):
            raise _no_unicode(array)
    return found


class Names:
    """The names of all rows of an array, each another, packed one after the other.

    Args:
        encoded: The names in UTF-8, shape (n,).

    Attributes:
        order: The rows in the order of the bytes of their names.
    """

    def __init__(self, encoded: npt.NDArray[np.bytes_]) -> None:
        self._encoded = encoded
        self.order: IntArray = np.argsort(encoded, kind="stable")

    def packed(self, prefix: bytes) -> tuple[npt.NDArray[np.uint8], IntArray]:
        """All names with a prefix before each, one after the other, and where each of them ends."""
        head = np.frombuffer(prefix, dtype=np.uint8)
        width = self._encoded.dtype.itemsize
        lengths = np.strings.str_len(self._encoded)
        parts = [np.empty(0, np.uint8)]
        for start in range(0, len(lengths), n_rows := max(1, _CELLS // width)):
            some = np.ascontiguousarray(self._encoded[start : start + n_rows])
            letters = some.view(np.uint8).reshape(len(some), width)
            there = np.arange(width) < lengths[start : start + n_rows, None]
            heads = np.broadcast_to(head, (len(some), len(head)))
            parts.append(np.hstack([heads, letters])[np.hstack([np.ones(heads.shape, bool), there])])
        return np.concatenate(parts), np.cumsum(lengths + len(head), dtype=np.int64)


def unique_names(array: ArrayRows) -> Names:
    """The names of all rows.

    Raises:
        ArrayError: A name is empty, no Unicode, or that of two rows.
        DamagedArrayError: The array is not what was saved.
        FileError: It cannot be read.
    """
    parts = [np.empty(0, "S1")]
    for start, block in array.blocks():
        try:
            part = np.strings.encode(_strings(array, block), "utf-8")
        except UnicodeEncodeError:
            raise _no_unicode(array) from None
        if len(empty := np.flatnonzero(part == b"")):
            raise _empty(array, start + int(empty[0]))
        parts.append(part)
    encoded = np.concatenate(parts)
    names = Names(encoded)
    again = np.flatnonzero(encoded[names.order][1:] == encoded[names.order][:-1])
    if len(again):
        first, second = sorted(names.order[again[0] : again[0] + 2].tolist())
        raise ArrayError(
            f"{called(array.place.name)} gives rows {first:,} and {second:,} one name",
            "Give each row a name of its own; `arrays: {identity: ...}` names people.",
        )
    return names


def people(array: ArrayRows) -> tuple[npt.NDArray[np.int32], tuple[tuple[str, ...], ...]]:
    """Who is in each row: a number, int32, shape (n,), and the names for it, () for nobody.

    Raises:
        ArrayError: A name is no Unicode.
        DamagedArrayError: The array is not what was saved.
        FileError: It cannot be read.
    """
    numbers: dict[str, int] = {}
    found = np.empty(len(array), dtype=np.int32)
    for start, block in array.blocks():
        names = _strings(array, block).tolist()
        found[start : start + len(names)] = [numbers.setdefault(name, len(numbers)) for name in names]
    if not all(map(_is_unicode, numbers)):
        raise _no_unicode(array)
    return found, tuple((name,) if name else () for name in numbers) or ((),)


def _is_unicode(text: str) -> bool:
    return text.isascii() or not any(0xD800 <= ord(letter) <= 0xDFFF for letter in text)


def _strings(array: ArrayRows, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if values.dtype.kind != "U":
        return values.astype(np.str_)
    numbers = (
        values.view(np.dtype(np.uint32).newbyteorder(values.dtype.byteorder)) if values.itemsize else values
    )
    # NumPy takes any number for a letter, and raises a SystemError once it hands out what is none
    if values.itemsize and (numbers > sys.maxunicode).any():
        raise _no_unicode(array)
    return values


def _empty(array: ArrayRows, row: int) -> ArrayError:
    return ArrayError(f"{called(array.place.name)} has no text in row {row:,}", "Give each row a name.")


def _no_unicode(array: ArrayRows) -> ArrayError:
    return ArrayError(
        f"{called(array.place.name)} holds text that is no Unicode",
        "Save the texts again, as they were meant.",
    )
