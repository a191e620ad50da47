"""The arrays in an ``.npz`` file, which is a zip archive of ``.npy`` files, by where their bytes lie."""

from __future__ import annotations

import errno
import io
import os
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import IO

from faceleak_check.readers.arrays.header import LONGEST_HEADER
from faceleak_check.readers.arrays.trouble import ArrayError, called
from faceleak_check.readers.files import FileError
from faceleak_check.readers.storage.protocol import OpenFile

__all__ = ["MOST_UNPACKED", "ZIP_MAGICS", "beginning", "members", "start_of", "unpacked"]

MOST_UNPACKED = 1 << 30
"""Bytes of an array that may be unpacked into memory."""

_LOCAL = struct.Struct("<4s22xHH")
_LOCAL_MAGIC = b"PK\x03\x04"
ZIP_MAGICS = (_LOCAL_MAGIC, b"PK\x05\x06")
"""The bytes that an archive begins with, the second where nothing is in it."""

_ENCRYPTED = 1
_SUFFIX = ".npy"
_SAVE_AGAIN = "Copy the file again, or save it again with numpy.savez."


def members(file: OpenFile) -> tuple[Mapping[str, zipfile.ZipInfo], tuple[str, ...]]:
    """The arrays of an ``.npz`` file by name, and the names of what is no array.

    Raises:
        ArrayError: It is damaged.
        FileError: It cannot be read.
    """
    with _zip(file) as archive:
        infos = archive.infolist()
    arrays: dict[str, zipfile.ZipInfo] = {}
    others = []
    for info in infos:
        name = info.filename.removesuffix(_SUFFIX)
        if name == info.filename:
            others.append(name)
        elif name in arrays:
            raise ArrayError(f"the file holds two arrays that are called {name!r}", _SAVE_AGAIN)
        else:
            arrays[name] = info
    return arrays, tuple(others)


def start_of(file: OpenFile, info: zipfile.ZipInfo, name: str) -> int:
    """Where the bytes of a member begin that is stored as it is.

    Raises:
        ArrayError: It does not lie in the file.
        FileError: The file cannot be read.
    """
    head = file.read(info.header_offset, _LOCAL.size)
    if len(head) == _LOCAL.size:
        magic, n_name, n_extra = _LOCAL.unpack(head)
        start: int = info.header_offset + _LOCAL.size + n_name + n_extra
        if magic == _LOCAL_MAGIC and start + info.file_size <= file.n_bytes:
            return start
    raise _damaged(name)


def beginning(file: OpenFile, info: zipfile.ZipInfo, name: str) -> bytes:
    """The first bytes of a compressed member.

    Raises:
        ArrayError: It is damaged, encrypted, or compressed in an unknown way.
        FileError: The file cannot be read.
    """
    with _opened(file, info, name) as member:
        return member.read(LONGEST_HEADER)


def unpacked(file: OpenFile, info: zipfile.ZipInfo, name: str) -> bytes:
    """All bytes of a compressed member.

    Raises:
        ArrayError: It is damaged or takes too much memory.
        FileError: The file cannot be read.
    """
    if info.file_size > MOST_UNPACKED:
        raise ArrayError(
            f"{called(name)} is compressed and takes {info.file_size:,} bytes unpacked; at most {MOST_UNPACKED:,} can "
            "be",
            "Save it with numpy.savez or numpy.save, which do not compress: then it is read where it lies.",
        )
    with _opened(file, info, name) as member:
        return member.read()


@contextmanager
def _opened(file: OpenFile, info: zipfile.ZipInfo, name: str) -> Iterator[IO[bytes]]:
    if info.flag_bits & _ENCRYPTED:
        raise ArrayError(f"{called(name)} is encrypted", "Save it again with numpy.savez.")
    try:
        with _zip(file) as archive, archive.open(info) as member:
            yield member
    except NotImplementedError:
        raise ArrayError(f"{called(name)} is compressed in an unknown way", _SAVE_AGAIN) from None
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        UnicodeDecodeError,
    ):  # a name that is no text is the last
        raise _damaged(name) from None


@contextmanager
def _zip(file: OpenFile) -> Iterator[zipfile.ZipFile]:
    try:
        archive = zipfile.ZipFile(io.BufferedReader(_Positioned(file), 1 << 16))
    except FileError:
        raise
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError, struct.error):
        raise ArrayError("the .npz file is cut short or damaged", _SAVE_AGAIN) from None
    with archive:
        yield archive


def _damaged(name: str) -> ArrayError:
    return ArrayError(f"{called(name)} is damaged", _SAVE_AGAIN)


class _Positioned(io.RawIOBase):
    """A file that is read by position, as one with a position of its own, which is what zipfile takes."""

    def __init__(self, file: OpenFile) -> None:
        self._file = file
        self._place = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._file.n_bytes}[whence]
        if start + offset < 0:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))  # as files do, which zipfile counts on
        self._place = start + offset
        return self._place

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self._file.read(self._place, len(buffer))
        buffer[: len(data)] = data
        self._place += len(data)
        return len(data)
