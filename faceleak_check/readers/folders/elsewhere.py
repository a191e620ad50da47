"""A folder behind a URL."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import partial

import numpy as np

from faceleak_check.policy.urls import Url
from faceleak_check.readers.files import MAX_FILE_BYTES, Digest, FileError
from faceleak_check.readers.folders.walked import Walked
from faceleak_check.readers.formats import HEAD_BYTES
from faceleak_check.readers.inspection import Seen, judged
from faceleak_check.readers.listing import id_of, path_of
from faceleak_check.readers.storage.blocks import RemoteFile
from faceleak_check.readers.storage.place import Found
from faceleak_check.readers.storage.reasons import MissingError
from faceleak_check.readers.storage.remote import RemoteStorage

__all__ = ["RemoteFolder"]

_PIECE_BYTES = 1 << 23


class RemoteFolder:
    """A folder behind a URL; see `FolderFiles`.

    A file's marks are the digest of what its storage calls its version.

    Args:
        url: Where it is.
        storage: What reads it.
    """

    n_threads = 16  # they wait for the network most of the time

    def __init__(self, url: Url, storage: RemoteStorage | None = None) -> None:
        self.place = str(url)
        self._storage = storage or RemoteStorage(url)

    def walk(self, tick: Callable[[int], None]) -> Walked:
        """See `FolderFiles`."""
        try:
            found = self._storage.files(tick)
        except MissingError:
            raise FileNotFoundError from None
        if not found and self._storage.kind() == "missing":
            raise FileNotFoundError
        if [name for name, _ in found] == [""]:
            raise NotADirectoryError
        identities = b"".join(hashlib.sha256(one.identity.encode()).digest() for _, one in found)
        sizes = (-1 if one.n_bytes is None else one.n_bytes for _, one in found)
        return Walked(
            names=[path_of(name) for name, _ in found],
            marks=np.frombuffer(identities, dtype=np.int64).reshape(-1, 4),
            is_settled=np.fromiter((one.is_settled for _, one in found), bool, len(found)),
            sizes=np.fromiter(sizes, np.int64, len(found)),
        )

    def inspect(self, walked: Walked, row: int) -> Seen:
        """See `FolderFiles`."""
        size = int(walked.sizes[row])
        found = Found(kind="file", n_bytes=None if size < 0 else size)
        opened = _Once(partial(self._storage.opened, id_of(walked.names[row]), found))
        return judged(walked.names[row], opened.head, opened.digest)

    def read(self, name: bytes) -> bytes:
        """See `FolderFiles`."""
        return self._storage.whole(id_of(name))


class _Once:
    """A file that is opened when it is first needed."""

    def __init__(self, opens: Callable[[], RemoteFile]) -> None:
        self._opens = opens
        self._file: RemoteFile | None = None

    def _opened(self) -> RemoteFile:
        if self._file is None:
            self._file = self._opens()
        return self._file

    def head(self) -> bytes:
        return self._opened().read(0, HEAD_BYTES)

    def digest(self) -> Digest:
        file = self._opened()
        if file.n_bytes > MAX_FILE_BYTES:
            raise FileError(f"it is larger than {MAX_FILE_BYTES:,} bytes")
        digest, head = hashlib.sha256(), b""
        for start in range(0, file.n_bytes, _PIECE_BYTES):
            piece = file.read(start, _PIECE_BYTES)
            head = head or piece[:HEAD_BYTES]
            digest.update(piece)
        return Digest(sha256=digest.hexdigest(), head=head, n_bytes=file.n_bytes)
