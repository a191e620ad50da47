"""Brings the tensors of a checkpoint into a network, all of them or none."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, nn

from faceleak_check.errors import ModelError

__all__ = ["fitted"]

_N_NAMED = 5
_COUNTER = "num_batches_tracked"
"""Normalisation layers count batches while they learn; older checkpoints have no counter and need none."""

Network = TypeVar("Network", bound=nn.Module)


def fitted(
    make: Callable[[], Network], state: Mapping[str, Tensor], *, owner: str, path: Path, kind: str
) -> Network:
    """A network with the checkpoint's tensors, float32, on the CPU.

    Args:
        make: Makes the network.
        state: Tensors by the network's own names.
        owner: Whose weights they are, for messages: ``embedder 'adaface-ir101'``.
        path: Where they come from, for messages.
        kind: The network's name, for messages: ``IR-101``.

    Raises:
        ModelError: Tensors are missing, unknown or of another shape; they are named.
    """
    # without memory first: random weights for 65 million parameters would take seconds, to be overwritten
    with torch.device("meta"):
        network = make()
    wanted = network.state_dict()
    if wrong := " ".join(_differences(wanted, state)):
        raise ModelError(
            f"the weights of {owner} do not fit its network", detail=f"{path}: expected {kind}. {wrong}"
        )
    network = network.to_empty(device="cpu")
    network.load_state_dict(
        {name: state[name].to(torch.float32) for name in wanted if name in state}, strict=False
    )
    return network


def _differences(wanted: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> Iterable[str]:
    missing = [name for name in wanted if name not in found and not name.endswith(_COUNTER)]
    extra = [name for name in found if name not in wanted]
    reshaped = [
        f"{name} is {_shape(found[name])}, not {_shape(tensor)}"
        for name, tensor in wanted.items()
        if name in found and found[name].shape != tensor.shape
    ]
    for names, what in ((missing, "missing"), (extra, "unknown"), (reshaped, "of another shape")):
        if names:
            yield f"{len(names)} {'tensor is' if len(names) == 1 else 'tensors are'} {what}: {_listed(names)}."


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _N_NAMED} more" if len(names) > _N_NAMED else ""
    return ", ".join(names[:_N_NAMED]) + more


def _shape(tensor: Tensor) -> str:
    return " x ".join(map(str, tensor.shape)) or "a number"
