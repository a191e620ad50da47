from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from faceleak_check.readers.decode import decode

PHOTOGRAPH = "UPPER_a.JPEG"
"""The photograph that the others of its size were made from."""

SAME_PICTURE = [
    "bad_exif_a.jpg",
    "cmyk_a.jpg",
    'name with spaces, comma "quote"_a.jpg',
    "png16_rgb_a.png",
    "png_inside_a.jpg",
    "still_a.avif",
    "still_a.webp",
    "trailing_garbage_a.jpg",
    "лицо_façe_顔_a.jpg",
]
SAME_PICTURE_IN_GREY = ["grey_a.jpg", "png16_grey_a.png"]
TURNED = ["exif_orientation3_a.jpg", "exif_orientation6_a.jpg", "exif_orientation8_a.jpg"]
SHAPES = {
    "animated_a.gif": (160, 160, 3),
    "animated_a.webp": (160, 160, 3),
    "one_pixel_a.png": (1, 1, 3),
    "palette_alpha_a.png": (320, 320, 3),
    "rgba_a.png": (320, 320, 3),
    "thin_a.png": (640, 3, 3),
    "uniform_a.jpg": (256, 256, 3),
}
REFUSED = {
    "big_warning_a.png": "11000 x 9000 pixels, the limit is 89,478,485 pixels",
    "bomb_a.png": "60000 x 60000 pixels, the limit is 89,478,485 pixels",
    "html_error_a.png": "an HTML page, not an image",
    "text_a.jpg": "text, not an image",
    "truncated_a.jpg": "the JPEG file is cut short",
    "truncated_header_a.jpg": "the JPEG file is cut short",
    "zero_bytes_a.jpg": "the file is empty",
}


def read(folder: Path, name: str) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    return decode((folder / "damaged" / name).read_bytes()).astype(np.int64)


def test_no_kind_of_trouble_is_forgotten(shared_faces: Path) -> None:
    known = {PHOTOGRAPH, *SAME_PICTURE, *SAME_PICTURE_IN_GREY, *TURNED, *SHAPES, *REFUSED}
    assert {file.name for file in (shared_faces / "damaged").iterdir()} == known


@pytest.mark.parametrize("name", SAME_PICTURE)
def test_the_same_photograph_looks_the_same(shared_faces: Path, name: str) -> None:
    assert np.abs(read(shared_faces, name) - read(shared_faces, PHOTOGRAPH)).mean() < 3


@pytest.mark.parametrize("name", SAME_PICTURE_IN_GREY)
def test_the_same_photograph_in_grey_is_as_bright(shared_faces: Path, name: str) -> None:
    grey = read(shared_faces, PHOTOGRAPH) @ np.array([299, 587, 114]) / 1000
    assert np.abs(read(shared_faces, name)[:, :, 0] - grey).mean() < 3


@pytest.mark.parametrize("name", TURNED[1:])
def test_turned_photographs_come_out_upright(shared_faces: Path, name: str) -> None:
    assert np.abs(read(shared_faces, name) - read(shared_faces, TURNED[0])).mean() < 3


@pytest.mark.parametrize("name", SHAPES)
def test_what_opens_is_opened(shared_faces: Path, name: str) -> None:
    assert read(shared_faces, name).shape == SHAPES[name]


def test_a_transparent_border_is_white(shared_faces: Path) -> None:
    assert read(shared_faces, "rgba_a.png")[0].tolist() == [[255, 255, 255]] * 320


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_picture_is_refused(shared_faces: Path, name: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole message is compared
        decode((shared_faces / "damaged" / name).read_bytes())
    assert str(caught.value) == REFUSED[name]
