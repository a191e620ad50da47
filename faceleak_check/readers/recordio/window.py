"""The bytes of a ``.rec`` file, a window at a time."""

from __future__ import annotations

import struct

from faceleak_check.readers.storage.protocol import OpenFile

__all__ = ["MARK", "OpenRecords"]

MARK = struct.pack("<I", 0xCED7230A)
"""The four bytes that each part of a record begins with."""

_WINDOW_BYTES = 1 << 22


class OpenRecords:
    """The bytes of an open file, seen through a window that moves along; for one thread.

    Args:
        file: The open file.
        window: How many bytes to read at a time.
    """

    def __init__(self, file: OpenFile, window: int = _WINDOW_BYTES) -> None:
        self._file = file
        self._window = window
        self._start, self._held = 0, b""
        self.n_bytes = file.n_bytes

    def get(self, start: int, n_bytes: int) -> bytes:
        """The bytes from `start` on; fewer where the file ends."""
        if n_bytes > self._window:
            return self._read(start, n_bytes)
        place = self._hold(start, n_bytes)
        return self._held[place : place + n_bytes]

    def peek(self, start: int, n_bytes: int) -> bytes:
        """The same for a few bytes anywhere, without moving the window."""
        place = start - self._start
        if 0 <= place <= len(self._held) - n_bytes:
            return self._held[place : place + n_bytes]
        return self._read(start, n_bytes)

    def find_mark(self, start: int, end: int) -> int:
        """Where the next mark begins that lies between these places; -1 for none."""
        end = min(end, self.n_bytes)
        while end - start >= len(MARK):
            first = self._hold(start, len(MARK))
            last = min(end - self._start, len(self._held))
            found = self._held.find(MARK, first, last)
            if found >= 0:
                return self._start + found
            if last - first < len(MARK):  # the file has become shorter
                break
            start = self._start + last - len(MARK) + 1
        return -1

    def _hold(self, start: int, n_bytes: int) -> int:
        place = start - self._start
        if place < 0 or place + n_bytes > len(self._held):
            self._held = b""
            self._held = self._read(start, self._window)
            self._start, place = start, 0
        return place

    def _read(self, start: int, n_bytes: int) -> bytes:
        # never asks for more than there is, whatever length a record claims
        left = min(n_bytes, self.n_bytes - start)
        return self._file.read(start, left) if left > 0 else b""
