"""Rows of pixels as picture files: binary PPM, which is the pixels themselves after a few bytes."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from faceleak_check.readers.arrays.header import ArrayHeader
from faceleak_check.readers.arrays.trouble import ArrayError, called
from faceleak_check.readers.decode import MAX_PIXELS

__all__ = ["head_of", "require_pictures"]

_EXPECTED = "(n, height, width, 3) for RGB, (n, height, width) or (n, height, width, 1) for grey"
_WHITE = (
    "Nobody can tell which number is white. Save whole numbers from 0 to 255: numpy.clip(255 * ARRAY + 0.5, 0, "
    "255).astype('uint8') where white is 1, numpy.clip(127.5 * ARRAY + 128, 0, 255).astype('uint8') where black is -1 "
    "and white is 1."
)


def require_pictures(header: ArrayHeader, name: str = "") -> None:
    """Raises ArrayError where an array is none of pictures.

    Args:
        header: What it is.
        name: What it is called in its file.
    """
    shape, kind = header.shape, header.kind
    if kind != np.uint8:
        advice = (
            _WHITE if kind.kind in "fiub" else "Save the pixels: whole numbers from 0 to 255, type uint8."
        )
        raise ArrayError(f"{called(name)} holds values of type {kind}, expected uint8", advice)
    _require_shape(shape, name)
    height, width = shape[1:3]
    if not height * width:
        raise ArrayError(f"{called(name)} has shape {shape}, with no pixels", f"Expected {_EXPECTED}.")
    if height * width > MAX_PIXELS:
        raise ArrayError(
            f"{called(name)} has shape {shape}, with pictures of {height:,} x {width:,} pixels; the limit is "
            f"{MAX_PIXELS:,} pixels",
            "Save smaller pictures.",
        )


def _require_shape(shape: tuple[int, ...], name: str) -> None:
    if len(shape) == 3 and shape[2] in (1, 3):
        what, advice = ", that of a single picture", "For one picture save ARRAY[None]; for"
    elif len(shape) == 3 or (len(shape) == 4 and shape[3] in (1, 3)):
        return
    elif len(shape) == 4 and shape[1] in (1, 3):
        what, advice = ", with the colours before the pixels", "Save ARRAY.transpose(0, 2, 3, 1); for"
    elif len(shape) == 4 and shape[3] in (2, 4):
        what, advice = ", with transparency", "Save the colours alone: ARRAY[..., :3]; for"
    else:
        what, advice = "", "For"
    raise ArrayError(
        f"{called(name)} has shape {shape}{what}", f"{advice} pictures the shape is {_EXPECTED}."
    )


def head_of(row: npt.NDArray[Any]) -> bytes:
    """The bytes that make a picture file of a row's pixels, as other programs write them."""
    height, width = row.shape[:2]
    magic = b"P6" if row.ndim == 3 and row.shape[2] == 3 else b"P5"
    return b"%s\n%d %d\n255\n" % (magic, width, height)
