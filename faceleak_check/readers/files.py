"""Open, read and digest the files of a folder without ever leaving it."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from faceleak_check.readers.formats import HEAD_BYTES

__all__ = [
    "MAX_FILE_BYTES",
    "Digest",
    "FileError",
    "FolderLinkError",
    "LinkError",
    "digest_file",
    "read_file",
    "read_head",
]

MAX_FILE_BYTES = 1 << 30
"""Even without compression, a picture within the limit of pixels takes less."""

_BLOCK_BYTES = 1 << 20
# not blocking: a named pipe would wait for a writer for ever
_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW


class FileError(OSError):
    """A file cannot be read; the message says why and names no path."""


class LinkError(FileError):
    """A symbolic link leads out of the folder or nowhere."""


class FolderLinkError(LinkError):
    """A symbolic link leads to a folder."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Digest:
    """What a file holds, without the bytes themselves."""

    sha256: str
    head: bytes
    n_bytes: int


def read_head(root: bytes, name: bytes) -> bytes:
    """The first bytes of a file.

    Args:
        root: The folder, with its links resolved.
        name: Path of the file inside the folder.

    Raises:
        FileError: The file cannot be read.
    """
    with _opened(root, name) as descriptor:
        return os.read(descriptor, HEAD_BYTES)


def digest_file(root: bytes, name: bytes) -> Digest:
    """Read a file once, block by block.

    Raises:
        FileError: The file cannot be read, or is larger than any image.
    """
    digest, n_bytes, head = hashlib.sha256(), 0, b""
    for block in _blocks(root, name):
        head = head or block[:HEAD_BYTES]
        n_bytes += len(block)
        digest.update(block)
    return Digest(sha256=digest.hexdigest(), head=head, n_bytes=n_bytes)


def read_file(root: bytes, name: bytes) -> bytes:
    """All bytes of a file.

    Raises:
        FileError: The file cannot be read, or is larger than any image.
    """
    return b"".join(_blocks(root, name))


def _blocks(root: bytes, name: bytes) -> Iterator[bytes]:
    with _opened(root, name) as descriptor:
        n_bytes = os.fstat(descriptor).st_size
        _refuse_size(n_bytes)
        n_read = 0
        while block := os.read(descriptor, min(n_bytes, _BLOCK_BYTES) + 1):
            n_read += len(block)
            _refuse_size(n_read)
            yield block


@contextmanager
def _opened(root: bytes, name: bytes) -> Iterator[int]:
    try:
        descriptor = _open(root, root + b"/" + name)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise FileError("not a regular file")
            yield descriptor
        finally:
            os.close(descriptor)
    except FileError:
        raise
    except OSError as error:
        raise FileError(error.strerror or type(error).__name__) from error


def _open(root: bytes, path: bytes) -> int:
    try:
        return os.open(path, _FLAGS)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
    return os.open(_end_of_link(root, path), _FLAGS)


def _end_of_link(root: bytes, path: bytes) -> bytes:
    try:
        target = os.path.realpath(path, strict=True)
    except OSError as error:
        raise LinkError("a symbolic link that leads nowhere") from error
    if stat.S_ISDIR(os.lstat(target).st_mode):
        raise FolderLinkError("a symbolic link to a folder, which is not followed")
    if not target.startswith(root.rstrip(b"/") + b"/"):
        raise LinkError("a symbolic link that leads out of the dataset's folder")
    return target


def _refuse_size(n_bytes: int) -> None:
    if n_bytes > MAX_FILE_BYTES:
        raise FileError(f"it is larger than {MAX_FILE_BYTES:,} bytes")
