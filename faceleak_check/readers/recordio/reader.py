"""A dataset that is a RecordIO file, as MXNet and InsightFace release theirs."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import ClassVar, Self

import numpy as np

from faceleak_check.errors import DatasetError
from faceleak_check.kept_arrays import Memory
from faceleak_check.policy.formats import NamesPeople
from faceleak_check.policy.schema import Dataset
from faceleak_check.protocols import Progress
from faceleak_check.readers.files import FileError
from faceleak_check.readers.listing import path_of
from faceleak_check.readers.listings.keys import deciding_keys, key_of
from faceleak_check.readers.listings.packed import PackedMemory, identities
from faceleak_check.readers.packed.beside import Beside, beside, gone_beside
from faceleak_check.readers.packed.listing import PackedListing
from faceleak_check.readers.progress import PacedProgress
from faceleak_check.readers.recordio.accounts import account
from faceleak_check.readers.recordio.content import content
from faceleak_check.readers.recordio.entries import RecordsFound
from faceleak_check.readers.recordio.frames import BrokenRecordError, payload
from faceleak_check.readers.recordio.index import RecordIndex, read_index
from faceleak_check.readers.recordio.lists import read_list
from faceleak_check.readers.recordio.missing import Claims
from faceleak_check.readers.recordio.place import RecordFiles, place_of
from faceleak_check.readers.recordio.walk import walk
from faceleak_check.readers.recordio.window import MARK, OpenRecords
from faceleak_check.readers.storage.open import storage_at
from faceleak_check.readers.trouble import CLOSED_ADVICE, advice_on, first_names, number_of, shown, trouble
from faceleak_check.records import ImageColumns, ImageList, ImageRef, ImageSet

__all__ = ["RecordIoReader"]

_RECORDS_A_LOOK = 256
_RECORD_BYTES = 1 << 16


class RecordIoReader:
    """Reads a ``.rec`` file, with the ``.idx`` and the ``.lst`` or ``.tsv`` file beside it where there are any.

    Every record with an image counts, whether index, list or header name it or not. People are those of the
    records' labels, or of the folders in DCFace's ``list.txt``. Nothing is decoded here.

    Args:
        dataset: The dataset as the policy declares it.
        known: Where the records of some of its images begin, in place of a scan.
    """

    names_people: ClassVar[NamesPeople] = "always"

    def __init__(self, dataset: Dataset, known: Mapping[str, int] | None = None) -> None:
        self._dataset = dataset
        self._known = known or {}
        self._listing: PackedListing | None = None
        self._memory: Memory | None = None
        self._records = storage_at(place_of(dataset).records if known else dataset.path)

    def remember(self, memory: Memory) -> None:
        """Uses what earlier runs have found in the same files."""
        self._memory = memory

    def scan(self, progress: Progress) -> ImageSet:
        """List and digest every image, in the order of the bytes of the ids, in one pass through the file.

        Raises:
            DatasetError: The files are missing, closed, no RecordIO files, of different sets, or without images.
        """
        dataset = self._dataset
        files = place_of(dataset)
        self._records = storage_at(files.records)
        others = self._beside(files)
        told = PacedProgress(progress, f"listing {dataset.name}")
        listing = self._remembered(files, told)
        if not listing.ids and not listing.excluded:
            raise self._trouble(files, "has no images", "None of its records holds one.")
        self._listing = listing
        told.finish(len(listing.ids))
        people = [(one,) if one else () for one in listing.people or [None] * len(listing.ids)]
        return ImageSet(
            name=dataset.name,
            images=ImageList(ImageColumns.of(listing.ids, listing.digests, people)),
            excluded=tuple(
                sorted([*listing.excluded, *gone_beside(others)], key=lambda gone: path_of(gone.id))
            ),
            n_other_files=others.n_others,
        )

    def _beside(self, files: RecordFiles) -> Beside:
        """What else lies in the folder.

        Raises:
            DatasetError: Images do, in which nobody would look for leaks.
        """
        found = beside(files.others)
        if found.images:
            what = f"holds {number_of(len(found.images), 'image')} beside its records"
            advice = "Put them into a folder of their own, or give the path of the .rec file."
            raise self._trouble(
                files, what, f"Not in the records: {first_names(list(found.images))}. {advice}"
            )
        return found

    def _remembered(self, files: RecordFiles, told: PacedProgress) -> PackedListing:
        """What the files hold; they are not read again where nothing can have changed."""
        if self._memory is None:
            return self._listed(files, told)
        deciding = [*deciding_keys(self._dataset), *map(shown, files.all)]
        memory = PackedMemory(self._memory, key_of(shown(self._dataset.path), deciding))
        now = identities([(storage_at(place), "") for place in files.all])
        known = None if now is None else memory.recall(now)
        if known is not None:
            return known
        listing = self._listed(files, told)
        if now is not None and now == identities([(storage_at(place), "") for place in files.all]):
            memory.keep(now, listing)
        return listing

    def _listed(self, files: RecordFiles, told: PacedProgress) -> PackedListing:
        dataset = self._dataset
        index = read_index(dataset, files.index) if files.index else None
        listed = read_list(dataset, files.listing) if files.listing else {}
        found, n_bytes = self._walk(files, index, told)
        return account(found, Claims(dataset, files, index, listed, n_bytes))

    def part(self, images: Sequence[ImageRef]) -> Self:
        """A reader of some of the images that `scan` has found, small enough to be sent to another machine."""
        return type(self)(self._dataset, {image.id: self._offset(image.id) for image in images})

    def read(self, image: ImageRef) -> bytes:
        """The bytes of one image that `scan` has found; several threads may call it at once.

        Raises:
            OSError: The file went away, cannot be read or has changed; the message names no path.
        """
        offset = self._offset(image.id)
        with self._records.open() as file:
            try:
                return bytes(content(payload(OpenRecords(file, _RECORD_BYTES), offset)).image)
            except BrokenRecordError as error:
                raise FileError(
                    "its record is no longer there: the file changed while the gate ran"
                ) from error

    def _offset(self, name: str) -> int:
        known = self._known.get(name)
        if known is not None:
            return known
        listing = self._listing
        row = 0 if listing is None else bisect_left(listing.ids, path_of(name), key=path_of)
        if listing is None or row == len(listing.ids) or listing.ids[row] != name:
            raise FileError("it is not in the dataset")
        return int(listing.places[row, 0])

    def _walk(
        self, files: RecordFiles, index: RecordIndex | None, told: PacedProgress
    ) -> tuple[RecordsFound, int]:
        found = RecordsFound()
        try:
            with self._records.open() as opened:
                file = OpenRecords(opened)
                self._refuse_other_files(files, file)
                places = array("q", np.unique(index.offsets).tolist() if index else [])
                for record in walk(file, places):
                    found.add(record)
                    if not len(found) % _RECORDS_A_LOOK:
                        told.update(len(found), 0)
            with self._records.open(fresh=True) as again:
                changed = opened.identity != again.identity
        except FileError as error:
            raise self._trouble(
                files, f"cannot be read ({error})", advice_on(error, CLOSED_ADVICE)
            ) from error
        if changed:
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
