"""The images of a dataset in columns: some sixty bytes each, where a record in memory takes five hundred."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import overload

import numpy as np
import numpy.typing as npt

from faceleak_check.records.arrays import IntArray
from faceleak_check.records.digests import DigestIndex, Digests, digest_array
from faceleak_check.records.image_ref import ImageRef

__all__ = ["ImageColumns", "ImageList"]

_DIGITS = 8


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ImageColumns:
    """What is known of n images, one array for each thing.

    Attributes:
        ids: The ids one after the other, as UTF-8 with surrogate escapes, uint8.
        ends: Where each id ends, int64, shape (n,).
        digests: Digest of the bytes of each image, uint8, shape (n, 32).
        people: Row in `labels` of each image, int32, shape (n,).
        labels: The people in an image by name, each set of them once; () for nobody.
    """

    ids: npt.NDArray[np.uint8]
    ends: IntArray
    digests: Digests
    people: npt.NDArray[np.int32]
    labels: tuple[tuple[str, ...], ...]

    @classmethod
    def of(
        cls,
        ids: Sequence[str],
        digests: Digests,
        labels: Sequence[tuple[str, ...]] | None = None,
    ) -> ImageColumns:
        """Columns from one list for each thing; without `labels` nobody is named."""
        encoded = [name.encode("utf-8", "surrogateescape") for name in ids]
        numbers: dict[tuple[str, ...], int] = {}
        people = [numbers.setdefault(one, len(numbers)) for one in labels or ()]
        return cls(
            ids=np.frombuffer(b"".join(encoded), dtype=np.uint8),
            ends=np.cumsum(np.fromiter(map(len, encoded), np.int64, len(encoded)), dtype=np.int64),
            digests=digests,
            people=np.array(people, dtype=np.int32) if numbers else np.zeros(len(ids), np.int32),
            labels=tuple(numbers) or ((),),
        )

    @classmethod
    def numbered(cls, prefix: str, digests: Digests) -> ImageColumns:
        """Columns of images that are called by a prefix and their row, in eight digits or more; nobody is named."""
        n, head = len(digests), np.frombuffer(prefix.encode("utf-8", "surrogateescape"), dtype=np.uint8)
        ids = np.empty((n, len(head) + max(_DIGITS, len(str(n - 1)))), dtype=np.uint8)
        ids[:, : len(head)] = head
        rows = np.arange(n, dtype=np.uint32)
        for column in range(ids.shape[1] - 1, len(head) - 1, -1):
            rows, ids[:, column] = rows // 10, rows % 10 + ord("0")
        return cls(
            ids=ids.ravel(),
            ends=np.arange(1, n + 1, dtype=np.int64) * ids.shape[1],
            digests=digests,
            people=np.zeros(n, np.int32),
            labels=((),),
        )

    @classmethod
    def joined(cls, parts: Sequence[ImageColumns]) -> ImageColumns:
        """The columns of all parts, one after the other; one part is taken as it is."""
        if len(parts) == 1:
            return parts[0]
        numbers: dict[tuple[str, ...], int] = {}
        renumbered = [
            np.array([numbers.setdefault(one, len(numbers)) for one in part.labels], dtype=np.int32)
            for part in parts
        ]
        starts = np.cumsum([0, *(len(part.ids) for part in parts)])
        return cls(
            ids=np.concatenate([part.ids for part in parts]),
            ends=np.concatenate([part.ends + start for part, start in zip(parts, starts[:-1], strict=True)]),
            digests=np.concatenate([part.digests for part in parts]),
            people=np.concatenate([new[part.people] for part, new in zip(parts, renumbered, strict=True)]),
            labels=tuple(numbers),
        )


class ImageList(Sequence[ImageRef]):
    """Images in their order; a record is made of one when it is asked for.

    A part of a list shares its columns. It is equal to any sequence of the same records.

    Args:
        columns: What is known of the images.
        rows: Which of them, in which order; None for all.
    """

    def __init__(self, columns: ImageColumns, rows: IntArray | None = None) -> None:
        self.columns = columns
        self._rows = rows

    @classmethod
    def of(cls, images: Iterable[ImageRef]) -> ImageList:
        """A list of these records; the same list where they are one."""
        if isinstance(images, ImageList):
            return images
        images = list(images)
        digests = digest_array(image.sha256 for image in images)
        return cls(
            ImageColumns.of([image.id for image in images], digests, [image.labels for image in images])
        )

    @property
    def rows(self) -> IntArray:
        """Row of each image in the columns."""
        return np.arange(len(self.columns.ends)) if self._rows is None else self._rows

    @cached_property
    def digests(self) -> Digests:
        """Content digest of each image, uint8, shape (n, 32)."""
        return self.columns.digests if self._rows is None else self.columns.digests[self._rows]

    @cached_property
    def by_content(self) -> DigestIndex:
        """Finds the rows of a content."""
        return DigestIndex(self.digests)

    @property
    def people(self) -> npt.NDArray[np.int32]:
        """Who is in each image: a row in the columns' labels."""
        return self.columns.people if self._rows is None else self.columns.people[self._rows]

    @property
    def labels(self) -> list[tuple[str, ...]]:
        """The people in each image by name."""
        names = self.columns.labels
        return [names[row] for row in self.people.tolist()]

    @property
    def names(self) -> set[str]:
        """Everybody who is named."""
        return {name for row in np.unique(self.people) for name in self.columns.labels[row]}

    @property
    def contents(self) -> list[str]:
        """Content digest of each image, 64 hexadecimal digits."""
        text = self.digests.tobytes().hex()
        return [text[start : start + 64] for start in range(0, len(text), 64)]

    @property
    def in_order_of_content(self) -> IntArray:
        """The rows in the order of their digests; of equal ones the first comes first."""
        whole = np.ascontiguousarray(self.digests).view(">u8")
        return np.lexsort(tuple(whole[:, column] for column in (3, 2, 1, 0)))

    def taken(self, rows: IntArray) -> ImageList:
        """Some of the images, in the order wanted."""
        return ImageList(self.columns, rows if self._rows is None else self._rows[rows])

    def joined(self, other: ImageList) -> ImageList:
        """These images and then the others."""
        if self.columns is other.columns:
            return ImageList(self.columns, np.concatenate([self.rows, other.rows]))
        return ImageList.of([*self, *other])

    def relabelled(self, labels: Sequence[tuple[str, ...]]) -> ImageList:
        """The same images with other people in them."""
        numbers: dict[tuple[str, ...], int] = {}
        people = np.zeros(len(self.columns.ends), np.int32)
        people[self.rows] = [numbers.setdefault(one, len(numbers)) for one in labels]
        return ImageList(replace(self.columns, people=people, labels=tuple(numbers) or ((),)), self._rows)

    def __len__(self) -> int:
        return len(self.columns.ends) if self._rows is None else len(self._rows)

    @overload
    def __getitem__(self, index: int) -> ImageRef: ...
    @overload
    def __getitem__(self, index: slice) -> ImageList: ...
    def __getitem__(self, index: int | slice) -> ImageRef | ImageList:
        if isinstance(index, slice):
            return self.taken(np.arange(len(self))[index])
        row = index if self._rows is None else int(self._rows[index])
        return self._record(range(len(self.columns.ends))[row])

    def _record(self, row: int) -> ImageRef:
        columns = self.columns
        start = int(columns.ends[row - 1]) if row else 0
        return ImageRef(
            id=columns.ids[start : columns.ends[row]].tobytes().decode("utf-8", "surrogateescape"),
            sha256=columns.digests[row].tobytes().hex(),
            labels=columns.labels[columns.people[row]],
        )

    def __iter__(self) -> Iterator[ImageRef]:
        return (self._record(row) for row in self.rows.tolist())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence) or len(self) != len(other):
            return False
        return all(mine == theirs for mine, theirs in zip(self, other, strict=True))

    def __hash__(self) -> int:
        return hash((len(self), self.digests.tobytes()))

    def __repr__(self) -> str:
        return f"ImageList.of({list(self)!r})"
