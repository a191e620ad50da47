"""``torchscript``: a face network of the user's own in a TorchScript archive."""

from __future__ import annotations

import io
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import numpy.typing as npt

from faceleak_check.compute import torch_device
from faceleak_check.embedders.own_network import ChipRules, checked_dimension, chip_rules
from faceleak_check.embedders.torch_network import TorchNetwork
from faceleak_check.errors import ModelError
from faceleak_check.model_files import ModelFile
from faceleak_check.policy.schema import EmbedderChoice
from faceleak_check.records import EmbedderSpec

if TYPE_CHECKING:
    import torch
    from torch import nn

__all__ = ["TorchScriptEmbedder"]

_SAVE = "torch.jit.trace(network.eval(), torch.zeros(1, 3, SIZE, SIZE)).save(FILE)"


class TorchScriptEmbedder(TorchNetwork):
    """Embeds face chips with the network of a TorchScript archive.

    The archive says nothing of the pictures that its network takes, so the policy states `input_size`,
    `colour_order`, `mean` and `std`. The length of its templates is found by running it once.

    An archive holds a program, for torch's own interpreter. No Python runs, and nothing in it can import a
    module or start a process; but it can read files through torch's operators, take all memory, or never end.
    Load only files that you trust, and state their `sha256`.

    Args:
        choice: The policy's ``embedder`` block.

    Raises:
        ModelError: The file is not there, not the expected one or no face network, or the policy does not
            state how it takes pictures.
    """

    name: ClassVar[str] = "torchscript"

    def __init__(self, choice: EmbedderChoice) -> None:
        file = self.model_file(choice)
        self._path = file.locate()
        digest = file.verified(self._path)
        rules = chip_rules(choice, self._path, {})
        device = torch_device(choice.device)
        # what is loaded is what the digest tells of
        network = _loaded(replace(file, sha256=digest).read(self._path), self._path)
        super().__init__(
            EmbedderSpec(
                name=self.name,
                weights_sha256=digest,
                licence=choice.licence or "not stated",
                dimension=checked_dimension(choice, self._path, _tried_dimension(network, rules, self._path)),
                input_size=rules.input_size,
                colour_order=rules.colour_order,
                normalisation=rules.normalisation,
                template=rules.template,
                precision=choice.precision,
                device=device,
            ),
            mean=rules.mean,
            std=rules.std,
        )
        self._tried = network

    @classmethod
    def model_file(cls, choice: EmbedderChoice) -> ModelFile:
        """The policy's own file; there is no other."""
        return ModelFile(owner="embedder 'torchscript'", path=choice.weights, sha256=choice.sha256)

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


def _loaded(data: bytes, path: Path) -> nn.Module:
    import torch

    load: Callable[..., nn.Module] = torch.jit.load
    with warnings.catch_warnings():
        # the archives that people have stay what they are
        warnings.filterwarnings("ignore", message=r"`torch\.jit\.load` is deprecated")
        try:
            network = load(io.BytesIO(data), map_location="cpu")
        except (RuntimeError, ValueError) as error:
            raise ModelError(
                "the file of embedder 'torchscript' is no whole TorchScript archive",
                detail=f"{path}: found {_kind(data)}, expected what {_SAVE} writes. torch says: {_first_line(error)}",
            ) from None
    return network.eval()


def _kind(data: bytes) -> str:
    if not zipfile.is_zipfile(io.BytesIO(data)):
        return "no zip archive, or a damaged one"
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        is_script = any(name.endswith("/constants.pkl") for name in archive.namelist())
    return "a damaged archive" if is_script else "a checkpoint without a network, as torch.save writes it"


def _tried_dimension(network: nn.Module, rules: ChipRules, path: Path) -> int:
    """Length of an embedding; two pictures, so that a network that was fixed to one is found out."""
    import torch

    n, size = 2, rules.input_size
    try:
        with torch.inference_mode():
            output = network(torch.zeros(n, 3, size, size))
    except RuntimeError as error:
        raise ModelError(
            "the network of embedder 'torchscript' fails on face chips",
            detail=f"{path}: given {n} x 3 x {size} x {size} numbers, torch says: {_last_line(error)}",
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
        "the network of embedder 'torchscript' does not give one embedding a picture",
        detail=f"{path}: found {found} for {n} pictures, expected one tensor of floats of shape ({n}, D). Use a face "
        "recognition network that takes any number of pictures, and save it without its further outputs.",
    )


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]


def _last_line(error: Exception) -> str:
    return str(error).strip().splitlines()[-1]
