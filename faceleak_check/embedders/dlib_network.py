"""dlib's face ResNet as a PyTorch module, each affine layer folded into its convolution."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from faceleak_check.embedders.dlib_weights import Array, DlibWeights

__all__ = ["DlibNetwork"]

# (outputs, halves the picture) of each residual block, from input to output
_BLOCKS = (
    *[(32, False)] * 3,
    (64, True),
    *[(64, False)] * 3,
    (128, True),
    *[(128, False)] * 2,
    (256, True),
    *[(256, False)] * 2,
    (256, True),
)


class _Block(nn.Module):
    def __init__(self, n_inputs: int, n_outputs: int, *, halves: bool) -> None:
        super().__init__()
        stride, padding = (2, 0) if halves else (1, 1)
        self.first = nn.Conv2d(n_inputs, n_outputs, 3, stride=stride, padding=padding)
        self.second = nn.Conv2d(n_outputs, n_outputs, 3, padding=1)
        self.halves = halves

    def forward(self, x: Tensor) -> Tensor:
        y = self.second(functional.relu(self.first(x), inplace=True))
        if self.halves:
            x = functional.avg_pool2d(x, 2)
        return functional.relu(_add_padded(x, y), inplace=True)


def _add_padded(x: Tensor, y: Tensor) -> Tensor:
    """Sums two tensors; the smaller one counts as zero where it ends, as dlib's add_prev does."""
    if x.shape == y.shape:
        return y.add_(x)
    shape = [max(sizes) for sizes in zip(x.shape, y.shape, strict=True)]
    return _pad(x, shape) + _pad(y, shape)


def _pad(x: Tensor, shape: list[int]) -> Tensor:
    _, channels, height, width = (wanted - size for wanted, size in zip(shape, x.shape, strict=True))
    return functional.pad(x, (0, width, 0, height, 0, channels)) if channels or height or width else x


class DlibNetwork(nn.Module):
    """Face chips → embeddings of length about 1.4.

    Args:
        weights: The parameters of the published file.
    """

    projection: Tensor

    def __init__(self, weights: DlibWeights) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 32, 7, stride=2)
        blocks = []
        n_inputs = 32
        for n_outputs, halves in _BLOCKS:
            blocks.append(_Block(n_inputs, n_outputs, halves=halves))
            n_inputs = n_outputs
        self.blocks = nn.Sequential(*blocks)
        self.register_buffer("projection", torch.from_numpy(weights.fully_connected.copy()), persistent=False)
        convolutions = [module for module in self.modules() if isinstance(module, nn.Conv2d)]
        for convolution, raw, affine in zip(convolutions, weights.convolutions, weights.affines, strict=True):
            _fill(convolution, raw, affine)

    def forward(self, chips: Tensor) -> Tensor:
        """Normalised RGB chips, float32, shape (n, 3, 150, 150) → embeddings, float32, shape (n, 128)."""
        x = functional.relu(self.stem(chips), inplace=True)
        x = self.blocks(functional.max_pool2d(x, 3, stride=2))
        # bf16 would cost the template three digits here and save nothing
        with torch.autocast(x.device.type, enabled=False):
            features = x.mean(dim=(2, 3), dtype=torch.float32)
            return torch.mm(features, self.projection)


def _fill(convolution: nn.Conv2d, raw: Array, affine: Array) -> None:
    n_outputs = convolution.out_channels
    expected = (convolution.weight.numel() + n_outputs, 2 * n_outputs)
    if (raw.size, affine.size) != expected:
        raise ValueError(
            f"a convolution and its affine layer have {raw.size:,} and {affine.size:,} parameters, "
            f"expected {expected[0]:,} and {expected[1]:,}"
        )
    scale, offset = affine[:n_outputs], affine[n_outputs:]
    filters = raw[:-n_outputs].reshape(convolution.weight.shape) * scale[:, None, None, None]
    bias = raw[-n_outputs:] * scale + offset
    with torch.no_grad():
        convolution.weight.copy_(torch.from_numpy(filters))
        convolution.get_parameter("bias").copy_(torch.from_numpy(bias))
