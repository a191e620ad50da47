from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from faceleak_check.alterations import (
    ALTERATIONS,
    blended,
    blurred,
    cropped,
    cropped_and_turned,
    exact,
    jpeg,
    low_resolution,
    mirrored,
    png,
    relit,
    rotated,
    shrunk,
)
from faceleak_check.readers.decode import decode

Pixels = npt.NDArray[np.uint8]
CHANGES = [
    exact,
    mirrored,
    relit,
    blurred,
    cropped,
    rotated,
    shrunk,
    cropped_and_turned,
    low_resolution,
    lambda picture: blended(picture, np.full((2, 3, 3), 9, np.uint8), 0.3),
]
NAMES = [*(change.__name__ for change in CHANGES[:-1]), "blended"]


def noise(height: int, width: int) -> Pixels:
    return np.random.default_rng(height * width).integers(0, 256, (height, width, 3), dtype=np.uint8)


def smooth(height: int, width: int) -> Pixels:
    y, x = np.mgrid[:height, :width]
    return np.stack([x * 255 // width, y * 255 // height, 0 * x + 80], 2).astype(np.uint8)


# --------------------------------------------------------------------------------------------- all of them


@pytest.mark.parametrize("change", CHANGES, ids=NAMES)
@pytest.mark.parametrize("shape", [(1, 1), (1, 2), (2, 1), (1, 3000), (3000, 1), (5, 7), (48, 47), (112, 92)])
def test_any_picture_gives_a_new_one(change: Callable[[Pixels], Pixels], shape: tuple[int, int]) -> None:
    picture = noise(*shape)
    before = picture.copy()
    picture.flags.writeable = False
    changed = change(picture)
    assert (changed.dtype, changed.ndim, changed.shape[2]) == (np.uint8, 3, 3)
    assert changed.size > 0
    assert changed.flags.c_contiguous
    assert changed.flags.writeable
    assert not np.shares_memory(changed, picture)
    np.testing.assert_array_equal(picture, before)
    np.testing.assert_array_equal(change(before), changed)


def test_the_kinds_of_canaries() -> None:
    assert [(name, kind.name, kind.suffix) for name, kind in ALTERATIONS.items()] == [
        ("mirrored", "mirrored", ".png"),
        ("relit", "relit", ".png"),
        ("recompressed", "recompressed", ".jpg"),
        ("blurred", "blurred", ".png"),
        ("cropped", "cropped", ".png"),
        ("rotated", "rotated", ".png"),
        ("shrunk", "shrunk", ".png"),
    ]
    with pytest.raises(TypeError):
        ALTERATIONS["exact"] = ALTERATIONS["mirrored"]  # type: ignore[index]


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("mirrored", mirrored),
        ("relit", relit),
        ("recompressed", lambda picture: decode(jpeg(picture, 50))),
        ("blurred", blurred),
        ("cropped", lambda picture: cropped(picture, 0.08)),
        ("rotated", lambda picture: rotated(picture, 10)),
        ("shrunk", shrunk),
    ],
)
def test_a_kind_gives_files_of_equal_bytes_that_hold_the_altered_picture(
    name: str, change: Callable[[Pixels], Pixels]
) -> None:
    picture = smooth(200, 150)
    data = ALTERATIONS[name].altered(picture)
    assert ALTERATIONS[name].altered(np.asfortranarray(picture)) == data
    np.testing.assert_array_equal(decode(data), change(picture), strict=True)
    assert not np.array_equal(decode(data), picture)


# --------------------------------------------------------------------------------------------------- files


@pytest.mark.parametrize("shape", [(1, 1), (40, 30), (1, 70_000)])
def test_a_png_has_the_same_pixels(shape: tuple[int, int]) -> None:
    np.testing.assert_array_equal(decode(png(noise(*shape))), noise(*shape), strict=True)


def test_a_jpeg_of_lower_quality_is_smaller_and_further_off() -> None:
    picture = noise(64, 64)
    sizes = [len(jpeg(picture, quality)) for quality in (90, 50, 10)]
    apart = [np.abs(decode(jpeg(picture, quality)) - picture.astype(int)).mean() for quality in (90, 50, 10)]
    assert sizes == sorted(sizes, reverse=True)
    assert apart == sorted(apart)
    assert apart[0] > 0
    assert jpeg(picture) == jpeg(picture, 50)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((1, 70_000), (1, 65_500)), ((140_000, 1), (65_500, 1)), ((65_500, 2), (65_500, 2))],
)
def test_a_picture_too_long_for_a_jpeg_is_shrunk(shape: tuple[int, int], expected: tuple[int, int]) -> None:
    assert decode(jpeg(noise(*shape))).shape == (*expected, 3)


# ----------------------------------------------------------------------------------------------- one by one


def test_exact() -> None:
    np.testing.assert_array_equal(exact(noise(5, 7)), noise(5, 7))


def test_mirrored() -> None:
    picture = np.arange(18, dtype=np.uint8).reshape(2, 3, 3)
    assert mirrored(picture).tolist() == [
        [[6, 7, 8], [3, 4, 5], [0, 1, 2]],
        [[15, 16, 17], [12, 13, 14], [9, 10, 11]],
    ]


@pytest.mark.parametrize(
    ("values", "lit"), [([0, 40, 128, 255], [0, 70, 157, 255]), ([128, 200, 255], [97, 181, 255])]
)
def test_a_dark_picture_is_made_brighter_and_a_bright_one_darker(values: list[int], lit: list[int]) -> None:
    picture = np.array([[[value] * 3 for value in values]], np.uint8)
    assert relit(picture)[0, :, 0].tolist() == lit


@pytest.mark.parametrize(("side", "sigma"), [(50, 0.5), (200, 2.0), (300, 3.0), (1000, 3.0)])
def test_blurred_by_a_share_of_the_shorter_side_up_to_three_pixels(side: int, sigma: float) -> None:
    picture = np.zeros((side, side + 40, 3), np.uint8)
    picture[:, side // 2 :] = 255
    edge = np.diff(blurred(picture)[side // 2, :, 0].astype(float))
    at = np.arange(len(edge))
    mean = (edge * at).sum() / edge.sum()
    assert np.sqrt((edge * (at - mean) ** 2).sum() / edge.sum()) == pytest.approx(sigma, rel=0.1)


def test_cropped() -> None:
    picture = noise(100, 50)
    np.testing.assert_array_equal(cropped(picture), picture[8:92, 4:46], strict=True)
    np.testing.assert_array_equal(cropped(picture, 0.25), picture[25:75, 12:38], strict=True)


def test_rotated_anticlockwise_by_ten_degrees_about_the_middle() -> None:
    picture = np.zeros((201, 201, 3), np.uint8)
    picture[95:106, 175:186] = 255
    y, x = np.argwhere(rotated(picture)[:, :, 0] > 128).mean(axis=0) - 100
    assert np.degrees(np.arctan2(-y, x)) == pytest.approx(10, abs=0.3)
    assert np.hypot(x, y) == pytest.approx(80, abs=0.3)
    assert rotated(np.full((60, 60, 3), 255, np.uint8))[0, 0].tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((400, 300), (200, 150)),
        ((112, 92), (58, 48)),
        ((96, 200), (48, 100)),
        ((48, 90), (48, 90)),
        ((20, 10), (20, 10)),
        ((1, 500), (1, 500)),
    ],
)
def test_shrunk_to_half_but_not_below_forty_eight_pixels(
    shape: tuple[int, int], expected: tuple[int, int]
) -> None:
    assert shrunk(noise(*shape)).shape == (*expected, 3)


def test_shrunk_by_averaging() -> None:
    picture = np.zeros((100, 100, 3), np.uint8)
    picture[::2] = 200
    assert np.unique(shrunk(picture)).tolist() == [100]


def test_low_resolution_keeps_the_size_and_loses_what_is_fine() -> None:
    picture = np.zeros((200, 160, 3), np.uint8)
    picture[:, np.arange(160) % 4 < 2] = 200
    low = low_resolution(picture)
    assert low.shape == picture.shape
    assert np.unique(low).tolist() == [100], "a quarter is what averages stripes of two pixels out"
    np.testing.assert_array_equal(low_resolution(noise(32, 30)), noise(32, 30))


def test_cropped_and_turned_shows_next_to_no_black_corner() -> None:
    changed = cropped_and_turned(np.full((200, 160, 3), 255, np.uint8))
    assert changed.shape == (168, 136, 3)
    assert (changed < 128).mean() < 0.01
    np.testing.assert_array_equal(cropped_and_turned(noise(90, 90)), cropped(rotated(noise(90, 90), 8)))


@pytest.mark.parametrize(("share", "expected"), [(0, 200), (0.2, 164), (0.5, 110), (1, 20)])
def test_blended(share: float, expected: int) -> None:
    picture, other = np.full((30, 20, 3), 200, np.uint8), np.full((7, 9, 3), 20, np.uint8)
    mixed = blended(picture, other, share)
    assert mixed.shape == picture.shape
    assert np.unique(mixed).tolist() == [expected]


def test_blended_with_a_picture_that_is_stretched_to_its_size() -> None:
    other = smooth(40, 40)
    stretched = blended(smooth(100, 60), other, 1).astype(int)
    np.testing.assert_allclose(stretched, smooth(100, 60), atol=8)
