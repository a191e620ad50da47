"""Image files: a picture, or one plain reason; where only what is not pixels was damaged, the same picture."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from kinds import FalsePassError, Kind, Whole
from mutations import Spot
from PIL import Image, ImageFile

from faceleak_check.readers.decode import decode

__all__ = ["KINDS"]

_NOISE = np.random.default_rng(7).integers(0, 256, (6, 8, 3), dtype=np.uint8)
_PIXELS = np.repeat(np.repeat(_NOISE, 3, axis=0), 3, axis=1)
_UNIT = (_PIXELS.astype(float) - 127.5).ravel()
_SAME = 0.8


def _file(image_format: str, **options: Any) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 1
    file = io.BytesIO()
    noted = {} if image_format in ("GIF", "BMP", "PPM") else {"exif": exif}
    Image.fromarray(_PIXELS).save(file, image_format, **noted, **options)
    return file.getvalue()


def _wholes(_: Path) -> Sequence[Whole]:
    files = {
        "JPEG": _file("JPEG", quality=95, subsampling=0),
        "progressive JPEG": _file("JPEG", progressive=True, quality=95, subsampling=0),
        "PNG": _file("PNG"),
        "GIF": _file("GIF"),
        "WebP": _file("WEBP", quality=95),
        "lossless WebP": _file("WEBP", lossless=True),
        "TIFF": _file("TIFF"),
        "LZW TIFF": _file("TIFF", compression="tiff_lzw"),
        "BMP": _file("BMP"),
        "PNM": _file("PPM"),
        "AVIF": _file("AVIF", quality=95),
    }
    return [Whole(name=name, data=data) for name, data in files.items()] + [
        Whole(name=f"{name}, its pixels spared", data=files[name], spared=_pixels_of(name, files[name]))
        for name in ("JPEG", "PNG")
    ]


def _pixels_of(name: str, data: bytes) -> Spot:
    """Of a JPEG file all from its tables on, of a PNG file all from its first pixels on."""
    start = data.index(b"\xff\xdb") if name == "JPEG" else data.index(b"IDAT") - 4
    return Spot(start=start, end=len(data))


def _judged(folder: Path, whole: Whole, data: bytes) -> str:
    try:
        pixels = decode(data)
    except ValueError as error:
        words = str(error)
        assert 0 < len(words) < 200
        assert "\n" not in words
        return "refused"
    assert pixels.dtype == np.uint8
    assert pixels.shape[2] == 3
    assert pixels.flags.c_contiguous
    assert pixels.flags.writeable
    if _is_like(pixels):
        return "found"
    _require_another(data)
    return "another"


def _is_like(pixels: Any) -> bool:
    if pixels.shape != _PIXELS.shape:
        return False
    row = (pixels.astype(float) - 127.5).ravel()
    return bool(row @ _UNIT > _SAME * np.linalg.norm(row) * np.linalg.norm(_UNIT))


def _require_another(data: bytes) -> None:
    """Raises FalsePassError where Pillow by itself still sees the picture as it was, upright or turned."""
    assert not ImageFile.LOAD_TRUNCATED_IMAGES
    with warnings.catch_warnings(action="ignore"), Image.open(io.BytesIO(data)) as picture:
        turned = _orientation(picture) not in (0, 1)
        flat = np.asarray(picture.convert("RGBA").convert("RGB"))
        is_odd = turned or picture.mode not in ("RGB", "YCbCr", "P") or "transparency" in picture.info
    if not is_odd and _is_like(flat):
        raise FalsePassError("Pillow sees the picture that was there, and the gate another one")


def _orientation(picture: Image.Image) -> int:
    try:
        return int(picture.getexif().get(0x0112, 1))
    except (SyntaxError, TypeError, ValueError):
        return 1  # what cannot be read turns nothing


KINDS = (Kind(name="image", wholes=_wholes, judge=_judged),)
