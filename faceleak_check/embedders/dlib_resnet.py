"""``dlib-resnet``: dlib's published face network, run in PyTorch."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from faceleak_check.compute import torch_device
from faceleak_check.embedders.torch_network import TorchNetwork
from faceleak_check.errors import ModelError
from faceleak_check.landmarks import DLIB_150
from faceleak_check.model_files import InPackage, ModelFile
from faceleak_check.policy.schema import EmbedderChoice
from faceleak_check.records import EmbedderSpec

if TYPE_CHECKING:
    from faceleak_check.embedders.dlib_network import DlibNetwork

__all__ = ["PUBLISHED_SHA256", "DlibResNet"]

PUBLISHED_SHA256 = "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30"
"""Digest of ``dlib_face_recognition_resnet_model_v1.dat`` as dlib's author published it."""

_FILE = "dlib_face_recognition_resnet_model_v1.dat"
_INSTALL = "pip install 'faceleak-check[offline]'"
_MEAN = (122.782, 117.001, 104.298)
_SCALE = 256.0


class DlibResNet(TorchNetwork):
    """Embeds aligned face chips with dlib's 29-layer face ResNet.

    The output equals dlib's own (largest difference seen: 5e-7) and is not unit length: the length is
    kept beside the unit-length template, so that dlib's rule (same person if the Euclidean distance is
    below 0.6) can still be stated.

    Args:
        choice: The policy's ``embedder`` block.

    Raises:
        ModelError: The weights are not there or not those that are expected.
    """

    name: ClassVar[str] = "dlib-resnet"
    published_licence: ClassVar[str] = "CC0-1.0"

    def __init__(self, choice: EmbedderChoice) -> None:
        self._path, digest, self._file = self.model_file(choice).pinned()
        published = digest == PUBLISHED_SHA256
        super().__init__(
            EmbedderSpec(
                name=self.name,
                weights_sha256=digest,
                licence=self.published_licence if published else choice.licence or "not stated",
                dimension=128,
                input_size=DLIB_150.size,
                colour_order="RGB",
                normalisation="(RGB - [122.782, 117.001, 104.298]) / 256",
                template=DLIB_150,
                precision=choice.precision,
                device=torch_device(choice.device),
            ),
            mean=_MEAN,
            std=_SCALE,
        )

    @classmethod
    def model_file(cls, choice: EmbedderChoice) -> ModelFile:
        """The file of weights: inside one of two packages, or the policy's own."""
        return ModelFile(
            owner=f"embedder {cls.name!r}",
            # the older of the two packages fails on import, so the file is found without importing it
            source=InPackage(package="face_recognition_models", file=f"models/{_FILE}", command=_INSTALL),
            path=choice.weights,
            sha256=choice.sha256 or PUBLISHED_SHA256,
        )

    def build(self) -> DlibNetwork:
        """The network with its weights; imports torch."""
        from faceleak_check.embedders.dlib_network import DlibNetwork
        from faceleak_check.embedders.dlib_weights import parse_weights

        try:
            return DlibNetwork(parse_weights(self._file.read(self._path)))
        except ValueError as error:
            raise ModelError(
                "the weights of embedder 'dlib-resnet' are not dlib's face network",
                detail=f"{self._path}: {error}. Use {_FILE}: {_INSTALL}",
            ) from None
