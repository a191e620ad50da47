"""From a picture to a face chip where no alignment is asked for."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageOps

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
    image = Image.fromarray(picture)
    return np.asarray(ImageOps.pad(image, (size, size), Image.Resampling.BILINEAR))
