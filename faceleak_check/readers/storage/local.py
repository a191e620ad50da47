"""Files on this machine."""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from faceleak_check.readers.files import FileError
from faceleak_check.readers.listing import id_of, path_of, walk
from faceleak_check.readers.trouble import system_words

__all__ = ["SETTLED_NS", "LocalFile", "LocalStorage"]

SETTLED_NS = 2_000_000_000
"""The coarsest times of file systems that are still in use, as Git has it (Documentation/technical/racy-git.txt)."""

_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK  # else a named pipe would wait for a writer for ever


class LocalFile:
    """An open file.

    Args:
        descriptor: Its descriptor, which stays the caller's.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        now, found = time.time_ns(), os.fstat(descriptor)
        self.is_settled = max(found.st_mtime_ns, found.st_ctime_ns) + SETTLED_NS <= now
        self.n_bytes = found.st_size
        self.identity = (
            f"{found.st_dev}:{found.st_ino}:{found.st_size}:{found.st_mtime_ns}:{found.st_ctime_ns}"
        )

    def read(self, start: int, n_bytes: int) -> bytes:
        """See `OpenFile`."""
        parts = []
        try:
            while n_bytes > 0 and (part := os.pread(self._descriptor, n_bytes, start)):
                parts.append(part)
                start, n_bytes = start + len(part), n_bytes - len(part)
        except OSError as error:
            raise FileError(system_words(error)) from error
        return parts[0] if len(parts) == 1 else b"".join(parts)


class LocalStorage:
    """A file or folder on this machine.

    Args:
        path: Where it is.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def kind(self) -> Literal["file", "folder", "missing"]:
        """See `Storage`."""
        try:
            mode = self.path.stat().st_mode
        except FileNotFoundError:
            return "missing"
        except OSError as error:
            if error.errno == errno.ENOTDIR:
                return "missing"
            raise FileError(system_words(error)) from error
        return "folder" if stat.S_ISDIR(mode) else "file"

    def names(self, tick: Callable[[int], None]) -> Sequence[str]:
        """See `Storage`; a folder that cannot be listed is an error, as nobody knows what is in it."""
        root = os.fsencode(self.path)
        try:
            listing = walk(root, tick)
        except OSError as error:
            raise FileError(system_words(error)) from error
        for reason in listing.unseen.values():
            raise FileError(reason)
        if any(os.path.isdir(root + b"/" + link) for link in listing.links):  # noqa: PTH112 - paths are bytes here
            raise FileError("it holds a symbolic link to a folder, which is not followed")
        return [id_of(path) for path in listing.files]

    @contextmanager
    def open(self, name: str = "", *, fresh: bool = False) -> Iterator[LocalFile]:  # noqa: ARG002
        """See `Storage`."""
        try:
            path = os.path.join(os.fsencode(self.path), path_of(name)) if name else os.fsencode(self.path)  # noqa: PTH118
            descriptor = os.open(path, _FLAGS)
            try:
                if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                    raise FileError("not a regular file")
                yield LocalFile(descriptor)
            finally:
                os.close(descriptor)
        except FileError:
            raise
        except OSError as error:
            raise FileError(system_words(error)) from error
