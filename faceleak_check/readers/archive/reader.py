"""A dataset in zip and tar archives, or in WebDataset's shards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from faceleak_check.errors import DatasetError
from faceleak_check.policy.patterns import Pattern, pattern_of
from faceleak_check.policy.schema import Dataset
from faceleak_check.readers.archive.contents import Found, walk_contents
from faceleak_check.readers.archive.folder import in_folder
from faceleak_check.readers.archive.gzip_streams import GzipStreams
from faceleak_check.readers.archive.kinds import PACK_AGAIN, Kind, kind_of
from faceleak_check.readers.archive.names import last_part
from faceleak_check.readers.archive.sidecars import Sidecars
from faceleak_check.readers.archive.tar_members import TarWalk, read_tar
from faceleak_check.readers.archive.trouble import ArchiveError
from faceleak_check.readers.archive.zip_members import read_zip, walk_zip
from faceleak_check.readers.formats import HEAD_BYTES, is_apple_double
from faceleak_check.readers.packed.listing import Gathering, PackedListing
from faceleak_check.readers.packed.member import Damage, Member, Other, Place
from faceleak_check.readers.packed.reader import PackedReader
from faceleak_check.readers.packed.shards import lacking
from faceleak_check.readers.progress import PacedProgress
from faceleak_check.readers.storage.open import storage_at
from faceleak_check.readers.storage.protocol import OpenFile
from faceleak_check.readers.trouble import first_names, number_of

__all__ = ["ArchiveReader"]


class ArchiveReader(PackedReader):
    """Reads a zip or tar file, all those in a folder, or those that a path with braces names; nothing is unpacked.

    A member is an image if its name or its first bytes say so. Archives inside of archives are not looked into.

    Args:
        dataset: The dataset as the policy declares it.
        known: Where some of its images are, in place of a scan.
    """

    noun, nouns = "an archive", "archives"

    def __init__(self, dataset: Dataset, known: Mapping[str, tuple[str, Place]] | None = None) -> None:
        super().__init__(dataset, known)
        self._pattern = pattern_of(dataset.path)
        if self._pattern is not None:
            self._storage = storage_at(self._pattern.folder)
        self._name = ""
        self._kinds: dict[str, Kind] = {}
        self._streams = GzipStreams(len({name for name, _ in self._known.values()}) or 1)
        self._sidecars = Sidecars(dataset)
        self._has_sidecars = dataset.labels.kind == "sidecar"

    def _files(self, told: PacedProgress) -> Sequence[str]:
        names = self._named(told) if self._pattern is None else self._in_pattern(self._pattern)
        self._streams = GzipStreams(len(names))
        return names

    def _named(self, told: PacedProgress) -> Sequence[str]:
        self._require_there()
        return [""] if self._storage.kind() == "file" else self._in_folder(told)

    def _in_pattern(self, pattern: Pattern) -> Sequence[str]:
        found = lacking(self._storage, pattern, "archive")
        if found is not None:
            raise self._trouble(*found)
        return pattern.names

    def _in_folder(self, told: PacedProgress) -> Sequence[str]:
        found = in_folder(self._storage.names(lambda n_files: told.update(n_files, 0)))
        if found.foreign:
            what = f"holds {number_of(len(found.foreign), 'archive')} of a kind that cannot be read"
            raise self._trouble(what, f"They are {first_names(found.foreign)}. {PACK_AGAIN}")
        if not found.archives:
            raise self._trouble(
                "has no archive", "Expected .zip, .tar, .tar.gz or .tgz files in this folder."
            )
        self._lie_beside(found.others)
        return found.archives

    def _gather(self, found: Gathering, number: int, name: str, told: PacedProgress) -> None:
        self._name = name or self._dataset.path.name
        self._sidecars.begin(number)
        try:
            super()._gather(found, number, name, told)
        except DatasetError as error:
            if isinstance(error.__cause__, ArchiveError):
                raise self._trouble(error.__cause__.what, error.__cause__.advice) from error
            raise

    def _walk(self, file: OpenFile) -> Iterator[Member | Other | Damage]:
        if is_apple_double(last_part(self._name), file.read(0, HEAD_BYTES)):
            yield Other(suffix="._")
            return
        yield from walk_contents(self._found(file), self._sidecars.keep)

    def _found(self, file: OpenFile) -> Iterator[Found]:
        kind = self._kinds[self._name] = kind_of(file, self._name)
        if kind == "zip":
            return walk_zip(file)
        if kind == "tar":
            return iter(TarWalk(file))
        unpacked = self._streams.unpacked(file, self._name)
        return iter(TarWalk(unpacked, unpacked.why_it_ends))

    def _read(self, file: OpenFile, name: str, place: Place) -> bytes:
        name = name or self._dataset.path.name
        kind = self._kinds.get(name)
        if kind is None:
            kind = self._kinds[name] = kind_of(file, name)
        if kind == "zip":
            return read_zip(file, place)
        return read_tar(file if kind == "tar" else self._streams.unpacked(file, name), place)

    def _walked(self, told: PacedProgress) -> PackedListing:
        sidecars = self._sidecars = Sidecars(self._dataset)
        listing = super()._walked(told)
        self._sidecars = Sidecars(self._dataset)  # a million names of people need not stay
        return replace(listing, people=sidecars.people(listing)) if self._has_sidecars else listing

    def _labels(self, listing: PackedListing) -> list[tuple[str, ...]] | None:
        if self._has_sidecars:
            return [(person,) for person in listing.people or () if person is not None]
        return super()._labels(listing)
