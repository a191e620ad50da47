"""Many small pictures, made quickly and each different from the others."""

from __future__ import annotations

import io
import itertools
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from faces import SIDE, face_chips
from PIL import Image

__all__ = ["crops", "stamped_crops", "textures", "write_files"]

_N_FACES = 100
_TEXTURE_SIDE = 16


def crops(n: int) -> Iterator[bytes]:
    """`n` different crops of real faces, 112 x 112 pixels, as JPEG files of quality 95."""
    return (_file(Image.fromarray(chip), "JPEG") for chip in face_chips(n, SIDE))


def stamped_crops(n: int, first: int = 0) -> Iterator[bytes]:
    """`n` files with different contents, of 100 crops: a number is written into each as a JPEG comment.

    They are made as fast as they can be written, and listing and digesting them is the work that it is with as many
    photographs. To a network they are 100 pictures: for runs in which nothing is embedded.
    """
    faces = list(crops(_N_FACES))
    for number in range(first, first + n):
        face = faces[number % _N_FACES]
        yield face[:2] + b"\xff\xfe" + struct.pack(">HQ", 10, number) + face[2:]


def textures(n: int, seed: int) -> Iterator[bytes]:
    """`n` pictures of coloured noise, 16 x 16 pixels, as PNG files: all of them far from each other."""
    random = np.random.default_rng(seed)
    for _ in range(n):
        pixels = random.integers(0, 256, (_TEXTURE_SIDE, _TEXTURE_SIDE, 3), np.uint8)
        yield _file(Image.fromarray(pixels), "PNG")


def write_files(folder: Path, files: Iterator[bytes], suffix: str = ".jpg", n_each: int = 1000) -> None:
    """Writes files into subfolders of a thousand, as face datasets have them."""
    for number, part in enumerate(iter(lambda: list(itertools.islice(files, n_each)), [])):
        inside = folder / f"{number:05}"
        inside.mkdir(parents=True)
        for row, data in enumerate(part):
            (inside / f"{row:04}{suffix}").write_bytes(data)


def _file(picture: Image.Image, kind: str) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **({"quality": 95} if kind == "JPEG" else {"compress_level": 1}))
    return file.getvalue()
