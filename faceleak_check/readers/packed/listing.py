"""What the large files of a dataset hold, each thing accounted for."""

from __future__ import annotations

import hashlib
from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from faceleak_check.readers.formats import HEAD_BYTES, READABLE, describe, sniff
from faceleak_check.readers.listing import path_of
from faceleak_check.readers.packed.beside import Beside, gone_beside
from faceleak_check.readers.packed.member import Damage, Member, Other
from faceleak_check.records import UNREADABLE, UNSEEN_FOLDER, Exclusion, IntArray

__all__ = ["Gathering", "PackedListing"]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PackedListing:
    """The images in some large files, in the order of the bytes of their ids.

    Attributes:
        ids: Their ids, each once.
        paths: Their names inside their files.
        digests: Digest of the bytes of each, uint8, shape (n, 32).
        files: The file that each is in, by its number, int32, shape (n,).
        places: Where in it, int64, shape (n, 2).
        people: Who is in each, where the files tell; None where they tell it of no image.
        excluded: What should be images and cannot be read.
        n_other_files: Number of other things, by suffix.
    """

    ids: Sequence[str]
    paths: Sequence[str]
    digests: npt.NDArray[np.uint8]
    files: npt.NDArray[np.int32]
    places: IntArray
    people: Sequence[str | None] | None
    excluded: tuple[Exclusion, ...]
    n_other_files: Mapping[str, int]


@dataclass(kw_only=True, slots=True)
class Gathering:
    """Takes in what files hold, one thing after the other; of the images their digests alone.

    Attributes:
        files: The names of the files.
    """

    files: Sequence[str]
    _ids: list[str] = field(default_factory=list)
    _paths: list[str] = field(default_factory=list)
    _digests: bytearray = field(default_factory=bytearray)
    _file_of: array[int] = field(default_factory=lambda: array("i"))
    _places: array[int] = field(default_factory=lambda: array("q"))
    _people: list[str | None] = field(default_factory=list)
    _excluded: list[Exclusion] = field(default_factory=list)
    _others: Counter[str] = field(default_factory=Counter)
    _times: Counter[str] = field(default_factory=Counter)

    def __len__(self) -> int:
        return len(self._ids) + len(self._excluded)

    def add(self, number: int, found: Member | Other | Damage) -> None:
        """The next thing in a file.

        Args:
            number: The file's number.
            found: The thing.
        """
        if isinstance(found, Other):
            self._others[found.suffix] += 1
        elif isinstance(found, Damage):
            name = self._id(number, found.name)
            self._excluded.append(Exclusion(id=name, rule=UNSEEN_FOLDER, reason=found.reason))
        else:
            self._add_member(number, found)

    def lies_beside(self, found: Beside) -> None:
        """What lies in the folder of the files and is none of them."""
        self._others.update(found.n_others)
        self._times.update(found.unopened.keys())
        self._excluded += gone_beside(found)

    def _add_member(self, number: int, member: Member) -> None:
        name = self._id(number, member.name)
        if member.data is None:
            self._excluded.append(Exclusion(id=name, rule=member.rule, reason=member.reason))
            return
        head = bytes(member.data[:HEAD_BYTES])
        kind = sniff(head)
        digest = hashlib.sha256(member.data)
        if not head or (kind and kind not in READABLE):
            excluded = Exclusion(id=name, rule=UNREADABLE, reason=describe(head), sha256=digest.hexdigest())
            self._excluded.append(excluded)
            return
        self._ids.append(name)
        self._paths.append(member.name)
        self._digests += digest.digest()
        self._file_of.append(number)
        self._places.extend(member.place)
        self._people.append(member.person)

    def _id(self, number: int, name: str) -> str:
        """The name, below that of its file where there are several; told apart where it comes twice."""
        name = f"{self.files[number]}/{name}" if len(self.files) > 1 else name
        self._times[name] += 1
        return name if self._times[name] == 1 else self._id_again(name)

    def _id_again(self, name: str) -> str:
        again = f"{name} ({self._times[name]})"
        self._times[again] += 1
        return again if self._times[again] == 1 else self._id_again(name + " ")

    def listing(self) -> PackedListing:
        """All that was found, in order."""
        order = sorted(range(len(self._ids)), key=lambda row: path_of(self._ids[row]))
        rows = np.array(order, dtype=np.int64)
        return PackedListing(
            ids=[self._ids[row] for row in order],
            paths=[self._paths[row] for row in order],
            digests=np.frombuffer(bytes(self._digests), dtype=np.uint8).reshape(-1, 32)[rows],
            files=np.array(self._file_of, dtype=np.int32)[rows],
            places=np.array(self._places, dtype=np.int64).reshape(-1, 2)[rows],
            people=[self._people[row] for row in order]
            if any(one is not None for one in self._people)
            else None,
            excluded=tuple(sorted(self._excluded, key=lambda gone: path_of(gone.id))),
            n_other_files=dict(sorted(self._others.items())),
        )
