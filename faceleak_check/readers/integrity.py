"""Damage that Pillow decodes without a word: found by the file's own end mark and checksums."""

from __future__ import annotations

import struct
import zlib

__all__ = ["damage"]

_END_OF_JPEG = b"\xff\xd9"
_PNG_SIGNATURE_BYTES, _CHUNK_BYTES = 8, 12


def damage(format_name: str, data: bytes, start_of_pixels: int) -> str | None:
    """Why the pixels of a file cannot be trusted, or None where nothing speaks against them.

    Args:
        format_name: As `sniff` names it.
        data: The whole file.
        start_of_pixels: A place after the header, before the end of the pixels.
    """
    if format_name == "JPEG" and data.find(_END_OF_JPEG, start_of_pixels) < 0:
        # a download that was broken off may be filled up with zeros, which decode to a grey remainder
        return "the JPEG file is cut short"
    if format_name == "PNG" and not _checksums_agree(data):
        return "the PNG file is damaged: a checksum of its pixels is wrong"
    return None


def _checksums_agree(data: bytes) -> bool:
    view, place = memoryview(data), _PNG_SIGNATURE_BYTES
    while place + _CHUNK_BYTES <= len(data):
        n_bytes, kind = struct.unpack_from(">I4s", data, place)
        end = place + _CHUNK_BYTES + n_bytes
        # a chunk that is cut short is Pillow's to report
        if kind == b"IDAT" and end <= len(data):
            (stored,) = struct.unpack_from(">I", data, end - 4)
            if zlib.crc32(view[place + 4 : end - 4]) != stored:
                return False
        place = end
    return True
