"""Brings a CLIP model into memory: the image tower, and what its text tower made of the classes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor, nn

from faceleak_check.errors import ModelError
from faceleak_check.model_files import offline
from faceleak_check.protocols import Pixels
from faceleak_check.screens.clip_classes import Classes
from faceleak_check.screens.clip_fitting import fill
from faceleak_check.screens.clip_models import LONGEST_TO_SHORTEST, ClipModel

__all__ = ["Tower", "built"]

_N_TEXTS_AT_ONCE = 64


@dataclass(frozen=True, kw_only=True, slots=True)
class Tower:
    """A CLIP image tower that is ready to classify.

    Attributes:
        network: Pictures → embeddings, on the device.
        size: Height and width of its input in pixels.
        transform: A picture → the network's input, as the model wants it.
        classes: Unit-length embeddings of the classes, float64, shape (number of classes, dimension).
        scale: What cosines are multiplied by before the softmax, as the model learned it.
    """

    network: nn.Module
    size: tuple[int, int]
    transform: Callable[[Image.Image], Tensor]
    classes: npt.NDArray[np.float64]
    scale: float

    def prepared(self, picture: Pixels) -> Tensor:
        """The network's input for one picture, float32, shape (3, size, size)."""
        return self.transform(Image.fromarray(_middle(picture)))


def _middle(picture: Pixels) -> Pixels:
    """The middle of a picture that is a mere strip, else the picture."""
    height, width = picture.shape[:2]
    most = LONGEST_TO_SHORTEST * min(height, width)
    top, left = max(0, height - most) // 2, max(0, width - most) // 2
    return np.ascontiguousarray(picture[top : top + min(height, most), left : left + min(width, most)])


def built(model: ClipModel, classes: Classes, path: Path, device: str) -> Tower:
    """Builds the model, lets its text tower read the classes, and keeps the image tower alone.

    Args:
        model: Which model.
        classes: What it is asked.
        path: Its weights, already located.
        device: ``cpu`` or ``cuda``.

    Raises:
        ModelError: The weights are damaged or another model's, or the model needs what is not there.
    """
    from open_clip.transform import PreprocessCfg, image_transform_v2

    settings = PreprocessCfg(**model.preprocessing)
    state = model.file.state_dict(path)
    with _quiet(), torch.inference_mode():
        network = _network(model)
        fill(network, state, model, path)
        embedded = _embedded(network, _tokenizer(model), classes, model.file.owner)
        return Tower(
            network=_image_tower(network).to(device),
            size=settings.input_size[1:],
            transform=image_transform_v2(settings, is_train=False),
            classes=embedded,
            scale=float(network.logit_scale.exp()),
        )


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps open_clip's notes off the root logger, where the first one would set up logging for the process."""
    root, sink = logging.getLogger(), logging.NullHandler()
    root.addHandler(sink)
    root.addFilter(_not_of_open_clip)
    try:
        yield
    finally:
        root.removeFilter(_not_of_open_clip)
        root.removeHandler(sink)


def _not_of_open_clip(record: logging.LogRecord) -> bool:
    return "open_clip" not in Path(record.pathname).parts


def _network(model: ClipModel) -> Any:
    import open_clip

    _refuse_hub_when_offline(model)
    try:
        return open_clip.create_model(
            model.architecture, load_weights=False, force_quick_gelu=model.quick_gelu, pretrained_text=False
        ).eval()
    except Exception as error:  # noqa: BLE001 — a configuration can fail anywhere
        raise ModelError(
            f"the architecture of {model.file.owner} cannot be built",
            detail=f"{model.title}: {_first_line(error)}",
        ) from None


def _tokenizer(model: ClipModel) -> Any:
    import open_clip

    try:
        return open_clip.get_tokenizer(model.architecture)
    except Exception as error:  # noqa: BLE001 — packages that are missing, hubs that are silent
        raise ModelError(
            f"the tokenizer of {model.file.owner} cannot be had",
            detail=f"{model.title}: {_first_line(error)}. "
            "Models such as ViT-B-32-256 and MobileCLIP2-S0 need none but open_clip's own.",
        ) from None


def _refuse_hub_when_offline(model: ClipModel) -> None:
    texts = model.configuration["text_cfg"]
    is_published = not model.architecture.startswith("local-dir:")
    asks = texts.get("hf_model_name") or (
        is_published and (texts.get("hf_tokenizer_name") or "siglip" in model.architecture.lower())
    )
    if asks and offline():
        raise ModelError(
            f"the model of {model.file.owner} reads its texts with files from the Hugging Face hub, "
            "and the network is not to be used",
            detail=f"{model.title}: take a model that needs none, such as ViT-B-32-256 or MobileCLIP2-S0.",
        )


def _embedded(network: Any, tokenizer: Any, classes: Classes, owner: str) -> npt.NDArray[np.float64]:
    """Each class as the mean direction of its texts."""
    texts = [text for texts in classes.all for text in texts]
    _refuse_long(tokenizer, texts, owner)
    parts = [
        network.encode_text(tokenizer(texts[start : start + _N_TEXTS_AT_ONCE]), normalize=True)
        .double()
        .numpy()
        for start in range(0, len(texts), _N_TEXTS_AT_ONCE)
    ]
    ends = np.cumsum([len(texts) for texts in classes.all])
    means = np.stack([rows.mean(axis=0) for rows in np.split(np.concatenate(parts), ends[:-1])])
    return np.asarray(means / np.linalg.norm(means, axis=1, keepdims=True), np.float64)


def _refuse_long(tokenizer: Any, texts: list[str], owner: str) -> None:
    """A tokenizer would cut a text without a word; open_clip's own can be asked how long one is."""
    if not hasattr(tokenizer, "encode"):
        return
    room = tokenizer.context_length - 2
    for text in texts:
        if (length := len(tokenizer.encode(text))) > room:
            raise ModelError(
                f"a text of {owner} is longer than its model reads",
                detail=f"Found {length} tokens, at most {room} can be read: {text!r}",
            )


def _image_tower(network: Any) -> nn.Module:
    from open_clip.timm_model import TimmModel
    from timm.utils.model import reparameterize_model

    tower: nn.Module = network.visual
    # MobileCLIP learns with parallel branches that are one convolution when it does not: a third faster
    return reparameterize_model(tower) if isinstance(tower, TimmModel) else tower


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
