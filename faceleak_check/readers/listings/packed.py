"""What was found in large files: trusted only if each of them is still the same."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from faceleak_check.kept_arrays import Arrays, Memory
from faceleak_check.readers.files import FileError
from faceleak_check.readers.listings.texts import as_column, as_columns, from_column, from_columns
from faceleak_check.readers.packed.listing import PackedListing
from faceleak_check.readers.storage.protocol import OpenFile, Storage
from faceleak_check.records import Exclusion

__all__ = ["PackedMemory", "Watched", "identities"]

_THREADS = 8
_ARRAYS = ("digests", "files", "places")


class Watched:
    """An open file that knows whether all could be read that was asked for.

    Args:
        file: The open file.
    """

    def __init__(self, file: OpenFile) -> None:
        self._file = file
        self.n_bytes = file.n_bytes
        self.identity = file.identity
        self.is_settled = file.is_settled
        self.is_whole = True

    def read(self, start: int, n_bytes: int) -> bytes:
        """See `OpenFile`."""
        try:
            return self._file.read(start, n_bytes)
        except FileError:
            self.is_whole = False
            raise


def identities(storages: Sequence[tuple[Storage, str]]) -> list[tuple[str, str]] | None:
    """The names and identities of files as they are now; None where one has none that may be relied on.

    Args:
        storages: Each file's storage, and its name in it.
    """
    with ThreadPoolExecutor(min(_THREADS, len(storages)), "faceleak-identity") as threads:
        found = list(threads.map(_identity, storages))
    names = [name for _, name in storages]
    return None if None in found else list(zip(names, map(str, found), strict=True))


def _identity(place: tuple[Storage, str]) -> str | None:
    storage, name = place
    try:
        with storage.open(name, fresh=True) as file:
            return file.identity if file.is_settled and file.identity else None
    except FileError:
        return None


class PackedMemory:
    """The listing of one dataset.

    Args:
        memory: Where listings are kept.
        key: Under which key.
    """

    def __init__(self, memory: Memory, key: str) -> None:
        self._memory = memory
        self._key = key

    def recall(self, now: Sequence[tuple[str, str]]) -> PackedListing | None:
        """What was found when the files had these identities; None where nothing is known of them."""
        columns = self._memory.recall(self._key)
        if columns is None:
            return None
        about = from_column(columns["about"])
        if about["files"] != [list(one) for one in now]:
            return None
        return _listing(columns, about)

    def keep(self, then: Sequence[tuple[str, str]], listing: PackedListing) -> None:
        """Keeps what was found.

        Args:
            then: The names of the files and their identities, before and after they were read.
            listing: What was in them.
        """
        about = {
            "files": list(then),
            "excluded": [[gone.id, gone.rule, gone.reason, gone.sha256] for gone in listing.excluded],
            "others": dict(listing.n_other_files),
            "names_people": listing.people is not None,
        }
        columns = {name: getattr(listing, name) for name in _ARRAYS} | {"about": as_column(about)}
        columns["ids"], columns["id_ends"] = as_columns(listing.ids)
        columns["paths"], columns["path_ends"] = as_columns(listing.paths)
        people = listing.people or ()
        columns["people"], columns["person_ends"] = as_columns([one or "" for one in people])
        columns["is_named"] = np.array([one is not None for one in people], dtype=np.uint8)
        self._memory.keep(self._key, columns)


def _listing(columns: Arrays, about: dict[str, Any]) -> PackedListing:
    people = from_columns(columns["people"], columns["person_ends"])
    named: list[int] = columns["is_named"].tolist()
    excluded = (
        Exclusion(id=name, rule=rule, reason=reason, sha256=sha256)
        for name, rule, reason, sha256 in about["excluded"]
    )
    return PackedListing(
        ids=from_columns(columns["ids"], columns["id_ends"]),
        paths=from_columns(columns["paths"], columns["path_ends"]),
        digests=columns["digests"],
        files=columns["files"],
        places=columns["places"],
        people=[one if known else None for one, known in zip(people, named, strict=True)]
        if about["names_people"]
        else None,
        excluded=tuple(excluded),
        n_other_files=about["others"],
    )
