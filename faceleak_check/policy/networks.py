"""Whether an embedder's keys fit the network that it names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from faceleak_check.policy.document import EmbedderChoice
from faceleak_check.policy.validation import Validator
from faceleak_check.policy.wording import KeyPath
from faceleak_check.registry import EMBEDDERS, INPUT_KEYS, AboutEmbedder

__all__ = ["check_networks"]

_MAY_BESIDE = ("name", "licence")
"""What a policy may say of an embedder without a network, beside what it must."""


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
    if not isinstance(name, str) or name not in EMBEDDERS:
        return
    about = EMBEDDERS.about(name)
    if about.knows_pictures:
        message = (
            f"{name!r} knows pictures again and not people; name a recogniser here, and write a check such as "
            f"near_copy: {{..., method: {name}}}"
        )
        validator.report((*path, "name"), message)
        return
    for key, needed in about.needs.items():
        if key not in keys and path not in validator.source.broken:
            validator.report(path, f"embedder {name!r} needs {needed}", at_key=True)
    for key, why in _to_take_out(about, is_own="weights" in keys):
        if key in keys:
            validator.report((*path, key), f"embedder {name!r} {why}; take {key!r} out", at_key=True)


def _to_take_out(about: AboutEmbedder, *, is_own: bool) -> Iterator[tuple[str, str]]:
    """The keys that an embedder has no use for, each with the reason."""
    if about.knows_licence and not is_own:
        yield "licence", "knows the licence of its weights, and none of your own are named"
    if not about.has_network:
        for key in EmbedderChoice.__dataclass_fields__:
            if key not in about.needs and key not in _MAY_BESIDE:
                yield key, "has no network"
        return
    if "dimension" not in about.needs:
        yield "dimension", "knows the length of its templates"
    for key in INPUT_KEYS:
        if key not in about.may_state:
            yield key, "knows its own input"
