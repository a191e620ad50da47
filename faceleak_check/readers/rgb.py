"""From any kind of decoded picture to upright RGB, eight bits a channel."""

from __future__ import annotations

import struct

import numpy as np
import numpy.typing as npt
from PIL import Image
from PIL.Image import Transpose

from faceleak_check.protocols import Pixels

__all__ = ["UnusableError", "orientation", "to_rgb", "upright", "without_transparency"]

_TURNS = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}
"""EXIF orientation → what puts the picture upright."""

_ORIENTATION, _BITS_PER_SAMPLE, _PHOTOMETRIC = 0x0112, 258, 262
_INTEGER_FORMATS = {3: "H", 4: "I"}
_PREMULTIPLIED = {"La": "LA", "RGBa": "RGBA"}


class UnusableError(ValueError):
    """A picture that can be decoded and still must not be used."""


def upright(picture: Image.Image) -> Image.Image:
    """The picture as EXIF says that it was held; Pillow turns TIFF when it loads it."""
    exif = picture.info.get("exif")
    turn = _TURNS.get(orientation(exif)) if isinstance(exif, bytes) else None
    return picture if turn is None else picture.transpose(turn)


def orientation(exif: bytes) -> int:
    """The EXIF orientation, 1 to 8; 1 where the block holds none or is damaged.

    Pillow's own parser warns of damage, which must not depend on the warning filters of a test run.
    """
    block = exif.removeprefix(b"Exif\0\0")
    order = {b"II": "<", b"MM": ">"}.get(block[:2])
    if order is None:
        return 1
    try:
        return _find_orientation(block, order)
    except struct.error:
        return 1


def _find_orientation(block: bytes, order: str) -> int:
    (start,) = struct.unpack_from(f"{order}I", block, 4)
    (n_entries,) = struct.unpack_from(f"{order}H", block, start)
    for place in range(start + 2, start + 2 + 12 * n_entries, 12):
        tag, kind, n_values = struct.unpack_from(f"{order}HHI", block, place)
        # of a damaged entry the number is chance, and a picture that is turned by chance hides a leak
        if tag == _ORIENTATION and kind in _INTEGER_FORMATS and n_values == 1:
            return int(struct.unpack_from(order + _INTEGER_FORMATS[kind], block, place + 8)[0])
    return 1


def to_rgb(picture: Image.Image) -> Pixels:
    """Pixels of a loaded picture of any mode; what is transparent becomes white.

    Raises:
        UnusableError: The numbers of the picture do not say how bright they are.
    """
    if picture.mode == "F":
        raise UnusableError("the pixels are floating-point numbers, and none is known to be white")
    if picture.mode.startswith("I"):
        return np.repeat(_eight_bits(picture)[:, :, np.newaxis], 3, axis=2)
    if picture.has_transparency_data:
        picture = _on_white(picture)
    return np.array(picture if picture.mode == "RGB" else picture.convert("RGB"))


def without_transparency(picture: Image.Image) -> Pixels | None:
    """The colours of a loaded picture as they stand in the file; None where nothing in it is transparent."""
    if not picture.has_transparency_data or picture.mode.startswith(("F", "I")):
        return None
    straight = picture.convert(_PREMULTIPLIED.get(picture.mode, picture.mode))
    return np.array(straight.convert("RGBA").convert("RGB"))


def _on_white(picture: Image.Image) -> Image.Image:
    straight = picture.convert(_PREMULTIPLIED.get(picture.mode, picture.mode)).convert("RGBA")
    white = Image.new("RGB", straight.size, "white")
    white.paste(straight, mask=straight)
    return white


def _eight_bits(picture: Image.Image) -> npt.NDArray[np.uint8]:
    values = np.array(picture).astype(np.int64)
    white = _white(picture, values)
    grey = (values * 255 + white // 2) // white
    if _tag(picture, _PHOTOMETRIC) == 0:  # "white is zero", which Pillow leaves as it is at 16 bits
        grey = 255 - grey
    transparent = picture.info.get("transparency")
    if isinstance(transparent, int):
        grey[values == transparent] = 255
    return grey.astype(np.uint8)


def _white(picture: Image.Image, values: npt.NDArray[np.int64]) -> int:
    if _tag(picture, _BITS_PER_SAMPLE) == (12,):
        return 4095
    # mode I has 32 bits; only what PNM and PNG put there is known to be spread over 16 of them
    unclear = picture.format == "TIFF" and picture.mode == "I" and values.max() <= 255
    if unclear or values.min() < 0 or values.max() > 65535:
        raise UnusableError("the pixels are integers outside the 16-bit range, and none is known to be white")
    return 65535


def _tag(picture: Image.Image, number: int) -> object:
    tags = getattr(picture, "tag_v2", None)
    return tags.get(number) if tags is not None else None
