"""Whether something is there, for paths that no file system may know."""

from __future__ import annotations

import errno
import os
from pathlib import Path

__all__ = ["is_file", "is_folder", "is_missing"]

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
