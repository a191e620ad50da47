"""The pages of an LMDB data file, as LMDB 0.9 and 1.0 write them on 64-bit little-endian machines.

The layout is that of ``MDB_page``, ``MDB_node`` and ``MDB_db`` in LMDB's ``mdb.c``. Whatever is followed is checked
first, so that no file leads astray.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from faceleak_check.readers.files import FileError
from faceleak_check.readers.storage.protocol import OpenFile

__all__ = [
    "DUPLICATES",
    "ELSEWHERE",
    "TREE",
    "BeyondEndError",
    "Format",
    "Node",
    "Page",
    "PageError",
    "Tree",
    "value_elsewhere",
]

ELSEWHERE, TREE, DUPLICATES = 1, 2, 4
"""Flags of a node: its value lies in pages of its own; is a tree; is several values."""

_BRANCH, _LEAF, _OVERFLOW = 1, 2, 4
_KINDS = 0x6F  # without the mark of a page that is being written
_NUMBER = struct.Struct("<Q")
_HEAD = struct.Struct("<HHH")
_NODE = struct.Struct("<HHHH")
_TREE = struct.Struct("<IHHQQQQQ")
_NOWHERE = (1 << 64) - 1


class PageError(FileError):
    """A page is not what it should be; the message is one sentence on it."""


class BeyondEndError(PageError):
    """A page would be where the file has ended."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Format:
    """How a file is laid out.

    Attributes:
        page_bytes: Size of a page.
        header_bytes: Size of the header of a page.
        base: What places in a page are counted from.
        even: Whether values begin at even places.
    """

    page_bytes: int
    header_bytes: int
    base: int
    even: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Tree:
    """A database in the file.

    Attributes:
        n_entries: Number of its entries.
        root: The page at its root; None where it is empty.
    """

    n_entries: int
    root: int | None

    @classmethod
    def of(cls, record: bytes | None) -> Self:
        """The database that a record of 48 bytes describes.

        Raises:
            PageError: It is no such record.
        """
        if record is None or len(record) != _TREE.size:
            raise PageError("the record of a database in it is damaged")
        *_, n_entries, root = _TREE.unpack(record)
        return cls(n_entries=n_entries, root=None if root == _NOWHERE else root)


@dataclass(frozen=True, kw_only=True, slots=True)
class Node:
    """An entry of a leaf.

    Attributes:
        key: Its key.
        flags: What its value is.
        start: Where in the file its value begins; where that lies elsewhere, the first of the value's own pages.
        n_bytes: Length of the value.
        value: The value; None where it lies elsewhere.
    """

    key: bytes
    flags: int
    start: int
    n_bytes: int
    value: bytes | None


class Page:
    """A page of a tree.

    Args:
        file: The file.
        form: How it is laid out.
        number: The page's number.

    Raises:
        PageError: It is no page of a tree.
    """

    def __init__(self, file: OpenFile, form: Format, number: int) -> None:
        self._form = form
        self._start = number * form.page_bytes
        self._data = _page(file, form, number, form.page_bytes)
        _, flags, lower = _HEAD.unpack_from(self._data, form.header_bytes - 8)
        self.is_leaf = flags & _KINDS == _LEAF
        if not self.is_leaf and flags & _KINDS != _BRANCH:
            raise PageError("it is no page of a tree")
        self._n_nodes = (lower - form.header_bytes + form.base) // 2
        if not 0 <= self._n_nodes <= (form.page_bytes - form.header_bytes) // 2:
            raise PageError("its header is damaged")

    def children(self) -> Iterator[int]:
        """The pages below a branch.

        Raises:
            PageError: One of them cannot be told.
        """
        for _, low, high, flags, _ in self._nodes():
            yield low | high << 16 | flags << 32

    def nodes(self) -> Iterator[Node]:
        """The entries of a leaf.

        Raises:
            PageError: One of them cannot be read.
        """
        for place, low, high, flags, key_bytes in self._nodes():
            n_bytes, is_elsewhere = low | high << 16, flags & ELSEWHERE
            first = place + key_bytes + (key_bytes % 2 if self._form.even else 0)
            end = first + (_NUMBER.size if is_elsewhere else n_bytes)
            if end > len(self._data):
                raise PageError("an entry reaches beyond its end")
            yield Node(
                key=self._data[place : place + key_bytes],
                flags=flags,
                start=_NUMBER.unpack_from(self._data, first)[0] if is_elsewhere else self._start + first,
                n_bytes=n_bytes,
                value=None if is_elsewhere else self._data[first:end],
            )

    def _nodes(self) -> Iterator[tuple[int, int, int, int, int]]:
        """Where the key of each node begins, and the four numbers before it."""
        starts = struct.unpack_from(f"<{self._n_nodes}H", self._data, self._form.header_bytes)
        if len(set(starts)) < len(starts):
            raise PageError("two of its entries lie in one place")
        for start in starts:
            place = self._form.base + start
            if place + _NODE.size > len(self._data):
                raise PageError("an entry reaches beyond its end")
            low, high, flags, key_bytes = _NODE.unpack_from(self._data, place)
            place += _NODE.size
            if place + key_bytes > len(self._data):
                raise PageError("an entry reaches beyond its end")
            yield place, low, high, flags, key_bytes


def value_elsewhere(file: OpenFile, form: Format, node: Node) -> tuple[int, bytes]:
    """Where the value of a node begins that lies in pages of its own, and the value.

    Raises:
        PageError: It is not there.
    """
    data = _page(file, form, node.start, form.header_bytes + node.n_bytes)
    _, flags, _ = _HEAD.unpack_from(data, form.header_bytes - 8)
    if flags & _KINDS != _OVERFLOW:
        raise PageError("the page is another one")
    return node.start * form.page_bytes + form.header_bytes, data[form.header_bytes :]


def _page(file: OpenFile, form: Format, number: int, n_bytes: int) -> bytes:
    start = number * form.page_bytes
    if start + n_bytes > file.n_bytes:
        raise BeyondEndError(f"the file ends before it does, at byte {file.n_bytes:,}")
    data = file.read(start, n_bytes)
    if len(data) < n_bytes:
        raise BeyondEndError("the file became shorter")
    if _NUMBER.unpack_from(data)[0] != number:
        raise PageError("it has the number of another page")
    return data
