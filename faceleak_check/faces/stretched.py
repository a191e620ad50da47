"""Whole pictures for networks and hashes that compare pictures and not people."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from faceleak_check.faces.align import Cutter, FaceChip, WholePictures
from faceleak_check.protocols import Pixels
from faceleak_check.records import EmbedderSpec

__all__ = [
    "STRETCHED",
    "STRETCHED_AND_MIRRORED",
    "StretchedPictures",
    "WholeAndMirrored",
    "whole_cutter",
]

STRETCHED = "none: the whole picture, stretched to a square bilinearly"
"""The alignment of copy detectors: black bars would make all pictures of one shape alike."""

STRETCHED_AND_MIRRORED = (
    "none: the whole picture, stretched to a square with Lanczos' filter, and its mirror image"
)
"""The alignment of hashes that do not know a picture by its mirror image."""


class StretchedPictures:
    """Stretches every picture to a square, as copy detectors are trained.

    Args:
        size: Side of the chips in pixels.
    """

    def __init__(self, size: int) -> None:
        self._size = size

    def load(self) -> None:
        """Does nothing: there is no network."""

    def cut(self, pictures: Sequence[Pixels]) -> list[tuple[FaceChip, ...]]:
        """Exactly one chip a picture."""
        bilinear = Image.Resampling.BILINEAR
        return [
            (FaceChip(pixels=_stretched(picture, self._size, bilinear), face=None),) for picture in pictures
        ]


class WholeAndMirrored:
    """Stretches every picture to a square, with the filter that imagehash resizes with, and adds its mirror image.

    Two pictures are as near as their two nearest chips, so a mirrored copy is as near as the copy itself.

    Args:
        size: Side of the chips in pixels.
    """

    def __init__(self, size: int) -> None:
        self._size = size

    def load(self) -> None:
        """Does nothing: there is no network."""

    def cut(self, pictures: Sequence[Pixels]) -> list[tuple[FaceChip, ...]]:
        """Exactly two chips a picture: as it is, and mirrored."""
        return [self._both(picture) for picture in pictures]

    def _both(self, picture: Pixels) -> tuple[FaceChip, FaceChip]:
        chip = _stretched(picture, self._size, Image.Resampling.LANCZOS)
        mirrored = np.ascontiguousarray(chip[:, ::-1])
        return FaceChip(pixels=chip, face=None), FaceChip(pixels=mirrored, face=None)


def whole_cutter(spec: EmbedderSpec) -> Cutter:
    """What makes chips of whole pictures in the way that an embedder's spec names."""
    if spec.alignment == STRETCHED:
        return StretchedPictures(spec.input_size)
    if spec.alignment == STRETCHED_AND_MIRRORED:
        return WholeAndMirrored(spec.input_size)
    return WholePictures(spec.input_size)


def _stretched(picture: Pixels, size: int, by: Image.Resampling) -> Pixels:
    return np.asarray(Image.fromarray(picture).resize((size, size), by))
