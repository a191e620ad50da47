"""Writes small ONNX networks of one's own choice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch.nn import functional

Weights = Mapping[str, npt.NDArray[np.float32]]
Shape = Sequence[int | str | None]


def weights(n_channels: int = 3, dimension: int = 64) -> Weights:
    """Parameters of the network below; the same each time."""
    random = np.random.default_rng(7)
    return {
        "first": random.normal(size=(16, n_channels, 3, 3)).astype(np.float32),
        "second": random.normal(size=(32, 16, 3, 3)).astype(np.float32),
        "last": random.normal(size=(32, dimension)).astype(np.float32),
    }


def network(
    *,
    shape: Shape = ("N", 3, 32, 32),
    dimension: int = 64,
    output_shape: Shape = ("N", 64),
    metadata: Mapping[str, str] | None = None,
    kind: int = TensorProto.FLOAT,
) -> onnx.ModelProto:
    """Two convolutions, a mean over the picture, a projection."""
    n_channels = shape[1] if len(shape) == 4 and isinstance(shape[1], int) else 3
    numbers = weights(n_channels, dimension)
    dtype = helper.tensor_dtype_to_np_dtype(kind)
    nodes = [
        helper.make_node("Conv", ["face", "first"], ["a"], strides=[2, 2], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Conv", ["b", "second"], ["c"], strides=[2, 2], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c"], ["d"]),
        helper.make_node("GlobalAveragePool", ["d"], ["e"]),
        helper.make_node("Flatten", ["e"], ["f"]),
        helper.make_node("MatMul", ["f", "last"], ["embedding"]),
    ]
    graph = helper.make_graph(
        nodes,
        "face network",
        [helper.make_tensor_value_info("face", kind, shape)],
        [helper.make_tensor_value_info("embedding", kind, output_shape)],
        [numpy_helper.from_array(array.astype(dtype), name) for name, array in numbers.items()],
    )
    # versions that every supported onnxruntime knows
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    helper.set_model_props(model, dict(metadata or {}))
    return model


def save(model: onnx.ModelProto, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(model.SerializeToString())
    return path


def save_apart(model: onnx.ModelProto, path: Path, location: str) -> Path:
    """Writes the numbers into ``numbers.bin`` beside the file, and lets the file look for them in `location`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, path, save_as_external_data=True, location="numbers.bin", size_threshold=0)
    apart = onnx.load(path, load_external_data=False)
    for tensor in apart.graph.initializer:
        for entry in tensor.external_data:
            if entry.key == "location":
                entry.value = location
    return save(apart, path)


def by_torch(pictures: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """What the network should give, computed by others."""
    first, second, last = (torch.from_numpy(array) for array in weights().values())
    x = functional.relu(functional.conv2d(torch.from_numpy(pictures), first, stride=2, padding=1))
    x = functional.relu(functional.conv2d(x, second, stride=2, padding=1))
    embeddings: npt.NDArray[np.float32] = (x.mean(dim=(2, 3)) @ last).numpy()
    return embeddings
