"""The members of a zip archive."""

from __future__ import annotations

import stat
import struct
import zlib
from collections.abc import Iterator
from functools import partial

from faceleak_check.readers.archive.contents import Content, Found, link
from faceleak_check.readers.archive.names import as_text, tidied
from faceleak_check.readers.archive.trouble import MemberError, refuse_size
from faceleak_check.readers.archive.window import Window
from faceleak_check.readers.archive.zip_directory import Entry, entries, find_directory
from faceleak_check.readers.files import MAX_FILE_BYTES
from faceleak_check.readers.inspection import LINK
from faceleak_check.readers.packed.member import Damage, Place
from faceleak_check.readers.storage.protocol import OpenFile

__all__ = ["read_zip", "walk_zip"]

_HEADER = struct.Struct("<4s5H3I2H")
_HEADER_MARK = b"PK\3\4"
_IS_ENCRYPTED, _IS_UTF8 = 1, 1 << 11
_STORED, _DEFLATED = 0, 8
_METHODS = {9: "Deflate64", 12: "bzip2", 14: "LZMA", 20: "Zstandard", 93: "Zstandard", 95: "XZ", 98: "PPMd"}
_BLOCK_BYTES = 1 << 20


def walk_zip(file: OpenFile) -> Iterator[Found]:
    """All that is in a zip archive, in the order of its directory.

    Raises:
        ArchiveError: It has no directory.
    """
    directory, window = find_directory(file), Window(file)
    if directory.shift and file.read(0, len(_HEADER_MARK)) == _HEADER_MARK:
        reason = f"{directory.shift:,} bytes in front of the archive are another one: give each as a file of its own"
        yield Damage(name="byte 0", reason=reason)
    n_packed = 0
    for entry in entries(file, directory):
        if not isinstance(entry, Entry):
            yield entry
            continue
        n_packed += entry.n_packed
        # members that lie in one another make a bomb of any small file
        found = _found(window, entry, is_bomb=n_packed > file.n_bytes)
        if found is not None:
            yield found


def read_zip(file: OpenFile, place: Place) -> bytes:
    """The bytes of a member; whoever asks knows their digest, so no checksum is looked at.

    Args:
        file: The archive.
        place: Where the member's header begins, and how long it is packed.

    Raises:
        MemberError: It is not there any more.
    """
    window, (offset, n_packed) = Window(file), place
    method, _, start = _header(window, offset)
    data = b"".join(_blocks(window, (start, n_packed), method, MAX_FILE_BYTES + 1))
    refuse_size(len(data))
    return data


def _found(window: Window, entry: Entry, *, is_bomb: bool) -> Found | None:
    name = _name(entry)
    if name.endswith("/") and not entry.n_bytes:
        return None  # a folder
    if stat.S_ISLNK(entry.mode):
        return link(tidied(name), "a symbolic link inside the archive, which is not followed", LINK)
    return Content(
        name=tidied(name),
        place=(entry.offset, entry.n_packed),
        n_bytes=entry.n_bytes,
        read=partial(_read, window, entry, is_bomb),
    )


def _name(entry: Entry) -> str:
    """The name as text; without the flag that says so, writers use UTF-8, or code page 437 as of old."""
    try:
        name = entry.name.decode("utf-8")
    except UnicodeDecodeError:
        name = as_text(entry.name) if entry.flags & _IS_UTF8 else entry.name.decode("cp437")
    return name.replace("\\", "/")  # some programs of Windows write it, and all unpackers take it so


def _read(window: Window, entry: Entry, is_bomb: bool, most: int | None) -> bytes:
    if is_bomb:
        raise MemberError("its bytes are those of other members, too")
    if entry.flags & _IS_ENCRYPTED:
        raise MemberError("it is encrypted: give an archive without a password")
    method, name, start = _header(window, entry.offset)
    if (method, name) != (entry.method, entry.name):
        raise MemberError("it is damaged: its header and the archive's directory contradict each other")
    if most is None:
        refuse_size(entry.n_bytes)
    elif entry.n_bytes > MAX_FILE_BYTES:
        return b"".join(_blocks(window, (start, entry.n_packed), method, most))
    return _checked(window, entry, start, most)


def _checked(window: Window, entry: Entry, start: int, most: int | None) -> bytes:
    """The first bytes of a member, or all; damaged first bytes would hide what it is, so all are checked."""
    kept, n_bytes, crc = list[bytes](), 0, 0
    # one more than it should have, so that a longer one is no match
    for block in _blocks(window, (start, entry.n_packed), entry.method, entry.n_bytes + 1):
        if most is None or n_bytes < most:
            kept.append(block)
        n_bytes += len(block)
        crc = zlib.crc32(block, crc)
    if n_bytes != entry.n_bytes or crc != entry.crc:
        raise MemberError("it is damaged: its bytes do not fit its checksum")
    return b"".join(kept)[:most]


def _header(window: Window, offset: int) -> tuple[int, bytes, int]:
    """How a member is packed, its name, and where its bytes begin."""
    head = window.read(offset, _HEADER.size)
    if len(head) < _HEADER.size or not head.startswith(_HEADER_MARK):
        raise MemberError("it is damaged: its header is not where the archive's directory places it")
    _, _, _, method, *_, n_name, n_extra = _HEADER.unpack(head)
    start = offset + _HEADER.size
    return method, window.read(start, n_name), start + n_name + n_extra


def _blocks(window: Window, place: Place, method: int, most: int) -> Iterator[bytes]:
    """The bytes of a member, or the first of them."""
    if method == _STORED:
        start, n_packed = place
        for offset in range(0, min(n_packed, most), _BLOCK_BYTES):
            yield window.read(start + offset, min(n_packed - offset, most - offset, _BLOCK_BYTES))
    elif method == _DEFLATED:
        yield from _inflated(window, place, most)
    else:
        how = _METHODS.get(method, f"method {method}")
        raise MemberError(f"it is packed with {how}, which cannot be read: pack it again with Deflate")


def _inflated(window: Window, place: Place, most: int) -> Iterator[bytes]:
    engine = zlib.decompressobj(-zlib.MAX_WBITS)
    start, n_left = place
    while most > 0 and not engine.eof:
        packed = engine.unconsumed_tail
        if not packed:
            packed = window.read(start, min(n_left, _BLOCK_BYTES))
            start, n_left = start + len(packed), n_left - len(packed)
        try:
            data = engine.decompress(packed, min(most, _BLOCK_BYTES))
        except zlib.error as error:
            raise MemberError("it is damaged: its packed bytes make no sense") from error
        if not packed and not data:
            return
        most -= len(data)
        yield data
