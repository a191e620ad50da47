"""Finds faces and their five points with facenet-pytorch's MTCNN, whose weights lie in its package."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from faceleak_check.compute import autocast, torch_device
from faceleak_check.errors import ModelError
from faceleak_check.faces.refine import refined
from faceleak_check.protocols import Pixels
from faceleak_check.records import Face

if TYPE_CHECKING:
    from facenet_pytorch import MTCNN

__all__ = ["LEAST_CONFIDENCE", "LONGEST_SIDE", "SHORTEST_LONG_SIDE", "Mtcnn"]

LONGEST_SIDE = 640
"""Larger pictures are shrunk to this, in pixels. A face narrower than a 32nd part of the picture may go unseen."""

SHORTEST_LONG_SIDE = 224
"""Smaller pictures are enlarged to this, in pixels.

Of 100 LFW thumbnails of 112 pixels all have a face then, not 99, and the points are steadier: a thumbnail and its
mirror image have a dlib-resnet cosine of at least .968, not .934.
"""

LEAST_CONFIDENCE = 0.9
"""What the network is less sure of is no face: from 0.7 to 0.95 it finds the same people, and below it more animals."""

_VERSION = 1  # of all that decides its answers: a new one makes templates of aligned faces anew
_SMALLEST_FACE = 20.0
_N_TOGETHER = 32
_INSTALL = "pip install 'facenet-pytorch>=2.5.3,<2.6'"


_Found = tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]
"""Boxes (n, 4), points (n, 5, 2) and confidences (n,) in the picture that the network saw."""


class Mtcnn:
    """Multi-task cascaded convolutional networks (Zhang et al., IEEE Signal Processing Letters 23, 2016).

    On a CPU it looks at one picture at a time: there the boxes of a picture depend on its company by up to three
    pixels, and a batch is hardly faster. On a CUDA device it looks at pictures of equal size together.

    Args:
        device: ``cpu`` or ``cuda``.
    """

    name = "mtcnn"
    licence = "MIT"
    settings = (
        f"version {_VERSION}, longest side {SHORTEST_LONG_SIDE} to {LONGEST_SIDE} pixels, "
        f"confidence from {LEAST_CONFIDENCE}"
    )

    def __init__(self, device: str = "cpu") -> None:
        self._device = device
        self._network: MTCNN | None = None

    def __reduce__(self) -> tuple[object, ...]:
        # a network does not travel
        return type(self), (self._device,)

    def load(self) -> None:
        """Builds the network; imports torch.

        Raises:
            ModelError: facenet-pytorch is not installed or damaged, does not fit torch, or there is no such device.
        """
        if self._network is None:
            self._network = _network(torch_device(self._device))

    def detect(self, pictures: Sequence[Pixels]) -> list[tuple[Face, ...]]:
        """The faces of each picture, the largest first; an empty tuple where there is none."""
        self.load()
        sized = [_sized(picture) for picture in pictures]
        found: list[tuple[Face, ...]] = [()] * len(pictures)
        for rows in self._together(sized):
            answers = self._look(np.stack([sized[row] for row in rows]))
            for row, answer in zip(rows, answers, strict=True):
                found[row] = _faces(answer, pictures[row], sized[row])
        return found

    def _together(self, sized: Sequence[Pixels]) -> Iterable[Sequence[int]]:
        """Rows of the pictures that are looked at together; none of a picture too thin for a face."""
        wide = [row for row, picture in enumerate(sized) if min(picture.shape[:2]) >= _SMALLEST_FACE]
        if self._device == "cpu":
            return [[row] for row in wide]
        by_size: dict[tuple[int, ...], list[int]] = {}
        for row in wide:
            by_size.setdefault(sized[row].shape, []).append(row)
        return [
            rows[start : start + _N_TOGETHER]
            for rows in by_size.values()
            for start in range(0, len(rows), _N_TOGETHER)
        ]

    def _look(self, batch: Pixels) -> list[_Found | None]:
        """What the network sees in each picture of a batch; None where there is no face."""
        assert self._network is not None
        # a shallow copy, so that other threads keep their own smallest face
        network = copy.copy(self._network)
        network.min_face_size = _smallest_face(min(batch.shape[1:3]), network.factor)
        with autocast(self._device, "fp32"):
            answers = zip(batch, *network.detect(batch, landmarks=True), strict=True)
            return [_sure_ones(network, *answer) for answer in answers]


def _network(device: str) -> MTCNN:
    try:
        from facenet_pytorch import MTCNN
    except ImportError as error:
        raise ModelError(
            "the face detector 'mtcnn' is not installed", detail=f"{error}. Run: {_INSTALL}"
        ) from None
    except RuntimeError as error:
        raise ModelError(
            "the face detector 'mtcnn' cannot be used: torch and torchvision are not of one build",
            detail=f"{error}. Install both anew, and from one place: docs/install.md says how.",
        ) from None
    try:
        return MTCNN(keep_all=True, device=device).eval()
    except OSError as error:
        raise ModelError(
            "the weights of the face detector 'mtcnn' are not in its package",
            detail=f"{error}. Run: {_INSTALL} --force-reinstall --no-deps",
        ) from None


def _sized(picture: Pixels) -> Pixels:
    """The picture, brought between the two sizes."""
    height, width = picture.shape[:2]
    longer = max(height, width)
    target = min(max(longer, SHORTEST_LONG_SIDE), LONGEST_SIDE)
    if target == longer:
        return picture
    size = max(1, round(width * target / longer)), max(1, round(height * target / longer))
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BILINEAR))


def _smallest_face(shorter: int, factor: float) -> float:
    """A smallest face near 20 pixels with which the last step of the pyramid is one window over the whole picture.

    With any other the last window covers as little as 71% of it, and a face that fills the picture is lost.
    """
    n_steps = round(math.log(_SMALLEST_FACE / shorter) / math.log(factor))
    rounding = 0.999
    return shorter * float(factor**n_steps) * rounding


def _sure_ones(network: MTCNN, picture: Pixels, boxes: Any, confidences: Any, points: Any) -> _Found | None:
    """The faces that the network is sure of, looked at again."""
    if boxes is None:
        return None
    # the package hands out arrays of objects
    sure = np.asarray(confidences, np.float64)
    rows = np.flatnonzero(sure >= LEAST_CONFIDENCE)
    if len(rows) == 0:
        return None
    first_boxes, first_points = np.asarray(boxes, np.float64)[rows], np.asarray(points, np.float64)[rows]
    return *refined(network, picture, first_boxes, first_points), sure[rows]


def _faces(found: _Found | None, picture: Pixels, seen: Pixels) -> tuple[Face, ...]:
    """What the network saw, in pixels of the picture that it was made from."""
    if found is None:
        return ()
    boxes, points, confidences = found
    ratio = np.divide(picture.shape[1::-1], seen.shape[1::-1])
    corners = boxes * np.tile(ratio, 2)
    places = (points + 0.5) * ratio - 0.5
    faces = map(_face, corners.tolist(), places.tolist(), confidences.tolist())
    return tuple(sorted(faces, key=_largest_first))


def _face(box: Sequence[float], five: Sequence[Sequence[float]], confidence: float) -> Face:
    left, top, right, bottom = box
    one, two, three, four, last = ((x, y) for x, y in five)
    return Face(
        box=(left, top, right, bottom), points=(one, two, three, four, last), confidence=min(confidence, 1.0)
    )


def _largest_first(face: Face) -> tuple[float, float, float]:
    left, top, right, bottom = face.box
    return -(right - left) * (bottom - top), left, top
