"""Checkpoints of torch and safetensors, of which nothing but tensors is ever loaded."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faceleak_check.errors import ModelError
from faceleak_check.model_files.bombs import refuse_bomb
from faceleak_check.model_files.pickles import asked_imports

if TYPE_CHECKING:
    import torch

__all__ = ["load_state_dict"]

# What trainers keep beside the tensors. It is not run: each becomes a `_Bystander`, or a dict.
_BYSTANDERS = re.compile(
    r"(pytorch_lightning|lightning|lightning_fabric|lightning_utilities)\.[\w.]+"
    r"|argparse\.Namespace|numpy\.dtype|numpy\.(_core|core)\.multiarray\.scalar"
)
_TENSORS = re.compile(r"torch\.[\w.]+|collections\.OrderedDict")


class _Bystander:
    """Stands for an object of a training framework that the checkpoint names; does nothing."""

    def __init__(self, *_: object) -> None:
        pass

    def __setstate__(self, _: object) -> None:
        pass


def load_state_dict(data: bytes, *, path: Path, owner: str) -> Mapping[str, torch.Tensor]:
    """The tensors of a checkpoint by name, on the CPU; of a trainer's checkpoint those of its ``state_dict``.

    Args:
        data: The file's bytes: safetensors, or what ``torch.save`` wrote.
        path: Where they come from, for messages.
        owner: Whose weights they are, for messages: ``embedder 'adaface-ir101'``.

    Raises:
        ModelError: The file asks for code, would fill the memory, is damaged, or holds no tensors by name.
    """
    refuse_bomb(data, path=path, owner=owner)
    try:
        found = _safetensors(data) if _is_safetensors(data) else _torch(data, path, owner)
    except ModelError:
        raise
    except Exception:  # noqa: BLE001 — a damaged file can raise anything
        raise ModelError(
            f"the weights of {owner} are damaged, or no checkpoint of PyTorch or safetensors",
            detail=f"{path}: found {len(data):,} bytes that neither can read. Get the file again, or name another.",
        ) from None
    nested = found.get("state_dict") if isinstance(found, Mapping) else None
    return _tensors(found if nested is None else nested, path, owner)


def _is_safetensors(data: bytes) -> bool:
    return data[8:9] == b"{" and data[:2] != b"PK"


def _safetensors(data: bytes) -> Any:
    from safetensors.torch import load

    return load(data)


def _torch(data: bytes, path: Path, owner: str) -> Any:
    import torch

    asked = asked_imports(data)
    known: list[Callable[..., Any] | tuple[Callable[..., Any], str]] = [
        (_stand_in(name), name) for name in asked if _BYSTANDERS.fullmatch(name)
    ]
    try:
        with torch.serialization.safe_globals(known):
            return torch.load(io.BytesIO(data), weights_only=True, map_location="cpu")
    except Exception:
        code = [name for name in asked if not _TENSORS.fullmatch(name)]
        if not code:
            raise
        raise _refused(path, owner, code) from None


def _stand_in(name: str) -> type:
    return dict if name.endswith(".AttributeDict") else _Bystander


def _refused(path: Path, owner: str, names: Sequence[str]) -> ModelError:
    return ModelError(
        f"the weights of {owner} are refused: the file could run code",
        detail=f"{path} asks for {', '.join(names)}; a file of weights needs nothing but tensors. If you trust where "
        "it comes from, load it once on a machine of no worth and keep the tensors alone: "
        "safetensors.torch.save_file(state_dict, FILE).",
    )


def _tensors(found: Any, path: Path, owner: str) -> Mapping[str, torch.Tensor]:
    import torch

    if (
        isinstance(found, Mapping)
        and found
        and all(isinstance(value, torch.Tensor) for value in found.values())
    ):
        return found
    raise ModelError(
        f"the weights of {owner} are no state dict",
        detail=f"{path}: found {_kind(found)}, expected a mapping from names to tensors, or one under 'state_dict'",
    )


def _kind(found: Any) -> str:
    if not isinstance(found, Mapping):
        return f"a {type(found).__name__}"
    keys = ", ".join(map(repr, list(found)[:5]))
    return f"a mapping with the keys {keys}" if keys else "an empty mapping"
