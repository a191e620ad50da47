"""Face crops for the benchmarks, made from the LFW thumbnails that scikit-image ships."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

__all__ = ["face_chips", "write_crops"]

SIDE = 112


def face_chips(n: int, side: int) -> npt.NDArray[np.uint8]:
    """`n` different RGB chips of real faces, uint8, shape (n, side, side, 3); seeded noise tells repeats apart."""
    package = find_spec("skimage")
    assert package is not None
    assert package.origin is not None
    faces = np.load(Path(package.origin).parent / "data" / "lfw_subset.npy", allow_pickle=False)[:100]
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
