"""Templates on disk, one folder per embedder spec, in immutable shards.

::

    <root>/v1/<spec digest>/spec.json                    the spec in words
    <root>/v1/<spec digest>/<shard digest>.safetensors   digests, vectors, norms of up to some thousand images
    <root>/v1/<spec digest>/embedding.lock               held by the kernel while somebody embeds

A shard is written under a temporary name and renamed, so it is there whole or not at all, and its name is
the digest of its bytes, so a torn or altered one is found when it is opened and its images are embedded
again.
Templates of real people are biometric data: folders are 0700, files 0600.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import numpy.typing as npt

from faceleak_check.errors import ModelError, StoreError
from faceleak_check.files import write_whole
from faceleak_check.records import EmbedderSpec, Templates
from faceleak_check.store.shards import pack, unpack

__all__ = ["FORMAT", "DiskTemplateStore", "default_root", "spec_digest"]

FORMAT = "v1"
_SUFFIX = ".safetensors"
_STALE_SECONDS = 24 * 3600


def default_root() -> Path:
    """``$FACELEAK_STORE``, else the user's cache folder."""
    from platformdirs import user_cache_path

    return Path(os.environ.get("FACELEAK_STORE") or user_cache_path("faceleak-check") / "templates")


def spec_digest(spec: EmbedderSpec) -> str:
    """SHA-256 of everything that decides an embedder's output, 64 hexadecimal digits."""
    return hashlib.sha256(_spec_json(spec)).hexdigest()


def _spec_json(spec: EmbedderSpec) -> bytes:
    return json.dumps(asdict(spec), sort_keys=True, indent=2).encode()


class DiskTemplateStore:
    """The templates of one embedder spec.

    Args:
        root: Folder that holds all stores.
        spec: The spec of the embedder whose templates are kept.

    Raises:
        StoreError: The folder cannot be made or read.
    """

    def __init__(self, root: Path, spec: EmbedderSpec) -> None:
        self.folder = root / FORMAT / spec_digest(spec)[:32]
        self._spec = spec
        self._rows: dict[bytes, int] = {}
        self._shards: set[str] = set()
        self._vectors: list[npt.NDArray[np.float32]] = []
        self._norms: list[npt.NDArray[np.float32]] = []
        self.damaged: tuple[str, ...] = ()
        with _store_errors(self.folder, "made"):
            self._open(root)
        self.refresh()

    def _open(self, root: Path) -> None:
        if not self.folder.is_dir():
            root.mkdir(parents=True, exist_ok=True, mode=0o700)
            (root / FORMAT).mkdir(exist_ok=True, mode=0o700)
            self.folder.mkdir(exist_ok=True, mode=0o700)
        if not (self.folder / "spec.json").is_file():
            write_whole(self.folder / "spec.json", _spec_json(self._spec))

    def __len__(self) -> int:
        return len(self._rows)

    def refresh(self) -> None:
        """Takes in the shards that others have written since.

        Raises:
            StoreError: The folder cannot be read.
        """
        with _store_errors(self.folder, "read"):
            for path in sorted(self.folder.iterdir()):
                if path.suffix == _SUFFIX and path.stem not in self._shards:
                    self._take_in(path)

    def _take_in(self, path: Path) -> None:
        try:
            digests, templates = _read_shard(path, self._spec.dimension)
        except ValueError:
            self.damaged = tuple(dict.fromkeys((*self.damaged, path.name)))
        else:
            self._append(path.stem, digests, templates)

    def _append(self, name: str, digests: Iterable[bytes], templates: Templates) -> None:
        start = sum(map(len, self._vectors))
        self._shards.add(name)
        self._vectors.append(templates.vectors)
        self._norms.append(templates.norms)
        for row, digest in enumerate(digests):
            self._rows.setdefault(digest, start + row)

    def missing(self, digests: Sequence[str]) -> list[str]:
        """Those of the digests that have no template yet, each once, in order."""
        return [digest for digest in dict.fromkeys(digests) if bytes.fromhex(digest) not in self._rows]

    def add(self, digests: Sequence[str], templates: Templates) -> None:
        """Writes one shard.

        Raises:
            ModelError: The templates are not finite unit vectors of the spec's dimension.
            StoreError: The store cannot be written.
        """
        if not digests:
            return
        try:
            data = pack(digests, templates, self._spec.dimension)
        except ValueError as error:
            raise ModelError(
                f"embedder {self._spec.name!r} gave templates that cannot be compared",
                detail=f"Found {error}; expected {len(digests):,} finite float32 rows of length 1 and dimension "
                f"{self._spec.dimension}, with their lengths before scaling. The embedder is broken.",
            ) from None
        name = hashlib.sha256(data).hexdigest()
        with _store_errors(self.folder, "written"):
            write_whole(self.folder / (name + _SUFFIX), data)
        self._append(name, map(bytes.fromhex, digests), templates)

    def get(self, digests: Sequence[str]) -> Templates:
        """Templates in the order of the digests.

        Raises:
            KeyError: A digest has no template.
        """
        rows = np.array([self._rows[bytes.fromhex(digest)] for digest in digests], dtype=np.int64)
        if not self._vectors:
            empty = np.empty((0, self._spec.dimension), np.float32)
            return Templates(vectors=empty, norms=np.empty(0, np.float32))
        if len(self._vectors) > 1:
            self._vectors, self._norms = [np.concatenate(self._vectors)], [np.concatenate(self._norms)]
        return Templates(vectors=self._vectors[0][rows], norms=self._norms[0][rows])

    @contextlib.contextmanager
    def embedding(self) -> Iterator[None]:
        """Held by one process at a time while it embeds, so that two runs don't do the same work.

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
        """Takes damaged shards away, now that their images are about to be embedded again."""
        for name in self.damaged:
            with contextlib.suppress(OSError):
                (self.folder / name).unlink()


def _read_shard(path: Path, dimension: int) -> tuple[list[bytes], Templates]:
    data = path.read_bytes() if path.is_file() else b""
    if hashlib.sha256(data).hexdigest() != path.stem:
        raise ValueError("the name is not the digest of the bytes")
    return unpack(data, dimension)


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


@contextlib.contextmanager
def _store_errors(folder: Path, verb: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"the template store cannot be {verb}: {error.strerror or type(error).__name__}",
            detail=f"{folder}: choose another folder with --faceleak-store DIR or FACELEAK_STORE, "
            "or free some space.",
        ) from None
