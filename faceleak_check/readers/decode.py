"""From the bytes of an image file to an RGB picture."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from io import BytesIO

from PIL import ImageFile, features
from PIL.AvifImagePlugin import AvifImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.PpmImagePlugin import PpmImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from faceleak_check.protocols import Pixels
from faceleak_check.readers.formats import HEAD_BYTES, READABLE, describe, sniff
from faceleak_check.readers.integrity import damage
from faceleak_check.readers.rgb import UnusableError, to_rgb, upright

__all__ = ["MAX_PIXELS", "decode", "opened", "reason_of"]

MAX_PIXELS = 89_478_485
"""Pillow's own limit against decompression bombs, whatever other code has set it to."""


class _Jpeg(JpegImageFile):
    def _read_dpi_from_exif(self) -> None:
        """Leave corrupt EXIF alone: Pillow would warn of it for the sake of a resolution."""


# The classes and not Image.open: that warns of large pictures instead of refusing them, looks at
# Image.MAX_IMAGE_PIXELS, which other code may have changed, and takes a JPEG with a preview for two.
_OPENERS: dict[str, Callable[[BytesIO], ImageFile.ImageFile]] = {
    "JPEG": _Jpeg,
    "PNG": PngImageFile,
    "WebP": WebPImageFile,
    "BMP": BmpImageFile,
    "TIFF": TiffImageFile,
    "GIF": GifImageFile,
    "AVIF": AvifImageFile,
    "PNM": PpmImageFile,
}

_CUT_SHORT = re.compile("truncated|not enough|premature", re.IGNORECASE)


def decode(data: bytes) -> Pixels:
    """Decode an image as people see it: upright, without transparency, first frame.

    Safe to call from many threads. 16-bit values are divided by 257, transparent parts become white.

    Args:
        data: A whole file of one of the formats of `READABLE`.

    Returns:
        RGB, uint8, C-contiguous and writeable, shape (height, width, 3).

    Raises:
        ValueError: The picture cannot be had; the message is one sentence that names no path.
    """
    name = sniff(data[:HEAD_BYTES])
    if name not in READABLE:
        raise ValueError(describe(data))
    if name == "AVIF" and not features.check("avif"):
        raise ValueError("an AVIF image, which the installed Pillow cannot read")
    _refuse_leniency()
    try:
        return _decode(name, data)
    except UnusableError:
        raise
    except Exception as error:  # Pillow raises whatever its parsers run into
        raise ValueError(reason_of(name, error)) from error


def opened(name: str, data: bytes) -> ImageFile.ImageFile:
    """A file of one of the formats of `READABLE`, opened by its own class alone; its errors are Pillow's."""
    return _OPENERS[name](BytesIO(data))


def _decode(name: str, data: bytes) -> Pixels:
    file = BytesIO(data)
    with _OPENERS[name](file) as picture:
        width, height = picture.size
        if width * height > MAX_PIXELS:
            raise UnusableError(f"{width} x {height} pixels, the limit is {MAX_PIXELS:,} pixels")
        if found := damage(name, data, file.tell()):
            raise UnusableError(found)
        picture.load()
        _refuse_leniency()
        return to_rgb(upright(picture))


def _refuse_leniency() -> None:
    # With this switch on, Pillow hands out damaged pictures as whole ones, and nothing tells them apart.
    if ImageFile.LOAD_TRUNCATED_IMAGES:
        raise UnusableError(
            "no image can be trusted: other code of this process has set Pillow's LOAD_TRUNCATED_IMAGES, "
            "which makes damaged files look whole"
        )


def reason_of(name: str, error: Exception) -> str:
    """What Pillow ran into, in one sentence.

    Args:
        name: The file's format, as `sniff` names it.
        error: What it raised.
    """
    if isinstance(error, MemoryError):
        return f"the {name} file takes more memory than there is"
    # Pillow's openers wrap what they run into
    ended = any(isinstance(one, EOFError | struct.error | IndexError) for one in (error, error.__cause__))
    if ended or _CUT_SHORT.search(str(error)):
        return f"the {name} file is cut short"
    # Pillow's own words change between versions and are often a bare number: they stay in __cause__
    return f"the {name} file is damaged or of a kind that cannot be read"
