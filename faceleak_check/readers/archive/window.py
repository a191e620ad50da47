"""The bytes of a large file, more and more of them at a time while they are read in order."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Bytes", "Window"]

_FIRST_BYTES, _MOST_BYTES = 1 << 15, 1 << 20


class Bytes(Protocol):
    """Something that is read by position; see `faceleak_check.readers.storage.protocol.OpenFile`."""

    def read(self, start: int, n_bytes: int) -> bytes:
        """Bytes from a place on, fewer only at the end.

        Raises:
            FileError: They cannot be read; the message names no path.
        """


class Window:
    """Reads ahead, so that thousands of small members take a few large reads; for one thread.

    Args:
        file: What is read.
    """

    def __init__(self, file: Bytes) -> None:
        self._file = file
        self._start, self._held = 0, b""
        self._ahead = _FIRST_BYTES

    def read(self, start: int, n_bytes: int) -> bytes:
        """Bytes from a place on, fewer only at the end."""
        if n_bytes > _MOST_BYTES:
            return self._file.read(start, n_bytes)
        place = start - self._start
        if place < 0 or place + n_bytes > len(self._held):
            self._move(start, n_bytes)
            place = 0
        return self._held[place : place + n_bytes]

    def _move(self, start: int, n_bytes: int) -> None:
        follows = 0 <= start - self._start <= len(self._held)
        self._ahead = min(2 * self._ahead, _MOST_BYTES) if follows else _FIRST_BYTES
        self._held = self._file.read(start, max(n_bytes, self._ahead))
        self._start = start
