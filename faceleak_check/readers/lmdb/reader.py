"""A dataset in an LMDB environment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

from faceleak_check.policy.formats import NamesPeople
from faceleak_check.readers.files import FileError
from faceleak_check.readers.lmdb.environment import Environment, LmdbError, open_environment
from faceleak_check.readers.lmdb.values import found_in, label_key, text_of, value_of
from faceleak_check.readers.lmdb.walk import Entry, walk
from faceleak_check.readers.packed.listing import PackedListing
from faceleak_check.readers.packed.member import Damage, Member, Other, Place
from faceleak_check.readers.packed.reader import PackedReader
from faceleak_check.readers.packed.usable import refusal
from faceleak_check.readers.progress import PacedProgress
from faceleak_check.readers.storage.protocol import OpenFile
from faceleak_check.readers.trouble import first_names, number_of

__all__ = ["LmdbReader"]

_USUAL, _LOCK = "data.mdb", "lock.mdb"
_SUFFIXES = (".mdb", ".lmdb")
_MOST_LABEL_BYTES = 1024


class LmdbReader(PackedReader):
    """Reads an LMDB environment whose values are image files: a folder with ``data.mdb``, or a single file.

    Keys are the ids. Its pages are read one by one and not mapped into memory, so that no damaged file can bring the
    process down, and none is opened for writing or locked.

    Args:
        dataset: The dataset as the policy declares it.
        known: Where some of its images are, in place of a scan.
    """

    names_people: ClassVar[NamesPeople] = "if_asked"
    noun, nouns = "an LMDB file", "LMDB files"

    def _files(self, told: PacedProgress) -> Sequence[str]:
        self._require_there()
        if self._storage.kind() == "file":
            names: Sequence[str] = [""]
        else:
            found = self._storage.names(lambda n_files: told.update(n_files, 0))
            own = [name for name in found if name.rpartition("/")[2].lower().endswith(_SUFFIXES)]
            names = [name for name in own if name.rpartition("/")[2] != _LOCK]
        if not names:
            raise self._trouble(
                "has no LMDB file", f"Expected {_USUAL} in this folder, or the path of another LMDB file."
            )
        refused = refusal(self._storage, names, open_environment, LmdbError)
        if isinstance(refused, LmdbError):
            raise self._trouble(refused.what, refused.advice) from refused
        if refused is not None:
            raise refused
        if names != [""]:
            self._lie_beside(sorted(set(found) - set(own)))
        return names

    def _walk(self, file: OpenFile) -> Iterator[Member | Other | Damage]:
        found = open_environment(file)
        people = _labels(file, found) if self._dataset.labels.kind == "own" else {}
        for one in walk(file, found):
            if isinstance(one, Damage):
                yield one
            else:
                person = people.get((one.database, label_key(one.node.key)))
                yield found_in(file, found.form, one, person)

    def _read(self, file: OpenFile, name: str, place: Place) -> bytes:  # noqa: ARG002
        start, n_bytes = place
        data = file.read(start, n_bytes)
        if len(data) < n_bytes:
            raise FileError("its value is no longer there: the file changed while the gate ran")
        return data

    def _labels(self, listing: PackedListing) -> list[tuple[str, ...]] | None:
        if self._dataset.labels.kind == "own":
            self._require_people(listing)
        return super()._labels(listing)

    def _require_people(self, listing: PackedListing) -> None:
        people = listing.people or [None] * len(listing.ids)
        nameless = [name for name, person in zip(listing.ids, people, strict=True) if not person]
        if nameless:
            raise self._trouble(
                f"has no label for {len(nameless):,} of {number_of(len(listing.ids), 'image')}",
                f"Without one: {first_names(nameless)}. labels: own looks for label-000000001 beside image-000000001; "
                "where the file has no such pairs, write labels: {csv: labels.csv} with the keys as images.",
            )


def _labels(file: OpenFile, found: Environment) -> Mapping[tuple[bytes, bytes | None], str]:
    """All labels, by database and key."""
    labels: dict[tuple[bytes, bytes | None], str] = {}
    for one in walk(file, found):
        if isinstance(one, Entry) and _is_label(one):
            try:
                labels[one.database, one.node.key] = text_of(value_of(file, found.form, one.node)[1])
            except FileError:
                continue  # its image has no label then, and that is said
    return labels


def _is_label(entry: Entry) -> bool:
    return entry.node.key.startswith(b"label-") and entry.node.n_bytes <= _MOST_LABEL_BYTES
