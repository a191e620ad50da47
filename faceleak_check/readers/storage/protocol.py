"""What a place that holds files must be able to do; no behaviour."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Literal, Protocol

__all__ = ["OpenFile", "Storage"]


class OpenFile(Protocol):
    """A file that is read by position; several threads may do so at once.

    Attributes:
        n_bytes: Its length.
        identity: Changes when the file does: its size and times, or what a server calls its version; empty where
            nothing tells.
        is_settled: Whether any change from now on must change the identity, so that what was found in the file may be
            remembered. It need not where the last change is so recent that another one would have the same time.
    """

    n_bytes: int
    identity: str
    is_settled: bool

    def read(self, start: int, n_bytes: int) -> bytes:
        """Bytes from a place on, fewer only at the file's end.

        Raises:
            FileError: They cannot be read; the message names no path.
        """


class Storage(Protocol):
    """A file, or a folder with the files in it."""

    def kind(self) -> Literal["file", "folder", "missing"]:
        """What is there.

        Raises:
            FileError: Nobody can tell; the message names no path.
        """

    def names(self, tick: Callable[[int], None]) -> Sequence[str]:
        """Paths of all files below the folder, relative to it, with ``/``, in the order of their bytes.

        Args:
            tick: Told now and then how many were found.

        Raises:
            FileError: The folder cannot be listed.
        """

    def open(self, name: str = "", *, fresh: bool = False) -> AbstractContextManager[OpenFile]:
        """A file of the folder by its path; the file itself without a name.

        Args:
            name: Its path in the folder.
            fresh: Whether to look what it is now; else a file elsewhere may be as it was a minute ago.

        Raises:
            FileError: It cannot be opened.
        """
