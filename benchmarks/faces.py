"""Pictures for the benchmarks: crops from the LFW thumbnails of scikit-image, and photographs with faces in them."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

__all__ = ["face_chips", "write_crops", "write_photographs"]

SIDE = 112
PHOTOGRAPH_SIDE = 1024


def _skimage(file: str) -> Path:
    package = find_spec("skimage")
    assert package is not None
    assert package.origin is not None
    return Path(package.origin).parent / "data" / file


def face_chips(n: int, side: int) -> npt.NDArray[np.uint8]:
    """`n` different RGB chips of real faces, uint8, shape (n, side, side, 3); seeded noise tells repeats apart."""
    faces = np.load(_skimage("lfw_subset.npy"), allow_pickle=False)[:100]
    random = np.random.default_rng(0)
    chips = np.empty((n, side, side, 3), np.uint8)
    for row in range(n):
        small = Image.fromarray(np.round(255 * faces[row % 100]).astype(np.uint8))
        big = np.asarray(small.resize((side, side), Image.Resampling.BILINEAR), np.int16)
        noise = random.integers(-6, 7, (side, side, 3))
        chips[row] = np.clip(big[:, :, None] + noise, 0, 255)
    return chips


def write_crops(folder: Path, n: int) -> None:
    """Writes `n` crops of 112 x 112 pixels as JPEG at quality 95, the usual form of released face datasets."""
    folder.mkdir(parents=True, exist_ok=True)
    for row, chip in enumerate(face_chips(n, SIDE)):
        Image.fromarray(chip).save(folder / f"{row:06}.jpg", quality=95)


def write_photographs(folder: Path, n: int, faces: Path) -> str:
    """Writes `n` different JPEG photographs with a longer side of 1024 pixels.

    Args:
        folder: Where to.
        n: How many.
        faces: The test images; scikit-image's astronaut where they are not there.

    Returns:
        What they are, in words.
    """
    folder.mkdir(parents=True, exist_ok=True)
    sources = sorted(file for group in ("generated", "groups") for file in (faces / group).rglob("*.*"))
    what = "copies of generated/ (one face) and groups/ (several)" if sources else "copies of the astronaut"
    random = np.random.default_rng(0)
    # in another order, so that any number of them is a mixture
    order = random.permutation(len(sources) or 1)
    for row in range(n):
        file = sources[order[row % len(order)]] if sources else _skimage("astronaut.png")
        with Image.open(file) as opened:
            picture = opened.convert("RGB")
        ratio = PHOTOGRAPH_SIDE / max(picture.size)
        size = round(picture.width * ratio), round(picture.height * ratio)
        pixels = np.asarray(picture.resize(size, Image.Resampling.BICUBIC), np.int16)
        noise = random.integers(-2, 3, pixels.shape)
        noisy = np.clip(pixels + noise, 0, 255).astype(np.uint8)
        Image.fromarray(noisy).save(folder / f"{row:06}.jpg", quality=90)
    return f"{what}, longer side {PHOTOGRAPH_SIDE} pixels"
