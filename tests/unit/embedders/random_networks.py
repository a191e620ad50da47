"""Networks of the real sizes with random weights."""

from __future__ import annotations

import torch
from torch import nn

__all__ = ["State", "random_state"]

State = dict[str, torch.Tensor]


def random_state(network: nn.Module, side: int) -> State:
    """The state dict of a network that has seen a batch, so that its embeddings tell pictures apart.

    Args:
        network: A network with random weights.
        side: Height and width of its pictures.
    """
    random = torch.Generator().manual_seed(side)
    for module in network.train().modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.momentum = None
        if isinstance(module, nn.Dropout):
            module.eval()
        if isinstance(module, nn.PReLU):
            module.weight.data.uniform_(0.1, 0.4, generator=random)
    with torch.no_grad():
        network(torch.rand(8, 3, side, side, generator=random) * 2 - 1)
    return network.state_dict()
