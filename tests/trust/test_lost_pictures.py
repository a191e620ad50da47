"""From a file's bytes to pixels: a leak that is stored in any way is found, and what cannot be shown is counted."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, features
from planting import judged, leaks, left_out, person, saved, source, stranger, strangers, write, write_source

from faceleak_check import Outcome

FRAMES = {"GIF": {}, "WEBP": {"lossless": True}, "PNG": {}, "TIFF": {}, "MPO": {"quality": 98}}
if features.check("avif"):
    FRAMES["AVIF"] = {"quality": 100}


def frames(image_format: str, *pictures: object) -> bytes:
    first, *others = (Image.fromarray(picture) for picture in pictures)  # type: ignore[arg-type]
    return saved(first, image_format, save_all=True, append_images=others, **FRAMES[image_format])


def test_a_leak_in_a_later_frame_is_found(tmp_path: Path) -> None:
    """Of an animation, a document of several pages, or a file of several photographs."""
    write_source(tmp_path)
    planted = {
        f"{name}.{place}": frames(name, *(source(n) if row == place else stranger(row) for row in range(3)))
        for n, (name, place) in enumerate([(name, place) for name in FRAMES for place in (1, 2)])
    }
    write(tmp_path / "generated", strangers() | planted)
    assert leaks(judged(tmp_path)) == {name: person(n) for n, name in enumerate(planted)}


def test_a_leak_in_a_later_frame_of_the_source_is_found(tmp_path: Path) -> None:
    write_source(tmp_path)
    write(tmp_path / "training", {"album/page.tif": frames("TIFF", stranger(90), stranger(91))})
    write(tmp_path / "generated", {"copy.png": saved(stranger(91))})
    assert leaks(judged(tmp_path)) == {"copy.png": "album/page.tif"}


def test_a_later_frame_that_cannot_be_had_is_counted(tmp_path: Path) -> None:
    """Whoever leaked may be in it."""
    write_source(tmp_path)
    pages = [
        Image.fromarray(np.random.default_rng(n).integers(0, 256, (32, 32, 3), np.uint8)) for n in range(2)
    ]
    data = bytearray(
        saved(pages[0], "TIFF", compression="tiff_adobe_deflate", save_all=True, append_images=pages[1:])
    )
    with Image.open(io.BytesIO(data)) as tiff:
        tiff.seek(1)
        (start,) = tiff.tag_v2[273]
    data[start : start + 30] = bytes(30)
    write(tmp_path / "generated", strangers() | {"two.tif": bytes(data)})
    why = "picture 2 in it cannot be had: the TIFF file is damaged or of a kind that cannot be read"
    for _ in range(2):  # the second time from the store
        assert left_out(judged(tmp_path)) == {"two.tif": ("unreadable", why)}


def test_more_frames_than_can_be_looked_at_are_counted(tmp_path: Path) -> None:
    write_source(tmp_path)
    page = Image.new("1", (480, 480))
    data = saved(page, "TIFF", compression="group4", save_all=True, append_images=[page] * 400)
    write(tmp_path / "generated", strangers() | {"long.tif": data})
    assert left_out(judged(tmp_path)).keys() == {"long.tif"}


def hidden(n: int, alpha: int, mode: str = "RGBA") -> Image.Image:
    image = Image.fromarray(source(n))
    image.putalpha(alpha)
    return image.convert(mode)


def half_hidden(n: int) -> Image.Image:
    """A stranger's picture on top: the person of the source is what it would be without transparency."""
    image = Image.fromarray(source(n))
    mask = np.zeros((32, 32), np.uint8)
    mask[:16] = 255
    image.putalpha(Image.fromarray(mask))
    return image


def colour_keyed(n: int) -> Image.Image:
    """Each colour of a palette is transparent."""
    return Image.fromarray(source(n)).quantize(64)


def test_a_leak_under_a_transparent_layer_is_found(tmp_path: Path) -> None:
    """Most programs that train on pictures drop the layer, and see who is below it."""
    write_source(tmp_path)
    planted = {
        "alpha.png": saved(hidden(0, 0)),
        "faint.png": saved(hidden(1, 20)),
        "alpha.webp": saved(hidden(2, 0), "WEBP", lossless=True, exact=True),
        "alpha.tif": saved(hidden(3, 0), "TIFF"),
        "half.png": saved(half_hidden(4)),
        "keyed.png": saved(colour_keyed(5), transparency=bytes(64)),
    }
    write(tmp_path / "generated", strangers() | planted)
    assert leaks(judged(tmp_path)) == {name: person(n) for n, name in enumerate(planted)}


def turned(n: int, orientation: int, how: Image.Transpose) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return saved(Image.fromarray(source(n)).transpose(how), "JPEG", exif=exif, quality=95)


def test_a_leak_that_is_stored_in_another_way_is_found(tmp_path: Path) -> None:
    write_source(tmp_path)
    grey = np.asarray(Image.fromarray(source(4)).convert("L"))
    write(tmp_path / "training", {"grey/face.png": saved(grey)})
    sixteen = Image.fromarray(grey.astype(np.uint16) * 257)
    planted = {
        "turned.jpg": (turned(0, 6, Image.Transpose.ROTATE_90), person(0)),
        "upside-down.jpg": (turned(1, 3, Image.Transpose.ROTATE_180), person(1)),
        "mirrored.jpg": (turned(2, 2, Image.Transpose.FLIP_LEFT_RIGHT), person(2)),
        "cmyk.jpg": (saved(Image.fromarray(source(3)).convert("CMYK"), "JPEG", quality=95), person(3)),
        "sixteen.png": (saved(sixteen), "grey/face.png"),
        "sixteen.tif": (saved(sixteen, "TIFF"), "grey/face.png"),
        "grey.pgm": (saved(grey, "PPM"), "grey/face.png"),
        "palette.png": (saved(Image.fromarray(source(5)).quantize(256)), person(5)),
        "opaque.png": (saved(hidden(6, 255)), person(6)),
        "half.webp": (saved(source(7), "WEBP", quality=90), person(7)),
        "wide.bmp": (saved(Image.fromarray(source(8)).resize((400, 400)), "BMP"), person(8)),
        "wrong-name.gif": (saved(source(9)), person(9)),
        "trailing.png": (saved(source(10)) + b"rubbish" * 100, person(10)),
        "progressive.jpg": (saved(source(11), "JPEG", quality=95, progressive=True), person(11)),
    }
    write(tmp_path / "generated", strangers() | {name: data for name, (data, _) in planted.items()})
    assert leaks(judged(tmp_path)) == {name: whom for name, (_, whom) in planted.items()}


def broken(n: int, image_format: str, **options: object) -> bytes:
    noise = np.random.default_rng(n).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    data = saved(noise, image_format, **options)
    return data[: len(data) // 2]


def test_a_picture_that_is_not_whole_is_counted(tmp_path: Path) -> None:
    """Pillow itself would hand some of them out with a grey remainder, in which nobody is found."""
    write_source(tmp_path)
    whole = bytearray(saved(source(0), compress_level=0))
    whole[whole.index(b"IDAT") + 1500] ^= 1  # in bare pixels, which Pillow takes as they are
    planted = {
        "cut.jpg": broken(0, "JPEG"),
        "cut-progressive.jpg": broken(1, "JPEG", progressive=True),
        "filled-up.jpg": broken(2, "JPEG") + bytes(5000),
        "cut.png": broken(3, "PNG"),
        "cut.webp": broken(4, "WEBP"),
        "cut.gif": broken(5, "GIF"),
        "cut.tif": broken(6, "TIFF"),
        "cut.bmp": broken(7, "BMP"),
        "flipped-bit.png": bytes(whole),
        "bomb.png": saved(Image.new("1", (12_000, 12_000))),
        "floats.tif": saved(Image.fromarray(np.zeros((4, 4), np.float32)), "TIFF"),
        "no-header.png": b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 0),
    }
    write(tmp_path / "generated", strangers() | planted)
    gone = left_out(judged(tmp_path))
    assert {name: rule for name, (rule, _) in gone.items()} == dict.fromkeys(planted, "unreadable")


def test_a_picture_of_one_pixel_is_compared(tmp_path: Path) -> None:
    write_source(tmp_path)
    write(tmp_path / "training", {"dot/face.png": saved(np.full((1, 1, 3), 9, np.uint8))})
    write(tmp_path / "generated", strangers() | {"dot.bmp": saved(np.full((1, 1, 3), 9, np.uint8), "BMP")})
    assert leaks(judged(tmp_path)) == {"dot.bmp": "dot/face.png"}


def test_a_leak_that_the_policy_allows_to_be_unreadable_stands_in_the_evidence(tmp_path: Path) -> None:
    """The share is the policy's own; what is left out is named, and counts against it."""
    write_source(tmp_path)
    write(tmp_path / "generated", strangers(3) | {"cut.png": broken(0, "PNG")})
    allowed = judged(tmp_path, keys="exclusions: {at_most: 25%}\n")
    assert allowed.outcome is Outcome.PASS
    assert [gone.id for gone in allowed.sets["generated"].excluded] == ["cut.png"]
    assert left_out(judged(tmp_path, keys="exclusions: {at_most: 24.9%}\n")).keys() == {"cut.png"}


@pytest.mark.parametrize("orientation", [0, 9, 255])
def test_an_orientation_that_means_nothing_turns_nothing(tmp_path: Path, orientation: int) -> None:
    write_source(tmp_path)
    exif = Image.Exif()
    exif[0x0112] = orientation
    write(tmp_path / "generated", strangers() | {"a.jpg": saved(source(0), "JPEG", exif=exif, quality=95)})
    assert leaks(judged(tmp_path)) == {"a.jpg": person(0)}
