"""``adaface-ir101`` and its smaller kin: IR networks trained with AdaFace (arXiv 2204.00964)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, ClassVar, Literal

from faceleak_check.compute import torch_device
from faceleak_check.embedders.torch_network import TorchNetwork
from faceleak_check.errors import ModelError
from faceleak_check.landmarks import ARCFACE_112
from faceleak_check.model_files import ModelFile, OnHub, stored_names
from faceleak_check.policy.schema import EmbedderChoice
from faceleak_check.records import EmbedderSpec

if TYPE_CHECKING:
    import torch

    from faceleak_check.embedders.ir_network import IrNetwork

__all__ = ["AdaFaceIr18", "AdaFaceIr50", "AdaFaceIr101"]

_FIRST = "input_layer.0.weight"
# what stands before the network's own names: CVLFace on the hub and before it, Lightning, DataParallel, nothing
_PREFIXES = ("model.net.", "net.", "model.", "module.", "")
_TRAINED_ON_RGB = ("model.net.", "net.")
_N_NAMED_BLOCKS = {8: "18", 24: "50", 49: "101"}


class _AdaFace(TorchNetwork):
    """An IR network trained with AdaFace; the length of an embedding is kept, it tells how good the picture is.

    Weights are those of CVLFace on the Hugging Face hub, or a file of the policy: AdaFace's own ``.ckpt``,
    CVLFace's ``model.pt`` or ``model.safetensors``, or a state dict of the network alone. AdaFace's own files
    take BGR, CVLFace's RGB; which of them a file is, the names in it tell.

    Code and weights are MIT, say AdaFace and CVLFace, who ask to follow the training set's licence, too:
    WebFace4M and WebFace12M are for research that is not commercial.

    Args:
        choice: The policy's ``embedder`` block.

    Raises:
        ModelError: The weights are not there or not those that are expected.
    """

    published_licence: ClassVar[str] = "MIT"
    depth: ClassVar[int]
    repo: ClassVar[str]

    def __init__(self, choice: EmbedderChoice) -> None:
        self._path, digest, self._file = self.model_file(choice).pinned()
        colours = choice.colour_order or _colour_order(stored_names(self._path))
        super().__init__(
            EmbedderSpec(
                name=self.name,
                weights_sha256=digest,
                licence=self.licence_of(choice),
                dimension=512,
                input_size=ARCFACE_112.size,
                colour_order=colours,
                normalisation=f"({colours} / 255 - 0.5) / 0.5",
                template=ARCFACE_112,
                precision=choice.precision,
                device=torch_device(choice.device),
            ),
            mean=127.5,
            std=127.5,
        )

    @classmethod
    def model_file(cls, choice: EmbedderChoice) -> ModelFile:
        """The file of weights: on the Hugging Face hub, or the policy's own."""
        return ModelFile(
            owner=f"embedder {cls.name!r}",
            source=OnHub(repo=cls.repo, file="model.safetensors"),
            path=choice.weights,
            sha256=choice.sha256,
        )

    def build(self) -> IrNetwork:
        """The network with its weights; imports torch."""
        from faceleak_check.embedders.fitting import fitted
        from faceleak_check.embedders.ir_network import IrNetwork

        state = _own_names(self._file.state_dict(self._path))
        self._refuse_other_depths(state)
        return fitted(
            lambda: IrNetwork(self.depth),
            state,
            owner=self._file.owner,
            path=self._path,
            kind=f"IR-{self.depth}",
        )

    def _refuse_other_depths(self, names: Iterable[str]) -> None:
        n_blocks = len({name.split(".")[1] for name in names if name.startswith("body.")})
        depth = _N_NAMED_BLOCKS.get(n_blocks, str(self.depth))
        if depth != str(self.depth):
            raise ModelError(
                f"the weights of {self._file.owner} are another network's",
                detail=f"{self._path}: expected IR-{self.depth}, found the {n_blocks} blocks of IR-{depth}. "
                f"Use `name: adaface-ir{depth}`.",
            )


def _prefix(names: Iterable[str]) -> str:
    known = set(names)
    return next((prefix for prefix in _PREFIXES if prefix + _FIRST in known), "")


def _colour_order(names: Iterable[str]) -> Literal["RGB", "BGR"]:
    return "RGB" if _prefix(names) in _TRAINED_ON_RGB else "BGR"


def _own_names(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The network's tensors by its own names, without those of the head that it was trained with."""
    prefix = _prefix(state)
    return {
        name.removeprefix(prefix): tensor for name, tensor in state.items() if not name.startswith("head.")
    }


class AdaFaceIr101(_AdaFace):
    """The recogniser of "Unveiling Synthetic Faces" (arXiv 2410.24015): IR-101, trained on WebFace12M."""

    name: ClassVar[str] = "adaface-ir101"
    depth: ClassVar[int] = 101
    repo: ClassVar[str] = "minchul/cvlface_adaface_ir101_webface12m"


class AdaFaceIr50(_AdaFace):
    """IR-50, trained on WebFace4M."""

    name: ClassVar[str] = "adaface-ir50"
    depth: ClassVar[int] = 50
    repo: ClassVar[str] = "minchul/cvlface_adaface_ir50_webface4m"


class AdaFaceIr18(_AdaFace):
    """IR-18, trained on WebFace4M."""

    name: ClassVar[str] = "adaface-ir18"
    depth: ClassVar[int] = 18
    repo: ClassVar[str] = "minchul/cvlface_adaface_ir18_webface4m"
