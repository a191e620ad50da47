"""Files that are there whole or not at all, and whether they are there."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

__all__ = ["is_file", "is_folder", "is_missing", "opened_whole", "write_whole"]

_NOT_THERE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP})


def is_missing(path: Path) -> bool:
    """Whether nothing has this name; `Path.exists` raises where a name is too long, or a folder closed."""
    try:
        path.stat()
    except OSError as error:
        return error.errno in _NOT_THERE
    except ValueError:
        return True  # no file's name holds a NUL
    return False


def is_file(path: Path) -> bool:
    """Whether an ordinary file is there and can be seen."""
    return os.path.isfile(path)  # noqa: PTH113 — `Path.is_file` raises where a name is too long, or a folder closed


def is_folder(path: Path) -> bool:
    """Whether a folder is there and can be seen."""
    return os.path.isdir(path)  # noqa: PTH112 — as in `is_file`


def write_whole(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Writes a file for its owner alone, under a temporary name that is renamed at the end.

    Args:
        path: The file.
        data: What it is to hold.
        durable: Whether to wait until the disk has it, which for thousands of small files takes seconds.

    Raises:
        OSError: The folder cannot be written; nothing is left behind.
    """
    with opened_whole(path, durable=durable) as file:
        file.write(data)


@contextlib.contextmanager
def opened_whole(path: Path, *, durable: bool = True) -> Iterator[BinaryIO]:
    """A file for its owner alone, under a temporary name until the block ends well.

    Args:
        path: The file.
        durable: Whether to wait until the disk has it.

    Raises:
        OSError: The folder cannot be written; nothing is left behind.
    """
    # not the process id: machines that share a folder may share that, too
    temporary = path.with_name(f".{path.name[:64]}.{secrets.token_hex(8)}.tmp")
    try:
        with os.fdopen(os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "w+b") as file:
            yield file
            file.flush()
            if durable:
                os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
