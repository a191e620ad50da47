"""The rows of an array where they lie: read some at a time, never all."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from faceleak_check.readers.arrays.header import LONGEST_HEADER, ArrayHeader, read_header
from faceleak_check.readers.arrays.members import ZIP_MAGICS, beginning, members, start_of, unpacked
from faceleak_check.readers.arrays.trouble import ArrayError, DamagedArrayError, called
from faceleak_check.readers.files import FileError
from faceleak_check.readers.storage.protocol import OpenFile

__all__ = ["ArrayPlace", "ArrayRows", "FileArrays", "arrays_in"]

_BLOCK_BYTES = 1 << 23


@dataclass(frozen=True, kw_only=True, slots=True)
class ArrayPlace:
    """An array in a file.

    Attributes:
        name: What it is called there; empty for the array of an ``.npy`` file.
        header: What it is.
        start: Where its numbers begin: in the file, or in its member once that is unpacked.
        n_bytes: Length of its numbers as far as they are there.
        packed: Its member, where it is compressed.
        checksum: CRC-32 of header and numbers; None where nothing tells.
    """

    name: str
    header: ArrayHeader
    start: int
    n_bytes: int
    packed: zipfile.ZipInfo | None = None
    checksum: int | None = None

    @property
    def n_rows(self) -> int:
        """Rows that are there, whole."""
        n_rows, row_bytes = self.header.shape[0], self.header.row_bytes
        return min(n_rows, self.n_bytes // row_bytes) if row_bytes else n_rows


@dataclass(frozen=True, kw_only=True, slots=True)
class FileArrays:
    """What a file holds.

    Attributes:
        names: Its arrays, in their order; one without a name for an ``.npy`` file.
        others: The names of what is no array.
        infos: Members by name; None for an ``.npy`` file.
    """

    names: tuple[str, ...]
    others: tuple[str, ...] = ()
    infos: Mapping[str, zipfile.ZipInfo] | None = None

    def place(self, file: OpenFile, name: str) -> ArrayPlace:
        """Where an array lies.

        Raises:
            ArrayError: It is none, a damaged one, or one that cannot be read row by row.
            FileError: The file cannot be read.
        """
        place = _alone(file) if self.infos is None else _member(file, self.infos[name], name)
        header = place.header
        if header.is_fortran:
            raise ArrayError(
                f"{called(name)} is in Fortran order, in which a row does not lie in one place",
                "Save it in C order: numpy.save(FILE, numpy.ascontiguousarray(ARRAY)).",
            )
        if place.n_bytes > header.data_bytes:
            raise ArrayError(
                f"after {called(name)} come {place.n_bytes - header.data_bytes:,} bytes that belong to nothing",
                "Several arrays that were saved into one open file cannot be told apart: save each in a file of its "
                "own, or all with numpy.savez.",
            )
        return place


def arrays_in(file: OpenFile) -> FileArrays:
    """What a file holds, told by its first bytes and not by its name.

    Raises:
        ArrayError: It is neither an ``.npy`` nor an ``.npz`` file, or a damaged one.
        FileError: The file cannot be read.
    """
    if not file.read(0, 4).startswith(ZIP_MAGICS):
        return FileArrays(names=("",))
    infos, others = members(file)
    return FileArrays(names=tuple(infos), others=others, infos=infos)


def _alone(file: OpenFile) -> ArrayPlace:
    header = read_header(file.read(0, LONGEST_HEADER))
    return ArrayPlace(name="", header=header, start=header.n_bytes, n_bytes=file.n_bytes - header.n_bytes)


def _member(file: OpenFile, info: zipfile.ZipInfo, name: str) -> ArrayPlace:
    if info.compress_type != zipfile.ZIP_STORED or info.flag_bits & 1:
        header = read_header(beginning(file, info, name), name)
        return ArrayPlace(
            name=name,
            header=header,
            start=header.n_bytes,
            n_bytes=info.file_size - header.n_bytes,
            packed=info,
        )
    start = start_of(file, info, name)
    header = read_header(file.read(start, min(LONGEST_HEADER, info.file_size)), name)
    return ArrayPlace(
        name=name,
        header=header,
        start=start + header.n_bytes,
        n_bytes=info.file_size - header.n_bytes,
        checksum=info.CRC,
    )


class ArrayRows:
    """The rows of an array in an open file; several threads may read them at once.

    Args:
        file: The file.
        place: Where the array lies in it.
        data: What its member holds, where that is compressed and was unpacked before.

    Raises:
        ArrayError: It is compressed, and damaged or too large.
        FileError: The file cannot be read.
    """

    def __init__(self, file: OpenFile, place: ArrayPlace, data: bytes | None = None) -> None:
        self._file = file
        self.place = place
        self.data = unpacked(file, place.packed, place.name) if place.packed and data is None else data

    def __len__(self) -> int:
        return self.place.n_rows

    def rows(self, start: int, stop: int) -> npt.NDArray[Any]:
        """Some of the rows, in memory.

        Raises:
            FileError: They cannot be read.
        """
        return self._numbers(self._bytes(start, stop))

    def blocks(self) -> Iterator[tuple[int, npt.NDArray[Any]]]:
        """All rows, some megabytes at a time, each with the number of its first one.

        Raises:
            DamagedArrayError: At the end: the array is not what was saved.
            FileError: They cannot be read.
        """
        place = self.place
        head = place.start - place.header.n_bytes
        checksum = 0 if place.checksum is None else zlib.crc32(self._file.read(head, place.header.n_bytes))
        n_rows = max(1, _BLOCK_BYTES // max(1, place.header.row_bytes))
        for start in range(0, len(self), n_rows):
            data = self._bytes(start, min(start + n_rows, len(self)))
            if place.checksum is not None:
                checksum = zlib.crc32(data, checksum)
            yield start, self._numbers(data)
        is_whole = len(self) == place.header.shape[0]
        if is_whole and place.checksum is not None and checksum != place.checksum:
            raise DamagedArrayError(
                f"{called(place.name)} is damaged: its checksum is not that of its bytes",
                "Copy the file again, or save it again with numpy.savez.",
            )

    def _bytes(self, start: int, stop: int) -> bytes:
        row_bytes = self.place.header.row_bytes
        first, n_bytes = self.place.start + start * row_bytes, (stop - start) * row_bytes
        data = self._file.read(first, n_bytes) if self.data is None else self.data[first : first + n_bytes]
        if len(data) != n_bytes:
            raise FileError("the file became shorter while it was read")
        return data

    def _numbers(self, data: bytes) -> npt.NDArray[Any]:
        kind, shape = self.place.header.kind, self.place.header.shape
        return np.frombuffer(data, dtype=kind).reshape(-1, *shape[1:])
