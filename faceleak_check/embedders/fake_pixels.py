"""``fake-pixels``: an embedder without a network, for tests of everything around it."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from faceleak_check.errors import ModelError
from faceleak_check.policy.schema import EmbedderChoice
from faceleak_check.records import EmbedderSpec, Templates
from faceleak_check.remade import Remade

__all__ = ["FakePixels"]

_SIZE = 8


class FakePixels(Remade):
    """The 8 x 8 thumbnail itself as a template: fast, exact, and blind to who is in the picture.

    A verdict that it gave carries a warning that says so.

    Args:
        choice: The policy's ``embedder`` block.

    Raises:
        ModelError: The block asks for something that this embedder has not.
    """

    spec: EmbedderSpec
    name: ClassVar[str] = "fake-pixels"
    batch_size = 32

    def __init__(self, choice: EmbedderChoice) -> None:
        if choice.weights or choice.sha256 or choice.device == "cuda":
            raise ModelError(
                "embedder 'fake-pixels' has no weights and no use for a device",
                detail="Leave out `weights`, `sha256` and `device`.",
            )
        self.spec = EmbedderSpec(
            name=choice.name,  # of its own, where another embedder is made from it
            weights_sha256="",
            licence="MIT",
            dimension=_SIZE * _SIZE * 3,
            input_size=_SIZE,
            colour_order="RGB",
            normalisation="(RGB - 127.5) / 127.5",
            precision=choice.precision,
            recognises_people=False,
        )

    @classmethod
    def model_file(cls, choice: EmbedderChoice) -> None:
        """There is no file of weights."""

    def load(self) -> None:
        """There is nothing to load."""

    def embed(self, chips: npt.NDArray[np.uint8]) -> Templates:
        """The scaled pixels as unit-length rows."""
        # 127.5 is no pixel value, so no picture is all zeros
        rows = (chips.reshape(len(chips), -1).astype(np.float64) - 127.5) / 127.5
        norms = np.linalg.norm(rows, axis=1)
        if self.spec.precision == "bf16":
            # as coarse as a network's sums are: the upper half of a float32
            rows = (rows.astype(np.float32).view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32)
            norms = np.linalg.norm(rows.astype(np.float64), axis=1)
        return Templates(vectors=(rows / norms[:, None]).astype(np.float32), norms=norms.astype(np.float32))
