"""Networks for the benchmarks: the published weights where they are here, else random ones in the same file format.

How fast a network is does not depend on its weights.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import nn

from faceleak_check.embedders.ir_network import IrNetwork
from faceleak_check.policy.schema import EmbedderChoice
from faceleak_check.policy.types import Device
from faceleak_check.registry import EMBEDDERS

__all__ = ["runnable"]


def runnable(folder: Path, names: list[str], device: Device = "cpu") -> Iterator[tuple[str, EmbedderChoice]]:
    """Each embedder with a title that says whose weights it has.

    Args:
        folder: Where random weights are written.
        names: Those wanted; all where empty.
        device: What is to compute.
    """
    for name in names or [name for name in EMBEDDERS if name != "fake-pixels"]:
        choice = EmbedderChoice(name=name, device=device)
        file = EMBEDDERS.load(name).model_file(choice)
        if file.find():
            yield name, choice
        else:
            yield f"{name}, random weights", _random(name, folder, device)


def _random(name: str, folder: Path, device: Device) -> EmbedderChoice:
    torch.manual_seed(0)
    path = folder / f"{name}.{'onnx' if name == 'onnx' else 'pt'}"
    if name in ("onnx", "torchscript"):
        _own_file(name, path)
        return EmbedderChoice(
            name=name,
            weights=path,
            device=device,
            input_size=112,
            colour_order="RGB",
            mean=127.5,
            std=127.5,
            template="arcface-112",
        )
    if name.startswith("facenet"):
        from facenet_pytorch import InceptionResnetV1

        network: nn.Module = InceptionResnetV1(pretrained=None)
    else:
        network = IrNetwork(int(name.removeprefix("adaface-ir")))
    torch.save(network.state_dict(), path)
    return EmbedderChoice(name=name, weights=path, device=device)


def _own_file(name: str, path: Path) -> None:
    """An IR-18 as ONNX or TorchScript; both exporters warn of their age."""
    network, chips = IrNetwork(18).eval(), torch.zeros(2, 3, 112, 112)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if name == "torchscript":
            torch.jit.trace(network, chips).save(str(path))  # type: ignore[no-untyped-call]
            return
        axes = {"face": {0: "n"}, "embedding": {0: "n"}}
        torch.onnx.export(
            network,
            (chips,),
            path,
            dynamo=False,
            input_names=["face"],
            output_names=["embedding"],
            dynamic_axes=axes,
        )
