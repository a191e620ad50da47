"""Which shards of a folder were hashed, and what the system said of them then.

::

    <root>/v2/<kind>/<spec digest>/verified.json    shard → size, mtime, ctime and inode; with a digest of its own

A shard whose size, times and inode are those of the note is taken for what its name says; any other is hashed when the
folder is opened. As in git's index, times tell only so much: a file that is changed twice within one tick of the file
system's clock looks the same after both. So a shard is noted only if it was hashed two seconds or more after the system
last saw it change, which is longer than a tick of any file system in use. Nobody can set the time of a file's change
(ctime), so a copy, a restored backup or a shard written in place is hashed again.

What the disk itself alters changes no time: ``faceleak cache verify`` hashes everything.

The note is written whole; where two processes write it at once one of them wins, and what only the other had hashed is
hashed again. A note that is damaged, or that cannot be written, costs time alone.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from faceleak_check.errors import StoreError
from faceleak_check.store.notes import NoteStore
from faceleak_check.store.shards import open_shard

__all__ = ["NOTE", "Stamp", "Verified"]

_TICK_NS = 2_000_000_000
NOTE = "verified.json"
"""Name of the file."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Stamp:
    """What the system says of a file, in the order of the note.

    Attributes:
        n_bytes: Its length.
        mtime_ns: When its bytes were written last.
        ctime_ns: When anything about it was changed last.
        inode: Which file of the file system it is.
    """

    n_bytes: int
    mtime_ns: int
    ctime_ns: int
    inode: int

    @classmethod
    def of(cls, path: Path) -> Stamp | None:
        """The file's stamp; None where it is not there."""
        try:
            found = path.stat()
        except FileNotFoundError:
            return None
        return cls(
            n_bytes=found.st_size,
            mtime_ns=found.st_mtime_ns,
            ctime_ns=found.st_ctime_ns,
            inode=found.st_ino,
        )


class Verified:
    """The note of one folder.

    Args:
        root: Folder that holds all stores.
        folder: The folder of the shards.
    """

    def __init__(self, root: Path, folder: Path) -> None:
        self._notes = NoteStore(root)
        self._folder = folder
        self._kind = f"{folder.parent.name}/{folder.name}"
        self._stamps = self._noted()
        self._forgotten: set[str] = set()
        self._young: list[str] = []
        self._is_changed = False

    @contextlib.contextmanager
    def looking_at(self, name: str) -> Iterator[bool]:
        """Says whether a shard is as it was when it was hashed and checked.

        Where it is not, it is for the block to do so; it is noted if that ends without an error.

        Args:
            name: The shard.
        """
        # asked for before the shard is opened: a change in between makes the note worthless, and not wrong
        now, stamp = time.time_ns(), Stamp.of(self._folder / name)
        if stamp is not None and self._stamps.get(name) == stamp:
            yield True
            return
        self.forget(name)
        yield False
        if stamp is not None and now - stamp.ctime_ns >= _TICK_NS:
            self._stamps[name] = stamp
            self._forgotten.discard(name)
            self._is_changed = True

    def forget(self, name: str) -> None:
        """A shard is to be hashed, whatever the note says."""
        if self._stamps.pop(name, None) is not None:
            self._forgotten.add(name)
            self._is_changed = True

    def wrote(self, name: str) -> None:
        """This process has just written a sound shard; it is hashed when it is old enough to be noted."""
        self._young.append(name)
        settled = time.time_ns() - _TICK_NS
        while self._young and _changed_at(self._folder / self._young[0]) <= settled:
            self._read_back(self._young.pop(0))

    def _read_back(self, name: str) -> None:
        with contextlib.suppress(OSError, ValueError), self.looking_at(name) as is_trusted:
            open_shard(self._folder / name, is_trusted=is_trusted)

    def save(self, there: Collection[str]) -> None:
        """Writes the note where there is something new.

        Args:
            there: The shards of the folder; a note of others is dropped.
        """
        if not self._is_changed:
            return
        noted = self._noted() | self._stamps
        wanted = sorted((noted.keys() & there) - self._forgotten)
        with contextlib.suppress(StoreError):  # a store that is full or not ours is good enough to read
            self._notes.put(
                self._kind, NOTE.removesuffix(".json"), {name: _numbers(noted[name]) for name in wanted}
            )
        self._is_changed = False

    def _noted(self) -> dict[str, Stamp]:
        """What the note says; nothing where it is not there, damaged or of another kind."""
        try:
            data = self._notes.get(self._kind, NOTE.removesuffix(".json")) or {}
        except StoreError:
            data = {}
        stamps = {name: _stamp(numbers) for name, numbers in data.items()}
        return {name: stamp for name, stamp in stamps.items() if stamp is not None}


def _changed_at(path: Path) -> int:
    stamp = Stamp.of(path)
    return stamp.ctime_ns if stamp else 0


def _numbers(stamp: Stamp) -> list[int]:
    return [stamp.n_bytes, stamp.mtime_ns, stamp.ctime_ns, stamp.inode]


def _stamp(numbers: Any) -> Stamp | None:
    if not isinstance(numbers, list) or [type(number) for number in numbers] != [int] * 4:
        return None
    n_bytes, mtime_ns, ctime_ns, inode = numbers
    return Stamp(n_bytes=n_bytes, mtime_ns=mtime_ns, ctime_ns=ctime_ns, inode=inode)
