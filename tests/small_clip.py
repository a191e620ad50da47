"""A CLIP that tells faces from patches without one, trained in seconds and kept in open_clip's own formats."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import open_clip
import torch
from open_clip.transform import PreprocessCfg, image_transform_v2
from PIL import Image
from safetensors.torch import save_file

from faceleak_check.policy.screens import ClipKeys
from faceleak_check.screens.clip_classes import classes_of

__all__ = ["SmallClip", "small_clip_in", "train_small_clip"]

ARCHITECTURE: dict[str, Any] = {
    "embed_dim": 64,
    "vision_cfg": {"image_size": 32, "layers": [1, 1, 1, 1], "width": 16, "head_width": 64},
    "text_cfg": {"context_length": 24, "vocab_size": 49408, "width": 64, "heads": 2, "layers": 1},
}
PREPROCESSING = {"mean": [0.5, 0.5, 0.5], "std": [0.25, 0.25, 0.25], "interpolation": "bilinear"}
CHECKPOINT = "epoch_1.pt"
N_STEPS = 60
N_TEXTS = 16
LARGEST_RATE = 2e-3


@dataclass(frozen=True, kw_only=True, slots=True)
class SmallClip:
    """Where the trained model lies.

    Attributes:
        folder: In the layout that open_clip opens as ``local-dir:``: a configuration and safetensors.
        checkpoint: The same tensors as open_clip's training writes them: a dict with ``state_dict``, by torch.save.
        unseen_faces: Faces that it was not trained on, RGB, uint8.
        unseen_patches: Patches without a face that it was not trained on.
    """

    folder: Path
    checkpoint: Path
    unseen_faces: tuple[npt.NDArray[np.uint8], ...]
    unseen_patches: tuple[npt.NDArray[np.uint8], ...]


def train_small_clip(folder: Path, sheet: Sequence[npt.NDArray[np.uint8]]) -> None:
    """Trains on every second picture.

    Args:
        folder: Where it is written.
        sheet: Faces, then as many patches without a face.
    """
    middle = len(sheet) // 2
    state = _trained(sheet[:middle:2], sheet[middle::2])
    (folder / "open_clip_config.json").write_text(
        json.dumps({"model_cfg": ARCHITECTURE, "preprocess_cfg": PREPROCESSING}), "utf-8"
    )
    save_file(state, folder / "open_clip_model.safetensors")
    prefixed = {f"module.{name}": tensor for name, tensor in state.items()}
    torch.save({"epoch": 1, "name": "small", "state_dict": prefixed}, folder / CHECKPOINT)


def small_clip_in(folder: Path, sheet: Sequence[npt.NDArray[np.uint8]]) -> SmallClip:
    """What was trained on a sheet and lies in a folder."""
    middle = len(sheet) // 2
    return SmallClip(
        folder=folder,
        checkpoint=folder / CHECKPOINT,
        unseen_faces=tuple(sheet[1:middle:2]),
        unseen_patches=tuple(sheet[middle + 1 :: 2]),
    )


def _trained(
    faces: Sequence[npt.NDArray[np.uint8]], patches: Sequence[npt.NDArray[np.uint8]]
) -> dict[str, torch.Tensor]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            network = open_clip.model.CLIP(**ARCHITECTURE)
            _learn(network, _pictures(patches), _pictures(faces))
    finally:
        torch.set_num_threads(before)
    return {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}


def _pictures(pictures: Sequence[npt.NDArray[np.uint8]]) -> torch.Tensor:
    settings = PreprocessCfg(size=ARCHITECTURE["vision_cfg"]["image_size"], **PREPROCESSING)
    transform = image_transform_v2(settings, is_train=False)
    return torch.stack([transform(Image.fromarray(picture)) for picture in pictures])


def _learn(network: Any, patches: torch.Tensor, faces: torch.Tensor) -> None:
    """Draws each picture towards the texts of its side, by the loss that CLIP has for several right texts."""
    classes = classes_of("non_face", ClipKeys())
    sides = [[*map(_bare, side), *chain.from_iterable(side)] for side in (classes.rejected, classes.others)]
    tokenizer = open_clip.SimpleTokenizer(context_length=ARCHITECTURE["text_cfg"]["context_length"])
    tokens = [tokenizer(texts) for texts in sides]
    of_faces = torch.arange(len(patches) + len(faces)) >= len(patches)
    network.token_embedding.requires_grad_(requires_grad=False)  # 49,408 words, of which we use a hundred
    learned = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimiser = torch.optim.AdamW(learned, lr=LARGEST_RATE, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, LARGEST_RATE, total_steps=N_STEPS)
    right = (torch.arange(N_TEXTS) >= N_TEXTS // 2) == of_faces[:, None]
    for _ in range(N_STEPS):
        some = torch.cat([side[torch.randperm(len(side))[: N_TEXTS // 2]] for side in tokens])
        texts = network.encode_text(some, normalize=True)
        turned = patches.rot90(int(torch.randint(4, ())), (2, 3))  # what is no face is none upside down
        seen = network.encode_image(_altered(torch.cat([turned, faces])), normalize=True)
        logits = network.logit_scale.exp() * seen @ texts.T
        loss = -logits.log_softmax(dim=1).masked_fill(~right, -torch.inf).logsumexp(dim=1).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()


def _bare(texts: Sequence[str]) -> str:
    """A class without a sentence around it, as a policy's own prompts may be."""
    return texts[0].removeprefix("a photo of ").removesuffix(".")


def _altered(pictures: torch.Tensor) -> torch.Tensor:
    """The pictures shifted, mirrored, lit otherwise and with noise: a hundred are few to learn from."""
    n, side = len(pictures), pictures.shape[-1]
    wide = torch.nn.functional.pad(pictures, (3, 3, 3, 3), mode="reflect")
    places = torch.randint(0, 7, (n, 2)).tolist()
    shifted = torch.stack(
        [one[:, y : y + side, x : x + side] for one, (y, x) in zip(wide, places, strict=True)]
    )
    mirrored = torch.where(torch.rand(n, 1, 1, 1) < 0.5, shifted.flip(-1), shifted)
    contrast, light = (0.3 * (2 * torch.rand(n, 1, 1, 1) - 1) for _ in range(2))
    return mirrored * (1 + contrast) + light + 0.1 * torch.randn_like(mirrored)
