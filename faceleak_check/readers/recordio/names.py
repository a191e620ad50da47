"""What the records of a ``.rec`` file are called: the same on every machine, each name once."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

import numpy as np

from faceleak_check.readers.recordio.index import RecordIndex
from faceleak_check.readers.recordio.lists import Listed
from faceleak_check.records import IntArray

__all__ = ["UNKNOWN", "Names", "numbers_by_neighbours", "numbers_by_offset"]

UNKNOWN = -1
"""The number of a record of which no number is known."""

_OUR_OWN = re.compile(r"\d{8,}( at byte \d+)?|at byte \d+")


class Names:
    """Names of records: the path in the list, else the number, else the first byte.

    Args:
        listed: The list, by number; empty where there is none.
    """

    def __init__(self, listed: Mapping[int, Listed]) -> None:
        times = Counter(one.path for one in listed.values())
        self._paths = {
            number: one.path
            for number, one in listed.items()
            if times[one.path] == 1 and not _OUR_OWN.fullmatch(one.path)
        }

    def of(self, number: int, offset: int, *, is_first: bool) -> str:
        """The name of a record.

        Args:
            number: Its number, or `UNKNOWN`.
            offset: Its first byte.
            is_first: Whether no record before it has this number.
        """
        if number == UNKNOWN:
            return f"at byte {offset}"
        return self.of_number(number) if is_first else f"{number:08d} at byte {offset}"

    def of_number(self, number: int) -> str:
        """The name of the record with this number."""
        return self._paths.get(number) or f"{number:08d}"


def numbers_by_offset(index: RecordIndex, offsets: IntArray) -> IntArray:
    """The number that the index gives the record at each place, or `UNKNOWN`."""
    places = np.searchsorted(index.offsets, offsets)
    places[places == len(index.offsets)] = 0
    return np.where(index.offsets[places] == offsets, index.numbers[places], UNKNOWN)


def numbers_by_neighbours(numbers: IntArray) -> IntArray:
    """The same numbers, and in place of an unknown one that which is left out between its neighbours."""
    filled = numbers.copy()
    gaps = (numbers[1:-1] == UNKNOWN) & (numbers[:-2] >= 0) & (numbers[2:] == numbers[:-2] + 2)
    filled[1:-1][gaps] = numbers[:-2][gaps] + 1
    if len(numbers) > 1 and numbers[0] == UNKNOWN and numbers[1] > 0:
        filled[0] = numbers[1] - 1
    return filled
