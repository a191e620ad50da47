"""A folder on this machine."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from faceleak_check.readers.files import read_file
from faceleak_check.readers.folders.walked import Walked
from faceleak_check.readers.inspection import Seen, inspect
from faceleak_check.readers.listing import id_of, walk
from faceleak_check.readers.storage.local import SETTLED_NS

__all__ = ["LocalFolder"]

_SIZE, _TIMES = 2, slice(3, 5)


class LocalFolder:
    """A folder on this machine; see `FolderFiles`.

    A file's marks are device, inode, size and both times. The time of change is set by the system alone: who writes
    into a file and puts its length and its time of modification back changes it all the same.

    Args:
        path: Where it is.
    """

    n_threads = 4

    def __init__(self, path: Path) -> None:
        self._root = os.path.realpath(os.fsencode(path))
        self.place = id_of(self._root)

    def walk(self, tick: Callable[[int], None]) -> Walked:
        """See `FolderFiles`."""
        now = time.time_ns()
        listing = walk(self._root, tick, marked=True)
        marks = np.frombuffer(listing.marks, dtype=np.int64).reshape(-1, 5)
        times = marks[:, _TIMES].max(axis=1, initial=0)
        return Walked(
            names=listing.files,
            marks=marks,
            is_settled=(marks[:, _SIZE] >= 0) & (times + SETTLED_NS <= now),
            sizes=marks[:, _SIZE],
            others=listing.others,
            unreadable=listing.unreadable,
            unseen=listing.unseen,
        )

    def inspect(self, walked: Walked, row: int) -> Seen:
        """See `FolderFiles`."""
        return inspect(self._root, walked.names[row])

    def read(self, name: bytes) -> bytes:
        """See `FolderFiles`; a link that leads out of the folder is not read."""
        return read_file(self._root, name)
