"""Which CLIP model a policy means: its architecture, its weights, and how it takes pictures."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from faceleak_check.errors import ModelError
from faceleak_check.model_files import ModelFile
from faceleak_check.policy.screens import DEFAULT_CLIP_MODEL, DEFAULT_CLIP_WEIGHTS, ClipKeys
from faceleak_check.presence import is_folder
from faceleak_check.screens.clip_hub import HubCheckpoint

__all__ = ["LONGEST_TO_SHORTEST", "ClipModel", "chosen_model"]

LONGEST_TO_SHORTEST = 8
"""A picture that is a mere strip would be enlarged to millions of pixels."""

_CONFIGURATION = "open_clip_config.json"
_CHECKPOINTS = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")
_USUAL_SIZE = 224
_LICENCES = (
    # as the publishers' model cards say; by the start of the repository's name
    ("laion/", "MIT"),
    ("apple/", "apple-amlr"),
    ("timm/MobileCLIP2-", "apple-amlr"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class ClipModel:
    """A CLIP model of open_clip.

    Attributes:
        title: What it is, for reports.
        architecture: What ``open_clip.create_model`` calls it.
        configuration: The architecture's own description, as in open_clip's JSON files.
        preprocessing: How it takes pictures, as `open_clip.PreprocessCfg` has it.
        quick_gelu: Whether its weights were trained with OpenAI's approximate GELU.
        file: Where its weights lie.
        licence: Licence of the weights.
    """

    title: str
    architecture: str
    configuration: Mapping[str, Any]
    preprocessing: Mapping[str, Any]
    quick_gelu: bool
    file: ModelFile
    licence: str

    @property
    def how_pictures_are_taken(self) -> str:
        """The preprocessing in words, with its digest."""
        cfg = self.preprocessing
        listed = json.dumps(cfg, sort_keys=True)
        return (
            f"middle of what is longer than {LONGEST_TO_SHORTEST} times its width, {cfg['resize_mode']} to "
            f"{cfg['size']}, {cfg['interpolation']}, (RGB / 255 - {list(cfg['mean'])}) / {list(cfg['std'])}; "
            f"SHA-256 of open_clip's settings {hashlib.sha256(listed.encode()).hexdigest()}"
        )


def chosen_model(rule: str, keys: ClipKeys) -> ClipModel:
    """The model that a policy's screen asks for; imports open_clip, and with it torch.

    Args:
        rule: The screen's name in the policy.
        keys: Its keys, which have no `clip_problem`.

    Raises:
        ModelError: There are no such weights, or a folder is not in open_clip's layout.
    """
    if keys.weights is None:
        return _published(rule, keys)
    return _folder(rule, keys, keys.weights) if is_folder(keys.weights) else _own_weights(rule, keys)


def _published(rule: str, keys: ClipKeys) -> ClipModel:
    import open_clip

    model = keys.model or DEFAULT_CLIP_MODEL
    tag = keys.pretrained or DEFAULT_CLIP_WEIGHTS
    settings = open_clip.get_pretrained_cfg(model, tag)
    if not settings:
        there = ", ".join(open_clip.list_pretrained_tags_by_model(model)) or "none"
        raise ModelError(
            f"screen {rule!r}: open_clip knows no weights {tag!r} of {model}",
            detail=f"There are: {there}. Correct `screens.{rule}.pretrained`, or name a file as "
            f"`screens.{rule}.weights`.",
        )
    configuration = open_clip.get_model_config(model)
    repository, _, file = settings["hf_hub"].rpartition("/")
    source = HubCheckpoint(repo=repository, files=(file,) if file else _CHECKPOINTS)
    return ClipModel(
        title=f"{model}, {tag}",
        architecture=model,
        configuration=configuration,
        preprocessing=_preprocessing(settings, configuration),
        quick_gelu=bool(settings.get("quick_gelu")),
        file=_model_file(rule, keys, source=source),
        licence=_licence(rule, keys, repository, tag),
    )


def _own_weights(rule: str, keys: ClipKeys) -> ClipModel:
    import open_clip

    model = keys.model or DEFAULT_CLIP_MODEL
    configuration = open_clip.get_model_config(model)
    return ClipModel(
        title=f"{model}, weights of your own",
        architecture=model,
        configuration=configuration,
        preprocessing=_preprocessing(_shared_settings(model), configuration),
        quick_gelu=bool(configuration.get("quick_gelu")),
        file=_model_file(rule, keys, path=keys.weights),
        licence=keys.licence or "not stated",
    )


def _folder(rule: str, keys: ClipKeys, folder: Path) -> ClipModel:
    if keys.model is not None:
        raise ModelError(
            f"screen {rule!r}: found model {keys.model!r} and a folder of weights, which tells its own architecture",
            detail=f"{folder}: leave out `screens.{rule}.model`, or name the file of weights in it.",
        )
    text = _configuration_text(rule, folder)
    settings = _settings(rule, folder, text)
    configuration = settings["model_cfg"]
    there = [folder / name for name in _CHECKPOINTS if (folder / name).is_file()]
    return ClipModel(
        title=f"a folder of your own, configuration {hashlib.sha256(text.encode()).hexdigest()}",
        architecture=f"local-dir:{folder}",
        configuration=configuration,
        preprocessing=_preprocessing(settings.get("preprocess_cfg") or {}, configuration),
        quick_gelu=bool(configuration.get("quick_gelu")),
        file=_model_file(rule, keys, path=there[0] if there else folder / _CHECKPOINTS[0]),
        licence=keys.licence or "not stated",
    )


def _configuration_text(rule: str, folder: Path) -> str:
    try:
        return (folder / _CONFIGURATION).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no UTF-8 text"
        raise _no_folder(rule, folder, f"{_CONFIGURATION} cannot be read: {reason}") from None


def _settings(rule: str, folder: Path, text: str) -> dict[str, Any]:
    try:
        settings = json.loads(text)
    except json.JSONDecodeError as error:
        raise _no_folder(rule, folder, f"{_CONFIGURATION} is no JSON: {error}") from None
    configuration = settings.get("model_cfg") if isinstance(settings, dict) else None
    parts = ("embed_dim", "vision_cfg", "text_cfg")
    if not isinstance(configuration, dict) or not all(configuration.get(part) for part in parts):
        raise _no_folder(rule, folder, f"{_CONFIGURATION} has no model_cfg with {', '.join(parts)}")
    return dict(settings)


def _no_folder(rule: str, folder: Path, what: str) -> ModelError:
    return ModelError(
        f"the weights of screen {rule!r} are a folder that is not in open_clip's layout",
        detail=f"{folder}: {what}. Expected {_CONFIGURATION} and {_CHECKPOINTS[0]}, as open_clip's "
        "push_to_hf_hub.save_for_hf writes them.",
    )


def _model_file(
    rule: str, keys: ClipKeys, *, source: HubCheckpoint | None = None, path: Path | None = None
) -> ModelFile:
    return ModelFile(
        owner=f"screen {rule!r}", source=source, path=path, sha256=keys.sha256, keys=f"screens.{rule}"
    )


def _shared_settings(model: str) -> dict[str, Any]:
    """What all published weights of an architecture agree on: a file does not tell how pictures are to be taken."""
    import open_clip

    tags = open_clip.list_pretrained_tags_by_model(model)
    published = [open_clip.get_pretrained_cfg(model, tag) for tag in tags]
    return {
        key: value
        for key, value in (published[0] if published else {}).items()
        if all(settings.get(key) == value for settings in published)
    }


def _preprocessing(settings: Mapping[str, Any], configuration: Mapping[str, Any]) -> dict[str, Any]:
    """As open_clip merges them: its usual settings, those of the weights, and the image tower's own size."""
    from open_clip.transform import PreprocessCfg, merge_preprocess_dict

    size = configuration["vision_cfg"].get("image_size", _USUAL_SIZE)
    return dict(merge_preprocess_dict(PreprocessCfg(), {**settings, "size": size}))


def _licence(rule: str, keys: ClipKeys, repository: str, tag: str) -> str:
    known = next((licence for start, licence in _LICENCES if repository.startswith(start)), None)
    known = "MIT" if tag == "openai" else known
    if known and keys.licence not in (None, known):
        raise ModelError(
            f"screen {rule!r}: found licence {keys.licence!r}, but the weights {tag!r} are under {known}",
            detail=f"Leave out `screens.{rule}.licence`: it is for weights whose licence is not known here.",
        )
    return known or keys.licence or "not stated"
