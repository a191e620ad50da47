from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceleak_check.faces.align import (
    AlignedFaces,
    WholePictures,
    aligned_chip,
    similarity_transform,
    template_points,
    whole_picture,
    whole_picture_points,
)
from faceleak_check.faces.detect import Mtcnn
from faceleak_check.landmarks import ARCFACE_112, DLIB_150, TEMPLATES
from faceleak_check.protocols import Pixels
from faceleak_check.records import ChipTemplate, Face, Point

every_template = pytest.mark.parametrize("template", TEMPLATES.values(), ids=list(TEMPLATES))


def face_at(points: npt.NDArray[np.float64]) -> Face:
    one, two, three, four, five = ((float(x), float(y)) for x, y in points)
    return Face(box=(0.0, 0.0, 1.0, 1.0), points=(one, two, three, four, five), confidence=1.0)


def noise(height: int, width: int) -> Pixels:
    return np.random.default_rng(7).integers(0, 256, (height, width, 3), dtype=np.uint8)


def moved(
    points: npt.NDArray[np.float64], angle: float, scale: float, shift: Point
) -> npt.NDArray[np.float64]:
    turn = scale * np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    return points @ turn.T + shift


@given(
    angle=st.floats(-math.pi, math.pi),
    scale=st.floats(0.01, 100),
    shift=st.tuples(st.floats(-5000, 5000), st.floats(-5000, 5000)),
)
def test_a_known_turn_scale_and_shift_is_found(angle: float, scale: float, shift: Point) -> None:
    points = np.array(ARCFACE_112.points)
    there = moved(points, angle, scale, shift)
    found = similarity_transform(points.tolist(), there.tolist())
    across, down = scale * math.cos(angle), scale * math.sin(angle)
    expected = [[across, -down, shift[0]], [down, across, shift[1]]]
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-7)


def test_points_that_do_not_fit_are_fitted_by_least_squares() -> None:
    """The same regression written out in real numbers."""
    random = np.random.default_rng(3)
    start, end = random.normal(size=(5, 2)) * 30, random.normal(size=(5, 2)) * 30
    rows = [([x, -y, 1, 0], [y, x, 0, 1]) for x, y in start]
    a, b, right, down = np.linalg.lstsq(np.array(rows).reshape(10, 4), end.reshape(10), rcond=None)[0]
    found = similarity_transform(start.tolist(), end.tolist())
    np.testing.assert_allclose(found, [[a, -b, right], [b, a, down]], atol=1e-9)


def test_nothing_is_mirrored() -> None:
    mirrored = [(100 - x, y) for x, y in DLIB_150.points]
    found = similarity_transform(mirrored, DLIB_150.points)
    assert np.linalg.det(found[:, :2]) > 0


def test_points_that_coincide_are_refused() -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole message is compared
        similarity_transform([(3.0, 4.0)] * 5, ARCFACE_112.points)
    assert str(caught.value) == "the points of a face coincide, expected five different points"


@every_template
def test_a_chip_that_is_aligned_already_is_unchanged(template: ChipTemplate) -> None:
    picture = noise(template.size, template.size)
    chip = aligned_chip(picture, face_at(np.array(template.points)), template, template.size)
    np.testing.assert_array_equal(chip, picture, strict=True)


@pytest.mark.parametrize("n_turns", [1, 2, 3])
def test_a_quarter_turn_is_undone_to_the_last_bit(n_turns: int) -> None:
    chip, points = noise(112, 112), np.array(ARCFACE_112.points)
    for _ in range(n_turns):
        points = np.column_stack([points[:, 1], 111 - points[:, 0]])
    found = aligned_chip(np.rot90(chip, n_turns), face_at(points), ARCFACE_112, 112)
    np.testing.assert_array_equal(found, chip)


def test_a_whole_shift_is_undone_and_the_outside_is_black() -> None:
    picture = noise(112, 112)
    found = aligned_chip(
        picture, face_at(moved(np.array(ARCFACE_112.points), 0, 1, (-30, 10))), ARCFACE_112, 112
    )
    expected = np.zeros_like(picture)
    expected[:102, 30:] = picture[10:, :82]
    np.testing.assert_array_equal(found, expected)


def test_a_face_outside_the_picture_gives_a_black_chip() -> None:
    far = face_at(moved(np.array(ARCFACE_112.points), 0, 1, (900, 0)))
    assert not aligned_chip(noise(50, 50), far, ARCFACE_112, 112).any()


@pytest.mark.parametrize("factor", [2, 3, 10])
def test_a_large_face_is_averaged(factor: int) -> None:
    picture = noise(112 * factor, 112 * factor)
    points = (np.array(ARCFACE_112.points) + 0.5) * factor - 0.5
    found = aligned_chip(picture, face_at(points), ARCFACE_112, 112)
    blocks = picture.reshape(112, factor, 112, factor, 3).mean(axis=(1, 3))
    assert np.abs(found - blocks).max() < 2  # rounded twice


@pytest.mark.parametrize(("scale", "angle"), [(1.95, 0.0), (2.0, 0.1), (5.3, 0.7), (25.0, 0.02)])
def test_fine_stripes_do_not_turn_into_coarse_ones(scale: float, angle: float) -> None:
    """Plain sampling makes coarse bands of stripes one pixel wide."""
    side = 3000
    stripes = np.zeros((side, side, 3), np.uint8)
    stripes[:, ::2] = 255
    centred = np.array(ARCFACE_112.points) - 56
    points = moved(centred, angle, scale, (side / 2, side / 2))
    chip = aligned_chip(stripes, face_at(points), ARCFACE_112, 112).astype(float)
    coarse = chip[:, :, 0].reshape(14, 8, 14, 8).mean(axis=(1, 3))
    assert np.abs(coarse - 127.5).max() < 6


@every_template
@pytest.mark.parametrize("size", [80, 112, 160])
@pytest.mark.parametrize(("scale", "angle"), [(0.6, 0.3), (1.0, -0.5), (1.7, 3.0), (6.4, 0.2)])
def test_the_points_come_to_lie_on_the_template(
    template: ChipTemplate, size: int, scale: float, angle: float
) -> None:
    """A soft spot at each point of the face is found again in the chip, at the template's point."""
    expected = np.array(template_points(template, size))
    points = moved(expected - size / 2, angle, scale, (600.3, 580.8))
    y, x = np.mgrid[:1200, :1200]
    for point, place in zip(points, expected, strict=True):
        spot = 250 * np.exp(-((x - point[0]) ** 2 + (y - point[1]) ** 2) / (2 * (3 * scale) ** 2))
        picture = np.repeat(spot.astype(np.uint8)[:, :, None], 3, axis=2)
        light = aligned_chip(picture, face_at(points), template, size)[:, :, 0].astype(float)
        rows, columns = np.mgrid[:size, :size]
        centre = [(light * columns).sum() / light.sum(), (light * rows).sum() / light.sum()]
        assert np.abs(centre - place).max() < 0.15


def test_colours_keep_their_order() -> None:
    picture = np.zeros((300, 300, 3), np.uint8)
    picture[:] = (200, 100, 50)
    points = moved(np.array(DLIB_150.points) - 75, 0.2, 0.8, (150, 150))
    chip = aligned_chip(picture, face_at(points), DLIB_150, 150)
    np.testing.assert_array_equal(chip, np.broadcast_to([200, 100, 50], (150, 150, 3)))


def test_the_picture_may_lie_in_memory_in_any_order() -> None:
    picture, face = noise(200, 300), face_at(np.array(DLIB_150.points) * 1.1)
    np.testing.assert_array_equal(
        aligned_chip(np.asfortranarray(picture), face, DLIB_150, 150),
        aligned_chip(picture, face, DLIB_150, 150),
    )


@pytest.mark.parametrize("shape", [(40, 90), (900, 300), (64, 64), (25, 25)])
def test_points_are_followed_into_the_whole_picture(shape: tuple[int, int]) -> None:
    height, width = shape
    y, x = np.mgrid[:height, :width]
    place = (width * 0.3, height * 0.6)
    spot = 250 * np.exp(-((x - place[0]) ** 2 + (y - place[1]) ** 2) / (2 * (max(shape) / 25) ** 2))
    light = whole_picture(np.repeat(spot.astype(np.uint8)[:, :, None], 3, axis=2), 112)[:, :, 0].astype(float)
    rows, columns = np.mgrid[:112, :112]
    centre = [(light * columns).sum() / light.sum(), (light * rows).sum() / light.sum()]
    ((found_x, found_y),) = whole_picture_points([place], np.zeros((*shape, 3), np.uint8), 112)
    assert np.abs(np.array(centre) - [found_x, found_y]).max() < 0.3


def test_whole_pictures_give_one_chip_each() -> None:
    cutter = WholePictures(32)
    cutter.load()
    pictures = [noise(20, 60), noise(1, 1)]
    for picture, chips in zip(pictures, cutter.cut(pictures), strict=True):
        assert [chip.face for chip in chips] == [None]
        np.testing.assert_array_equal(chips[0].pixels, whole_picture(picture, 32))


def test_aligned_faces_give_one_chip_for_each_face(detector: Mtcnn, astronaut: Pixels) -> None:
    cutter = AlignedFaces(detector, ARCFACE_112, 112)
    cutter.load()
    several = np.hstack([astronaut[:260, 120:340], astronaut[:260, 120:340]])
    pictures = [astronaut, noise(1, 1), several]
    found = cutter.cut(pictures)
    assert [len(chips) for chips in found] == [1, 0, 2]
    for picture, chips in zip(pictures, found, strict=True):
        for chip in chips:
            assert chip.face is not None
            np.testing.assert_array_equal(chip.pixels, aligned_chip(picture, chip.face, ARCFACE_112, 112))
    assert [chip.face for chip in found[2]] == list(detector.detect([several])[0])


@every_template
@pytest.mark.parametrize("turn", [-20, 25])
def test_a_turned_head_becomes_upright(
    detector: Mtcnn, astronaut: Pixels, template: ChipTemplate, turn: int
) -> None:
    from PIL import Image

    upright, turned = (
        astronaut,
        np.asarray(Image.fromarray(astronaut).rotate(turn, Image.Resampling.BILINEAR)),
    )
    cut: Callable[[Pixels], Pixels] = lambda picture: (  # noqa: E731
        AlignedFaces(detector, template, template.size).cut([picture])[0][0].pixels
    )
    middle = slice(template.size // 4, 3 * template.size // 4)
    one, other = (cut(picture)[middle, middle].astype(float).ravel() for picture in (upright, turned))
    assert np.corrcoef(one, other)[0, 1] > 0.93
