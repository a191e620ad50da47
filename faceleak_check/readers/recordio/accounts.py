"""From the records of a ``.rec`` file to its images, each of them accounted for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from faceleak_check.readers.listing import path_of
from faceleak_check.readers.recordio.entries import RecordsFound
from faceleak_check.readers.recordio.missing import Claims
from faceleak_check.readers.recordio.names import Names
from faceleak_check.readers.recordio.people import People
from faceleak_check.records import UNREADABLE, Exclusion, ImageRef

__all__ = ["Account", "account"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """What became of each record that has or should have an image, in the order of the ids.

    Attributes:
        images: The images.
        offsets: Where the record of each begins.
        excluded: Those that cannot be read, and those that should be there and are not.
    """

    images: tuple[ImageRef, ...]
    offsets: tuple[int, ...]
    excluded: tuple[Exclusion, ...]


def account(found: RecordsFound, claims: Claims) -> Account:
    """Name every image, and all that is missing.

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
    images = []
    for entry in entries:
        name = names.of(entry.number, entry.offset, is_first=entry.row in firsts)
        if entry.sha256 is None:
            excluded.append(Exclusion(id=name, rule=UNREADABLE, reason=entry.reason))
        else:
            images.append((ImageRef(id=name, sha256=entry.sha256, labels=people.of(entry)), entry.offset))
    images.sort(key=lambda one: path_of(one[0].id))
    return Account(
        images=tuple(image for image, _ in images),
        offsets=tuple(offset for _, offset in images),
        excluded=tuple(sorted(excluded, key=lambda gone: path_of(gone.id))),
    )
