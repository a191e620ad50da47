"""Brings the tensors of a checkpoint into a CLIP model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from torch import Tensor, nn

from faceleak_check.errors import ModelError
from faceleak_check.screens.clip_models import ClipModel

__all__ = ["fill"]

_N_NAMED = 5
_TEXT_TOWER = ("text_projection", "positional_embedding", "token_embedding", "transformer", "ln_final")


def fill(network: nn.Module, state: Mapping[str, Tensor], model: ClipModel, path: Path) -> None:
    """Puts a checkpoint's tensors into a network, all of them or none.

    Args:
        network: A model of open_clip.
        state: Tensors by name, as open_clip or Apple's MobileCLIP has them.
        model: Which model it is, for messages.
        path: Where they come from, for messages.

    Raises:
        ModelError: Tensors are missing, unknown or of another shape; they are named.
    """
    wanted = network.state_dict()
    found = _named_as_here(network, state)
    if wrong := " ".join(_differences(wanted, found)):
        raise ModelError(
            f"the weights of {model.file.owner} do not fit its model",
            detail=f"{path}: expected {model.title}. {wrong}",
        )
    network.load_state_dict(found, strict=False)


def _named_as_here(network: nn.Module, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The names that this network has, where a checkpoint of open_clip or of Apple has others for the same."""
    from open_clip.convert import convert_state_dict

    found = {name.removeprefix("module."): tensor for name, tensor in state.items()}
    found = dict(convert_state_dict(network, found))
    if hasattr(network, "text") and "text_projection" in found:
        found = {f"text.{name}" if name.startswith(_TEXT_TOWER) else name: found[name] for name in found}
    for name in ("logit_scale", "logit_bias"):
        if name in found and getattr(network, name, None) is not None and found[name].numel() == 1:
            found[name] = found[name].reshape(getattr(network, name).shape)
    return found


def _differences(wanted: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> Iterator[str]:
    missing = [name for name in wanted if name not in found]
    extra = [name for name in found if name not in wanted]
    reshaped = [
        f"{name} is {_shape(found[name])}, not {_shape(tensor)}"
        for name, tensor in wanted.items()
        if name in found and found[name].shape != tensor.shape
    ]
    for names, what in ((missing, "missing"), (extra, "unknown"), (reshaped, "of another shape")):
        if names:
            more = f" and {len(names) - _N_NAMED} more" if len(names) > _N_NAMED else ""
            yield (
                f"{len(names)} {'tensor is' if len(names) == 1 else 'tensors are'} {what}: "
                f"{', '.join(names[:_N_NAMED])}{more}."
            )


def _shape(tensor: Tensor) -> str:
    return " x ".join(map(str, tensor.shape)) or "a number"
