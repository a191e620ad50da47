"""Whether an embedder's keys fit the network that it names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from faceleak_check.policy.document import EmbedderChoice
from faceleak_check.policy.validation import Validator
from faceleak_check.policy.wording import KeyPath
from faceleak_check.registry import EMBEDDERS

__all__ = ["COMPARE_PICTURES", "FROM_A_FILE", "PRECOMPUTED", "check_networks"]

COMPARE_PICTURES = ("phash", "sscd")
"""The embedders that know a picture again and not a person; the check ``near_copy`` uses them."""

FROM_A_FILE = ("onnx", "torchscript")
"""The embedders that are whatever the user's file holds."""

PRECOMPUTED = "precomputed"
"""The embedder of a policy all of whose sets are templates; it has no network."""

_OF_PRECOMPUTED = {
    "sha256": "the digest of the weights that made the templates",
    "dimension": "the length of a template",
}
_MAY_BESIDE = ("name", "licence")

_MAY_STATE_COLOURS = ("adaface-ir101", "adaface-ir50", "adaface-ir18")
"""Of a bare state dict of AdaFace nobody can tell which colours it takes."""

_INPUT_KEYS = ("input_size", "colour_order", "mean", "std", "template")


def check_networks(validator: Validator) -> None:
    """Report what is wrong with the embedders of a policy beyond their form.

    Args:
        validator: Holds the policy; what is wrong goes to it.
    """
    data = validator.source.data
    if "embedder" in data and "embedders" in data:
        message = "found 'embedders' beside 'embedder'; keep one of the two"
        validator.report(("embedders",), message, at_key=True)
    for path, keys in _embedders(data):
        _check(keys, path, validator)


def _embedders(data: Mapping[str, Any]) -> Iterator[tuple[KeyPath, Mapping[str, Any]]]:
    several = data.get("embedders")
    places: dict[KeyPath, object] = {("embedder",): data.get("embedder")}
    if isinstance(several, dict):
        places |= {("embedders", name): keys for name, keys in several.items()}
    yield from ((path, keys) for path, keys in places.items() if isinstance(keys, dict))


def _check(keys: Mapping[str, Any], path: KeyPath, validator: Validator) -> None:
    name = keys.get("name")
    if name in COMPARE_PICTURES:
        message = (
            f"{name!r} knows pictures again and not people; name a recogniser here, and write a check such as "
            f"near_copy: {{..., method: {name}}}"
        )
        validator.report((*path, "name"), message)
        return
    if name == PRECOMPUTED:
        _check_precomputed(keys, path, validator)
        return
    if "dimension" in keys and isinstance(name, str) and name in EMBEDDERS:
        message = f"embedder {name!r} knows the length of its templates; take 'dimension' out"
        validator.report((*path, "dimension"), message, at_key=True)
    if name in FROM_A_FILE and "weights" not in keys and path not in validator.source.broken:
        validator.report(path, f"embedder {name!r} needs 'weights: FILE'", at_key=True)
    for key in _INPUT_KEYS:
        stated = key == "colour_order" and name in _MAY_STATE_COLOURS
        if _knows_its_input(name) and key in keys and not stated:
            message = f"embedder {name!r} knows its own input; take {key!r} out"
            validator.report((*path, key), message, at_key=True)


def _check_precomputed(keys: Mapping[str, Any], path: KeyPath, validator: Validator) -> None:
    for key, what in _OF_PRECOMPUTED.items():
        if key not in keys and path not in validator.source.broken:
            validator.report(path, f"embedder {PRECOMPUTED!r} needs {key!r}: {what}", at_key=True)
    for key in EmbedderChoice.__dataclass_fields__:
        if key in keys and key not in _OF_PRECOMPUTED and key not in _MAY_BESIDE:
            message = f"embedder {PRECOMPUTED!r} has no network; take {key!r} out"
            validator.report((*path, key), message, at_key=True)


def _knows_its_input(name: object) -> bool:
    """Whether nothing about an embedder's input can be chosen; what others' embedders take is theirs to say."""
    return isinstance(name, str) and EMBEDDERS.is_built_in(name) and name not in FROM_A_FILE
