"""Records as they lie in a ``.rec`` file: marks, lengths and parts.

The format is that of dmlc-core (``src/recordio.cc``) and MXNet (``python/mxnet/recordio.py``).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from faceleak_check.readers.files import MAX_FILE_BYTES
from faceleak_check.readers.recordio.window import MARK, OpenRecords

__all__ = ["BrokenRecordError", "begins", "end_of", "find", "payload"]

_HEAD = struct.Struct("<4sI")
_LENGTH_BITS = 29
_WHOLE, _FIRST, _MIDDLE, _LAST = range(4)


class BrokenRecordError(ValueError):
    """A record cannot be read; the message goes on from "the record is damaged"."""


def end_of(file: OpenRecords, place: int) -> int:
    """Where the record that begins at `place` ends; only marks and lengths are read.

    Raises:
        BrokenRecordError: No whole record begins there.
    """
    end, n_total = place, 0
    for start, n_bytes in _parts(file, place):
        end, n_total = start + _padded(n_bytes), n_total + n_bytes + len(MARK)
        if n_total > MAX_FILE_BYTES:
            raise BrokenRecordError(f"it is larger than {MAX_FILE_BYTES:,} bytes")
    return min(end, file.n_bytes)


def payload(file: OpenRecords, place: int) -> bytes:
    """The bytes of the record that begins at `place`, for which `end_of` found an end.

    Raises:
        BrokenRecordError: The file has changed since.
    """
    parts = _parts(file, place)
    data = _part(file, *next(parts))
    joined = bytearray()
    for start, n_bytes in parts:
        # the writer took a mark out of the payload wherever one stood, and cut the record there
        joined += MARK + _part(file, start, n_bytes)
    return data + bytes(joined) if joined else data


def find(file: OpenRecords, start: int, end: int, *, confirmed: bool = False) -> int | None:
    """Where the next record begins that lies between these places, whole or not.

    Args:
        file: The records.
        start: Where to begin.
        end: Where to stop.
        confirmed: Whether another record or the end of the file must follow it.
    """
    while (start := file.find_mark(start, end)) >= 0:
        if begins(file, start, confirmed=confirmed):
            return start
        start += 1
    return None


def begins(file: OpenRecords, place: int, *, confirmed: bool = False) -> bool:
    """Whether a record begins there, whole or not; `confirmed` as in `find`."""
    head = file.peek(place, _HEAD.size)
    if len(head) < _HEAD.size or not head.startswith(MARK):
        return False
    kind, n_bytes = _decoded(_HEAD.unpack(head)[1])
    if kind not in (_WHOLE, _FIRST):
        return False
    # writers put marks at multiples of four; elsewhere, where bytes were lost, the next mark must confirm it
    end = place + _HEAD.size + _padded(n_bytes)
    return (place % 4 == 0 and not confirmed) or end == file.n_bytes or file.peek(end, len(MARK)) == MARK


def _parts(file: OpenRecords, place: int) -> Iterator[tuple[int, int]]:
    """Start and length of each part's bytes."""
    kind, n_bytes = _head(file, place)
    if kind in (_MIDDLE, _LAST):
        raise BrokenRecordError("its beginning is missing")
    while True:
        start = place + _HEAD.size
        if n_bytes > file.n_bytes - start:
            left = file.n_bytes - start
            raise BrokenRecordError(f"it should hold {n_bytes:,} bytes, and the file ends after {left:,}")
        yield start, n_bytes
        if kind in (_WHOLE, _LAST):
            return
        place = start + _padded(n_bytes)
        kind, n_bytes = _head(file, place)
        if kind in (_WHOLE, _FIRST):
            raise BrokenRecordError("its end is missing")


def _head(file: OpenRecords, place: int) -> tuple[int, int]:
    head = file.get(place, _HEAD.size)
    if head[: len(MARK)] != MARK[: len(head)] or not head:
        raise BrokenRecordError("its mark is wrong" if head else "its end is missing")
    if len(head) < _HEAD.size:
        raise BrokenRecordError("the file ends inside it")
    kind, n_bytes = _decoded(_HEAD.unpack(head)[1])
    if kind > _LAST:
        raise BrokenRecordError(f"it is of an unknown kind {kind}")
    return kind, n_bytes


def _part(file: OpenRecords, start: int, n_bytes: int) -> bytes:
    data = file.get(start, n_bytes)
    if len(data) < n_bytes:
        raise BrokenRecordError("the file ends inside it")
    return data


def _decoded(length: int) -> tuple[int, int]:
    return length >> _LENGTH_BITS, length & ((1 << _LENGTH_BITS) - 1)


def _padded(n_bytes: int) -> int:
    return (n_bytes + 3) // 4 * 4
