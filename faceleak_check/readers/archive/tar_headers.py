"""The blocks of a tar archive that say what follows (POSIX ustar and pax, GNU tar)."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["BLOCK", "Header", "PaxError", "padded", "parse_header", "parse_pax"]

BLOCK = 512
"""Everything in a tar archive begins at a multiple of as many bytes."""

_LARGEST = 1 << 60
_CHECKSUM = slice(148, 156)
_OCTAL = re.compile(rb"[ \0]*([0-7]*)[ \0]*")
_RECORD = re.compile(rb"(\d{1,20}) ")


@dataclass(frozen=True, kw_only=True, slots=True)
class Header:
    """What a header says of what follows.

    Attributes:
        name: Its name, as the bytes in the file.
        kind: Its type flag, one byte.
        n_bytes: How long it is.
        goes_on: Whether more blocks of a GNU sparse file's map follow.
    """

    name: bytes
    kind: bytes
    n_bytes: int
    goes_on: bool


class PaxError(ValueError):
    """The records of an extended header make no sense."""


def padded(n_bytes: int) -> int:
    """The length of some bytes with what fills their last block."""
    return -(-n_bytes // BLOCK) * BLOCK


def parse_header(block: bytes) -> Header | None:
    """A header; None where a block is none, which its checksum tells.

    Args:
        block: The block; fewer bytes are no header.
    """
    checksum = _number(block[_CHECKSUM])
    if len(block) < BLOCK or not checksum or not _fits(block, checksum):
        return None
    n_bytes = _number(block[124:136])
    if n_bytes is None or n_bytes > _LARGEST:
        return None
    name = _text(block[:100])
    # GNU tar keeps other things where POSIX has the folders of a long name
    folders = _text(block[345:500]) if block[257:263] == b"ustar\0" else b""
    return Header(
        name=folders + b"/" + name if folders else name,
        kind=block[156:157],
        n_bytes=n_bytes,
        goes_on=block[482] != 0,
    )


def _fits(block: bytes, checksum: int) -> bool:
    """Whether it is the sum of the bytes with spaces in its own place, also with the signs of some old programs."""
    others = block[: _CHECKSUM.start] + b" " * 8 + block[_CHECKSUM.stop :]
    plain = sum(others)
    return checksum == plain or checksum == plain - 256 * sum(byte > 127 for byte in others)


def _number(field: bytes) -> int | None:
    """A number in octal digits, or in GNU tar's 256; None where it is neither."""
    if field[:1] == b"\x80":
        return int.from_bytes(field[1:])
    found = _OCTAL.fullmatch(field)
    return int(found[1] or b"0", 8) if found else None


def _text(field: bytes) -> bytes:
    return field.partition(b"\0")[0]


def parse_pax(data: bytes) -> dict[str, bytes]:
    """The records of an extended header: key → value.

    Raises:
        PaxError: They are damaged.
    """
    records, place = {}, 0
    while place < len(data) and data[place]:
        found = _RECORD.match(data, place)
        end = place + int(found[1]) if found else 0
        if found is None or not found.end() < end <= len(data) or data[end - 1 : end] != b"\n":
            raise PaxError(f"no record of a length begins at byte {place}")
        key, sign, value = data[found.end() : end - 1].partition(b"=")
        if not sign:
            raise PaxError(f"the record at byte {place} has no '='")
        records[key.decode("utf-8", "replace")] = value
        place = end
    return records
