"""The other pictures in an image file: later frames and pages, and what transparency hides.

A viewer shows the first picture on white, and that is what `decode` gives. But whoever plays the file, turns its pages
or drops its transparency, as most programs that train on it do, sees the others; so they are compared as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import Any

import numpy as np
from PIL import ImageFile
from PIL.MpoImagePlugin import MpoImageFile

from faceleak_check.protocols import Pixels
from faceleak_check.readers.decode import MAX_PIXELS, opened, reason_of
from faceleak_check.readers.formats import HEAD_BYTES, sniff
from faceleak_check.readers.rgb import UnusableError, to_rgb, upright, without_transparency

__all__ = ["further"]

_INDEX = b"MPF\0"
"""What the index of a multi-picture JPEG begins with."""

_SEEN = 16
"""Levels of 255 by which hidden pixels must differ from what is shown, and from each other."""


def further(data: bytes) -> Iterator[Pixels]:
    """All pictures in a file that `decode` can read, but the one that it gives; mostly there are none.

    Args:
        data: The whole file.

    Yields:
        RGB, uint8, shape (height, width, 3), one at a time.

    Raises:
        ValueError: One of them cannot be had; the message is one sentence that names no path.
    """
    name = sniff(data[:HEAD_BYTES]) or ""
    if name == "JPEG":
        if _INDEX in data:
            yield from _beside(data)
        return
    with opened(name, data) as picture:
        n_pictures = getattr(picture, "n_frames", 1)
        if n_pictures > 1:
            _refuse_many(n_pictures, picture)
        for number in range(n_pictures):
            yield from _of_frame(name, picture, number)


def _of_frame(name: str, picture: ImageFile.ImageFile, number: int) -> Iterator[Pixels]:
    """What a frame shows, but for the first one; and what its transparency hides."""
    try:
        if number:
            picture.seek(number)
        elif not picture.has_transparency_data:
            return
        picture.load()
        turned = upright(picture)
        shown, bare = to_rgb(turned), without_transparency(turned)
    except UnusableError:
        raise
    except Exception as error:  # Pillow raises whatever its parsers run into
        raise ValueError(f"picture {number + 1:,} in it cannot be had: {reason_of(name, error)}") from error
    if number:
        yield shown
    if bare is not None and _hides(shown, bare):
        yield bare


def _hides(shown: Pixels, bare: Pixels) -> bool:
    """Whether there is more than one colour under what is shown."""
    hidden = bare[(np.abs(shown.astype(np.int16) - bare) > _SEEN).any(axis=2)]
    return bool(len(hidden) and np.ptp(hidden, axis=0).max() > _SEEN)


def _refuse_many(n_pictures: int, picture: Any) -> None:
    width, height = picture.size
    if n_pictures * width * height > MAX_PIXELS:
        raise UnusableError(
            f"{n_pictures:,} pictures of {width} x {height} pixels in one file, the limit is {MAX_PIXELS:,} pixels: "
            "save each as a file of its own"
        )


def _beside(data: bytes) -> Iterator[Pixels]:
    """The other pictures of a multi-picture JPEG; not its maps of depth or light, which are grey.

    Many programs keep the index of such a file and drop the pictures: what is not there cannot be shown.
    """
    try:
        with MpoImageFile(BytesIO(data)) as pictures:
            for number in range(1, getattr(pictures, "n_frames", 1)):
                pictures.seek(number)
                if pictures.mode != "L" and pictures.width * pictures.height <= MAX_PIXELS:
                    pictures.load()
                    yield to_rgb(upright(pictures))
    except Exception:  # noqa: BLE001 — Pillow raises whatever its parsers run into
        return
