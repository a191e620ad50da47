"""Networks that come as TorchScript archives."""

from __future__ import annotations

import io
import warnings
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from faceleak_check.embedders.scripted_code import asked_beyond
from faceleak_check.embedders.torch_network import TorchNetwork
from faceleak_check.errors import ModelError
from faceleak_check.model_files import ModelFile, refuse_bomb
from faceleak_check.records import EmbedderSpec

if TYPE_CHECKING:
    import torch
    from torch import nn

__all__ = ["Archive", "ScriptedNetwork"]

_SAVE = "torch.jit.trace(network.eval(), torch.zeros(1, 3, SIZE, SIZE)).save(FILE)"


@dataclass(frozen=True, kw_only=True, slots=True)
class Archive:
    """A located TorchScript archive, and how to speak of it.

    An archive holds a program, for torch's own interpreter. No Python runs, and nothing in it can import a module or
    start a process; one that asks for operators that read or write files is refused. It can still take all memory,
    or never end.

    Attributes:
        file: The file of the policy.
        path: Where it lies.
        takes: What the network is given: ``face chips`` or ``pictures``.
        use: What to do where the network is none that can be used.
    """

    file: ModelFile
    path: Path
    takes: str
    use: str

    def network(self) -> nn.Module:
        """The network on the CPU.

        Raises:
            ModelError: The file cannot be read, is not the expected one, holds no network, or one that asks for more
                than numbers.
        """
        import torch

        data = self.file.read(self.path)
        load: Callable[..., nn.Module] = torch.jit.load
        self._refuse_beyond(data)
        with warnings.catch_warnings():
            # the archives that people have stay what they are
            warnings.filterwarnings("ignore", message=r"`torch\.jit\.load` is deprecated")
            try:
                network = load(io.BytesIO(data), map_location="cpu")
            except (RuntimeError, ValueError) as error:
                raise self._not_whole(data, error) from None
        return network.eval()

    def _refuse_beyond(self, data: bytes) -> None:
        try:
            refuse_bomb(data, path=self.path, owner=self.file.owner)
            asked = asked_beyond(data)
        except (RuntimeError, ValueError) as error:
            raise self._not_whole(data, error) from None
        if asked:
            raise ModelError(
                f"the file of {self.file.owner} is refused: its program does more than compute",
                detail=f"{self.path} asks for {', '.join(asked)}, with which a program can write files, reach other "
                f"machines or write to the terminal, and a network needs none of them. Save the network alone: {_SAVE}",
            )

    def _not_whole(self, data: bytes, error: Exception) -> ModelError:
        return ModelError(
            f"the file of {self.file.owner} is no whole TorchScript archive",
            detail=f"{self.path}: found {_kind(data)}, expected what {_SAVE} writes. torch says: {_first_line(error)}",
        )

    def dimension(self, network: nn.Module, size: int) -> int:
        """Length of an embedding; two pictures, so that a network that was fixed to one is found out.

        Args:
            network: The archive's network.
            size: Height and width of its pictures.

        Raises:
            ModelError: It fails, or does not give one embedding a picture.
        """
        import torch

        n = 2
        try:
            with torch.inference_mode():
                output = network(torch.zeros(n, 3, size, size))
        except RuntimeError as error:
            raise ModelError(
                f"the network of {self.file.owner} fails on {self.takes}",
                detail=f"{self.path}: given {n} x 3 x {size} x {size} numbers, torch says: {_last_line(error)}",
            ) from None
        if isinstance(output, torch.Tensor) and output.is_floating_point():
            if output.ndim == 2 and len(output) == n:
                return output.shape[1]
            found = f"{output.dtype} of shape {tuple(output.shape)}".removeprefix("torch.")
        else:
            found = (
                str(output.dtype).removeprefix("torch.")
                if isinstance(output, torch.Tensor)
                else type(output).__name__
            )
        raise ModelError(
            f"the network of {self.file.owner} does not give one embedding a picture",
            detail=f"{self.path}: found {found} for {n} pictures, expected one tensor of floats of shape ({n}, D). "
            f"{self.use}",
        )


class ScriptedNetwork(TorchNetwork):
    """An embedder whose network was loaded from an archive.

    Args:
        network: The network, on the CPU.
        spec: What it is.
        mean: Pixel value (0 to 255) that is subtracted: one, or one for each colour in the spec's order.
        std: What the difference is divided by: one, or one for each colour.
    """

    def __init__(
        self,
        network: nn.Module,
        spec: EmbedderSpec,
        *,
        mean: float | Sequence[float],
        std: float | Sequence[float],
    ) -> None:
        super().__init__(spec, mean=mean, std=std)
        self._tried = network

    def build(self) -> nn.Module:
        """The network of the archive."""
        return self._tried

    @cached_property
    def _network(self) -> nn.Module:
        import torch

        return self.build().to(torch.device(self.spec.device))

    def _input(self, chips: npt.NDArray[np.uint8]) -> torch.Tensor:
        # a traced `view` refuses any other order of the numbers than the one that it was traced with
        return super()._input(chips).contiguous()


def _kind(data: bytes) -> str:
    if not zipfile.is_zipfile(io.BytesIO(data)):
        return "no zip archive, or a damaged one"
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        is_script = any(name.endswith("/constants.pkl") for name in archive.namelist())
    return "a damaged archive" if is_script else "a checkpoint without a network, as torch.save writes it"


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]


def _last_line(error: Exception) -> str:
    return str(error).strip().splitlines()[-1]
