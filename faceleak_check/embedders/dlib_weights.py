"""Reads the weights of dlib's published face network from its ``.dat`` file, without dlib.

Layout of the file (dlib's own serialisation, read from the outside and checked against dlib's output): layers
stand from input to output; after each marker ``con_4`` and ``affine_`` comes one tensor, after ``fc_2`` come two
packed integers and one tensor. A tensor is a packed version (2), four packed dimensions and raw little-endian
float32. A packed integer is a control byte (low 4 bits: number of bytes that follow, 0x80: negative) and a
little-endian magnitude.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Array", "DlibWeights", "parse_weights"]

_MARKER = re.compile(rb"(?:\x01\x05con_4|\x01\x07affine_|\x01\x04fc_2)")
_N_CONVOLUTIONS = 29
_TENSOR_VERSION = 2
_DIMENSION = 128
_FC_INPUTS = 256

Array = npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, slots=True)
class DlibWeights:
    """The parameters in the order in which the network uses them.

    Attributes:
        convolutions: Raw parameters of each convolution: filters, then one bias an output.
        affines: Raw parameters of each affine layer: scales, then offsets.
        fully_connected: Shape (256, 128): features by template.
    """

    convolutions: tuple[Array, ...]
    affines: tuple[Array, ...]
    fully_connected: Array


def parse_weights(data: bytes) -> DlibWeights:
    """Finds every layer's parameters.

    Raises:
        ValueError: The bytes are not dlib's face network.
    """
    found: dict[bytes, list[Array]] = {b"con_4": [], b"affine_": [], b"fc_2": []}
    position = 0
    while marker := _MARKER.search(data, position):
        kind = marker.group()[2:]
        position = marker.end()
        if kind == b"fc_2":
            for _ in range(2):
                _, position = _packed_integer(data, position)
        tensor, position = _tensor(data, position)
        found[kind].append(tensor)
    return _checked(found)


def _checked(found: dict[bytes, list[Array]]) -> DlibWeights:
    counts = tuple(len(found[kind]) for kind in (b"con_4", b"affine_", b"fc_2"))
    expected = (_N_CONVOLUTIONS, _N_CONVOLUTIONS, 1)
    if counts != expected:
        raise ValueError(
            f"found {counts[0]} convolutions, {counts[1]} affine layers and {counts[2]} fully connected layers, "
            f"expected {expected[0]}, {expected[1]} and {expected[2]}"
        )
    last = found[b"fc_2"][0]
    if last.size != _FC_INPUTS * _DIMENSION:
        raise ValueError(f"the last layer has {last.size:,} parameters, expected {_FC_INPUTS * _DIMENSION:,}")
    return DlibWeights(
        convolutions=tuple(found[b"con_4"]),
        affines=tuple(found[b"affine_"]),
        fully_connected=last.reshape(_FC_INPUTS, _DIMENSION),
    )


def _packed_integer(data: bytes, position: int) -> tuple[int, int]:
    if position >= len(data):
        raise ValueError("the file ends inside a layer")
    control = data[position]
    end = position + 1 + (control & 0x0F)
    magnitude = int.from_bytes(data[position + 1 : end], "little")
    return (-magnitude if control & 0x80 else magnitude), end


def _tensor(data: bytes, position: int) -> tuple[Array, int]:
    header = []
    for _ in range(5):
        value, position = _packed_integer(data, position)
        header.append(value)
    version, *shape = header
    if version != _TENSOR_VERSION or min(shape) < 0:
        raise ValueError(
            f"found a tensor of version {version} and shape {shape}, expected version {_TENSOR_VERSION}"
        )
    size = math.prod(shape)
    if size * 4 > len(data) - position:
        raise ValueError("the file ends inside a layer")
    values = np.frombuffer(data, dtype="<f4", count=size, offset=position)
    return values.astype(np.float32), position + 4 * size
