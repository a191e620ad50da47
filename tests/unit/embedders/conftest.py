from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import torch
from random_networks import State, random_state

from faceleak_check.embedders.ir_network import IrNetwork


@pytest.fixture(scope="session")
def ir18() -> State:
    """A random IR-18, its numbers halved in length to keep the tests' files small."""
    torch.manual_seed(18)
    state = random_state(IrNetwork(18), 112)
    return {name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in state.items()}


@pytest.fixture(scope="session")
def chips_112() -> npt.NDArray[np.uint8]:
    """Five pictures whose colours differ."""
    chips = np.random.default_rng(112).integers(0, 256, (5, 112, 112, 3), dtype=np.uint8)
    chips[..., 0] //= 4
    return chips
