"""What all embedders have in common whose network runs in PyTorch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import numpy.typing as npt

from faceleak_check.compute import autocast
from faceleak_check.embedders.rows import fill_up, unit_length
from faceleak_check.policy.schema import EmbedderChoice
from faceleak_check.records import EmbedderSpec, Templates
from faceleak_check.remade import Remade

if TYPE_CHECKING:
    import torch
    from torch import nn

__all__ = ["TorchNetwork"]

_N_PER_BATCH = {"cpu": 32, "cuda": 256}


class TorchNetwork(Remade, ABC):
    """An embedder that runs a PyTorch network on batches of one shape; a subclass builds the network.

    The network gets ``(chips - mean) / std`` in the spec's colour order, float32, shape
    (batch_size, 3, input_size, input_size), and gives embeddings, shape (batch_size, dimension).

    Args:
        spec: What it is; device, precision and colour order are obeyed.
        mean: Pixel value (0 to 255) that is subtracted: one, or one for each colour in the spec's order.
        std: What the difference is divided by: one, or one for each colour.

    Attributes:
        published_licence: Licence of the weights that are used where a policy names none; empty where there are none.
    """

    name: ClassVar[str]
    published_licence: ClassVar[str] = ""
    spec: EmbedderSpec

    def __init__(
        self, spec: EmbedderSpec, *, mean: float | Sequence[float], std: float | Sequence[float]
    ) -> None:
        self.spec = spec
        self.batch_size = _N_PER_BATCH[spec.device]
        self._mean = np.broadcast_to(np.asarray(mean, np.float32), 3)
        self._std = np.broadcast_to(np.asarray(std, np.float32), 3)

    @classmethod
    def licence_of(cls, choice: EmbedderChoice) -> str:
        """The licence of the weights, which is known before they are here."""
        published = "" if choice.weights else cls.published_licence
        return published or choice.licence or "not stated"

    @abstractmethod
    def build(self) -> nn.Module:
        """The network with its weights, on the CPU; imports torch.

        Raises:
            ModelError: The weights are missing, damaged or another network's.
        """

    def load(self) -> None:
        """Builds the network and brings it to the device; imports torch."""
        _ = self._network, self._constants

    @cached_property
    def _network(self) -> nn.Module:
        import torch

        network = self.build().requires_grad_(requires_grad=False).eval()
        return network.to(torch.device(self.spec.device)).to(memory_format=torch.channels_last)

    @cached_property
    def _constants(self) -> tuple[torch.Tensor, torch.Tensor]:
        import torch

        mean, std = (
            torch.tensor(values).reshape(1, 3, 1, 1).to(self.spec.device)
            for values in (self._mean, self._std)
        )
        return mean, std

    def embed(self, chips: npt.NDArray[np.uint8]) -> Templates:
        """Templates of RGB chips, uint8, shape (n, input_size, input_size, 3), n at most `batch_size`.

        Raises:
            ModelError: An embedding is zero or not finite.
        """
        with autocast(self.spec.device, self.spec.precision):
            embeddings = self._network(self._input(fill_up(chips, self.batch_size)))
            rows = embeddings[: len(chips)].float().cpu().numpy()
        return unit_length(self.spec.name, rows)

    def _input(self, chips: npt.NDArray[np.uint8]) -> torch.Tensor:
        import torch

        # torch warns of arrays that must not be written; bytes take a quarter of the way of floats
        pixels = (
            torch.from_numpy(np.require(chips, requirements=("C", "W")))
            .to(self.spec.device)
            .permute(0, 3, 1, 2)
        )
        if self.spec.colour_order == "BGR":
            pixels = pixels.flip(1)
        mean, std = self._constants
        return ((pixels.to(torch.float32) - mean) / std).contiguous(memory_format=torch.channels_last)
