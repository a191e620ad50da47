"""The ways in which a photograph comes to be altered, of fixed strength: its copies still show the same person.

Each takes an RGB picture of any size and shape, from one pixel up, leaves it alone and gives a new one. Equal pictures
give equal pictures and, with one version of Pillow, files of equal bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

__all__ = [
    "ALTERATIONS",
    "Alteration",
    "blended",
    "blurred",
    "cropped",
    "cropped_and_turned",
    "exact",
    "jpeg",
    "low_resolution",
    "mirrored",
    "png",
    "relit",
    "rotated",
    "shrunk",
]

Pixels = npt.NDArray[np.uint8]
_QUALITY = 50
_MOST_JPEG = 65_500


def png(picture: Pixels) -> bytes:
    """The bytes of a PNG file, from which the same pixels are had."""
    file = BytesIO()
    Image.fromarray(picture).save(file, "PNG", compress_level=1)
    return file.getvalue()


def jpeg(picture: Pixels, quality: int = _QUALITY) -> bytes:
    """The bytes of a JPEG file, with half the colour's resolution.

    Args:
        picture: A picture of at most 65,500 pixels a side; a longer one is shrunk to that.
        quality: 1 to 95 as the IJG's library counts; 50 shows blocks, and everybody is known by it.
    """
    file = BytesIO()
    image = Image.fromarray(picture)
    longest = max(image.size)
    if longest > _MOST_JPEG:
        image = _resized(image, _MOST_JPEG / longest)
    image.save(file, "JPEG", quality=quality, subsampling="4:2:0", optimize=False, progressive=False)
    return file.getvalue()


def exact(picture: Pixels) -> Pixels:
    """The same pixels."""
    return picture.copy()


def mirrored(picture: Pixels) -> Pixels:
    """Left and right change places."""
    return picture[:, ::-1].copy()


def relit(picture: Pixels) -> Pixels:
    """Another light: a dark picture (mean below 128) under gamma 0.7, a bright one under gamma 1.4."""
    gamma = 0.7 if picture.mean() < 128 else 1.4
    table = np.round(255 * (np.arange(256) / 255) ** gamma).astype(np.uint8)
    lit: Pixels = table[picture]
    return lit


def blurred(picture: Pixels) -> Pixels:
    """Out of focus: a Gaussian of 1% of the shorter side, but at most 3 pixels, since a face may be a small part."""
    sigma = min(0.01 * min(picture.shape[:2]), 3.0)
    return np.array(Image.fromarray(picture).filter(ImageFilter.GaussianBlur(sigma)))


def cropped(picture: Pixels, share: float = 0.08) -> Pixels:
    """Without a border of that share of the height and of the width on each side."""
    height, width = picture.shape[:2]
    down, across = int(share * height), int(share * width)
    return picture[down : height - down, across : width - across].copy()


def rotated(picture: Pixels, degrees: float = 10.0) -> Pixels:
    """Turned anticlockwise about its middle; the corners that come in are black, those that go out are lost."""
    return np.array(Image.fromarray(picture).rotate(degrees, Image.Resampling.BICUBIC))


def shrunk(picture: Pixels) -> Pixels:
    """Half as wide and high, but the shorter side keeps 48 pixels where it has them."""
    return np.array(_shrunk(picture, 1 / 2, 48))


def cropped_and_turned(picture: Pixels) -> Pixels:
    """Turned by 8 degrees, then without a border of 8%: the black corners are mostly gone."""
    return cropped(rotated(picture, 8.0))


def low_resolution(picture: Pixels) -> Pixels:
    """A quarter as wide and high, but the shorter side keeps 32 pixels, and blown up again to the old size."""
    size = picture.shape[1], picture.shape[0]
    return np.array(_shrunk(picture, 1 / 4, 32).resize(size, Image.Resampling.BICUBIC))


def blended(picture: Pixels, other: Pixels, share: float) -> Pixels:
    """A picture with another one laid over it.

    Args:
        picture: The picture, whose size is kept.
        other: Another picture, stretched to that size.
        share: Weight of the other one, in [0, 1].
    """
    size = picture.shape[1], picture.shape[0]
    over = np.asarray(Image.fromarray(other).resize(size, Image.Resampling.BICUBIC), np.float64)
    mixed: Pixels = np.round((1 - share) * picture + share * over).astype(np.uint8)
    return mixed


@dataclass(frozen=True, kw_only=True, slots=True)
class Alteration:
    """One way in which a copy is altered.

    Attributes:
        name: Such as ``mirrored``.
        suffix: Of the files that it gives: ``.png`` or ``.jpg``.
        altered: From a picture to a file's bytes.
    """

    name: str
    suffix: str
    altered: Callable[[Pixels], bytes]


def _as_png(name: str, change: Callable[[Pixels], Pixels]) -> Alteration:
    return Alteration(name=name, suffix=".png", altered=lambda picture: png(change(picture)))


ALTERATIONS: Mapping[str, Alteration] = MappingProxyType(
    {
        "mirrored": _as_png("mirrored", mirrored),
        "relit": _as_png("relit", relit),
        "recompressed": Alteration(name="recompressed", suffix=".jpg", altered=jpeg),
        "blurred": _as_png("blurred", blurred),
        "cropped": _as_png("cropped", cropped),
        "rotated": _as_png("rotated", rotated),
        "shrunk": _as_png("shrunk", shrunk),
    }
)
"""The kinds of canaries: what must be caught where a gate is awake, by name."""


def _shrunk(picture: Pixels, ratio: float, least: int) -> Image.Image:
    """Smaller by the ratio, but not so small that the shorter side has fewer pixels than the least; never larger."""
    image = Image.fromarray(picture)
    return _resized(image, min(1.0, max(ratio, least / min(image.size))))


def _resized(image: Image.Image, ratio: float) -> Image.Image:
    width, height = (max(1, round(ratio * side)) for side in image.size)
    # reduced by averaging, so that fine patterns do not turn into coarse ones
    return image.resize((width, height), Image.Resampling.BOX if ratio < 1 else Image.Resampling.BICUBIC)
