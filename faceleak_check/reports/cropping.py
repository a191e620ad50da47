"""From a picture to a small one of its face, for a person to look at."""

from __future__ import annotations

import contextlib
import io
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from faceleak_check.protocols import Pixels

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["LONGEST", "small_jpeg"]

LONGEST = 160
"""Pixels along the longer side."""
_MARGIN = 0.3
"""Of the box's longer side, around it: the head, and not the face alone."""
_BLOCKS = 8
_BLURRED = 96
_QUALITY = 82


def small_jpeg(data: bytes, pixels: Pixels, box: Sequence[float] | None, *, blur: bool = False) -> bytes:
    """The face in a picture, or all of it, as a JPEG file without any of the original's notes.

    Args:
        data: The picture's file, which may say what its colours mean.
        pixels: The picture, upright.
        box: Left, top, right, bottom in pixels of the face; None for the whole picture.
        blur: Whether to leave so few pixels that nobody can be told.
    """
    from PIL import Image

    picture = Image.fromarray(pixels)
    if box is not None:
        picture = picture.crop(_around(box, picture.width, picture.height))
    picture.thumbnail((LONGEST, LONGEST), Image.Resampling.LANCZOS)
    picture = _in_srgb(picture, data)
    if blur:
        picture = _blurred(picture)
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=_QUALITY)
    return file.getvalue()


def _around(box: Sequence[float], width: int, height: int) -> tuple[int, int, int, int]:
    """The box with a margin, inside the picture; all of the picture where nothing would be left."""
    left, top, right, bottom = box
    margin = _MARGIN * max(right - left, bottom - top)
    begin = max(0, math.floor(left - margin)), max(0, math.floor(top - margin))
    end = min(width, math.ceil(right + margin)), min(height, math.ceil(bottom + margin))
    if end[0] <= begin[0] or end[1] <= begin[1]:
        return 0, 0, width, height
    return *begin, *end


def _blurred(picture: Image.Image) -> Image.Image:
    """The picture from eight pixels along its longer side: light and pose, and nobody's features."""
    from PIL import Image

    few = picture.copy()
    few.thumbnail((_BLOCKS, _BLOCKS), Image.Resampling.BOX)
    scale = _BLURRED / max(few.size)
    size = max(1, round(scale * few.width)), max(1, round(scale * few.height))
    return few.resize(size, Image.Resampling.BICUBIC)


def _in_srgb(picture: Image.Image, data: bytes) -> Image.Image:
    """The picture in the colours of a web page, where its file says that its own are others."""
    from PIL import Image, ImageCms

    # a profile that cannot be used changes a shade at most, and no verdict
    with contextlib.suppress(Exception):
        with Image.open(io.BytesIO(data)) as file:
            profile = file.info.get("icc_profile") if file.mode == "RGB" else None
        if profile:
            own = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            changed = ImageCms.profileToProfile(picture, own, ImageCms.createProfile("sRGB"))
            return changed or picture
    return picture
