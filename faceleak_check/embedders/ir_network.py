"""The IR networks of face recognition: residual blocks that normalise first and halve in their second convolution.

"ResNet-50", "ResNet-100" and their kin in papers on ArcFace (arXiv 1801.07698, section 3.1) and AdaFace. The names of
the parameters are those of the public AdaFace and CVLFace checkpoints, which load as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import torch
from torch import Tensor, nn

__all__ = ["N_BLOCKS", "IrNetwork"]

N_BLOCKS: Mapping[int, tuple[int, int, int, int]] = MappingProxyType(
    {18: (2, 2, 2, 2), 50: (3, 4, 14, 3), 101: (3, 13, 30, 3)}
)
"""Number of blocks in each of the four stages, by the depth in the network's name."""

_WIDTHS = (64, 128, 256, 512)
_SIDE = 7
"""Height and width of what is left of a chip of 112 x 112 after four halvings."""


class _Block(nn.Module):
    def __init__(self, n_inputs: int, n_outputs: int, stride: int) -> None:
        super().__init__()
        self.shortcut_layer = _shortcut(n_inputs, n_outputs, stride)
        self.res_layer = nn.Sequential(
            nn.BatchNorm2d(n_inputs),
            nn.Conv2d(n_inputs, n_outputs, 3, padding=1, bias=False),
            nn.BatchNorm2d(n_outputs),
            nn.PReLU(n_outputs),
            nn.Conv2d(n_outputs, n_outputs, 3, stride=stride, padding=1, bias=False),
            nn.BatchNorm2d(n_outputs),
        )

    def forward(self, x: Tensor) -> Tensor:
        # bf16 may round in the convolutions; what runs from block to block keeps its digits in float32
        residual: Tensor = self.res_layer(x)
        shortcut: Tensor = self.shortcut_layer(x)
        return residual.float() + shortcut.float()


def _shortcut(n_inputs: int, n_outputs: int, stride: int) -> nn.Module:
    if n_inputs == n_outputs:
        return nn.MaxPool2d(1, stride)
    return nn.Sequential(
        nn.Conv2d(n_inputs, n_outputs, 1, stride=stride, bias=False), nn.BatchNorm2d(n_outputs)
    )


class IrNetwork(nn.Module):
    """Face chips → embeddings whose length tells how good the picture is.

    Args:
        depth: 18, 50 or 101.
        dimension: Length of an embedding.
    """

    def __init__(self, depth: int, dimension: int = 512) -> None:
        super().__init__()
        self.input_layer = nn.Sequential(
            nn.Conv2d(3, 64, 3, padding=1, bias=False), nn.BatchNorm2d(64), nn.PReLU(64)
        )
        self.body = nn.Sequential(*_blocks(N_BLOCKS[depth]))
        self.output_layer = nn.Sequential(
            nn.BatchNorm2d(_WIDTHS[-1]),
            nn.Dropout(0.4),
            nn.Flatten(),
            nn.Linear(_WIDTHS[-1] * _SIDE * _SIDE, dimension),
            nn.BatchNorm1d(dimension, affine=False),
        )

    def forward(self, chips: Tensor) -> Tensor:
        """Normalised chips, float32, shape (n, 3, 112, 112) → embeddings, float32, shape (n, dimension)."""
        x = self.body(self.input_layer(chips))
        with torch.autocast(x.device.type, enabled=False):
            embeddings: Tensor = self.output_layer(x.float())
        return embeddings


def _blocks(n_blocks: tuple[int, ...]) -> list[_Block]:
    blocks = []
    n_inputs = _WIDTHS[0]
    for width, n_of_stage in zip(_WIDTHS, n_blocks, strict=True):
        for index in range(n_of_stage):
            blocks.append(_Block(n_inputs, width, stride=1 if index else 2))
            n_inputs = width
    return blocks
