"""What is known of the files of a folder before any is opened, and what opens them; no behaviour."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from faceleak_check.readers.inspection import Seen
from faceleak_check.records import IntArray

__all__ = ["FolderFiles", "Walked"]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Walked:
    """The files in a folder and in the folders below it.

    Attributes:
        names: Their paths in the folder, in the order of their bytes.
        marks: Numbers that are others when a file is another, int64, shape (n, m).
        is_settled: Whether any change from now on must change a file's marks, shape (n,).
        sizes: Length of each in bytes, int64, shape (n,); -1 where it is not known.
        others: What is no file and is not named like an image.
        unreadable: Name → why, of what is no file and is named like an image.
        unseen: Name → why, of folders that cannot be listed.
    """

    names: Sequence[bytes]
    marks: IntArray
    is_settled: npt.NDArray[np.bool_]
    sizes: IntArray
    others: Sequence[bytes] = ()
    unreadable: Mapping[bytes, str] = field(default_factory=dict)
    unseen: Mapping[bytes, str] = field(default_factory=dict)


class FolderFiles(Protocol):
    """A folder of files.

    Attributes:
        place: Where it is, with links resolved and without secrets.
        n_threads: How many files to read at once.
    """

    place: str
    n_threads: int

    def walk(self, tick: Callable[[int], None]) -> Walked:
        """List the folder and the folders in it; no file is opened.

        Args:
            tick: Told now and then how many files were found.

        Raises:
            FileNotFoundError: Nothing is there.
            NotADirectoryError: It is a file.
            OSError: It cannot be listed.
        """

    def inspect(self, walked: Walked, row: int) -> Seen:
        """Read one file and say what it is; several threads may call it at once."""

    def read(self, name: bytes) -> bytes:
        """All bytes of one file; several threads may call it at once.

        Raises:
            OSError: It went away or cannot be read; the message names no path.
        """
