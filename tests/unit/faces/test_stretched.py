from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from faceleak_check.embedders.fake_pixels import FakePixels
from faceleak_check.embedders.phash import PerceptualHash
from faceleak_check.faces.align import WholePictures, whole_picture
from faceleak_check.faces.stretched import STRETCHED, StretchedPictures, WholeAndMirrored, whole_cutter
from faceleak_check.policy.schema import EmbedderChoice
from faceleak_check.protocols import Pixels
from faceleak_check.records import EmbedderSpec

SHAPES = [(1, 1), (1, 400), (400, 1), (30, 90), (200, 150)]


def noise(height: int, width: int) -> Pixels:
    return np.random.default_rng(height * width).integers(1, 256, (height, width, 3), dtype=np.uint8)


def spec(alignment: str) -> EmbedderSpec:
    return EmbedderSpec(
        name="own",
        weights_sha256="",
        licence="MIT",
        dimension=64,
        input_size=16,
        colour_order="RGB",
        normalisation="none",
        alignment=alignment,
    )


@pytest.mark.parametrize("shape", SHAPES)
def test_a_picture_fills_its_chip_whatever_its_shape(shape: tuple[int, int]) -> None:
    picture = noise(*shape)
    cutter = StretchedPictures(32)
    cutter.load()
    [(chip,)] = cutter.cut([picture])
    expected = np.asarray(Image.fromarray(picture).resize((32, 32), Image.Resampling.BILINEAR))
    np.testing.assert_array_equal(chip.pixels, expected, strict=True)
    assert chip.face is None
    assert chip.pixels.min() > 0, "there are black bars"


@pytest.mark.parametrize("shape", SHAPES)
def test_the_second_chip_is_the_mirror_image_of_the_first(shape: tuple[int, int]) -> None:
    pictures = [noise(*shape), noise(9, 8)]
    cutter = WholeAndMirrored(32)
    cutter.load()
    found = cutter.cut(pictures)
    assert [len(chips) for chips in found] == [2, 2]
    for (chip, mirrored), picture in zip(found, pictures, strict=True):
        expected = np.asarray(Image.fromarray(picture).resize((32, 32), Image.Resampling.LANCZOS))
        np.testing.assert_array_equal(chip.pixels, expected, strict=True)
        np.testing.assert_array_equal(mirrored.pixels, expected[:, ::-1], strict=True)
        assert mirrored.pixels.flags.c_contiguous
        assert (chip.face, mirrored.face) == (None, None)


def test_the_spec_says_how_a_whole_picture_is_cut() -> None:
    picture = noise(10, 30)
    phash = whole_cutter(PerceptualHash(EmbedderChoice(name="phash")).spec)
    pixels = whole_cutter(FakePixels(EmbedderChoice(name="fake-pixels")).spec)
    stretched = whole_cutter(spec(STRETCHED))
    own = whole_cutter(spec("as its author says"))
    assert isinstance(phash, WholeAndMirrored)
    assert isinstance(pixels, WholePictures)
    assert isinstance(stretched, StretchedPictures)
    assert [chips[0].pixels.shape for chips in phash.cut([picture])] == [(32, 32, 3)]
    np.testing.assert_array_equal(own.cut([picture])[0][0].pixels, whole_picture(picture, 16))
    assert stretched.cut([picture])[0][0].pixels.shape == (16, 16, 3)
