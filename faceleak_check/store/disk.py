"""What is known of images, on disk, one folder per spec, in immutable shards.

::

    <root>/v2/<kind>/<spec digest>/spec.json                    the spec in words
    <root>/v2/<kind>/<spec digest>/<shard digest>.safetensors   what is known of up to some thousand images
    <root>/v2/<kind>/<spec digest>/verified.json                which shards were hashed (see `verified`)
    <root>/v2/<kind>/<spec digest>/embedding.lock               held by the kernel while somebody computes

A shard is written under a temporary name and renamed, so it is there whole or not at all, and its name is
the digest of its bytes, so a torn or altered one is found when it is opened and its images are looked at
again. It names its spec, so one that was copied into another folder is found, too.
Templates of real people are biometric data: folders are 0700, files 0600.
"""

from __future__ import annotations

import contextlib
import errno
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt

from faceleak_check.kept_arrays import Arrays
from faceleak_check.protocols import Progress
from faceleak_check.records import DigestIndex, Digests, EmbedderSpec, IntArray, ScreenSpec
from faceleak_check.store.folders import FORMAT, private_folder, store_errors
from faceleak_check.store.locks import held
from faceleak_check.store.mirror import Mirror
from faceleak_check.store.roots import Root, SharedRoot, local_folder
from faceleak_check.store.shards import SUFFIX, Shard, open_shard, pack, shard_name
from faceleak_check.store.verified import Verified
from faceleak_check.whole_files import write_whole

__all__ = ["LOCK", "SPEC_FILE", "DiskStore"]

LOCK = "embedding.lock"
_STALE_SECONDS = 24 * 3600
_QUIET_SECONDS = 1.0
SPEC_FILE = "spec.json"
_CHECKING = "checking the store"
_FETCHING = "fetching what others have embedded"
_WAITING = "waiting for another run that works on the same images"

Spec = TypeVar("Spec", EmbedderSpec, ScreenSpec)


class DiskStore(ABC, Generic[Spec]):
    """The images that one spec's network has looked at; what is kept of them is the subclass's.

    A subclass keeps named arrays of any lengths, the same names in every shard of a folder, and gives them out.

    Args:
        root: Folder that holds all stores.
        kind: What is kept: the name of a folder.
        spec: All that decides what is kept.
        progress: Told of long waits.

    Raises:
        StoreError: The folder cannot be made or read.
    """

    def __init__(self, root: Root, kind: str, spec: Spec, progress: Progress | None = None) -> None:
        self._open(root, kind, spec, progress)
        self.refresh()

    def _open(self, root: Root, kind: str, spec: Spec, progress: Progress | None) -> None:
        here, name = local_folder(root), PurePosixPath(FORMAT, kind, spec.sha256[:32])
        self.folder = here / name
        self._root = root
        self._spec: Spec = spec
        self._progress = progress
        self._digests: list[Digests] = []
        self._parts: dict[str, Arrays] = {}
        self.damaged: tuple[str, ...] = ()
        with store_errors(self.folder, "made"):
            private_folder(here, kind, self.folder.name)
            if not (self.folder / SPEC_FILE).is_file():
                write_whole(self.folder / SPEC_FILE, spec.canonical)
        self._verified = Verified(here, self.folder)
        self._mirror = Mirror(root.shared, name, self.folder) if isinstance(root, SharedRoot) else None

    @abstractmethod
    def _refuse_unsound(self, n_images: int, arrays: Arrays) -> None:
        """Raises ValueError where these are not the arrays of so many images."""

    @abstractmethod
    def _refuse_unlike(self, arrays: Arrays) -> None:
        """Raises ValueError where these sound arrays cannot be in one folder with those that are there."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled as where it is: another process opens it for itself, and knows nothing before `refresh`."""
        return _elsewhere, (type(self), self._root, self.folder.parent.name, self._spec)

    def __len__(self) -> int:
        return len(self._index)

    @cached_property
    def _index(self) -> DigestIndex:
        """Where each image stands among all that were kept."""
        return DigestIndex(np.concatenate([np.empty((0, 32), np.uint8), *self._digests]))

    def refresh(self) -> None:
        """Takes in the shards that others have written since.

        Raises:
            StoreError: The folder cannot be read.
        """
        if self._mirror is not None:
            with store_errors(self.folder, "written"):
                self._note_damaged(
                    *self._mirror.follow(lambda done, total: self._tell(_FETCHING, done, total))
                )
        with store_errors(self.folder, "read"):
            names = sorted(path.name for path in self.folder.iterdir() if path.suffix == SUFFIX)
            new = [name for name in names if name not in self._parts]
            started = time.monotonic()
            for n_done, name in enumerate(new, start=1):
                self._take_in(name)
                if time.monotonic() - started > _QUIET_SECONDS:
                    self._tell(_CHECKING, n_done, len(new))
        self._verified.save(self._parts)

    def _take_in(self, name: str) -> None:
        try:
            with self._verified.looking_at(name) as is_trusted:
                shard = open_shard(self.folder / name, is_trusted=is_trusted)
                if not is_trusted:
                    self._refuse_unsound(len(shard.digests), shard.arrays)
                    shard = open_shard(self.folder / name, is_trusted=True)  # lets go of what was looked at
            self._refuse_of_another(shard)
            self._refuse_unlike(shard.arrays)
        except ValueError:
            self._note_damaged(name)
        else:
            self._append(name, shard)

    def _refuse_of_another(self, shard: Shard) -> None:
        """Raises ValueError where somebody has put a shard here that was made by another spec."""
        if shard.spec != self._spec.sha256:
            raise ValueError(f"a shard of the spec {shard.spec!r}")

    def _note_damaged(self, *names: str) -> None:
        self.damaged = tuple(dict.fromkeys((*self.damaged, *names)))

    def _append(self, name: str, shard: Shard) -> None:
        if name not in self._parts:
            self._digests.append(shard.digests)
            self._parts[name] = shard.arrays
            for stale in ("_index", "_every"):
                self.__dict__.pop(stale, None)

    def missing(self, digests: Digests) -> npt.NDArray[np.bool_]:
        """Of which of these contents nothing is known yet, shape (n,)."""
        return self._index.first(digests) < 0

    def _write(self, digests: Sequence[str], arrays: Arrays) -> None:
        """Writes one shard; StoreError where it cannot be written."""
        data = pack(digests, arrays, self._spec.sha256)
        name = shard_name(data)
        if self._mirror is not None:
            self._mirror.write(name, data)
        with store_errors(self.folder, "written"):
            write_whole(self.folder / name, data)
            shard = _read_back(self.folder / name)
        self._append(name, shard)
        self._verified.wrote(name)
        self._verified.save(self._parts)

    def _places(self, digests: Digests) -> IntArray:
        """Place of each image among all that were kept; KeyError where one was not."""
        places = self._index.first(digests)
        if (places < 0).any():
            raise KeyError(digests[int(np.argmin(places))].tobytes().hex())
        return places

    @contextlib.contextmanager
    def embedding(self) -> Iterator[None]:
        """Held by one process at a time while it computes, so that two runs don't do the same work.

        The kernel lets go of it when a process dies. Where a lock cannot be had (a file system without
        locks) two processes may do the same work; the answer is the same.
        """
        with held(self.folder / LOCK, lambda: self._tell(_WAITING, 0, 0)):
            _remove_stale(self.folder)
            self.refresh()
            self._remove_damaged()
            if self._mirror is not None:
                self._mirror.write(SPEC_FILE, self._spec.canonical)
            yield

    def _remove_damaged(self) -> None:
        """Takes damaged shards away, now that their images are about to be looked at again."""
        for name in self.damaged:
            if name not in self._parts:  # else it has been made whole since
                with contextlib.suppress(OSError):
                    (self.folder / name).unlink()
                if self._mirror is not None:
                    self._mirror.remove(name)

    def _tell(self, stage: str, n_done: int, n_all: int) -> None:
        if self._progress is not None:
            self._progress(stage, n_done, n_all)


def _elsewhere(store: type[DiskStore[Any]], root: Root, kind: str, spec: Any) -> DiskStore[Any]:
    opened = store.__new__(store)
    opened._open(root, kind, spec, None)  # noqa: SLF001
    return opened


def _read_back(path: Path) -> Shard:
    try:
        return open_shard(path, is_trusted=True)
    except ValueError as error:
        raise OSError(errno.EIO, f"what was written is {error}") from None


def _remove_stale(folder: Path) -> None:
    """Takes away what killed runs have half written, here and beside the folders of specs."""
    oldest = time.time() - _STALE_SECONDS
    for path in (*folder.glob(".*.tmp"), *folder.parents[1].glob("*/.*.tmp")):
        with contextlib.suppress(OSError):
            if path.stat().st_mtime < oldest:
                path.unlink()
