from __future__ import annotations

import numpy as np
import pytest

from faceleak_check.faces.align import whole_picture
from faceleak_check.protocols import Pixels


def noise(height: int, width: int) -> Pixels:
    return np.random.default_rng(height * width).integers(1, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize("size", [8, 150])
def test_a_square_of_the_right_size_is_unchanged(size: int) -> None:
    picture = noise(size, size)
    np.testing.assert_array_equal(whole_picture(picture, size), picture, strict=True)


def test_colours_keep_their_order() -> None:
    picture = np.zeros((30, 30, 3), np.uint8)
    picture[:] = (200, 100, 50)
    np.testing.assert_array_equal(whole_picture(picture, 12), np.broadcast_to([200, 100, 50], (12, 12, 3)))


@pytest.mark.parametrize("wide", [True, False])
def test_an_oblong_picture_is_padded_with_black_on_both_sides(wide: bool) -> None:
    picture = noise(10, 20)
    expected = np.zeros((20, 20, 3), np.uint8)
    expected[5:15] = picture
    if not wide:
        picture, expected = picture.transpose(1, 0, 2), expected.transpose(1, 0, 2)
    np.testing.assert_array_equal(whole_picture(picture, 20), expected)


def test_a_picture_is_not_stretched() -> None:
    """A disc in a wide picture stays round."""
    y, x = np.mgrid[:100, :300]
    disc = np.where((y - 50) ** 2 + (x - 150) ** 2 <= 40**2, 255, 0).astype(np.uint8)
    chip = whole_picture(np.repeat(disc[:, :, None], 3, axis=2), 150)[:, :, 0] > 127
    height, width = np.ptp(np.flatnonzero(chip.any(axis=1))), np.ptp(np.flatnonzero(chip.any(axis=0)))
    assert abs(int(height) - 40) <= 1
    assert abs(int(width) - 40) <= 1


def test_one_pixel_fills_the_chip() -> None:
    chip = whole_picture(np.full((1, 1, 3), 77, np.uint8), 150)
    np.testing.assert_array_equal(chip, np.full((150, 150, 3), 77, np.uint8), strict=True)


@pytest.mark.parametrize("shape", [(1, 5000), (5000, 1), (3, 2000)])
def test_a_thread_of_pixels_is_still_there(shape: tuple[int, int]) -> None:
    """A side that rounds to nothing would give the template of a black chip to every such picture."""
    chip = whole_picture(np.full((*shape, 3), 255, np.uint8), 150)
    assert chip.shape == (150, 150, 3)
    assert chip.max() > 0


def test_the_picture_may_lie_in_memory_in_any_order() -> None:
    picture = noise(40, 40)
    np.testing.assert_array_equal(whole_picture(np.asfortranarray(picture), 20), whole_picture(picture, 20))
