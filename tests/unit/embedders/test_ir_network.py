"""Our IR networks against the same arithmetic written out in plain functions."""

from __future__ import annotations

import pytest
import torch
from random_networks import State
from torch import Tensor
from torch.nn import functional

from faceleak_check.embedders.ir_network import IrNetwork


def normalised(state: State, name: str, x: Tensor) -> Tensor:
    mean, variance = state[f"{name}.running_mean"], state[f"{name}.running_var"]
    x = (x.movedim(1, -1) - mean) / (variance + 1e-5).sqrt()
    if f"{name}.weight" in state:
        x = x * state[f"{name}.weight"] + state[f"{name}.bias"]
    return x.movedim(-1, 1)


def block(state: State, name: str, x: Tensor, stride: int) -> Tensor:
    shortcut = x[:, :, ::stride, ::stride]
    if f"{name}.shortcut_layer.0.weight" in state:
        shortcut = torch.einsum(
            "nchw,dc->ndhw", shortcut, state[f"{name}.shortcut_layer.0.weight"][:, :, 0, 0]
        )
        shortcut = normalised(state, f"{name}.shortcut_layer.1", shortcut)
    x = normalised(state, f"{name}.res_layer.0", x)
    x = normalised(
        state, f"{name}.res_layer.2", functional.conv2d(x, state[f"{name}.res_layer.1.weight"], padding=1)
    )
    x = torch.where(x > 0, x, x * state[f"{name}.res_layer.3.weight"][:, None, None])
    x = functional.conv2d(x, state[f"{name}.res_layer.4.weight"], stride=stride, padding=1)
    return normalised(state, f"{name}.res_layer.5", x) + shortcut


def by_hand(state: State, x: Tensor, n_blocks: tuple[int, ...]) -> Tensor:
    x = normalised(state, "input_layer.1", functional.conv2d(x, state["input_layer.0.weight"], padding=1))
    x = torch.where(x > 0, x, x * state["input_layer.2.weight"][:, None, None])
    strides = [2 if first else 1 for n in n_blocks for first in [True] + [False] * (n - 1)]
    for index, stride in enumerate(strides):
        x = block(state, f"body.{index}", x, stride)
    x = normalised(state, "output_layer.0", x).flatten(1)
    x = x @ state["output_layer.3.weight"].T + state["output_layer.3.bias"]
    return normalised(state, "output_layer.4", x)


def test_ir_18_is_the_arithmetic_of_its_paper(ir18: State) -> None:
    state = {name: tensor.float() for name, tensor in ir18.items()}
    network = IrNetwork(18)
    network.load_state_dict(state)
    network.eval()
    chips = torch.rand(2, 3, 112, 112, generator=torch.Generator().manual_seed(1)) * 2 - 1
    with torch.inference_mode():
        ours, theirs = network(chips), by_hand(state, chips, (2, 2, 2, 2))
    assert ours.shape == (2, 512)
    assert theirs.norm(dim=1).min() > 1
    torch.testing.assert_close(ours, theirs, atol=1e-3, rtol=1e-4)


@pytest.mark.parametrize(
    ("depth", "n_parameters", "shortcuts", "last"),
    [
        (18, 24_020_352, (2, 4, 6), 7),
        (50, 43_585_600, (3, 7, 21), 23),
        (101, 65_150_912, (3, 16, 46), 48),
    ],
)
def test_networks_have_the_public_sizes_and_names(
    depth: int, n_parameters: int, shortcuts: tuple[int, ...], last: int
) -> None:
    with torch.device("meta"):
        network = IrNetwork(depth)
    assert sum(parameter.numel() for parameter in network.parameters()) == n_parameters
    state = network.state_dict()
    assert set(state) == public_names(shortcuts, last)
    assert state["output_layer.3.weight"].shape == (512, 25088)
    assert state[f"body.{last}.res_layer.4.weight"].shape == (512, 512, 3, 3)


def public_names(shortcuts: tuple[int, ...], last: int) -> set[str]:
    """As the files of AdaFace name them; a network has a shortcut with weights where it gets wider."""
    statistics = ("running_mean", "running_var", "num_batches_tracked")
    layer = ("weight", "bias", *statistics)
    names = {"input_layer.0.weight", "input_layer.2.weight", "output_layer.3.weight", "output_layer.3.bias"}
    names |= {f"input_layer.1.{name}" for name in layer} | {f"output_layer.0.{name}" for name in layer}
    names |= {f"output_layer.4.{name}" for name in statistics}
    for index in range(last + 1):
        names |= {f"body.{index}.res_layer.{place}.weight" for place in (1, 3, 4)}
        names |= {f"body.{index}.res_layer.{place}.{name}" for place in (0, 2, 5) for name in layer}
        if index in shortcuts:
            names |= {f"body.{index}.shortcut_layer.1.{name}" for name in layer}
            names.add(f"body.{index}.shortcut_layer.0.weight")
    return names
