"""Files that are there whole or not at all, and the locks that tell who writes them."""

from __future__ import annotations

import contextlib
import fcntl
import glob
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from faceleak_check.errors import UsageError

__all__ = ["locked", "opened_whole", "remove_torn", "write_whole", "writing_where_asked"]

_NAME_LETTERS = 48
"""Of up to four bytes each; the name of a file has at most 255."""
_KEY = "[0-9a-f]" * 16


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
def writing_where_asked(path: Path) -> Iterator[None]:
    """Around the writing of a file that the user has named.

    Args:
        path: The file.

    Raises:
        UsageError: It cannot be written.
    """
    try:
        remove_torn(path)
        yield
    except OSError as error:
        raise UsageError(
            f"{path} cannot be written: {error.strerror}; choose another file, or free some space"
        ) from None


@contextlib.contextmanager
def opened_whole(
    path: Path, *, durable: bool = True, new: bool = False, mode: int = 0o600
) -> Iterator[BinaryIO]:
    """A file under a temporary name, which is its `name`, until the block ends well.

    It is locked as long as it is open, so that `remove_torn` can tell it from what a killed process has left.

    Args:
        path: The file.
        durable: Whether to wait until the disk has it.
        new: Whether a file that is there already is left alone.
        mode: Who may read and write it; by default its owner alone.

    Raises:
        FileExistsError: It is to be new, and is there already.
        OSError: The folder cannot be written; nothing is left behind.
    """
    temporary, file = _opened_beside(path, mode)
    try:
        with file:
            yield file
            file.flush()
            if durable:
                os.fsync(file.fileno())
            if new:
                _name_new(temporary, path)
            else:
                temporary.replace(path)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def remove_torn(path: Path) -> None:
    """Takes away what processes left that were killed while they wrote a file.

    Args:
        path: The file.
    """
    for torn in path.parent.glob(f".{glob.escape(path.name[:_NAME_LETTERS])}.{_KEY}.tmp"):
        with contextlib.suppress(OSError):
            descriptor = os.open(torn, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                # where there are no locks nobody knows whether it is being written, and it stays
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                torn.unlink()
            finally:
                os.close(descriptor)


def locked(descriptor: int) -> bool:
    """Whether an open file or folder is this process's alone until it is closed, also by the process's death.

    A file system without locks gives it to everybody.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def _opened_beside(path: Path, mode: int) -> tuple[Path, BinaryIO]:
    while True:
        # not the process id: machines that share a folder may share that, too
        temporary = path.with_name(f".{path.name[:_NAME_LETTERS]}.{secrets.token_hex(8)}.tmp")
        file = open(temporary, "x+b", opener=lambda name, flags: os.open(name, flags, mode))  # noqa: SIM115
        # without its lock, for a moment, it looked like something torn
        if locked(file.fileno()) and os.fstat(file.fileno()).st_nlink:
            return temporary, file
        file.close()


def _name_new(temporary: Path, path: Path) -> None:
    """Gives a file its name without overwriting another."""
    try:
        path.hardlink_to(temporary)
    except FileExistsError:
        raise
    except OSError:  # a disk without links
        if os.path.lexists(path):
            raise FileExistsError from None
        temporary.rename(path)
