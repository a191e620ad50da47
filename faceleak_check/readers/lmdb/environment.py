"""The beginning of an LMDB data file: how it is laid out, and where its entries are."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from faceleak_check.readers.files import FileError
from faceleak_check.readers.lmdb.pages import Format, Tree
from faceleak_check.readers.storage.protocol import OpenFile

__all__ = ["Environment", "LmdbError", "open_environment"]

_MAGIC = 0xBEEFC0DE
_META, _META_BYTES, _TREE_BYTES = 0x08, 136, 48
_VERSIONS = {16: 1, 24: 3}
"""Size of a page's header → version of the layout, of LMDB 0.9 and 1.0."""
_SMALLEST_PAGE, _LARGEST_PAGE = 256, 1 << 16


class LmdbError(FileError):
    """A file is no LMDB data file that can be read.

    Args:
        what: What is wrong, to follow a subject: ``is empty``.
        advice: What was found and what to do, in whole sentences.
    """

    def __init__(self, what: str, advice: str) -> None:
        super().__init__(f"it {what}")
        self.what = what
        self.advice = advice


@dataclass(frozen=True, kw_only=True, slots=True)
class Environment:
    """An LMDB data file.

    Attributes:
        form: How it is laid out.
        main: Its database without a name, which lists those with names.
    """

    form: Format
    main: Tree


@dataclass(frozen=True, kw_only=True, slots=True)
class _Meta:
    page_bytes: int
    main: Tree
    last_page: int
    transaction: int


def open_environment(file: OpenFile) -> Environment:
    """What the last finished transaction left.

    Raises:
        LmdbError: It is no LMDB data file that can be read.
        FileError: The file cannot be read.
    """
    header_bytes = _header_bytes(file.read(0, 64))
    metas = [_meta(file, 0, header_bytes)]
    page_bytes = metas[0].page_bytes
    if not _SMALLEST_PAGE <= page_bytes <= _LARGEST_PAGE or page_bytes & (page_bytes - 1):
        raise _damaged(f"Its pages are said to have {page_bytes:,} bytes")
    metas.append(_meta(file, page_bytes, header_bytes))
    last = _last(metas)
    base = 0 if header_bytes == 16 else header_bytes
    form = Format(page_bytes=page_bytes, header_bytes=header_bytes, base=base, even=base > 0)
    return Environment(form=form, main=last.main)


def _last(metas: list[_Meta]) -> _Meta:
    """The one of the last transaction; of a new file's equal ones the first.

    A number that was damaged would lead to an older state of the file, in which images are missing.
    """
    first, second = (meta.transaction for meta in metas)
    last, other = sorted(metas, key=lambda meta: meta.transaction, reverse=True)
    # odd transactions write the second one, even ones the first, and a file never loses pages
    in_turns = abs(first - second) == 1 and first % 2 == 0
    if first != second and (not in_turns or last.last_page < other.last_page):
        raise _damaged(
            f"Its two beginnings, of transactions {first:,} and {second:,}, do not follow each other"
        )
    return last


def _header_bytes(head: bytes) -> int:
    if not head:
        raise LmdbError("is an empty file", "Expected the data.mdb of an LMDB environment.")
    for place, order in ((16, "<"), (24, "<"), (12, "<"), (16, ">"), (24, ">"), (12, ">")):
        if len(head) >= place + 8 and struct.unpack_from(f"{order}I", head, place)[0] == _MAGIC:
            return _known(place, order, struct.unpack_from(f"{order}I", head, place + 4)[0])
    raise LmdbError(
        "is no LMDB data file",
        f"It begins with the bytes {head[:4].hex(' ')}, without LMDB's mark. Give the data.mdb of an environment, or "
        "the folder that it lies in.",
    )


def _known(place: int, order: str, version: int) -> int:
    """The size of a page's header."""
    if order == ">" or place not in _VERSIONS:
        raise LmdbError(
            "was written on another kind of machine",
            "LMDB files of 64-bit little-endian machines can be read. Copy it with mdb_dump and mdb_load.",
        )
    if version != _VERSIONS[place]:
        raise LmdbError(
            f"has version {version} of LMDB's layout",
            "Versions 1 (of LMDB 0.9) and 3 (of LMDB 1.0) can be read. Copy it with mdb_dump and mdb_load.",
        )
    return place


def _meta(file: OpenFile, start: int, header_bytes: int) -> _Meta:
    """One of the two pages that describe the file."""
    data = file.read(start, header_bytes + _META_BYTES)
    if len(data) < header_bytes + _META_BYTES:
        raise _damaged(f"It ends at byte {file.n_bytes:,}")
    (flags,) = struct.unpack_from("<H", data, header_bytes - 6)
    magic, version = struct.unpack_from("<II", data, header_bytes)
    if not flags & _META or (magic, version) != (_MAGIC, _VERSIONS[header_bytes]):
        raise _damaged(f"Its page at byte {start:,} does not describe it")
    free = header_bytes + 24
    (page_bytes,) = struct.unpack_from("<I", data, free)
    main = free + _TREE_BYTES
    last_page, transaction = struct.unpack_from("<QQ", data, main + _TREE_BYTES)
    tree = Tree.of(data[main : main + _TREE_BYTES])
    has_entries = tree.root is not None and tree.n_entries > 0 and transaction > 0 and tree.root <= last_page
    is_empty = tree.root is None and tree.n_entries == 0
    if last_page < 1 or not (has_entries or is_empty):
        raise _damaged(f"Its page at byte {start:,} contradicts itself")
    return _Meta(page_bytes=page_bytes, main=tree, last_page=last_page, transaction=transaction)


def _damaged(found: str) -> LmdbError:
    return LmdbError("is damaged or cut short", f"{found}. Write it again.")
