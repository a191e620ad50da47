"""The header of an ``.npy`` array (NumPy's NEP 1), which says what follows; nothing in it is ever run."""

from __future__ import annotations

import ast
import math
import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from faceleak_check.readers.arrays.trouble import ArrayError, called
from faceleak_check.readers.formats import HEAD_BYTES, sniff

__all__ = ["LONGEST_HEADER", "ArrayHeader", "read_header"]

LONGEST_HEADER = 1 << 16
"""Bytes of an array's beginning that are enough to hold the header of a plain array."""

_MAGIC = b"\x93NUMPY"
_MOST_AXES = 64  # as in NumPy
_LENGTH_BYTES = {1: 2, 2: 4, 3: 4}
_KEYS = {"descr", "fortran_order", "shape"}
_PICKLES = re.compile(rb"\x80[\x02-\x05]")
_OF_PYTHON_2 = re.compile(r"(\d)L\b")
_NO_PICKLES = (
    "Pickles are never opened, as opening one runs whatever its author put into it. Save a plain array of numbers: "
    "numpy.save(FILE, numpy.stack(ROWS))."
)
_SAVE_AGAIN = "Copy the file again, or save it again with numpy.save."


@dataclass(frozen=True, kw_only=True, slots=True)
class ArrayHeader:
    """What an array is.

    Attributes:
        kind: The type of its numbers; never one of Python objects or of records.
        shape: Its shape; at least one axis.
        is_fortran: Whether the first index runs fastest.
        n_bytes: Length of the header itself; the numbers follow.
    """

    kind: np.dtype[Any]
    shape: tuple[int, ...]
    is_fortran: bool
    n_bytes: int

    @property
    def row_bytes(self) -> int:
        """Bytes of all that one first index stands for."""
        return self.kind.itemsize * math.prod(self.shape[1:])

    @property
    def data_bytes(self) -> int:
        """Bytes of all numbers."""
        return self.row_bytes * self.shape[0]


def read_header(head: bytes, name: str = "") -> ArrayHeader:
    """The header that an array begins with.

    Args:
        head: Its first `LONGEST_HEADER` bytes, or all where it is shorter.
        name: What the array is called in its file.

    Raises:
        ArrayError: It is no array, a damaged one, or one that holds something else than numbers or text.
    """
    if not head.startswith(_MAGIC):
        raise _no_array(head, name)
    words, n_bytes = _words(head, name)
    try:
        found = ast.literal_eval(_OF_PYTHON_2.sub(r"\1", words))
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        raise _damaged(name) from None
    if not isinstance(found, dict) or found.keys() != _KEYS:
        raise _damaged(name)
    shape, is_fortran = found["shape"], found["fortran_order"]
    is_shape = isinstance(shape, tuple) and all(type(side) is int and side >= 0 for side in shape)
    is_shape = is_shape and len(shape) <= _MOST_AXES
    if not is_shape or not isinstance(is_fortran, bool):
        raise _damaged(name)
    kind = _kind(found["descr"], name)
    if not shape:
        raise ArrayError(f"{called(name)} is a single number", "Expected an array with a row for each image.")
    return ArrayHeader(kind=kind, shape=shape, is_fortran=is_fortran, n_bytes=n_bytes)


def _words(head: bytes, name: str) -> tuple[str, int]:
    """The text of the header, and where it ends."""
    if len(head) < len(_MAGIC) + 2:
        raise _damaged(name)
    version = head[len(_MAGIC)]
    if version not in _LENGTH_BYTES:
        raise ArrayError(
            f"{called(name)} has version {version} of NumPy's format, and 1 to 3 can be read", _SAVE_AGAIN
        )
    start = len(_MAGIC) + 2 + _LENGTH_BYTES[version]
    end = start + int.from_bytes(head[len(_MAGIC) + 2 : start], "little")
    if end > len(head):
        raise _damaged(name)
    return head[start:end].decode("utf-8", "replace").strip(), end


def _kind(described: object, name: str) -> np.dtype[Any]:
    if not isinstance(described, str):
        raise ArrayError(
            f"{called(name)} holds records with fields of their own",
            "Save the field that is meant as an array of its own: numpy.save(FILE, ARRAY[FIELD]).",
        )
    try:
        kind = np.dtype(described)
    except (TypeError, ValueError):
        raise _damaged(name) from None
    if kind.hasobject:
        raise ArrayError(f"{called(name)} holds Python objects, which are kept as a pickle", _NO_PICKLES)
    return kind


def _damaged(name: str) -> ArrayError:
    return ArrayError(f"the header of {called(name)} is damaged", _SAVE_AGAIN)


def _no_array(head: bytes, name: str) -> ArrayError:
    if not head:
        return ArrayError(f"{called(name)} is empty" if name else "the file is empty", _SAVE_AGAIN)
    if _PICKLES.match(head):
        return ArrayError(f"{called(name) if name else 'the file'} is a pickle", _NO_PICKLES)
    what = sniff(head[:HEAD_BYTES])
    if what and not name:
        return ArrayError(f"the file is a {what} image", "For image files leave out `format: arrays`.")
    return ArrayError(
        f"{called(name) if name else 'the file'} is no array of NumPy",
        f"It begins with the bytes {head[:4].hex(' ')}, expected {_MAGIC[:4].hex(' ')} (.npy) or 50 4b 03 04 "
        "(.npz).",
    )
