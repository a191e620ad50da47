"""What the records of a ``.rec`` file are: images, descriptions of others, or damaged."""

from __future__ import annotations

import hashlib
import math
from array import array
from dataclasses import dataclass, field

import numpy as np

from faceleak_check.readers.recordio.content import Content, content
from faceleak_check.readers.recordio.frames import BrokenRecordError
from faceleak_check.readers.recordio.index import RecordIndex
from faceleak_check.readers.recordio.names import UNKNOWN, numbers_by_neighbours, numbers_by_offset
from faceleak_check.readers.recordio.walk import Record
from faceleak_check.records import IntArray

__all__ = ["Entry", "Header", "RecordsFound"]

_RANGE = 2
_NO_LABEL = math.nan


@dataclass(frozen=True, kw_only=True, slots=True)
class Header:
    """What InsightFace's record 0 says: images are 1 to `n_images`, then come the people up to `n_records`."""

    n_images: int
    n_records: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """A record of the file.

    Attributes:
        row: Its place among the others.
        offset: Its first byte.
        number: Its number, or `UNKNOWN`.
        sha256: Digest of its image; None where it has none or cannot be read.
        label: Its first label.
        reason: Why it has no image, for one that should; empty otherwise.
    """

    row: int
    offset: int
    number: int
    sha256: str | None
    label: float
    reason: str


@dataclass(kw_only=True, slots=True)
class RecordsFound:
    """Gathers what a file holds, in columns; of the images only their digests.

    Attributes:
        offsets: Where each record begins.
        numbers: The number in each record, or `UNKNOWN`.
        digests: The digest of each image; None where there is none.
        labels: The first label of each; NaN where there is none.
        damaged: Why a record cannot be read, by row.
        ranges: The two labels of the records that have no image, by row.
        whole: Whether marks and lengths are right.
    """

    offsets: array[int] = field(default_factory=lambda: array("q"))
    numbers: array[int] = field(default_factory=lambda: array("q"))
    digests: list[str | None] = field(default_factory=list)
    labels: array[float] = field(default_factory=lambda: array("d"))
    damaged: dict[int, str] = field(default_factory=dict)
    ranges: dict[int, tuple[float, ...]] = field(default_factory=dict)
    whole: array[int] = field(default_factory=lambda: array("b"))

    def __len__(self) -> int:
        return len(self.offsets)

    def add(self, record: Record) -> None:
        """The next record of the file."""
        try:
            found = _content(record)
        except BrokenRecordError as error:
            self.damaged[len(self)] = f"the record at byte {record.offset:,} is damaged: {error}"
            found = Content(number=UNKNOWN, n_labels=0, labels=(_NO_LABEL,), image=memoryview(b""))
        else:
            if not found.image:
                self.ranges[len(self)] = found.labels if found.n_labels == _RANGE else ()
        self.digests.append(hashlib.sha256(found.image).hexdigest() if found.image else None)
        self.offsets.append(record.offset)
        self.numbers.append(found.number if found.number < 1 << 63 else UNKNOWN)
        self.labels.append(found.labels[0])
        self.whole.append(record.data is not None)

    def numbered(self, index: RecordIndex | None) -> IntArray:
        """The number of each record, by the index or else by the record itself."""
        if index is not None:
            return numbers_by_offset(index, np.array(self.offsets))
        return numbers_by_neighbours(np.array(self.numbers))

    def header(self, numbers: IntArray) -> Header | None:
        """InsightFace's record 0, if the file has one."""
        for row, limits in self.ranges.items():
            if numbers[row] == 0 and len(limits) == _RANGE and 1 <= limits[0] <= limits[1] < math.inf:
                return Header(n_images=int(limits[0]) - 1, n_records=int(limits[1]) - 1)
        return None

    def entries(self, numbers: IntArray, header: Header | None) -> list[Entry]:
        """The images, and the records that should have one; not those that describe others."""
        return [
            Entry(
                row=row,
                offset=self.offsets[row],
                number=number,
                sha256=self.digests[row],
                label=self.labels[row],
                reason=self._reason(row),
            )
            for row, number in enumerate(numbers.tolist())
            if not self._describes(row, number, header)
        ]

    def _reason(self, row: int) -> str:
        if self.digests[row] is not None:
            return ""
        return self.damaged.get(row) or f"the record at byte {self.offsets[row]:,} holds no image"

    def _describes(self, row: int, number: int, header: Header | None) -> bool:
        # a record with an image counts as one, whatever the header says: a header must not hide a face
        if header is None or len(self.ranges.get(row, ())) != _RANGE:
            return False
        return number == 0 or header.n_images < number <= header.n_records


def _content(record: Record) -> Content:
    if record.data is None:
        raise BrokenRecordError(record.reason)
    return content(record.data)
