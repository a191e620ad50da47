"""Where all stores lie: in a folder of this machine, or in one that several machines share."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from platformdirs import user_cache_path

__all__ = ["Root", "SharedFolder", "SharedRoot", "local_folder"]


class SharedFolder(Protocol):
    """Files that several machines share, by names with ``/`` in them; to be pickled as where it is.

    Attributes:
        key: Hexadecimal digits that stand for the place and for all that it is opened with.
    """

    key: str

    def names(self, folder: str) -> Collection[str]:
        """Names of the files below a folder, as seen from there; none where it is not there.

        Raises:
            StoreError: The storage cannot be read.
        """

    def read(self, name: str) -> bytes | None:
        """All bytes of a file; None where it is not there.

        Raises:
            StoreError: The storage cannot be read.
        """

    def write(self, name: str, data: bytes) -> None:
        """Puts a file there.

        Raises:
            StoreError: The storage cannot be written.
        """

    def remove(self, name: str) -> None:
        """Takes a file away; one that is not there is fine.

        Raises:
            StoreError: The storage cannot be written.
        """


@dataclass(frozen=True, kw_only=True, slots=True)
class SharedRoot:
    """A folder that several machines share; each of them keeps a copy of what it needs of it.

    Attributes:
        shared: The folder.
    """

    shared: SharedFolder

    @property
    def mirror(self) -> Path:
        """This machine's copy: as private as a store of its own."""
        return user_cache_path("faceleak-check") / "mirrors" / self.shared.key[:32]


Root = Path | SharedRoot


def local_folder(root: Root) -> Path:
    """The folder of this machine."""
    return root if isinstance(root, Path) else root.mirror
