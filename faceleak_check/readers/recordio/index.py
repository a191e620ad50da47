"""The ``.idx`` file beside a ``.rec`` file: which record is where."""

from __future__ import annotations

import io
import re
from array import array
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from faceleak_check.policy.schema import Dataset
from faceleak_check.policy.urls import Url
from faceleak_check.readers.table_file import table_file
from faceleak_check.readers.tables import TableError
from faceleak_check.readers.trouble import shown
from faceleak_check.records import IntArray

__all__ = ["RecordIndex", "read_index"]

_LINE = re.compile(rb"(\d{1,18})[\t ]+(\d{1,18})\s*")
_SHOWN_LETTERS = 60


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordIndex:
    """Numbers of records and where they begin, in the order of the places; a number may come twice.

    Attributes:
        numbers: Shape (n,).
        offsets: Shape (n,), ascending.
    """

    numbers: IntArray
    offsets: IntArray


def read_index(dataset: Dataset, path: Path | Url) -> RecordIndex:
    """The index of a dataset.

    Raises:
        DatasetError: It cannot be read, is empty, or has a line that is none of an index.
    """
    numbers, offsets = array("q"), array("q")
    with table_file(dataset, path, "index", columns_hint="") as data:
        for at, line in enumerate(io.BytesIO(data), 1):
            found = _LINE.fullmatch(line)
            if found:
                numbers.append(int(found[1]))
                offsets.append(int(found[2]))
            elif line.strip():
                raise _wrong(at, line)
        if not numbers:
            raise TableError(
                "is empty", "Write it again, or take it away: the records are then read without it."
            )
    lines = np.unique(np.column_stack([offsets, numbers]), axis=0)
    return RecordIndex(numbers=lines[:, 1].copy(), offsets=lines[:, 0].copy())


def _wrong(at: int, line: bytes) -> TableError:
    text = shown(line.strip().decode("utf-8", "surrogateescape")[:_SHOWN_LETTERS])
    return TableError(
        f"is wrong in line {at:,}",
        f"Line {at:,} is '{text}', expected the number of a record, a tab, and the byte that it begins at. "
        "Write it again, or take it away: the records are then read without it.",
    )
