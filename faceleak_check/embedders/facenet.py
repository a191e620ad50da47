"""``facenet-vggface2`` and ``facenet-casia``: the Inception-ResNets of the package facenet-pytorch."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from faceleak_check.compute import torch_device
from faceleak_check.embedders.torch_network import TorchNetwork
from faceleak_check.landmarks import FACENET_160
from faceleak_check.model_files import AtUrl, ModelFile, torch_checkpoints
from faceleak_check.policy.schema import EmbedderChoice
from faceleak_check.records import EmbedderSpec

if TYPE_CHECKING:
    from torch import nn

__all__ = ["FaceNetCasia", "FaceNetVggFace2"]

_RELEASE = "https://github.com/timesler/facenet-pytorch/releases/download/v2.2.9/"
# the layer that named the people of the training set; it has no part in an embedding
_HEAD = ("logits.weight", "logits.bias")


class _FaceNet(TorchNetwork):
    """Inception-ResNet v1 as David Sandberg trained it and Tim Esler brought it to PyTorch.

    Weights lie where facenet-pytorch keeps them, and are downloaded from where it has them. They are part of a
    release of its repository, whose licence is MIT; for the training sets other terms hold.

    The network itself scales its embeddings to unit length, so the kept lengths are all one.

    Args:
        choice: The policy's ``embedder`` block.

    Raises:
        ModelError: The weights are not there or not those that are expected.
    """

    published_licence: ClassVar[str] = "MIT"
    file: ClassVar[str]

    def __init__(self, choice: EmbedderChoice) -> None:
        self._path, digest, self._file = self.model_file(choice).pinned()
        super().__init__(
            EmbedderSpec(
                name=self.name,
                weights_sha256=digest,
                licence=self.licence_of(choice),
                dimension=512,
                input_size=FACENET_160.size,
                colour_order="RGB",
                normalisation="(RGB - 127.5) / 128",
                template=FACENET_160,
                precision=choice.precision,
                device=torch_device(choice.device),
            ),
            mean=127.5,
            std=128,
        )

    @classmethod
    def model_file(cls, choice: EmbedderChoice) -> ModelFile:
        """The file of weights: in torch's folder for downloads, or the policy's own."""
        return ModelFile(
            owner=f"embedder {cls.name!r}",
            source=AtUrl(url=_RELEASE + cls.file, folder=torch_checkpoints()),
            path=choice.weights,
            sha256=choice.sha256,
        )

    def build(self) -> nn.Module:
        """The network with its weights; imports torch."""
        from facenet_pytorch import InceptionResnetV1

        from faceleak_check.embedders.fitting import fitted

        state = self._file.state_dict(self._path)
        network: nn.Module = fitted(
            InceptionResnetV1,
            {name: tensor for name, tensor in state.items() if name not in _HEAD},
            owner=self._file.owner,
            path=self._path,
            kind="facenet-pytorch's InceptionResnetV1",
        )
        return network


class FaceNetVggFace2(_FaceNet):
    """Trained on VGGFace2."""

    name: ClassVar[str] = "facenet-vggface2"
    file: ClassVar[str] = "20180402-114759-vggface2.pt"


class FaceNetCasia(_FaceNet):
    """Trained on CASIA-WebFace, which is for research that is not commercial."""

    name: ClassVar[str] = "facenet-casia"
    file: ClassVar[str] = "20180408-102900-casia-webface.pt"
