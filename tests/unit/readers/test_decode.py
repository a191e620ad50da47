from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageFile, features

from faceleak_check.readers.decode import MAX_PIXELS, decode
from faceleak_check.readers.rgb import orientation

Bytes8 = npt.NDArray[np.uint8]

_ROWS, _COLUMNS = np.mgrid[0:48, 0:32]
PICTURE: Bytes8 = np.stack([_COLUMNS * 8, _ROWS * 5, 255 - _COLUMNS * 3 - _ROWS * 3], axis=2).astype(np.uint8)
"""Smooth, and different under every turn and mirror."""

GREY: Bytes8 = PICTURE[:, :, 0]
NEEDS_AVIF = pytest.mark.skipif(not features.check("avif"), reason="this Pillow has no AVIF")


def saved(picture: Image.Image, image_format: str, **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, image_format, **options)
    return file.getvalue()


def png(
    depth: int,
    colour_type: int,
    rows: npt.NDArray[np.generic],
    *,
    before_data: tuple[tuple[bytes, bytes], ...] = (),
) -> bytes:
    """A PNG of any depth and colour type, which Pillow itself cannot write."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    height, width = rows.shape[:2]
    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
    big_endian = rows.astype(rows.dtype.newbyteorder(">"))
    data = zlib.compress(b"".join(b"\0" + row.tobytes() for row in big_endian))
    chunks = [(b"IHDR", header), *before_data, (b"IDAT", data), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(kind, body) for kind, body in chunks)


def tiff(width: int, height: int, bits: int, data: bytes, *, photometric: int = 1, order: str = "<") -> bytes:
    """A greyscale TIFF without compression."""
    tags = {
        256: width,
        257: height,
        258: bits,
        259: 1,
        262: photometric,
        273: 8,
        277: 1,
        278: height,
        279: len(data),
    }
    entries = b"".join(struct.pack(f"{order}HHII", tag, 4, 1, value) for tag, value in tags.items())
    mark = {"<": b"II", ">": b"MM"}[order]
    ifd = struct.pack(f"{order}H", len(tags)) + entries + struct.pack(f"{order}I", 0)
    padding = b"\0" * (len(data) % 2)
    return mark + struct.pack(f"{order}HI", 42, 8 + len(data) + len(padding)) + data + padding + ifd


def refusal(data: bytes) -> str:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole message is compared
        decode(data)
    return str(caught.value)


def three_channels(grey: npt.NDArray[np.generic]) -> Bytes8:
    return np.repeat(grey.astype(np.uint8)[:, :, np.newaxis], 3, axis=2)


@pytest.mark.parametrize(
    ("image_format", "options"),
    [
        ("PNG", {}),
        ("BMP", {}),
        ("PPM", {}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("TIFF", {"compression": "tiff_adobe_deflate"}),
        ("WEBP", {"lossless": True}),
    ],
)
def test_lossless_formats_come_back_exactly(image_format: str, options: dict[str, object]) -> None:
    picture = decode(saved(Image.fromarray(PICTURE), image_format, **options))
    assert np.array_equal(picture, PICTURE)
    assert picture.dtype == np.uint8
    assert picture.flags.c_contiguous
    assert picture.flags.writeable


@pytest.mark.parametrize(
    ("image_format", "options"),
    [
        ("JPEG", {"quality": 95}),
        ("JPEG", {"quality": 95, "progressive": True}),
        ("WEBP", {"quality": 95}),
        pytest.param("AVIF", {"quality": 95}, marks=NEEDS_AVIF),
        ("GIF", {}),
    ],
)
def test_lossy_formats_come_back_nearly(image_format: str, options: dict[str, object]) -> None:
    picture = decode(saved(Image.fromarray(PICTURE), image_format, **options))
    assert np.abs(picture.astype(int) - PICTURE).mean() < 8


SEEN_FROM_STORED: dict[int, Callable[[Bytes8], Bytes8]] = {
    1: lambda stored: stored,
    2: lambda stored: stored[:, ::-1],
    3: lambda stored: stored[::-1, ::-1],
    4: lambda stored: stored[::-1],
    5: lambda stored: stored.transpose(1, 0, 2),
    6: lambda stored: np.rot90(stored, -1),
    7: lambda stored: stored[::-1, ::-1].transpose(1, 0, 2),
    8: lambda stored: np.rot90(stored, 1),
}


@pytest.mark.parametrize("orientation", SEEN_FROM_STORED)
@pytest.mark.parametrize(
    ("image_format", "options"),
    [("PNG", {}), ("TIFF", {}), ("TIFF", {"compression": "tiff_lzw"}), ("WEBP", {"lossless": True})],
)
def test_exif_orientation_is_obeyed(image_format: str, options: dict[str, object], orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = decode(saved(Image.fromarray(PICTURE), image_format, exif=exif, **options))
    assert np.array_equal(picture, SEEN_FROM_STORED[orientation](PICTURE))
    assert picture.flags.c_contiguous


@pytest.mark.parametrize("image_format", ["JPEG", pytest.param("AVIF", marks=NEEDS_AVIF)])
@pytest.mark.parametrize("orientation", SEEN_FROM_STORED)
def test_exif_orientation_is_obeyed_in_lossy_formats(image_format: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = decode(saved(Image.fromarray(PICTURE), image_format, quality=95, exif=exif))
    wanted = SEEN_FROM_STORED[orientation](PICTURE)
    assert picture.shape == wanted.shape
    assert np.abs(picture.astype(int) - wanted).mean() < 8


@pytest.mark.parametrize(
    "exif",
    [
        b"",
        b"II*\0",
        b"II*\0\xff\xff\xff\xff",
        b"MM\0*\0\0\0\x08\xff\xff",
        b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x63\0\0\0\0\0\0\0",
        b"no TIFF at all" * 20,
    ],
    ids=["empty", "no offset", "offset past the end", "65535 entries", "orientation 99", "rubbish"],
)
def test_corrupt_exif_is_no_error(exif: bytes) -> None:
    plain = saved(Image.fromarray(PICTURE), "JPEG", quality=95)
    assert np.array_equal(
        decode(saved(Image.fromarray(PICTURE), "JPEG", quality=95, exif=b"Exif\0\0" + exif)), decode(plain)
    )


GREY16 = GREY.astype(np.uint16) * 257
RGB16 = PICTURE.astype(np.uint16) * 257
HALF = Image.new("L", (32, 48), 255)
HALF.paste(0, (0, 0, 16, 48))


def on_white(picture: Bytes8) -> Bytes8:
    """The left half is transparent."""
    return np.concatenate([np.full_like(picture[:, :16], 255), picture[:, 16:]], axis=1)


def with_alpha(picture: Image.Image) -> Image.Image:
    picture = picture.copy()
    picture.putalpha(HALF)
    return picture


def palette_with_alpha() -> bytes:
    """Colour 0 opaque black, 1 half transparent black, 2 transparent red."""
    picture = Image.new("P", (3, 1))
    picture.putpalette([0, 0, 0, 0, 0, 0, 255, 0, 0])
    picture.putdata([0, 1, 2])
    return saved(picture, "PNG", transparency=bytes([255, 128, 0]))


TRNS_200 = ((b"tRNS", struct.pack(">H", 200)),)
TRNS_RED = ((b"tRNS", struct.pack(">HHH", 255, 0, 0)),)
TWO_GREYS = np.array([[200, 100]])

MODES: dict[str, tuple[bytes, npt.NDArray[np.generic]]] = {
    "1-bit": (saved(Image.fromarray(GREY > 100), "PNG"), three_channels((GREY > 100) * 255)),
    "grey": (saved(Image.fromarray(GREY), "PNG"), three_channels(GREY)),
    "grey with a transparent value": (
        png(8, 0, TWO_GREYS.astype(np.uint8), before_data=TRNS_200),
        three_channels(np.array([[255, 100]])),
    ),
    "grey and alpha": (saved(with_alpha(Image.fromarray(GREY)), "PNG"), on_white(three_channels(GREY))),
    "palette": (
        saved(Image.fromarray(PICTURE).quantize(8), "PNG"),
        np.array(Image.fromarray(PICTURE).quantize(8).convert("RGB")),
    ),
    "palette with alpha": (palette_with_alpha(), np.array([[[0] * 3, [127] * 3, [255] * 3]])),
    "RGB with a transparent value": (
        png(8, 2, np.array([[[255, 0, 0], [0, 9, 0]]], dtype=np.uint8), before_data=TRNS_RED),
        np.array([[[255, 255, 255], [0, 9, 0]]]),
    ),
    "RGBA": (saved(with_alpha(Image.fromarray(PICTURE)), "PNG"), on_white(PICTURE)),
    "RGBA in TIFF": (saved(with_alpha(Image.fromarray(PICTURE)), "TIFF"), on_white(PICTURE)),
    "RGBA in WebP": (saved(with_alpha(Image.fromarray(PICTURE)), "WEBP", lossless=True), on_white(PICTURE)),
    "CMYK": (
        saved(Image.fromarray(PICTURE).convert("CMYK"), "TIFF"),
        np.array(Image.fromarray(PICTURE).convert("CMYK").convert("RGB")),
    ),
    "16-bit grey": (png(16, 0, GREY16), three_channels(GREY)),
    "16-bit grey, rounded": (
        png(16, 0, np.array([[0, 128, 129, 385, 386, 65535]], dtype=np.uint16)),
        three_channels(np.array([[0, 0, 1, 1, 2, 255]])),
    ),
    "16-bit grey with a transparent value": (
        png(16, 0, TWO_GREYS.astype(np.uint16), before_data=TRNS_200),
        three_channels(np.array([[255, 0]])),
    ),
    "16-bit grey and alpha": (
        png(16, 4, np.stack([GREY16, np.array(HALF).astype(np.uint16) * 257], axis=2)),
        on_white(three_channels(GREY)),
    ),
    "16-bit RGB": (png(16, 2, RGB16), PICTURE),
    "16-bit RGBA": (
        png(16, 6, np.concatenate([RGB16, np.array(HALF).astype(np.uint16)[:, :, np.newaxis] * 257], axis=2)),
        on_white(PICTURE),
    ),
    "16-bit grey TIFF, little-endian": (
        tiff(32, 48, 16, GREY16.astype("<u2").tobytes()),
        three_channels(GREY),
    ),
    "16-bit grey TIFF, big-endian": (
        tiff(32, 48, 16, GREY16.astype(">u2").tobytes(), order=">"),
        three_channels(GREY),
    ),
    "16-bit grey TIFF, white is zero": (
        tiff(32, 48, 16, GREY16.astype("<u2").tobytes(), photometric=0),
        three_channels(255 - GREY),
    ),
    "8-bit grey TIFF, white is zero": (
        tiff(32, 48, 8, GREY.tobytes(), photometric=0),
        three_channels(255 - GREY),
    ),
    "12-bit grey TIFF": (
        tiff(2, 1, 12, bytes([0x80, 0x0F, 0xFF])),
        three_channels(np.array([[128, 255]])),
    ),
    "16-bit grey PGM": (b"P5 2 1 65535\n\x80\x80\xff\xff", three_channels(np.array([[128, 255]]))),
    "10-bit grey PGM": (b"P5 2 1 1023\n\x02\x00\x03\xff", three_channels(np.array([[128, 255]]))),
    "1-bit PBM": (b"P4 8 1\n\xf0", three_channels(np.array([[0] * 4 + [255] * 4]))),
}


@pytest.mark.parametrize("mode", MODES)
def test_every_kind_of_pixel_becomes_rgb(mode: str) -> None:
    data, wanted = MODES[mode]
    assert np.array_equal(decode(data), wanted)


def test_an_adobe_cmyk_jpeg_is_not_inverted() -> None:
    data = saved(Image.fromarray(PICTURE).convert("CMYK"), "JPEG", quality=95)
    assert np.abs(decode(data).astype(int) - PICTURE).mean() < 8


@pytest.mark.parametrize("image_format", ["GIF", "WEBP", "TIFF", "PNG"])
def test_the_first_of_several_frames_counts(image_format: str) -> None:
    frames = [Image.new("RGB", (8, 6), colour) for colour in ("red", "blue", "lime")]
    data = saved(
        frames[0],
        image_format,
        save_all=True,
        append_images=frames[1:],
        **({"lossless": True} if image_format == "WEBP" else {}),
    )
    assert np.array_equal(decode(data), np.full((6, 8, 3), [255, 0, 0]))


def test_bytes_after_the_end_do_no_harm() -> None:
    data = saved(Image.fromarray(PICTURE), "JPEG")
    assert np.array_equal(decode(data + b"rubbish" * 100), decode(data))


def header_png(width: int, height: int) -> bytes:
    return png(8, 2, np.zeros((1, 1, 3), dtype=np.uint8)).replace(
        struct.pack(">II", 1, 1), struct.pack(">II", width, height), 1
    )


def resealed(data: bytes) -> bytes:
    """A PNG with the checksum of its changed header put right."""
    return data[:29] + struct.pack(">I", zlib.crc32(data[12:29])) + data[33:]


BMP_HEADER = struct.pack("<2sIHHIIiiHHIIiiII", b"BM", 54, 0, 0, 54, 40, 60000, 60000, 1, 24, 0, 0, 1, 1, 0, 0)
UNREADABLE_FORMAT = "not an image of a format that can be read (JPEG, PNG, WebP, BMP, TIFF, GIF, AVIF, PNM)"
SAVE_AS = "a format that cannot be read: save it as PNG or JPEG"
NO_WHITE = "the pixels are integers outside the 16-bit range, and none is known to be white"

REFUSED: dict[str, tuple[bytes, str]] = {
    "no bytes": (b"", "the file is empty"),
    "text": (b"this is not a picture\n" * 10, "text, not an image"),
    "JSON": (b'{"error": 404}', "text, not an image"),
    "HTML": (b"\n<!DOCTYPE html><html><body>404</body></html>", "an HTML page, not an image"),
    "Git LFS pointer": (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n",
        "a Git LFS pointer in place of the image: fetch the images with git lfs pull",
    ),
    "zeros": (bytes(1000), UNREADABLE_FORMAT),
    "ZIP": (b"PK\3\4" + bytes(100), UNREADABLE_FORMAT),
    "PostScript": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "text, not an image"),
    "PNG cut after its signature": (
        b"\x89PNG\r\n\x1a\n",
        "the PNG file is cut short",
    ),
    "HEIC": (b"\0\0\0\x18ftypheic" + bytes(50), f"a HEIC image, {SAVE_AS}"),
    "JPEG XL": (b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(50), f"a JPEG XL image, {SAVE_AS}"),
    "bare JPEG XL": (b"\xff\x0a" + bytes(50), f"a JPEG XL image, {SAVE_AS}"),
    "JPEG 2000": (b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(50), f"a JPEG 2000 image, {SAVE_AS}"),
    "PSD": (b"8BPS\0\1" + bytes(50), f"a PSD image, {SAVE_AS}"),
    "OpenEXR": (b"v/1\x01" + bytes(50), f"an OpenEXR image, {SAVE_AS}"),
    "bomb": (
        resealed(header_png(60000, 60000)),
        "60000 x 60000 pixels, the limit is 89,478,485 pixels",
    ),
    "just too large": (
        resealed(header_png(11000, 9000)),
        "11000 x 9000 pixels, the limit is 89,478,485 pixels",
    ),
    "BMP bomb": (BMP_HEADER + bytes(100), "60000 x 60000 pixels, the limit is 89,478,485 pixels"),
    "TIFF bomb": (tiff(60000, 60000, 8, b"\0"), "60000 x 60000 pixels, the limit is 89,478,485 pixels"),
    "PNG of no width": (
        resealed(header_png(0, 5)),
        "the PNG file is damaged or of a kind that cannot be read",
    ),
    "float TIFF": (
        saved(Image.fromarray(GREY.astype(np.float32)), "TIFF"),
        "the pixels are floating-point numbers, and none is known to be white",
    ),
    "32-bit TIFF of large numbers": (saved(Image.fromarray(GREY.astype(np.int32) * 999), "TIFF"), NO_WHITE),
    "32-bit TIFF of small numbers": (saved(Image.fromarray(GREY.astype(np.int32)), "TIFF"), NO_WHITE),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_picture_is_refused_with_a_reason(case: str) -> None:
    data, reason = REFUSED[case]
    assert refusal(data) == reason


@pytest.mark.parametrize(
    ("image_format", "options", "reason"),
    [
        ("JPEG", {}, "the JPEG file is cut short"),
        ("JPEG", {"progressive": True}, "the JPEG file is cut short"),
        ("PNG", {}, "the PNG file is cut short"),
        ("GIF", {}, "the GIF file is cut short"),
        ("BMP", {}, "the BMP file is cut short"),
        ("PPM", {}, "the PNM file is cut short"),
        ("TIFF", {}, "the TIFF file is cut short"),
        ("TIFF", {"compression": "tiff_lzw"}, "the TIFF file is damaged or of a kind that cannot be read"),
        ("WEBP", {}, "the WebP file is damaged or of a kind that cannot be read"),
        pytest.param(
            "AVIF", {}, "the AVIF file is damaged or of a kind that cannot be read", marks=NEEDS_AVIF
        ),
    ],
)
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_truncated_file_is_refused(
    image_format: str, options: dict[str, object], reason: str, share: float
) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    data = saved(Image.fromarray(noise), image_format, **options)
    assert refusal(data[: int(len(data) * share)]) == reason


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_jpeg_that_was_broken_off_and_filled_up_is_refused(share: float) -> None:
    data = saved(Image.fromarray(PICTURE), "JPEG", quality=95)
    n_bytes = int(len(data) * share)
    assert refusal(data[:n_bytes] + bytes(len(data) - n_bytes)) == "the JPEG file is cut short"


def test_an_end_mark_inside_the_exif_thumbnail_does_not_count() -> None:
    exif = b"Exif\0\0" + b"\xff\xd8\xff\xd9" * 9
    data = saved(Image.fromarray(PICTURE), "JPEG", exif=exif)
    assert refusal(data[:-2] + bytes(99)) == "the JPEG file is cut short"


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
def test_a_png_with_changed_pixels_is_refused(share: float) -> None:
    data = bytearray(saved(Image.fromarray(PICTURE), "PNG", compress_level=0))
    data[int(len(data) * share)] ^= 0x40
    assert refusal(bytes(data)) == "the PNG file is damaged: a checksum of its pixels is wrong"


def test_truncated_files_stay_refused_where_other_code_made_pillow_lenient(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    data = saved(Image.fromarray(PICTURE), "JPEG")
    for file in (data, data[: len(data) // 2]):
        assert refusal(file) == (
            "no image can be trusted: other code of this process has set Pillow's LOAD_TRUNCATED_IMAGES, which "
            "makes damaged files look whole"
        )


def test_the_limit_of_pixels_holds_where_other_code_lifted_pillows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    assert (
        refusal(resealed(header_png(60000, 60000))) == "60000 x 60000 pixels, the limit is 89,478,485 pixels"
    )


def test_the_limit_of_pixels_is_pillows_own() -> None:
    assert MAX_PIXELS == Image.MAX_IMAGE_PIXELS


def test_many_threads_decode_at_once() -> None:
    files = [saved(Image.fromarray(np.roll(PICTURE, n, axis=0)), "PNG") for n in range(40)] * 5
    with ThreadPoolExecutor(8) as threads:
        pictures = list(threads.map(decode, files))
    assert all(
        np.array_equal(picture, np.roll(PICTURE, n % 40, axis=0)) for n, picture in enumerate(pictures)
    )


def test_an_orientation_of_several_values_is_damage_and_turns_nothing() -> None:
    entry = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03"
    assert orientation(entry + b"\0\0\0\x01\0\x03\0\0") == 3
    assert orientation(entry + b"\0\x01\x01\x12\0\x03\0\0") == 1
