"""Templates in NumPy's own format, for whoever may compare them and must not have the pictures."""

from __future__ import annotations

import zipfile
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from faceleak_check.image_sets import EmbeddedSet
from faceleak_check.records import Exclusion, ImageRef
from faceleak_check.whole_files import opened_whole

__all__ = ["write_templates"]

_BLOCK_ROWS = 1 << 14
_OLDEST = (1980, 1, 1, 0, 0, 0)
"""A date for all members, so that equal templates make equal files."""


def write_templates(path: Path, one: EmbeddedSet, dimension: int) -> None:
    """Writes an ``.npz`` file: ``templates`` as the network gave them, ``ids``, and ``people`` where they are named.

    Each face has a row of its own; what could not be embedded has a row that is not a number, so that whoever compares
    the file knows of it.

    Args:
        path: The file.
        one: The set.
        dimension: Length of a template.

    Raises:
        OSError: It cannot be written.
    """
    lost = one.summary.excluded
    n_faces = one.templates.n_faces.tolist()
    n_rows = sum(n_faces) + len(lost)
    with opened_whole(path) as file, zipfile.ZipFile(file, "w") as archive:
        with _member(archive, "templates") as member:
            _write_head(member, np.dtype("<f4"), (n_rows, dimension))
            for block in _embeddings(one, len(lost), dimension):
                member.write(block.data)
        ids = list(_ids(one.images, n_faces, lost))
        _write_texts(archive, "ids", ids)
        if one.images.names:
            people = (image.labels[0] if image.labels else "" for image in one.images)
            rows = [name for name, n in zip(people, n_faces, strict=True) for _ in range(n)]
            _write_texts(archive, "people", [*rows, *("" for _ in lost)])


def _embeddings(one: EmbeddedSet, n_lost: int, dimension: int) -> Iterator[npt.NDArray[np.float32]]:
    """The rows before they were scaled, some thousand at a time."""
    templates = one.templates.templates
    for start in range(0, len(templates), _BLOCK_ROWS):
        part = templates.part(slice(start, start + _BLOCK_ROWS))
        yield (np.asarray(part.vectors) * part.norms[:, None]).astype("<f4")
    for start in range(0, n_lost, _BLOCK_ROWS):
        yield np.full((min(_BLOCK_ROWS, n_lost - start), dimension), np.nan, "<f4")


def _ids(images: Sequence[ImageRef], n_faces: Sequence[int], lost: Sequence[Exclusion]) -> Iterator[str]:
    """A name for each row: that of the image, with ``#2`` and so on for its other faces."""
    taken: set[str] = set()
    if max(n_faces, default=0) > 1:
        taken = {_readable(one.id) for one in images} | {_readable(one.id) for one in lost}
    for image, n in zip(images, n_faces, strict=True):
        name = _readable(image.id)
        yield from (name, *(_other(name, face, taken) for face in range(2, n + 1)))[:n]
    yield from (_readable(gone.id) for gone in lost)


def _other(name: str, face: int, taken: Collection[str]) -> str:
    other = f"{name}#{face}"
    while other in taken:  # a file of that name
        other += "#"
    return other


def _readable(name: str) -> str:
    """A name that is Unicode, whatever the file's name was."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _write_texts(archive: zipfile.ZipFile, name: str, texts: Sequence[str]) -> None:
    kind = np.dtype(f"<U{max(map(len, texts), default=1) or 1}")
    with _member(archive, name) as member:
        _write_head(member, kind, (len(texts),))
        for start in range(0, len(texts), _BLOCK_ROWS):
            member.write(np.array(texts[start : start + _BLOCK_ROWS], dtype=kind).tobytes())


def _member(archive: zipfile.ZipFile, name: str) -> BinaryIO:
    member: BinaryIO = archive.open(zipfile.ZipInfo(f"{name}.npy", _OLDEST), "w", force_zip64=True)  # type: ignore[assignment]
    return member


def _write_head(member: BinaryIO, kind: np.dtype[np.generic], shape: tuple[int, ...]) -> None:
    head = {"descr": np.lib.format.dtype_to_descr(kind), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(member, head)
