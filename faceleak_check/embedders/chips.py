"""From a picture to a face chip where no alignment is asked for."""

from __future__ import annotations

import numpy as np
from PIL import Image

from faceleak_check.protocols import Pixels

__all__ = ["whole_picture"]


def whole_picture(picture: Pixels, size: int) -> Pixels:
    """The whole picture, padded to a square with black and resized, never stretched.

    Bilinear, as dlib cuts its own chips; on the LFW thumbnails it also keeps copies and strangers furthest
    apart (docs/decisions.md).

    Args:
        picture: RGB, uint8, shape (height, width, 3).
        size: Side of the chip in pixels.

    Returns:
        RGB, uint8, shape (size, size, 3).
    """
    height, width = picture.shape[:2]
    longer = max(height, width)
    # a side that rounds to nothing would make all such pictures the same black chip
    fitted = max(1, round(width / longer * size)), max(1, round(height / longer * size))
    chip = Image.new("RGB", (size, size))
    resized = Image.fromarray(picture).resize(fitted, Image.Resampling.BILINEAR)
    chip.paste(resized, (round((size - fitted[0]) / 2), round((size - fitted[1]) / 2)))
    return np.asarray(chip)
