"""What an ONNX file tells of its network: input, output, and the notes in its metadata."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from faceleak_check.embedders.own_network import Told
from faceleak_check.errors import ModelError
from faceleak_check.policy.names import Licence
from faceleak_check.policy.types import Divisor, PixelValue, check_keys

__all__ = ["PREFIX", "OnnxGraph", "OnnxNotes", "read_graph", "read_notes"]

PREFIX = "faceleak."
"""What the keys of ours start with in the metadata of an ONNX file."""

_FLOAT = "tensor(float)"
_RANK = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class OnnxGraph:
    """The ends of a face network.

    Attributes:
        input_name: Its one input.
        output_name: The output that is the embedding.
        takes_batches: Whether it takes any number of pictures at once, not only one.
        input_size: Height and width of a picture; None where the graph takes any.
        dimension: Length of an embedding; None where the graph does not say.
    """

    input_name: str
    output_name: str
    takes_batches: bool
    input_size: int | None
    dimension: int | None


@check_keys
class OnnxNotes:
    """What the metadata of an ONNX file may tell, each key with ``faceleak.`` before it.

    Attributes:
        colour_order: As in a policy.
        mean: As in a policy.
        std: As in a policy.
        template: As in a policy.
        licence: Licence of the weights.
    """

    colour_order: Literal["RGB", "BGR"] | None = None
    mean: PixelValue | None = None
    std: Divisor | None = None
    template: Literal["arcface-112", "dlib-150", "facenet-160"] | None = None
    licence: Licence | None = None

    def told(self) -> dict[str, Told]:
        """What it says of pictures, by the policy's key."""
        values = {key: getattr(self, key) for key in ("colour_order", "mean", "std", "template")}
        return {
            key: Told(value=value, where=f"in the file's metadata ({PREFIX}{key})")
            for key, value in values.items()
            if value is not None
        }


def read_notes(metadata: Mapping[str, str], path: Path) -> OnnxNotes:
    """The notes in a file's metadata; keys of others are passed over.

    Raises:
        ModelError: A key of ours is unknown, or its value is out of range.
    """
    ours = {key.removeprefix(PREFIX): value for key, value in metadata.items() if key.startswith(PREFIX)}
    try:
        return OnnxNotes(**ours)  # type: ignore[arg-type]  # text becomes numbers there
    except ValidationError as refused:
        problems = "; ".join(_problem(error) for error in refused.errors(include_url=False))
    raise ModelError(
        "the metadata of the ONNX file of embedder 'onnx' is wrong",
        detail=f"{path}: {problems}. Correct it in the file, where the `onnx` package shows it as metadata_props.",
    )


def _problem(error: Any) -> str:
    key, kind = PREFIX + str(error["loc"][0]), error["type"]
    if kind == "unexpected_keyword_argument":
        known = ", ".join(PREFIX + name for name in OnnxNotes.__dataclass_fields__)
        return f"unknown key {key}, expected {known}"
    if kind == "literal_error":
        return f"{key}: found {error['input']!r}, expected {error['ctx']['expected']}"
    return f"{key}: {error['ctx']['error']}"


def read_graph(inputs: Sequence[Any], outputs: Sequence[Any], path: Path) -> OnnxGraph:
    """Checks that a network takes pictures and gives embeddings.

    Args:
        inputs: The session's inputs, each with name, type and shape.
        outputs: Its outputs.
        path: The file, for messages.

    Raises:
        ModelError: It is no face network.
    """
    takes = [one for one in inputs if one.type == _FLOAT and _takes_pictures(one.shape)]
    if len(takes) != 1 or len(inputs) != 1:
        raise ModelError(
            "the network of embedder 'onnx' does not take face chips",
            detail=f"{path}: found {_shown('input', inputs)}; expected exactly one input, of float32, N x 3 x H x W "
            "with H = W, and N either open or 1. Use a face recognition network that takes RGB or BGR pictures.",
        )
    embeddings = [one for one in outputs if one.type == _FLOAT and _is_embedding(one.shape, len(outputs))]
    if len(embeddings) != 1:
        raise ModelError(
            "the network of embedder 'onnx' does not give one embedding a picture",
            detail=f"{path}: found {_shown('output', outputs)}; expected exactly one output of float32, N x D. Use a "
            "face recognition network: networks that find faces or points give other shapes.",
        )
    n, _, *sides = takes[0].shape
    dimension = embeddings[0].shape[-1:]
    return OnnxGraph(
        input_name=takes[0].name,
        output_name=embeddings[0].name,
        takes_batches=not isinstance(n, int),
        input_size=next((side for side in sides if isinstance(side, int)), None),
        dimension=next((length for length in dimension if isinstance(length, int)), None),
    )


def _takes_pictures(shape: Sequence[int | str | None]) -> bool:
    if len(shape) != _RANK or shape[1] != 3 or (isinstance(shape[0], int) and shape[0] != 1):
        return False
    return len({side for side in shape[2:] if isinstance(side, int)}) < 2


def _is_embedding(shape: Sequence[int | str | None], n_outputs: int) -> bool:
    # a graph may leave the shape open; with one output alone a run will tell
    return len(shape) == 2 or (not shape and n_outputs == 1)


def _shown(what: str, ends: Sequence[Any]) -> str:
    if not ends:
        return f"no {what}"
    each = [
        f"{one.name!r} ({one.type.removeprefix('tensor(').removesuffix(')')}, {_shape(one.shape)})"
        for one in ends
    ]
    return f"{what}{'s' if len(each) > 1 else ''} " + ", ".join(each)


def _shape(shape: Sequence[int | str | None]) -> str:
    return " x ".join("?" if side is None else str(side) for side in shape) or "shape unknown"
