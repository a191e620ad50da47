"""A dataset that is a RecordIO file, as MXNet and InsightFace release theirs."""

from __future__ import annotations

import os
from array import array
from bisect import bisect_left

import numpy as np

from faceleak_check.errors import DatasetError
from faceleak_check.policy.schema import Dataset
from faceleak_check.protocols import Progress
from faceleak_check.readers.files import FileError
from faceleak_check.readers.listing import path_of
from faceleak_check.readers.progress import PacedProgress
from faceleak_check.readers.recordio.accounts import account
from faceleak_check.readers.recordio.content import content
from faceleak_check.readers.recordio.entries import RecordsFound
from faceleak_check.readers.recordio.frames import BrokenRecordError, payload
from faceleak_check.readers.recordio.index import RecordIndex, read_index
from faceleak_check.readers.recordio.lists import read_list
from faceleak_check.readers.recordio.missing import Claims
from faceleak_check.readers.recordio.place import RecordFiles, opened, place_of
from faceleak_check.readers.recordio.walk import walk
from faceleak_check.readers.recordio.window import MARK, OpenRecords
from faceleak_check.readers.trouble import CLOSED_ADVICE, trouble
from faceleak_check.records import ImageRef, ImageSet

__all__ = ["RecordIoReader"]

_RECORDS_A_LOOK = 256
_RECORD_BYTES = 1 << 16


class RecordIoReader:
    """Reads a ``.rec`` file, with the ``.idx`` and the ``.lst`` or ``.tsv`` file beside it where there are any.

    Every record with an image counts, whether index, list or header name it or not. People are those of the
    records' labels, or of the folders in DCFace's ``list.txt``. Nothing is decoded here.

    Args:
        dataset: The dataset as the policy declares it.
    """

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self._images: tuple[ImageRef, ...] = ()
        self._offsets = array("q")
        self._path = dataset.path

    def scan(self, progress: Progress) -> ImageSet:
        """List and digest every image, in the order of the bytes of the ids, in one pass through the file.

        Raises:
            DatasetError: The files are missing, closed, no RecordIO files, of different sets, or without images.
        """
        dataset = self._dataset
        files = place_of(dataset)
        index = read_index(dataset, files.index) if files.index else None
        listed = read_list(dataset, files.listing) if files.listing else {}
        told = PacedProgress(progress, f"listing {dataset.name}")
        found, n_bytes = self._walk(files, index, told)
        accounted = account(found, Claims(dataset, files, index, listed, n_bytes))
        if not accounted.images and not accounted.excluded:
            raise self._trouble(files, "has no images", "None of its records holds one.")
        self._path = files.records
        self._images, self._offsets = accounted.images, array("q", accounted.offsets)
        told.finish(len(accounted.images))
        return ImageSet(name=dataset.name, images=accounted.images, excluded=accounted.excluded)

    def read(self, image: ImageRef) -> bytes:
        """The bytes of one image that `scan` has found; several threads may call it at once.

        Raises:
            OSError: The file went away, cannot be read or has changed; the message names no path.
        """
        row = bisect_left(self._images, path_of(image.id), key=lambda one: path_of(one.id))
        if row == len(self._images) or self._images[row].id != image.id:
            raise FileError("it is not in the dataset")
        offset = self._offsets[row]
        with opened(self._path) as descriptor:
            file = OpenRecords(descriptor, _RECORD_BYTES)
            try:
                return bytes(content(payload(file, offset)).image)
            except BrokenRecordError as error:
                raise FileError(
                    "its record is no longer there: the file changed while the gate ran"
                ) from error

    def _walk(
        self, files: RecordFiles, index: RecordIndex | None, told: PacedProgress
    ) -> tuple[RecordsFound, int]:
        found = RecordsFound()
        try:
            with opened(files.records) as descriptor:
                before = os.fstat(descriptor)
                file = OpenRecords(descriptor)
                self._refuse_other_files(files, file)
                places = array("q", np.unique(index.offsets).tolist() if index else [])
                for record in walk(file, places):
                    found.add(record)
                    if not len(found) % _RECORDS_A_LOOK:
                        told.update(len(found), 0)
                after = os.fstat(descriptor)
        except FileError as error:
            raise self._trouble(files, f"cannot be read ({error})", CLOSED_ADVICE) from error
        if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            raise self._trouble(
                files, "changed while it was listed", "Wait until it is written, then run again."
            )
        return found, file.n_bytes

    def _refuse_other_files(self, files: RecordFiles, file: OpenRecords) -> None:
        head = file.get(0, len(MARK))
        if not head:
            raise self._trouble(files, "is empty", "Its .rec file holds no byte.")
        if head.startswith(MARK) or file.find_mark(0, file.n_bytes) >= 0:
            return
        raise self._trouble(
            files,
            "is no RecordIO file",
            f"It begins with the bytes {head[:4].hex(' ')}, expected {MARK.hex(' ')}. Give a .rec file of MXNet or "
            "InsightFace.",
        )

    def _trouble(self, files: RecordFiles, what: str, advice: str) -> DatasetError:
        return trouble(
            self._dataset, f"dataset {self._dataset.name!r} {what}", place=files.records, advice=advice
        )
