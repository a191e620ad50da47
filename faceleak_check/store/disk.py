"""What is known of images, on disk, one folder per spec, in immutable shards.

::

    <root>/v2/<kind>/<spec digest>/spec.json                    the spec in words
    <root>/v2/<kind>/<spec digest>/<shard digest>.safetensors   what is known of up to some thousand images
    <root>/v2/<kind>/<spec digest>/embedding.lock               held by the kernel while somebody computes

A shard is written under a temporary name and renamed, so it is there whole or not at all, and its name is
the digest of its bytes, so a torn or altered one is found when it is opened and its images are looked at
again.
Templates of real people are biometric data: folders are 0700, files 0600.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np

from faceleak_check.files import write_whole
from faceleak_check.records import EmbedderSpec, IntArray, ScreenSpec
from faceleak_check.store.folders import FORMAT, private_folder, store_errors
from faceleak_check.store.shards import Arrays, pack, read_shard

__all__ = ["DiskStore"]

_SUFFIX = ".safetensors"
_STALE_SECONDS = 24 * 3600

Spec = TypeVar("Spec", EmbedderSpec, ScreenSpec)


class DiskStore(ABC, Generic[Spec]):
    """The images that one spec's network has looked at; what is kept of them is the subclass's.

    A subclass keeps named arrays of any lengths, the same names in every shard of a folder, and gives them out.

    Args:
        root: Folder that holds all stores.
        kind: What is kept: the name of a folder.
        spec: All that decides what is kept.

    Raises:
        StoreError: The folder cannot be made or read.
    """

    def __init__(self, root: Path, kind: str, spec: Spec) -> None:
        self.folder = root / FORMAT / kind / spec.sha256[:32]
        self._spec: Spec = spec
        self._images: dict[bytes, int] = {}
        self._n_images = 0
        self._shards: set[str] = set()
        self._parts: list[Arrays] = []
        self.damaged: tuple[str, ...] = ()
        with store_errors(self.folder, "made"):
            private_folder(root, kind, self.folder.name)
            if not (self.folder / "spec.json").is_file():
                write_whole(self.folder / "spec.json", spec.canonical)
        self.refresh()

    @abstractmethod
    def _nothing(self) -> Arrays:
        """The arrays of no images."""

    @abstractmethod
    def _refuse_unsound(self, n_images: int, arrays: Arrays) -> None:
        """Raises ValueError where these are not the arrays of so many images."""

    def __len__(self) -> int:
        return len(self._images)

    def refresh(self) -> None:
        """Takes in the shards that others have written since.

        Raises:
            StoreError: The folder cannot be read.
        """
        with store_errors(self.folder, "read"):
            for path in sorted(self.folder.iterdir()):
                if path.suffix == _SUFFIX and path.stem not in self._shards:
                    self._take_in(path)

    def _take_in(self, path: Path) -> None:
        try:
            digests, arrays = read_shard(path)
            self._refuse_unsound(len(digests), arrays)
        except ValueError:
            self.damaged = tuple(dict.fromkeys((*self.damaged, path.name)))
        else:
            self._append(path.stem, digests, arrays)

    def _append(self, name: str, digests: Iterable[bytes], arrays: Arrays) -> None:
        self._shards.add(name)
        self._parts.append(arrays)
        for digest in digests:
            self._images.setdefault(digest, self._n_images)
            self._n_images += 1

    def missing(self, digests: Sequence[str]) -> list[str]:
        """Those of the digests of which nothing is known yet, each once, in order."""
        return [digest for digest in dict.fromkeys(digests) if bytes.fromhex(digest) not in self._images]

    def _write(self, digests: Sequence[str], arrays: Arrays) -> None:
        """Writes one shard; StoreError where it cannot be written."""
        data = pack(digests, arrays)
        name = hashlib.sha256(data).hexdigest()
        with store_errors(self.folder, "written"):
            write_whole(self.folder / (name + _SUFFIX), data)
        self._append(name, map(bytes.fromhex, digests), arrays)

    def _places(self, digests: Sequence[str]) -> IntArray:
        """Place of each image among all that were kept; KeyError where one was not."""
        return np.array([self._images[bytes.fromhex(digest)] for digest in digests], dtype=np.int64)

    def _kept(self) -> Arrays:
        """The arrays of all shards, joined."""
        if len(self._parts) > 1:
            names = self._parts[0]
            self._parts = [{name: np.concatenate([part[name] for part in self._parts]) for name in names}]
        return self._parts[0] if self._parts else self._nothing()

    @contextlib.contextmanager
    def embedding(self) -> Iterator[None]:
        """Held by one process at a time while it computes, so that two runs don't do the same work.

        The kernel lets go of it when a process dies. Where a lock cannot be had (a file system without
        locks) two processes may do the same work; the answer is the same.
        """
        with contextlib.ExitStack() as held:
            with contextlib.suppress(OSError):
                held.enter_context(_locked(self.folder / "embedding.lock"))
            _remove_stale(self.folder)
            self.refresh()
            self._remove_damaged()
            yield

    def _remove_damaged(self) -> None:
        """Takes damaged shards away, now that their images are about to be looked at again."""
        for name in self.damaged:
            if name.removesuffix(_SUFFIX) not in self._shards:  # else it has been made whole since
                with contextlib.suppress(OSError):
                    (self.folder / name).unlink()


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _remove_stale(folder: Path) -> None:
    oldest = time.time() - _STALE_SECONDS
    for path in folder.glob(".*.tmp"):
        with contextlib.suppress(OSError):
            if path.stat().st_mtime < oldest:
                path.unlink()
