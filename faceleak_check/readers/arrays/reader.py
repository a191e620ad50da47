"""A dataset of pictures in NumPy's own files; a picture's content is that of the PPM file of its pixels."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from faceleak_check.policy.schema import Dataset
from faceleak_check.readers.arrays.choice import ChosenArrays, chosen
from faceleak_check.readers.arrays.files import array_files, unusable
from faceleak_check.readers.arrays.names import numbered, texts
from faceleak_check.readers.arrays.pictures import head_of, require_pictures
from faceleak_check.readers.arrays.rows import ArrayPlace, ArrayRows
from faceleak_check.readers.arrays.trouble import ArrayError, DamagedArrayError
from faceleak_check.readers.files import FileError
from faceleak_check.readers.packed.member import Damage, Member, Other, Place
from faceleak_check.readers.packed.reader import PackedReader
from faceleak_check.readers.progress import PacedProgress
from faceleak_check.readers.storage.protocol import OpenFile

__all__ = ["ArraysReader"]


class ArraysReader(PackedReader):
    """Reads ``.npy`` and ``.npz`` files, or a folder of them; pickles are never opened.

    Args:
        dataset: The dataset as the policy declares it.
        known: Where some of its images are, in place of a scan.
    """

    noun: ClassVar[str] = "an array file"
    nouns: ClassVar[str] = "array files"

    def __init__(self, dataset: Dataset, known: Mapping[str, tuple[str, Place]] | None = None) -> None:
        super().__init__(dataset, known)
        self._last = _LastArray()

    def _files(self, told: PacedProgress) -> Sequence[str]:
        names, others = array_files(self._dataset, self._storage, lambda n_files: told.update(n_files, 0))
        self._lie_beside(others)
        return names

    def _walk(self, file: OpenFile) -> Iterator[Member | Other | Damage]:
        try:
            arrays = chosen(file, self._dataset.arrays)
            require_pictures(arrays.data.header, arrays.data.name)
            yield from (Other(suffix=suffix) for suffix in arrays.others)
            yield from _members(file, arrays)
        except DamagedArrayError as error:
            yield Damage(name="all rows", reason=_sentence(error))
        except ArrayError as error:
            if len(self._names) == 1:
                raise unusable(self._dataset, error) from error
            yield Damage(name="all rows", reason=_sentence(error))

    def _read(self, file: OpenFile, name: str, place: Place) -> bytes:
        try:
            array = self._last.array(file, name, self._dataset)
        except ArrayError as error:
            raise FileError("the file changed while the gate ran") from error
        if place[0] >= len(array):
            raise FileError("the file became shorter while the gate ran")
        return _file_of(array.rows(place[0], place[0] + 1)[0])


def _members(file: OpenFile, arrays: ChosenArrays) -> Iterator[Member | Damage]:
    data = ArrayRows(file, arrays.data)
    ids = None if arrays.ids is None else ArrayRows(file, arrays.ids)
    identity = None if arrays.identity is None else ArrayRows(file, arrays.identity)
    for start, block in data.blocks():
        stop = start + len(block)
        rows = range(start, stop)
        names = map(numbered, rows) if ids is None else texts(ids, start, stop, may_be_empty=False)
        people: Sequence[str | None] = [None] * len(block)
        if identity is not None:
            people = texts(identity, start, stop, may_be_empty=True)
        for row, name, person, pixels in zip(rows, names, people, block, strict=True):
            yield Member(name=name, place=(row, 0), data=_file_of(pixels), person=person)
    n_rows = arrays.data.header.shape[0]
    if len(data) < n_rows:
        reason = f"the file is cut short: {len(data):,} of {n_rows:,} rows are there"
        yield Damage(name=f"{numbered(len(data))} and the rows after it", reason=reason)


def _file_of(pixels: np.ndarray[Any, Any]) -> bytes:
    return head_of(pixels) + pixels.tobytes()


def _sentence(error: ArrayError) -> str:
    return f"{error.message}. {error.advice}"


class _LastArray:
    """The array that was read last, so that its header is not read, and nothing unpacked, for every picture."""

    def __init__(self) -> None:
        self._known: tuple[str, str] = ("", "")
        self._place: ArrayPlace | None = None
        self._data: bytes | None = None
        self._finding = threading.Lock()

    def array(self, file: OpenFile, name: str, dataset: Dataset) -> ArrayRows:
        """The array of pictures of a file.

        Raises:
            ArrayError: There is none.
            FileError: The file cannot be read.
        """
        with self._finding:
            if self._place is None or self._known != (name, file.identity):
                self._place = self._data = None
                place = chosen(file, dataset.arrays).data
                require_pictures(place.header, place.name)
                self._data = ArrayRows(file, place).data
                self._known, self._place = (name, file.identity), place
            return ArrayRows(file, self._place, self._data)

    def __reduce__(self) -> tuple[type[_LastArray], tuple[()]]:
        """Another machine finds its own."""
        return _LastArray, ()
