"""Weights: a damaged file is refused in plain words, or is another file, which its digest tells."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from pathlib import Path

import torch
from kinds import FalsePassError, Kind, Whole, require_words
from onnx_networks import network
from safetensors.torch import save

from faceleak_check.embedders.onnx import OnnxEmbedder
from faceleak_check.errors import ModelError
from faceleak_check.model_files.checkpoints import load_state_dict
from faceleak_check.policy.schema import EmbedderChoice

__all__ = ["KINDS"]

_TENSORS = {"a.weight": torch.arange(24.0).reshape(2, 3, 4), "b.bias": torch.ones(5, dtype=torch.int64)}
_OWNER = "embedder 'adaface-ir18'"
_TOKENS = (
    *(
        b'"dtype"',
        b'"shape"',
        b'"data_offsets"',
        b'"F32"',
        b'"I64"',
        b'"BF16"',
        b'"F4"',
        b'"BOOL"',
        b"[2,3,4]",
        b"[]",
    ),
    *(
        b"[99999999999999]",
        b"18446744073709551615",
        b"-1",
        b"0",
        b"null",
        b"{",
        b"}",
        b'"__metadata__"',
        b"a.weight",
    ),
)


def _safetensors(_: Path) -> Sequence[Whole]:
    return [Whole(name="two.safetensors", data=bytes(save(_TENSORS)))]


def _checkpoints(_: Path) -> Sequence[Whole]:
    wholes = []
    for name, is_zip in (("zip.ckpt", True), ("old.ckpt", False)):
        file = io.BytesIO()
        torch.save({"state_dict": _TENSORS}, file, _use_new_zipfile_serialization=is_zip)
        wholes.append(Whole(name=name, data=file.getvalue()))
    return wholes


def _judged_tensors(folder: Path, whole: Whole, data: bytes) -> str:
    try:
        found = load_state_dict(data, path=folder / whole.name, owner=_OWNER)
    except ModelError as error:
        require_words(error.message)
        return "refused"
    assert found
    assert all(isinstance(one, torch.Tensor) for one in found.values())
    return "read"


def _networks(_: Path) -> Sequence[Whole]:
    model = network(shape=("N", 3, 32, 32), metadata={"faceleak.colour_order": "RGB"})
    return [Whole(name="face.onnx", data=model.SerializeToString())]


def _judged_network(folder: Path, whole: Whole, data: bytes) -> str:
    path = folder / "face.onnx"
    path.write_bytes(data)
    choice = EmbedderChoice(
        name="onnx",
        weights=path,
        colour_order="RGB",
        mean=127.5,
        std=127.5,
        template="arcface-112",
        device="cpu",
    )
    try:
        embedder = OnnxEmbedder(choice)
        embedder.load()
    except ModelError as error:
        require_words(error.message)
        return "refused"
    is_same = data == whole.data
    if is_same != (embedder.spec.weights_sha256 == hashlib.sha256(whole.data).hexdigest()):
        raise FalsePassError("another file of weights counts as the same")
    return "read"


KINDS = (
    Kind(name="safetensors", wholes=_safetensors, judge=_judged_tensors, tokens=_TOKENS),
    Kind(name="checkpoint", wholes=_checkpoints, judge=_judged_tensors),
    Kind(name="onnx", wholes=_networks, judge=_judged_network),
)
