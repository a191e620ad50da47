"""What kind of archive a file is, by its first bytes."""

from __future__ import annotations

from typing import Literal

from faceleak_check.readers.archive.tar_headers import BLOCK, parse_header
from faceleak_check.readers.archive.trouble import ArchiveError
from faceleak_check.readers.archive.zip_directory import find_end
from faceleak_check.readers.storage.protocol import OpenFile

__all__ = ["PACK_AGAIN", "Kind", "is_archive", "is_foreign", "kind_of"]

Kind = Literal["zip", "tar", "gzip"]

PACK_AGAIN = "Give the images unpacked in a folder, or packed again as .zip, .tar or .tar.gz."
"""What to do with an archive of a kind that cannot be read."""

_OURS = (".zip", ".tar", ".tar.gz", ".tgz")
_FOREIGN = (
    *(".7z", ".rar", ".ace", ".arj", ".cab", ".lzh"),
    *(f".tar.{suffix}" for suffix in ("bz2", "lz", "lz4", "lzma", "xz", "z", "zst")),
    *(".tb2", ".tbz", ".tbz2", ".tlz", ".txz", ".tzst"),
    *(".zip.001", ".z01", ".zipx"),
)
_ZIP_MARKS = (b"PK\3\4", b"PK\5\6", b"PK\7\x08")
_GZIP_MARK = b"\x1f\x8b"
_OTHER_MARKS = {
    b"\xfd7zXZ\0": "an xz file",
    b"BZh": "a bzip2 file",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"Rar!\x1a\7": "a RAR archive",
    b"\x28\xb5\x2f\xfd": "a Zstandard file",
    b"\x04\x22\x4d\x18": "an LZ4 file",
    b"LZIP": "an lzip file",
    b"\x1f\x9d": "a file of compress",
}


def is_archive(name: str) -> bool:
    """Whether a file's name says that it is an archive that can be read."""
    return name.lower().endswith(_OURS)


def is_foreign(name: str) -> bool:
    """Whether a file's name says that it is an archive of a kind that cannot be read."""
    return name.lower().endswith(_FOREIGN)


def kind_of(file: OpenFile, name: str) -> Kind:
    """What kind of archive a file is.

    Args:
        file: The file.
        name: Its name, which counts where its first bytes say nothing, as when they are damaged.

    Raises:
        ArchiveError: It is none that can be read.
    """
    head = file.read(0, BLOCK)
    if not head:
        raise ArchiveError("holds no byte", "Expected a .zip, .tar or .tar.gz file with images in it.")
    if head.startswith(_ZIP_MARKS):
        return "zip"
    if head.startswith(_GZIP_MARK):
        return "gzip"
    for mark, what in _OTHER_MARKS.items():
        if head.startswith(mark):
            raise ArchiveError(f"is {what}, which cannot be read", PACK_AGAIN)
    if parse_header(head) is None and find_end(file) >= 0:
        return "zip"
    if parse_header(head) is None and not name.lower().endswith(_OURS) and any(head):
        raise ArchiveError("is no archive", f"It begins with the bytes {head[:4].hex(' ')}. {_EXPECTED}")
    return "tar"


_EXPECTED = "Expected a .zip, .tar or .tar.gz file."
