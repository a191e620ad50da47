"""Reading files that somebody else may have put there: none but ordinary ones, and none without an end."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

__all__ = ["MOST_BYTES", "opened_regular", "read_regular"]

_BLOCK_BYTES = 1 << 24
MOST_BYTES = 1 << 30
"""Longest file that is read into memory at once, where nobody says otherwise: far more than any that we write."""


def read_regular(path: Path, *, most: int = MOST_BYTES, follows: bool = True) -> bytes:
    """All bytes of a file that somebody else may have put there.

    Args:
        path: The file.
        most: Bytes of the longest file.
        follows: Whether it may be a link.

    Raises:
        OSError: It cannot be read, is longer, or is no ordinary file: a pipe would wait for ever, a device never end.
    """
    data = bytearray()
    with opened_regular(path, most=most, follows=follows) as file:
        # in blocks: Python makes room at once for all that is asked for
        while block := file.read(min(_BLOCK_BYTES, most + 1 - len(data))):
            data += block
    if len(data) > most:
        raise _too_large(most)
    return bytes(data)


@contextlib.contextmanager
def opened_regular(path: Path, *, most: int = MOST_BYTES, follows: bool = True) -> Iterator[BinaryIO]:
    """The same file, open.

    Args:
        path: The file.
        most: Bytes of the longest file.
        follows: Whether it may be a link.

    Raises:
        OSError: As `read_regular`.
    """
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | (0 if follows else os.O_NOFOLLOW)
    descriptor = os.open(path, flags)
    try:
        told = os.fstat(descriptor)
        if stat.S_ISDIR(told.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not stat.S_ISREG(told.st_mode):
            raise OSError(errno.EINVAL, "Not a regular file")
        if told.st_size > most:
            raise _too_large(most)
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            yield file
    finally:
        os.close(descriptor)


def _too_large(most: int) -> OSError:
    return OSError(errno.EFBIG, f"Larger than {most:,} bytes")
