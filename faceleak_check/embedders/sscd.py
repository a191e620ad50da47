"""``sscd``: a network that knows copies of a picture again, from a TorchScript file of its authors."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from faceleak_check.compute import torch_device
from faceleak_check.embedders.scripted import Archive, ScriptedNetwork
from faceleak_check.errors import ModelError
from faceleak_check.faces.stretched import STRETCHED
from faceleak_check.model_files import ModelFile
from faceleak_check.policy.schema import EmbedderChoice
from faceleak_check.records import EmbedderSpec

__all__ = ["PUBLISHED_AT", "Sscd"]

PUBLISHED_AT = "https://dl.fbaipublicfiles.com/sscd-copy-detection/sscd_disc_mixup.torchscript.pt"
"""Where the authors of SSCD (github.com/facebookresearch/sscd-copy-detection, MIT) have the file."""

# "skew_320" of the authors' README: a square of 320, scaled like all ImageNet networks
_SIZE = 320
_MEAN = (123.675, 116.28, 103.53)
_STD = (58.395, 57.12, 57.375)
_DIMENSIONS = (512, 1024)


class Sscd(ScriptedNetwork):
    """Embeds whole pictures with SSCD, so that copies of a picture are near to each other.

    Pizzi et al., "A Self-Supervised Descriptor for Image Copy Detection", CVPR 2022. The authors found nine in ten
    pairs with a cosine above 0.75 to be copies, on the pictures of DISC.

    Nothing is downloaded: the file is a program (see `Archive`), its authors state no digest, and so it is for the
    user to bring the one that they trust, and to state its `sha256`.

    Args:
        choice: Its file, as a ``near_copy`` names it.

    Raises:
        ModelError: The file is not named, not there, not the expected one or no such network.
    """

    name: ClassVar[str] = "sscd"

    def __init__(self, choice: EmbedderChoice) -> None:
        file = self.model_file(choice)
        if file.path is None:
            raise ModelError(
                "embedder 'sscd' is not told where its file is",
                detail=f"Download {PUBLISHED_AT} (MIT licence) and name the file as `{file.keys}.weights`, with its "
                f"`{file.keys}.sha256`.",
            )
        path, digest, file = file.pinned()
        device = torch_device(choice.device)
        archive = Archive(
            file=file,
            path=path,
            takes="pictures",
            use=f"Use the file at {PUBLISHED_AT}.",
        )
        network = archive.network()
        super().__init__(
            network,
            EmbedderSpec(
                name=self.name,
                weights_sha256=digest,
                licence=self.licence_of(choice),
                dimension=_checked(archive.dimension(network, _SIZE), path),
                input_size=_SIZE,
                colour_order="RGB",
                normalisation="(RGB - [123.675, 116.28, 103.53]) / [58.395, 57.12, 57.375]",
                alignment=STRETCHED,
                precision=choice.precision,
                device=device,
            ),
            mean=_MEAN,
            std=_STD,
        )

    @classmethod
    def model_file(cls, choice: EmbedderChoice) -> ModelFile:
        """The policy's own file; there is no other."""
        return ModelFile(
            owner=f"embedder {cls.name!r}", path=choice.weights, sha256=choice.sha256, keys="near_copy"
        )


def _checked(dimension: int, path: Path) -> int:
    if dimension not in _DIMENSIONS:
        raise ModelError(
            "the network of embedder 'sscd' is not SSCD",
            detail=f"{path}: found {dimension:,} numbers for a picture, expected 512 (sscd_disc_large: 1,024). "
            f"Use the file at {PUBLISHED_AT}, or name another network as an embedder 'torchscript'.",
        )
    return dimension
