"""``torchscript``: a face network of the user's own in a TorchScript archive."""

from __future__ import annotations

from typing import ClassVar

from faceleak_check.compute import torch_device
from faceleak_check.embedders.own_network import checked_dimension, chip_rules
from faceleak_check.embedders.scripted import Archive, ScriptedNetwork
from faceleak_check.model_files import ModelFile
from faceleak_check.policy.schema import EmbedderChoice
from faceleak_check.records import EmbedderSpec

__all__ = ["TorchScriptEmbedder"]

_USE = "Use a face recognition network that takes any number of pictures, and save it without its further outputs."


class TorchScriptEmbedder(ScriptedNetwork):
    """Embeds face chips with the network of a TorchScript archive.

    The archive says nothing of the pictures that its network takes, so the policy states `input_size`,
    `colour_order`, `mean` and `std`. The length of its templates is found by running it once.

    An archive holds a program, for torch's own interpreter. No Python runs, and nothing in it can import a module or
    start a process; one that asks for operators that read or write files is refused. It can still take all memory,
    or never end: load only files that you trust, and state their `sha256`.

    Args:
        choice: The policy's ``embedder`` block.

    Raises:
        ModelError: The file is not there, not the expected one or no face network, or the policy does not
            state how it takes pictures.
    """

    name: ClassVar[str] = "torchscript"

    def __init__(self, choice: EmbedderChoice) -> None:
        path, digest, file = self.model_file(choice).pinned()
        rules = chip_rules(choice, path, {})
        device = torch_device(choice.device)
        archive = Archive(file=file, path=path, takes="face chips", use=_USE)
        network = archive.network()
        super().__init__(
            network,
            EmbedderSpec(
                name=self.name,
                weights_sha256=digest,
                licence=self.licence_of(choice),
                dimension=checked_dimension(choice, path, archive.dimension(network, rules.input_size)),
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

    @classmethod
    def model_file(cls, choice: EmbedderChoice) -> ModelFile:
        """The policy's own file; there is no other."""
        return ModelFile(owner="embedder 'torchscript'", path=choice.weights, sha256=choice.sha256)
