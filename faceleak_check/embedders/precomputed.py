"""``precomputed``: a network that need not be on this machine, as all templates were computed elsewhere."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from faceleak_check.errors import ModelError
from faceleak_check.policy.schema import EmbedderChoice
from faceleak_check.records import EmbedderSpec, Templates
from faceleak_check.remade import Remade

__all__ = ["Precomputed"]


class Precomputed(Remade):
    """Says what made the templates of sets that bring theirs; it has no network and embeds nothing.

    Args:
        choice: The policy's ``embedder`` block, with the digest of the weights and the length of a template.

    Raises:
        ModelError: One of these is missing.
    """

    spec: EmbedderSpec
    name: ClassVar[str] = "precomputed"
    batch_size = 1

    def __init__(self, choice: EmbedderChoice) -> None:
        if choice.sha256 is None or choice.dimension is None:
            raise ModelError(
                "embedder 'precomputed' is not told what made the templates",
                detail="State the digest of the network's weights as `sha256`, and the length of a template as "
                "`dimension`.",
            )
        self.spec = EmbedderSpec(
            name=self.name,
            weights_sha256=choice.sha256,
            licence=choice.licence or "not stated",
            dimension=choice.dimension,
            input_size=0,
            colour_order="RGB",
            normalisation="computed elsewhere",
            alignment="computed elsewhere",
        )

    @classmethod
    def model_file(cls, choice: EmbedderChoice) -> None:
        """There is no file of weights."""

    def load(self) -> None:
        """There is nothing to load."""

    def embed(self, chips: npt.NDArray[np.uint8]) -> Templates:
        """There is no network.

        Raises:
            ModelError: Always.
        """
        raise ModelError(
            f"embedder 'precomputed' has no network to embed {len(chips):,} pictures with",
            detail="Name the network that made the templates, such as `embedder: {name: adaface-ir101}`.",
        )
