"""The directory at the end of a zip archive (PKWARE's APPNOTE 6.3.10), one entry after the other."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from faceleak_check.readers.archive.trouble import ArchiveError
from faceleak_check.readers.archive.window import Window
from faceleak_check.readers.packed.member import Damage
from faceleak_check.readers.storage.protocol import OpenFile

__all__ = ["Directory", "Entry", "entries", "find_directory", "find_end"]

_END = struct.Struct("<4s4H2IH")
_END_64 = struct.Struct("<4sQ2H2I4Q")
_LOCATOR = struct.Struct("<4sIQI")
_ENTRY = struct.Struct("<4s6H3I5H2I")
_END_MARK, _END_64_MARK, _LOCATOR_MARK, _ENTRY_MARK = b"PK\5\6", b"PK\6\6", b"PK\6\7", b"PK\1\2"
_LONGEST_COMMENT = (1 << 16) - 1
_ZIP64, _LARGE = 1, (1 << 32) - 1
_SEARCH_BYTES = 1 << 16
_AGAIN = "Fetch it again, or write it again from the images."


@dataclass(frozen=True, kw_only=True, slots=True)
class Directory:
    """Where the directory is.

    Attributes:
        start: Its first byte.
        end: The byte after it.
        n_entries: How many entries it says it has; of more than 65,535 old writers give the last 16 bits.
        shift: How many bytes were put before the archive, which its own places do not know of.
    """

    start: int
    end: int
    n_entries: int
    shift: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """What the directory says of one member.

    Attributes:
        name: Its name, as the bytes in the file.
        flags: The general purpose flags.
        method: How it is packed.
        crc: Checksum of its bytes.
        n_packed: How long it is in the file.
        n_bytes: How long it is unpacked.
        offset: Where its own header begins.
        mode: Its Unix mode; 0 where another system wrote it.
    """

    name: bytes
    flags: int
    method: int
    crc: int
    n_packed: int
    n_bytes: int
    offset: int
    mode: int


def find_end(file: OpenFile) -> int:
    """Where the last record of a zip archive begins; -1 where the file does not end with one and its comment."""
    n_bytes = min(file.n_bytes, _END.size + _LONGEST_COMMENT)
    start = file.n_bytes - n_bytes
    tail = file.read(start, n_bytes)
    place = tail.rfind(_END_MARK)
    while place >= 0:
        n_left = len(tail) - place - _END.size
        # the mark of a zip archive that is a member of this one fits here only by chance
        if n_left >= 0 and _END.unpack_from(tail, place)[-1] == n_left:
            return start + place
        place = tail.rfind(_END_MARK, 0, place)
    return -1


def find_directory(file: OpenFile) -> Directory:
    """Where the directory of a zip archive is.

    Raises:
        ArchiveError: There is none, or it lies in another file.
    """
    place = find_end(file)
    if place < 0:
        raise ArchiveError(
            "is cut short, or more was put behind its end: it does not end with a directory", _AGAIN
        )
    _, disk, first_disk, _, n_entries, n_bytes, offset, _ = _END.unpack(file.read(place, _END.size))
    end, large = place, _zip64_end(file, place)
    if large is not None:
        end, (_, _, _, _, disk, first_disk, _, n_entries, n_bytes, offset) = large
    if disk or first_disk:
        raise ArchiveError("is one part of a split archive", "Join the parts, with zip -s 0 for example.")
    shift = end - n_bytes - offset
    if shift < 0:
        raise ArchiveError("is damaged: the directory at its end is not where it should be", _AGAIN)
    return Directory(start=end - n_bytes, end=end, n_entries=n_entries, shift=shift)


def _zip64_end(file: OpenFile, place: int) -> tuple[int, tuple[int, ...]] | None:
    """The record of an archive that is larger than its other end can tell, and where it begins."""
    locator = file.read(max(0, place - _LOCATOR.size), _LOCATOR.size)
    if len(locator) < _LOCATOR.size or not locator.startswith(_LOCATOR_MARK):
        return None
    _, _, told, _ = _LOCATOR.unpack(locator)
    for start in (told, place - _LOCATOR.size - _END_64.size):
        record = file.read(start, _END_64.size) if 0 <= start < place else b""
        if len(record) == _END_64.size and record.startswith(_END_64_MARK):
            return start, _END_64.unpack(record)
    raise ArchiveError("is damaged: the directory at its end is not where it should be", _AGAIN)


def entries(file: OpenFile, directory: Directory) -> Iterator[Entry | Damage]:
    """All entries, also those after a damaged one.

    Args:
        file: The archive.
        directory: Where its directory is.
    """
    window, place, n_entries, whole = Window(file), directory.start, 0, True
    while place < directory.end:
        found = _entry(window, place, directory)
        if found is not None:
            entry, place = found
            n_entries += 1
            yield entry
            continue
        whole = False
        after = _next_mark(window, place + 1, directory.end)
        reason = f"{after - place:,} bytes of the archive's directory are damaged"
        yield Damage(name=f"directory at byte {place:,}", reason=reason)
        place = after
    if whole and (n_entries - directory.n_entries) % (1 << 16):
        counts = (
            f"the archive's directory holds {n_entries:,} entries, and its end counts {directory.n_entries:,}"
        )
        yield Damage(name="directory", reason=counts)


def _entry(window: Window, place: int, directory: Directory) -> tuple[Entry, int] | None:
    """The entry at a place, and the place after it; None where there is no whole one."""
    head = window.read(place, _ENTRY.size)
    if len(head) < _ENTRY.size or not head.startswith(_ENTRY_MARK):
        return None
    _, made, _, flags, method, _, _, crc, *lengths, attributes, offset = _ENTRY.unpack(head)
    n_packed, n_bytes, n_name, n_extra, n_comment, _, _ = lengths
    after = place + _ENTRY.size + n_name + n_extra + n_comment
    if after > directory.end:
        return None
    rest = window.read(place + _ENTRY.size, n_name + n_extra)
    sizes = _large_sizes([n_bytes, n_packed, offset], rest[n_name:])
    if sizes is None:
        return None
    entry = Entry(
        name=rest[:n_name],
        flags=flags,
        method=method,
        crc=crc,
        n_packed=sizes[1],
        n_bytes=sizes[0],
        offset=min(sizes[2] + directory.shift, directory.start),
        mode=attributes >> 16 if made >> 8 in {3, 19} else 0,  # Unix and macOS
    )
    return entry, after


def _large_sizes(sizes: list[int], extra: bytes) -> list[int] | None:
    """The sizes with those that need more than 32 bits, which stand in an extra field; None where it lacks them."""
    n_large = sizes.count(_LARGE)
    if not n_large:
        return sizes
    place = 0
    while place + 4 <= len(extra):
        kind, n_bytes = struct.unpack_from("<2H", extra, place)
        if kind == _ZIP64:
            if n_bytes < 8 * n_large or place + 4 + n_bytes > len(extra):
                return None
            large = iter(struct.unpack_from(f"<{n_large}Q", extra, place + 4))
            return [next(large) if size == _LARGE else size for size in sizes]
        place += 4 + n_bytes
    return sizes


def _next_mark(window: Window, start: int, end: int) -> int:
    """Where the next entry may begin; the end where none does."""
    while start < end:
        block = window.read(start, min(_SEARCH_BYTES, end - start))
        found = block.find(_ENTRY_MARK)
        if found >= 0:
            return start + found
        if len(block) < len(_ENTRY_MARK):
            break
        start += len(block) - len(_ENTRY_MARK) + 1
    return end
