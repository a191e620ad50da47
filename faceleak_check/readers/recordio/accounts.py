"""From the records of a ``.rec`` file to its images, each of them accounted for."""

from __future__ import annotations

import numpy as np

from faceleak_check.readers.listing import path_of
from faceleak_check.readers.packed.listing import PackedListing
from faceleak_check.readers.recordio.entries import Entry, RecordsFound
from faceleak_check.readers.recordio.missing import Claims
from faceleak_check.readers.recordio.names import Names
from faceleak_check.readers.recordio.people import People
from faceleak_check.records import UNREADABLE, Exclusion, digest_array

__all__ = ["account"]


def account(found: RecordsFound, claims: Claims) -> PackedListing:
    """Name every image, and all that is missing; the place of an image is where its record begins.

    Raises:
        DatasetError: Index or list are those of another file.
    """
    names, numbers = Names(claims.listed), found.numbered(claims.index)
    header = found.header(numbers)
    excluded = list(claims.missing(found, numbers, header, names))
    firsts = set(np.unique(numbers, return_index=True)[1].tolist())
    entries = found.entries(numbers, header)
    claims.refuse_other_people([entry for entry in entries if entry.row in firsts])
    people = People(entries, firsts, claims.listed)
    images: list[tuple[str, Entry]] = []
    for entry in entries:
        name = names.of(entry.number, entry.offset, is_first=entry.row in firsts)
        if entry.sha256 is None:
            excluded.append(Exclusion(id=name, rule=UNREADABLE, reason=entry.reason))
        else:
            images.append((name, entry))
    images.sort(key=lambda one: path_of(one[0]))
    ids = [name for name, _ in images]
    return PackedListing(
        ids=ids,
        paths=ids,
        digests=digest_array(entry.sha256 or "" for _, entry in images),
        files=np.zeros(len(ids), np.int32),
        places=np.array([(entry.offset, 0) for _, entry in images], dtype=np.int64).reshape(-1, 2),
        people=[people.of(entry) or None for _, entry in images],
        excluded=tuple(sorted(excluded, key=lambda gone: path_of(gone.id))),
        n_other_files={},
    )
