"""Writes small archives of the forms in which face datasets are released, and of forms that nobody should meet."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

JPEG = b"\xff\xd8\xff"

FACES = {
    "ann/1.jpg": JPEG + b"the first of Ann",
    "ann/2.jpg": JPEG + b"the second of Ann" * 100,
    "bob/é.png": b"\x89PNG\r\n\x1a\n" + b"Bob" * 2000,
    "cy/no-suffix": JPEG + bytes(range(256)) * 9,
}
"""Names and bytes of images; nothing decodes them."""


def tar_of(members: Mapping[str | tarfile.TarInfo, bytes], **options: Any) -> bytes:
    """A tar archive; of a `TarInfo` the length is set here."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", **options) as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name) if isinstance(name, str) else name
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return file.getvalue()


def tgz_of(members: Mapping[str | tarfile.TarInfo, bytes], **options: Any) -> bytes:
    """The same, packed with gzip."""
    return gzip.compress(tar_of(members, **options), 6, mtime=0)


def zip_of(
    members: Mapping[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_DEFLATED, comment: bytes = b""
) -> bytes:
    """A zip archive; a `ZipInfo` says itself how it is packed."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
        archive.comment = comment
    return file.getvalue()


def stored(members: Mapping[str, bytes]) -> bytes:
    """A zip archive of members that are not packed."""
    return zip_of(members, zipfile.ZIP_STORED)


def write_folder(folder: Path, members: Mapping[str, bytes]) -> Path:
    """The members as files."""
    for name, data in members.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


WRITERS = {
    "faces.zip": zip_of,
    "stored.zip": stored,
    "faces.tar": tar_of,
    "gnu.tar": lambda members: tar_of(members, format=tarfile.GNU_FORMAT),
    "faces.tar.gz": tgz_of,
    "faces.TGZ": tgz_of,
}
"""A file name for each form, and what writes it."""
