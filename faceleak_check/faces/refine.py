"""Looks at found faces again, with black where they reach over the border of the picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from faceleak_check.faces.warp import warp
from faceleak_check.protocols import Pixels

if TYPE_CHECKING:
    from facenet_pytorch import MTCNN

__all__ = ["refined"]

_SIZE = 48
_MOST_ROUNDS = 8
_AT_REST = 0.02
_STILL_A_FACE = 0.5

Places = npt.NDArray[np.float64]


def refined(network: MTCNN, picture: Pixels, boxes: Places, points: Places) -> tuple[Places, Places]:
    """Boxes and points as MTCNN's last stage sees them in whole squares.

    The cascade cuts what reaches over the border and stretches the rest to a square, which shifts the points of
    a face that fills its picture by half the distance of the eyes and more. Faces that the last stage does not
    see again are left as they were. A box that was far off comes to rest after about four looks.

    Args:
        network: The cascade that found the faces.
        picture: The picture that it saw.
        boxes: Left, top, right, bottom of each face, shape (n, 4).
        points: Five points of each, shape (n, 5, 2).

    Returns:
        Better boxes and points, in the same order and shape.
    """
    new_boxes, new_points, confidences = boxes.copy(), points.copy(), np.ones(len(boxes))
    moving = np.arange(len(boxes))
    for _ in range(_MOST_ROUNDS):
        squares = _squares(new_boxes[moving])
        new_boxes[moving], new_points[moving], confidences[moving] = _look(network, picture, squares)
        moved = np.abs(_squares(new_boxes[moving]) - squares) > _AT_REST * squares[:, 2:]
        moving = moving[moved.any(axis=1)]
        if len(moving) == 0:
            break
    seen = confidences >= _STILL_A_FACE
    return np.where(seen[:, None], new_boxes, boxes), np.where(seen[:, None, None], new_points, points)


def _squares(boxes: Places) -> Places:
    """Left, top and side of the square around each box."""
    corner, size = boxes[:, :2], boxes[:, 2:] - boxes[:, :2]
    side = size.max(axis=1, keepdims=True)
    return np.hstack([corner + (size - side) / 2, side])


def _look(network: MTCNN, picture: Pixels, squares: Places) -> tuple[Places, Places, Places]:
    """Boxes, points and confidences that the last stage gives for squares."""
    import torch

    chips = np.stack([_chip(picture, *square) for square in squares])
    values = torch.from_numpy(chips).to(network.device).permute(0, 3, 1, 2).float()
    shifts, places, confidences = (answer.cpu().numpy() for answer in network.onet((values - 127.5) / 128))
    corner, side = squares[:, :2], squares[:, 2:]
    boxes = np.hstack([corner, corner + side]) + shifts * side
    # the network gives five times x, then five times y; boxes are edges, points count from a pixel's centre
    points = corner[:, None] + places.reshape(-1, 2, 5).transpose(0, 2, 1) * side[:, None] - 0.5
    return boxes, points, confidences[:, 1]


def _chip(picture: Pixels, left: float, top: float, side: float) -> Pixels:
    step = side / _SIZE
    first = step / 2 - 0.5
    to_picture = np.array([[step, 0.0, left + first], [0.0, step, top + first]])
    return warp(picture, to_picture, _SIZE)
