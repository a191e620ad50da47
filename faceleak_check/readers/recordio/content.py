"""What a record says: its number, its labels, and its image."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from faceleak_check.readers.recordio.frames import BrokenRecordError

__all__ = ["Content", "content"]

_HEADER = struct.Struct("<IfQQ")


@dataclass(frozen=True, kw_only=True, slots=True)
class Content:
    """What a record holds.

    Attributes:
        number: The number that its writer gave it.
        n_labels: How many labels stand before the image; 0 where the header itself has the only one.
        labels: The first two of them, or the one in the header.
        image: The bytes of the image file; empty in records that only describe others.
    """

    number: int
    n_labels: int
    labels: tuple[float, ...]
    image: memoryview


def content(data: bytes) -> Content:
    """What the payload of a record says.

    Raises:
        BrokenRecordError: It is too short for its header or its labels.
    """
    if len(data) < _HEADER.size:
        raise BrokenRecordError(f"its {len(data):,} bytes are too few for a header of {_HEADER.size}")
    n_labels, label, number, _ = _HEADER.unpack_from(data)
    start = _HEADER.size + 4 * n_labels
    if start > len(data):
        left = len(data) - _HEADER.size
        raise BrokenRecordError(f"it should hold {n_labels:,} labels, and {left:,} bytes are left for them")
    first = struct.unpack_from(f"<{min(n_labels, 2)}f", data, _HEADER.size)
    return Content(number=number, n_labels=n_labels, labels=first or (label,), image=memoryview(data)[start:])
