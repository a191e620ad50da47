"""Two folders of faces with copies planted in one of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from faces import face_chips
from PIL import Image, ImageEnhance

__all__ = ["Planted", "plant_chips", "plant_photographs"]

_SIDE = 112
_N_FACES = 100
_EVERY = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class Planted:
    """Two folders of as many pictures each.

    Attributes:
        generated: The one with copies in it.
        source: The other.
        originals: By name of each copy that of its original.
        n: How many pictures.
    """

    generated: Path
    source: Path
    originals: dict[str, str]
    n: int


def plant_chips(root: Path, n: int, n_planted: int) -> Planted:
    """Aligned crops of 112 x 112 pixels: half of the people on either side, each many times, lit and cut otherwise."""
    faces = [Image.fromarray(chip) for chip in face_chips(_N_FACES, _SIDE)]
    return _plant(root, faces, n, n_planted)


def plant_photographs(root: Path, faces: Path, n: int, n_planted: int) -> Planted | None:
    """Photographs of people with what is around them, for detectors; None where there are none."""
    files = [
        next(iter(sorted(person.glob("*.jpg"))), None) for person in sorted((faces / "identities").glob("*"))
    ]
    files += sorted((faces / "generated").glob("*.*"))
    pictures = [_opened(file) for file in files if file is not None]
    return _plant(root, pictures, n, n_planted) if pictures else None


def _opened(file: Path) -> Image.Image:
    with Image.open(file) as opened:
        picture = opened.convert("RGB")
    ratio = 250 / max(picture.size)
    return picture.resize(
        (round(picture.width * ratio), round(picture.height * ratio)), Image.Resampling.BICUBIC
    )


def _plant(root: Path, faces: Sequence[Image.Image], n: int, n_planted: int) -> Planted:
    random = np.random.default_rng(0)
    folders = root / "generated", root / "source"
    for side, folder in enumerate(folders):
        folder.mkdir(parents=True)
        people = faces[side::2]
        for row in range(n):
            _altered(people[row % len(people)], random).save(folder / _name(row), quality=95)
    originals = {}
    rows = random.choice(n, min(n_planted, n // _EVERY), replace=False)
    for number, row in enumerate(rows.tolist()):
        copy = _name(number * _EVERY)  # among the first, so that who looks at a part of them meets them all
        with Image.open(folders[1] / _name(row)) as original:
            original.save(folders[0] / copy, quality=70)
        originals[copy] = _name(row)
    return Planted(generated=folders[0], source=folders[1], originals=originals, n=n)


def _name(row: int) -> str:
    return f"{row:06}.jpg"


def _altered(face: Image.Image, random: np.random.Generator) -> Image.Image:
    """Lit otherwise, cut a little tighter, and with noise of its own."""
    cut = random.integers(0, 6, 4)
    box = (cut[0], cut[1], face.width - cut[2], face.height - cut[3])
    lit = ImageEnhance.Brightness(face.crop(box).resize(face.size)).enhance(random.uniform(0.8, 1.2))
    pixels: npt.NDArray[np.int16] = np.asarray(lit, np.int16)
    noise = random.integers(-6, 7, pixels.shape)
    return Image.fromarray(np.clip(pixels + noise, 0, 255).astype(np.uint8))
