"""From a picture to face chips: whole, or cut where a detector found faces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from PIL import Image

from faceleak_check.faces.warp import Transform, inverse, resized_place, warp
from faceleak_check.protocols import Detector, Pixels
from faceleak_check.records import ChipTemplate, Face, Point

__all__ = [
    "AlignedFaces",
    "Cutter",
    "FaceChip",
    "WholePictures",
    "aligned_chip",
    "similarity_transform",
    "template_points",
    "whole_picture",
    "whole_picture_points",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class FaceChip:
    """What an embedder is given.

    Attributes:
        pixels: RGB, uint8, shape (size, size, 3).
        face: The face that was cut out; None where the whole picture was taken for one.
    """

    pixels: Pixels
    face: Face | None


class Cutter(Protocol):
    """Makes chips of pictures. Makes no use of a network before `load`."""

    def load(self) -> None:
        """Bring what it needs into memory.

        Raises:
            ModelError: Weights or device are missing or damaged.
        """

    def cut(self, pictures: Sequence[Pixels]) -> list[tuple[FaceChip, ...]]:
        """The chips of each picture; a picture's chips do not depend on the others. Threads may call it at once."""


class WholePictures:
    """Takes every picture for one face chip.

    Args:
        size: Side of the chips in pixels.
    """

    def __init__(self, size: int) -> None:
        self._size = size

    def load(self) -> None:
        """Does nothing: there is no network."""

    def cut(self, pictures: Sequence[Pixels]) -> list[tuple[FaceChip, ...]]:
        """Exactly one chip a picture."""
        return [(FaceChip(pixels=whole_picture(picture, self._size), face=None),) for picture in pictures]


class AlignedFaces:
    """Turns each face that a detector finds upright, as a network expects it.

    Args:
        detector: Finds the faces.
        template: Where a face's points come to lie.
        size: Side of the chips in pixels.
    """

    def __init__(self, detector: Detector, template: ChipTemplate, size: int) -> None:
        self._detector = detector
        self._template = template
        self._size = size

    def load(self) -> None:
        """Loads the detector.

        Raises:
            ModelError: Its weights or its device are missing or damaged.
        """
        self._detector.load()

    def cut(self, pictures: Sequence[Pixels]) -> list[tuple[FaceChip, ...]]:
        """One chip for each face found, the largest face first; no chip where there is no face."""
        found = self._detector.detect(pictures)
        return [
            tuple(
                FaceChip(pixels=aligned_chip(picture, face, self._template, self._size), face=face)
                for face in faces
            )
            for picture, faces in zip(pictures, found, strict=True)
        ]


def similarity_transform(points: Sequence[Point], template_points: Sequence[Point]) -> Transform:
    """The shift, turn and scale, without mirroring, that bring points nearest to a template's.

    Least squares after Umeyama, "Least-squares estimation of transformation parameters between two point
    patterns", IEEE TPAMI 13 (4), 1991; in the plane it is a regression in complex numbers.

    Args:
        points: At least two different points.
        template_points: Where they should come to lie, in the same order.

    Raises:
        ValueError: The points all coincide, so that no turn or scale is known.
    """
    start, end = (np.array([complex(*point) for point in side]) for side in (points, template_points))
    centred = start - start.mean()
    spread = float(np.vdot(centred, centred).real)
    if spread == 0:
        raise ValueError("the points of a face coincide, expected five different points")
    turn = complex(np.vdot(centred, end - end.mean())) / spread
    shift = complex(end.mean() - turn * start.mean())
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])


def template_points(template: ChipTemplate, size: int) -> tuple[Point, ...]:
    """The template's five points in a chip of that side, in pixels."""
    ratio = size / template.size
    return tuple((resized_place(x, ratio), resized_place(y, ratio)) for x, y in template.points)


def aligned_chip(picture: Pixels, face: Face, template: ChipTemplate, size: int) -> Pixels:
    """A face, turned and scaled so that its five points lie as near as can be to the template's.

    What lies outside the picture is black. A face larger than the chip is averaged, not sampled, so that
    fine patterns do not turn into coarse ones.

    Args:
        picture: RGB, uint8, shape (height, width, 3).
        face: A face in it.
        template: Where its points come to lie.
        size: Side of the chip in pixels; the template is scaled where it was made for another side.

    Returns:
        RGB, uint8, shape (size, size, 3).
    """
    to_chip = similarity_transform(face.points, template_points(template, size))
    return warp(picture, inverse(to_chip), size)


def whole_picture(picture: Pixels, size: int) -> Pixels:
    """The whole picture, padded to a square with black and resized, never stretched.

    Bilinear, as dlib cuts its own chips; on the LFW thumbnails it also keeps copies and strangers furthest
    apart (docs/decisions.md).

    Args:
        picture: RGB, uint8, shape (height, width, 3).
        size: Side of the chip in pixels.

    Returns:
        RGB, uint8, shape (size, size, 3).
    """
    fitted, corner = _placed(picture, size)
    resized = np.asarray(Image.fromarray(picture).resize(fitted, Image.Resampling.BILINEAR))
    if fitted == (size, size):
        return resized
    chip = np.zeros((size, size, 3), np.uint8)
    chip[corner[1] : corner[1] + fitted[1], corner[0] : corner[0] + fitted[0]] = resized
    return chip


def whole_picture_points(points: Sequence[Point], picture: Pixels, size: int) -> tuple[Point, ...]:
    """Where points of a picture come to lie in its `whole_picture`."""
    fitted, corner = _placed(picture, size)
    height, width = picture.shape[:2]
    across, down = fitted[0] / width, fitted[1] / height
    return tuple(
        (resized_place(x, across) + corner[0], resized_place(y, down) + corner[1]) for x, y in points
    )


def _placed(picture: Pixels, size: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Width and height of a whole picture inside its chip, and the place of its upper left corner."""
    height, width = picture.shape[:2]
    longer = max(height, width)
    # a side that rounds to nothing would make all such pictures the same black chip
    fitted = max(1, round(width / longer * size)), max(1, round(height / longer * size))
    return fitted, (round((size - fitted[0]) / 2), round((size - fitted[1]) / 2))
