from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, features

from faceleak_check.protocols import Pixels
from faceleak_check.readers.further import further

RANDOM = np.random.default_rng(11)
PICTURES = [RANDOM.integers(0, 256, (12, 10, 3), dtype=np.uint8) for _ in range(3)]
SMOOTH = [
    np.asarray(Image.fromarray(picture).resize((80, 96), Image.Resampling.BICUBIC)) for picture in PICTURES
]
OPTIONS = {"WEBP": {"lossless": True}, "AVIF": {"quality": 100}, "MPO": {"quality": 98}}
FORMATS = ["GIF", "WEBP", "TIFF", "PNG", "MPO", *(["AVIF"] if features.check("avif") else [])]


def saved(pictures: list[Pixels], image_format: str) -> bytes:
    file = io.BytesIO()
    first, *others = map(Image.fromarray, pictures)
    many = {"save_all": True, "append_images": others} if others else {}
    first.save(file, image_format, **many, **OPTIONS.get(image_format, {}))
    return file.getvalue()


def with_alpha(picture: Pixels, alpha: Pixels) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.dstack([picture, alpha])).save(file, "PNG")
    return file.getvalue()


def refusal(data: bytes) -> str:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole message is compared
        list(further(data))
    return str(caught.value)


@pytest.mark.parametrize("image_format", FORMATS)
def test_the_later_pictures_of_a_file(image_format: str) -> None:
    assert list(further(saved(SMOOTH[:1], image_format))) == []
    found = list(further(saved(SMOOTH, image_format)))
    assert len(found) == 2
    for one, wanted in zip(found, SMOOTH[1:], strict=True):
        assert np.abs(one.astype(int) - wanted).mean() < 20
        assert np.abs(one.astype(int) - SMOOTH[0]).mean() > 40


def test_what_transparency_hides() -> None:
    picture, alpha = PICTURES[0], np.zeros((12, 10), np.uint8)
    (found,) = further(with_alpha(picture, alpha))
    assert np.array_equal(found, picture)


@pytest.mark.parametrize("hidden", [0, 200, 255])
def test_one_colour_under_transparency_hides_nothing(hidden: int) -> None:
    picture, alpha = PICTURES[0].copy(), np.full((12, 10), 255, np.uint8)
    picture[:, :5], alpha[:, :5] = hidden, 0
    assert list(further(with_alpha(picture, alpha))) == []


def test_an_opaque_alpha_channel_hides_nothing() -> None:
    assert list(further(with_alpha(PICTURES[0], np.full((12, 10), 255, np.uint8)))) == []


def test_a_map_beside_a_photograph_is_no_picture() -> None:
    file = io.BytesIO()
    Image.fromarray(SMOOTH[0]).save(
        file, "MPO", save_all=True, append_images=[Image.fromarray(SMOOTH[1]).convert("L")]
    )
    assert list(further(file.getvalue())) == []


def test_an_index_of_pictures_that_are_gone() -> None:
    """As programs leave it that rewrite the first picture alone."""
    data = saved(SMOOTH, "MPO")
    assert list(further(data[: data.index(b"\xff\xd9") + 2])) == []


def test_a_later_picture_that_is_damaged() -> None:
    pages = [Image.fromarray(picture) for picture in PICTURES]
    file = io.BytesIO()
    pages[0].save(file, "TIFF", compression="tiff_adobe_deflate", save_all=True, append_images=pages[1:])
    data = bytearray(file.getvalue())
    with Image.open(file) as tiff:
        tiff.seek(2)
        (start,) = tiff.tag_v2[273]
    data[start : start + 30] = bytes(30)
    assert refusal(bytes(data)) == (
        "picture 3 in it cannot be had: the TIFF file is damaged or of a kind that cannot be read"
    )


def test_more_pictures_than_can_be_looked_at() -> None:
    wide = Image.new("L", (9000, 5000))
    file = io.BytesIO()
    other = Image.new("L", (9000, 5000), 9)
    wide.save(file, "GIF", save_all=True, append_images=[other])
    assert refusal(file.getvalue()) == (
        "2 pictures of 9000 x 5000 pixels in one file, the limit is 89,478,485 pixels: save each as a file of its own"
    )
