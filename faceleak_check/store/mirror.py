"""Keeps the shards of a folder of this machine as those of a shared one are."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from faceleak_check.store.roots import SharedFolder
from faceleak_check.store.shards import is_shard, shard_name
from faceleak_check.whole_files import write_whole

__all__ = ["Mirror"]


class Mirror:
    """The copy of one shared folder of shards.

    A shard goes to the shared folder first and is kept here then, so what is here and not there was taken away by
    somebody, and is taken away here, too.

    Args:
        shared: What all machines share.
        name: The folder's name in it.
        folder: The copy.
    """

    def __init__(self, shared: SharedFolder, name: PurePosixPath, folder: Path) -> None:
        self._shared = shared
        self._name = name
        self._folder = folder

    def follow(self, tell: Callable[[int, int], None]) -> list[str]:
        """Fetches new shards; returns the names of those that are damaged.

        Args:
            tell: Told how many of how many are here.

        Raises:
            StoreError: The shared folder cannot be read.
            OSError: This machine's copy cannot be written.
        """
        # in this order: what another process of this machine writes in the meantime is not taken away
        here = {path.name for path in self._folder.iterdir() if is_shard(path.name)}
        there = {name for name in self._shared.names(str(self._name)) if is_shard(name)}
        for name in here - there:
            with contextlib.suppress(FileNotFoundError):
                (self._folder / name).unlink()
        new = sorted(there - here)
        damaged = []
        for n_done, name in enumerate(new, start=1):
            data = self._shared.read(str(self._name / name))
            if data is not None and shard_name(data) == name:
                write_whole(self._folder / name, data)
            elif data is not None:
                damaged.append(name)
            tell(n_done, len(new))
        return damaged

    def write(self, name: str, data: bytes) -> None:
        """Puts a file there, and not here.

        Raises:
            StoreError: The shared folder cannot be written.
        """
        self._shared.write(str(self._name / name), data)

    def remove(self, name: str) -> None:
        """Takes a file away there.

        Raises:
            StoreError: The shared folder cannot be written.
        """
        self._shared.remove(str(self._name / name))
