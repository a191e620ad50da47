"""From one record of a ``.rec`` file to the next, past what is damaged."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from faceleak_check.readers.recordio.frames import (
    BrokenRecordError,
    begins,
    end_of,
    find,
    payload,
)
from faceleak_check.readers.recordio.window import OpenRecords

__all__ = ["Record", "walk"]

_REST_OF_MARK = 3
"""What to look past a place for, to find a mark that begins before it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """A record, or a place where one should be.

    Attributes:
        offset: Its first byte.
        data: Its payload; None where it cannot be read.
        reason: Why it cannot.
    """

    offset: int
    data: bytes | None
    reason: str = ""


def walk(file: OpenRecords, indexed: Sequence[int]) -> Iterator[Record]:
    """Every record, in the order of the file, whether an index names it or not.

    After a damaged one the search goes on at the next place that the index names or that looks like the
    beginning of a record, whichever comes first.

    Args:
        file: The records.
        indexed: Where the index says that records begin, ascending, each once; empty without an index.
    """
    place = 0
    while place < file.n_bytes:
        try:
            end = _checked_end(file, place, indexed)
            yield Record(offset=place, data=payload(file, place))
            place = end
        except BrokenRecordError as error:
            yield Record(offset=place, data=None, reason=str(error))
            place = _next(file, place, indexed)


def _checked_end(file: OpenRecords, place: int, indexed: Sequence[int]) -> int:
    end = end_of(file, place)
    if _other_inside(file, place, end, indexed):
        raise BrokenRecordError("another record begins inside it, so its length is wrong")
    return end


def _other_inside(file: OpenRecords, place: int, end: int, indexed: Sequence[int]) -> bool:
    first = bisect_right(indexed, place)
    if any(begins(file, offset) for offset in indexed[first : bisect_left(indexed, end, first)]):
        return True
    follows = end == file.n_bytes or begins(file, end)
    if follows and indexed:
        return False
    # a wrong length may happen to end where a record begins; then only a record that fits in between counts, since some
    # writers leave marks in images
    return find(file, place + 4, end + _REST_OF_MARK, confirmed=follows) is not None


def _next(file: OpenRecords, place: int, indexed: Sequence[int]) -> int:
    following = bisect_right(indexed, place)
    limit = min(indexed[following], file.n_bytes) if following < len(indexed) else file.n_bytes
    found = find(file, place + 1, limit + _REST_OF_MARK)
    return limit if found is None else min(limit, found)
