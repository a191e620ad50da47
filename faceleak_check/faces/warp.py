"""Cuts a square out of a picture at any angle and scale."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

from faceleak_check.protocols import Pixels

__all__ = ["Transform", "inverse", "resized_place", "warp"]

Transform = npt.NDArray[np.float64]
"""Shape (2, 3): a place as a column (x, y, 1) → (x, y). Whole numbers are the centres of pixels."""

_ROUNDING = 1 + 1e-9
"""A step of three pixels that came out as 2.9999999 is one of three."""


def inverse(transform: Transform) -> Transform:
    """The way back."""
    turn = np.linalg.inv(transform[:, :2])
    return np.column_stack([turn, -turn @ transform[:, 2]])


def warp(picture: Pixels, to_picture: Transform, size: int) -> Pixels:
    """Fills a chip with what lies in the picture where the transform puts each of its pixels.

    Bilinear; a part that is larger than the chip is averaged, not sampled. Outside the picture it is black.

    Args:
        picture: RGB, uint8, shape (height, width, 3).
        to_picture: From the chip to the picture: a turn, a scale and a shift.
        size: Side of the chip in pixels.

    Returns:
        RGB, uint8, shape (size, size, 3).
    """
    left, top, right, bottom = _reach(to_picture, size, picture)
    if right <= left or bottom <= top:
        return np.zeros((size, size, 3), np.uint8)
    region = Image.fromarray(np.ascontiguousarray(picture[top:bottom, left:right]))
    step = float(np.hypot(*to_picture[:, 0])) * _ROUNDING
    factor = max(1, int(step))
    to_region = to_picture - [[0, 0, left], [0, 0, top]]
    if factor > 1:
        region = region.reduce(factor)
        to_region = _rescaled(to_region, 1 / factor)
    return _sampled(region, to_region, size, n_samples=2 if step / factor > _ROUNDING else 1)


def _sampled(region: Image.Image, to_region: Transform, size: int, *, n_samples: int) -> Pixels:
    """Reads the chip bilinearly, as the mean of n x n samples a pixel."""
    grid = to_region.copy()
    grid[:, :2] /= n_samples
    # Pillow counts from the corner of a pixel, on both sides, and the transform from its centre
    corner = to_region[:, 2] + 0.5 - to_region[:, :2].sum(axis=1) / 2
    coefficients = (*grid[0, :2], corner[0], *grid[1, :2], corner[1])
    wide = size * n_samples
    chip = region.transform(
        (wide, wide), Image.Transform.AFFINE, coefficients, Image.Resampling.BILINEAR, fillcolor=(0, 0, 0)
    )
    return np.asarray(chip.reduce(n_samples) if n_samples > 1 else chip)


def _reach(to_picture: Transform, size: int, picture: Pixels) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of the part of the picture that a chip needs."""
    edge = [-0.5, size - 0.5]
    corners = to_picture @ np.array([[x, y, 1.0] for x in edge for y in edge]).T
    height, width = picture.shape[:2]
    margin = 2 + np.hypot(*to_picture[:, 0])
    low = np.clip(np.floor(corners.min(axis=1) - margin), 0, [width, height])
    high = np.clip(np.ceil(corners.max(axis=1) + margin), 0, [width, height])
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def _rescaled(transform: Transform, ratio: float) -> Transform:
    """The transform into a picture that was resized by the ratio."""
    shift = [resized_place(float(place), ratio) for place in transform[:, 2]]
    return np.column_stack([transform[:, :2] * ratio, shift])


def resized_place(position: float, ratio: float) -> float:
    """Where a place comes to lie when a picture is resized: its corner stays, not its first pixel's centre."""
    return (position + 0.5) * ratio - 0.5
