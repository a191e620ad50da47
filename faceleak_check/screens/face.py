"""``face``: the face detector's own word on pictures without a face."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from faceleak_check.compute import torch_device
from faceleak_check.errors import ModelError
from faceleak_check.policy.screens import FaceKeys, serves_only
from faceleak_check.protocols import Pixels
from faceleak_check.records import Face, ScreenSpec
from faceleak_check.remade import Remade

__all__ = ["FaceScreen"]

_NETWORKS = ("pnet", "rnet", "onet")
_INSTALL = "pip install --force-reinstall --no-deps 'facenet-pytorch>=2.5.3,<2.6'"


class FaceScreen(Remade):
    """The probability that there is no face in a picture: 1 minus the detector's highest confidence.

    Faces that were found already are taken; the detector looks again only where they were not looked for.

    Args:
        rule: The screen's name in the policy, such as ``non_face``.
        keys: Its keys.

    Raises:
        ModelError: The detector's weights or the device are not there.
    """

    spec: ScreenSpec
    name: ClassVar[str] = "face"
    shown_for: ClassVar[str] = "non_face"
    keys: ClassVar[type[FaceKeys]] = FaceKeys
    batch_size = 16

    def __init__(self, rule: str, keys: FaceKeys) -> None:
        # not sooner: a policy is read without what its screens need
        from faceleak_check.faces.detect import LEAST_CONFIDENCE, Mtcnn

        device = torch_device(keys.device)
        self._detector = Mtcnn(device)
        self.spec = ScreenSpec(
            method=self.name,
            model="MTCNN of facenet-pytorch",
            weights_sha256=_weights_sha256(rule),
            licence="MIT",
            question=f"there is no face, where confidence below {LEAST_CONFIDENCE} is none",
            preprocessing=self._detector.settings,
            device=device,
        )

    @staticmethod
    def problem(rule: str, keys: FaceKeys) -> str | None:  # noqa: ARG004 — the rule alone decides
        """Why it cannot serve a rule of a policy; None where it can."""
        return serves_only("non_face", "a face", rule)

    @classmethod
    def model_file(cls, keys: FaceKeys, rule: str = "non_face") -> None:
        """No file of its own: the weights come with facenet-pytorch, which is always installed."""

    def load(self) -> None:
        """Builds the detector; imports torch.

        Raises:
            ModelError: The detector's weights are not there.
        """
        self._detector.load()

    def measure(
        self, pictures: Sequence[Pixels], faces: Sequence[tuple[Face, ...] | None]
    ) -> npt.NDArray[np.float64]:
        """The probability of each picture, float64, shape (n,), in [0, 1]."""
        unseen = [row for row, known in enumerate(faces) if known is None]
        found = dict(zip(unseen, self._detector.detect([pictures[row] for row in unseen]), strict=True))
        known = [found.get(row, ()) if known is None else known for row, known in enumerate(faces)]
        return np.array(
            [1 - max((face.confidence for face in one), default=0.0) for one in known], np.float64
        )


def _weights_sha256(rule: str) -> str:
    """Digest of the detector's three files, one after the other."""
    package = find_spec("facenet_pytorch")
    folders = (package.submodule_search_locations or []) if package else []
    digest = hashlib.sha256()
    try:
        for name in _NETWORKS:
            digest.update(Path(*folders[:1], "data", f"{name}.pt").read_bytes())
    except OSError:
        raise ModelError(
            f"the face detector of screen {rule!r} is not installed with its weights",
            detail=f"Run: {_INSTALL}",
        ) from None
    return digest.hexdigest()
