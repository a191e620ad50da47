"""Rows of numbers that stay on the disk and are looked at through the memory map."""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from faceleak_check.protocols import Progress
from faceleak_check.readers.arrays.facts import unit_rows
from faceleak_check.readers.arrays.listed import TemplatePart
from faceleak_check.readers.arrays.rows import ArrayPlace, ArrayRows
from faceleak_check.readers.files import FileError
from faceleak_check.readers.progress import PacedProgress
from faceleak_check.readers.storage.local import LocalStorage
from faceleak_check.readers.storage.protocol import OpenFile, Storage

__all__ = ["ChangedFileError", "located"]

Vectors = npt.NDArray[np.float32]


class ChangedFileError(FileError):
    """A file is no longer the one that was listed."""


def located(
    parts: Sequence[TemplatePart],
    storage: Storage,
    scratch: Callable[[], BinaryIO],
    progress: Progress,
    stage: str,
) -> list[Vectors]:
    """The rows of each file, of length one: where they lie in it, or else scaled in a scratch file.

    Args:
        parts: The files.
        storage: Where they are.
        scratch: Opens an empty file, called where one is needed; what is looked at of it outlives it.
        progress: Told how many rows were scaled.
        stage: What that is called.

    Raises:
        FileError: A file went away, has changed or cannot be read.
        OSError: The scratch file cannot be written.
    """
    direct = [_lying(part, storage) for part in parts]
    others = [part for part, lies in zip(parts, direct, strict=True) if lies is None]
    if others:
        with scratch() as file:
            _spread(others, storage, file, progress, stage)
            written = iter(_mapped_parts(others, file))
    return [next(written) if lies is None else lies for lies in direct]


def _lying(part: TemplatePart, storage: Storage) -> Vectors | None:
    """The rows where they lie; None where they are not there as they are needed."""
    place = part.place
    is_float32 = place.packed is None and place.header.kind == np.dtype("<f4")
    if not isinstance(storage, LocalStorage) or not is_float32 or not part.facts.are_unit:
        return None
    with _opened(part, storage):
        return _mapped(storage.path / part.file, place)


def _mapped(path: Path, place: ArrayPlace) -> Vectors:
    """By way of pyarrow, which keeps no file open: there may be thousands."""
    try:
        with pa.memory_map(os.fsencode(path)) as file:
            data: npt.NDArray[np.uint8] = np.frombuffer(file.read_buffer(), dtype=np.uint8)
    except OSError as error:  # whose words name the path
        raise FileError(os.strerror(error.errno or 0)) from None
    end = place.start + place.n_rows * place.header.row_bytes
    if end > len(data):
        raise ChangedFileError("it became shorter")
    return data[place.start : end].view("<f4").reshape(place.n_rows, -1)


def _spread(
    parts: Sequence[TemplatePart], storage: Storage, file: BinaryIO, progress: Progress, stage: str
) -> None:
    told, n_done, n_rows = PacedProgress(progress, stage), 0, sum(part.place.n_rows for part in parts)
    for part in parts:
        with _opened(part, storage) as opened:
            for _, block in ArrayRows(opened, part.place).blocks():
                file.write(unit_rows(block).data)
                n_done += len(block)
                told.update(n_done, n_rows)
    file.flush()
    told.finish(n_rows)


def _mapped_parts(parts: Sequence[TemplatePart], file: BinaryIO) -> Iterator[Vectors]:
    n_bytes = os.fstat(file.fileno()).st_size
    data = mmap.mmap(file.fileno(), n_bytes, access=mmap.ACCESS_READ) if n_bytes else b""
    rows = np.frombuffer(data, dtype=np.float32).reshape(-1, parts[0].dimension)
    ends = np.cumsum([part.place.n_rows for part in parts]).tolist()
    return (rows[end - part.place.n_rows : end] for part, end in zip(parts, ends, strict=True))


@contextmanager
def _opened(part: TemplatePart, storage: Storage) -> Iterator[OpenFile]:
    with storage.open(part.file, fresh=True) as file:
        if file.identity != part.identity:
            raise ChangedFileError("it changed")
        yield file
