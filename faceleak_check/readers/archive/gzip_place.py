"""Unpacks a gzip file from any place of it that was kept (as in zlib's examples/zran.c)."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from faceleak_check.readers.archive.window import Window

__all__ = ["SEGMENT", "GzipPlace", "next_segment"]

SEGMENT = 1 << 20
"""As many bytes are unpacked at a time."""

_INPUT_BYTES = 1 << 14  # a place that is kept may hold on to as many
_WITH_HEADER = 16 + zlib.MAX_WBITS
_MARK = b"\x1f\x8b"


@dataclass(kw_only=True, slots=True)
class GzipPlace:
    """How far the packing was read; one that was handed out is never changed.

    Attributes:
        number: Number of the next segment.
        packed: The next byte of the file.
        engine: What unpacks it; None at the beginning of a gzip member.
        trouble: Why it ends here; empty where it does not, or should.
    """

    number: int = 0
    packed: int = 0
    engine: Any = None
    trouble: str = ""

    def copy(self) -> GzipPlace:
        """A place to go on from that leaves this one as it is."""
        return replace(self, engine=self.engine and self.engine.copy())


def next_segment(window: Window, place: GzipPlace) -> tuple[bytes, GzipPlace]:
    """A segment, and the place after it."""
    after = place.copy()
    try:
        return b"".join(_unpack(window, after, _INPUT_BYTES)), after
    except zlib.error:
        return _to_the_last_byte(window, place.copy())


def _to_the_last_byte(window: Window, after: GzipPlace) -> tuple[bytes, GzipPlace]:
    """What can be had of a damaged segment: an engine that meets damage keeps what it has unpacked of its input."""
    parts = list[bytes]()
    try:
        for part in _unpack(window, after, 1):
            parts.append(part)
    except zlib.error:
        after.engine = None
        after.trouble = "it is damaged: its packed bytes make no sense, or do not fit their checksum"
    return b"".join(parts), after


def _unpack(window: Window, place: GzipPlace, n_input: int) -> Iterator[bytes]:
    """Unpacks a segment, and moves the place."""
    place.number += 1
    n_left = SEGMENT
    while n_left and not place.trouble and _is_in_member(window, place):
        packed = place.engine.unconsumed_tail
        if not packed:
            packed = window.read(place.packed, n_input)
            place.packed += len(packed)
        data = place.engine.decompress(packed, n_left)
        n_left -= len(data)
        if place.engine.eof:
            place.packed -= len(place.engine.unused_data)
            place.engine = None
        elif not packed and not data:
            place.trouble = "it is cut short"
        yield data


def _is_in_member(window: Window, place: GzipPlace) -> bool:
    """Goes on to the next gzip member where one has ended; whether there is one."""
    if place.engine is not None:
        return True
    # tapes and some programs fill the last block with zeros
    while (head := window.read(place.packed, _INPUT_BYTES)) and not any(head):
        place.packed += len(head)
    place.packed += len(head) - len(head.lstrip(b"\0"))
    if not head:
        return False
    if window.read(place.packed, len(_MARK)) != _MARK:
        place.trouble = (
            f"what follows byte {place.packed:,} of the file is not packed with gzip, or is damaged"
        )
        return False
    place.engine = zlib.decompressobj(_WITH_HEADER)
    return True
