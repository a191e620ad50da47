"""A dataset that lies in a few large files; each format says how one is walked and read."""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Self

import numpy as np

from faceleak_check.errors import DatasetError
from faceleak_check.kept_arrays import Memory
from faceleak_check.policy.schema import Dataset
from faceleak_check.protocols import Progress
from faceleak_check.readers.files import FileError
from faceleak_check.readers.labels import labels_of
from faceleak_check.readers.listing import path_of
from faceleak_check.readers.listings.keys import deciding_keys, key_of
from faceleak_check.readers.listings.packed import PackedMemory, Watched, identities
from faceleak_check.readers.packed.beside import Beside, beside
from faceleak_check.readers.packed.listing import Gathering, PackedListing
from faceleak_check.readers.packed.member import Damage, Member, Other, Place
from faceleak_check.readers.progress import PacedProgress
from faceleak_check.readers.storage.open import storage_of
from faceleak_check.readers.storage.protocol import OpenFile
from faceleak_check.readers.trouble import (
    CLOSED_ADVICE,
    NOT_FOUND_ADVICE,
    advice_on,
    first_names,
    number_of,
    shown,
    trouble,
)
from faceleak_check.records import ImageColumns, ImageList, ImageRef, ImageSet, IntArray
from faceleak_check.silence import silent

__all__ = ["PackedReader"]

_LOOK = 256
_OURS = "faceleak_check."


class PackedReader(ABC):
    """Lists what is in the files and reads single images out of them; a set is never in memory.

    Args:
        dataset: The dataset as the policy declares it.
        known: Where some of its images are, in place of a scan.

    Attributes:
        noun: What one of the files is, with its article, such as ``an archive``.
        nouns: What several of them are.
    """

    noun: ClassVar[str]
    nouns: ClassVar[str]

    def __init__(self, dataset: Dataset, known: Mapping[str, tuple[str, Place]] | None = None) -> None:
        self._dataset = dataset
        self._storage = storage_of(dataset)
        self._names: Sequence[str] = ("",)
        self._listing: PackedListing | None = None
        self._known = known or {}
        self._memory: Memory | None = None
        self._found_in: list[tuple[str, str]] | None = None
        self._beside = Beside()
        self._then: list[tuple[str, str | None]] = []

    def remember(self, memory: Memory) -> None:
        """Uses what earlier runs have found in the same files; a reader of another package always reads them."""
        if type(self).__module__.startswith(_OURS):
            self._memory = memory

    @abstractmethod
    def _files(self, told: PacedProgress) -> Sequence[str]:
        """Names of the dataset's files in its storage, in order, at least one; ``("",)`` where the path is the file.

        Raises:
            DatasetError: There are none, or not those of this format.
            FileError: The folder cannot be listed.
        """

    @abstractmethod
    def _walk(self, file: OpenFile) -> Iterator[Member | Other | Damage]:
        """All that is in a file; what cannot be read hides nothing that comes after it.

        Raises:
            FileError: It cannot be read, or is no file of this format at all; the message names no path.
        """

    @abstractmethod
    def _read(self, file: OpenFile, name: str, place: Place) -> bytes:
        """The bytes of one image; several threads may call it at once.

        Args:
            file: The file, open.
            name: Its name in the storage.
            place: Where the image is.

        Raises:
            OSError: They are not there any more; the message names no path.
        """

    def scan(self, progress: Progress) -> ImageSet:
        """List and digest every image, in the order of the bytes of the ids.

        Raises:
            DatasetError: The files are missing, closed, of another format, or without images; or a label is missing
                or wrong.
        """
        told = PacedProgress(progress, f"listing {self._dataset.name}")
        try:
            self._names = self._files(told)
        except FileError as error:
            raise self._trouble(f"cannot be listed ({error})", advice_on(error, CLOSED_ADVICE)) from error
        self._then = self._now()
        listing = self._remembered(told)
        if not listing.ids and not listing.excluded:
            raise self._no_images(listing)
        self._listing = listing
        told.finish(len(listing.ids))
        return ImageSet(
            name=self._dataset.name,
            images=ImageList(ImageColumns.of(listing.ids, listing.digests, self._labels(listing))),
            excluded=listing.excluded,
            n_other_files=listing.n_other_files,
        )

    def require_unchanged(self) -> None:
        """See `faceleak_check.protocols.WatchfulReader`; files behind a URL are not asked for a second time.

        Raises:
            DatasetError: A file was added, removed or changed since the last scan.
        """
        if self._now() != self._then:
            raise self._trouble("changed while the gate ran", "Wait until it is written, then run again.")

    def _now(self) -> list[tuple[str, str | None]]:
        """The names of the files on this machine, and which files they are."""
        if not isinstance(self._dataset.path, Path):
            return []
        try:
            names = self._files(PacedProgress(silent, ""))
        except (DatasetError, FileError):
            return []
        return [(name, self._identity(name)) for name in names]

    def _identity(self, name: str) -> str | None:
        try:
            with self._storage.open(name, fresh=True) as file:
                return file.identity
        except FileError:
            return None

    def _remembered(self, told: PacedProgress) -> PackedListing:
        """What the files hold; they are not read again where nothing can have changed."""
        if self._memory is None:
            return self._walked(told)
        deciding = [*deciding_keys(self._dataset), *map(repr, self._deciding())]
        memory = PackedMemory(self._memory, key_of(shown(self._dataset.path), deciding))
        now = identities([(self._storage, name) for name in self._names])
        known = None if now is None else memory.recall(now)
        if known is not None:
            return known
        listing = self._walked(told)
        if now is not None and self._found_in == now:
            memory.keep(now, listing)
        return listing

    def _walked(self, told: PacedProgress) -> PackedListing:
        self._found_in = []
        found = Gathering(files=self._names)
        found.lies_beside(self._beside)
        for number, name in enumerate(self._names):
            self._gather(found, number, name, told)
        return found.listing()

    def _deciding(self) -> Sequence[object]:
        """What decides the listing beside the files themselves and the dataset's keys."""
        return [sorted(self._beside.n_others.items()), sorted(self._beside.unopened)]

    def _lie_beside(self, names: Sequence[str]) -> None:
        """Notes what else lies in the dataset's folder.

        Raises:
            DatasetError: Images do, in which nobody would look for leaks.
        """
        self._beside = beside(names)
        images = list(self._beside.images)
        if images:
            what = f"holds {number_of(len(images), 'image')} beside its {self.nouns}"
            advice = f"Put them into {self.noun}, too, or into a folder of their own."
            raise self._trouble(what, f"Not in {self.noun}: {first_names(images)}. {advice}")

    def read(self, image: ImageRef) -> bytes:
        """The bytes of one image that `scan` has found; several threads may call it at once.

        Raises:
            OSError: The file went away, cannot be read or has changed; the message names no path.
        """
        name, place = self._located(image.id)
        with self._storage.open(name) as file:
            return self._read(file, name, place)

    def reading_order(self, images: ImageList) -> IntArray:
        """See `faceleak_check.protocols.OrderedReader`: by file, and by place in it."""
        listing, rows = self._listing, images.rows
        if listing is None or len(images.columns.ends) != len(listing.ids):
            return np.arange(len(images))
        places = listing.places[rows]
        return np.lexsort((places[:, 1], places[:, 0], listing.files[rows]))

    def part(self, images: Sequence[ImageRef]) -> Self:
        """A reader of some of the images that `scan` has found, small enough to be sent to another machine."""
        return type(self)(self._dataset, {image.id: self._located(image.id) for image in images})

    def _located(self, name: str) -> tuple[str, Place]:
        known = self._known.get(name)
        if known is not None:
            return known
        listing = self._listing
        row = 0 if listing is None else bisect_left(listing.ids, path_of(name), key=path_of)
        if listing is None or row == len(listing.ids) or listing.ids[row] != name:
            raise FileError("it is not in the dataset")
        first, second = listing.places[row].tolist()
        return self._names[int(listing.files[row])], (first, second)

    def _gather(self, found: Gathering, number: int, name: str, told: PacedProgress) -> None:
        n_images = len(found)
        try:
            with self._storage.open(name) as opened:
                file = Watched(opened)
                for one in self._walk(file):
                    found.add(number, one)
                    if not len(found) % _LOOK:
                        told.update(len(found), 0)
            with self._storage.open(name, fresh=True) as again:
                changed = file.identity != again.identity
        except FileError as error:
            if len(self._names) == 1 and len(found) == n_images:
                raise self._trouble(f"cannot be read ({error})", advice_on(error, CLOSED_ADVICE)) from error
            self._found_in = None
            part = "" if len(self._names) > 1 else "the rest"
            found.add(number, Damage(name=part, reason=f"{self.noun} that cannot be read: {error}"))
            return
        if changed:
            raise self._trouble("changed while it was listed", "Wait until it is written, then run again.")
        if self._found_in is not None:
            self._found_in = [*self._found_in, (name, file.identity)] if file.is_whole else None

    def _labels(self, listing: PackedListing) -> list[tuple[str, ...]] | None:
        if self._dataset.labels.kind == "own":
            return [(one,) if one else () for one in listing.people or [None] * len(listing.ids)]
        return labels_of(self._dataset, listing.ids, {gone.id for gone in listing.excluded}, listing.paths)

    def _require_there(self) -> None:
        """Raises DatasetError where nothing is at the dataset's path."""
        if self._storage.kind() == "missing":
            raise self._trouble("was not found", NOT_FOUND_ADVICE)

    def _no_images(self, listing: PackedListing) -> DatasetError:
        others = listing.n_other_files
        if not others:
            return self._trouble("is empty", f"Expected {self.noun} with images in it.")
        listed = ", ".join(f"{n:,} {suffix or 'without suffix'}" for suffix, n in others.items())
        what = f"has no images among {number_of(sum(others.values()), 'file')}"
        return self._trouble(what, f"By suffix: {listed}. Expected image files such as JPEG or PNG in it.")

    def _trouble(self, what: str, advice: str) -> DatasetError:
        return trouble(
            self._dataset, f"dataset {self._dataset.name!r} {what}", place=self._dataset.path, advice=advice
        )
