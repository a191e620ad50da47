"""The parts of the JSON Schema that no record holds: keys that depend on other keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from faceleak_check.policy.agreement import THRESHOLD
from faceleak_check.policy.embedders import AGREEMENT, EMBEDDER
from faceleak_check.policy.names import TAKEN_RULES
from faceleak_check.policy.roles import MATCHES, RoleKeys

__all__ = [
    "Shape",
    "add_columns",
    "add_embedders",
    "add_options",
    "add_roles",
    "one_check",
    "screen_method",
    "screen_rule",
    "screens",
]

Shape = dict[str, Any]

_ROLES = {
    "generated": "Name of the dataset of generated images.",
    "source": "Name of the dataset of real images that the generator was trained on.",
    "control": "Name of the dataset of real people whom the generator never saw.",
    "calibration": "Name of a labelled dataset of real people, on which thresholds such as {fmr: 1e-5} are found.",
    "matches": "Name of a dataset with format: matches, in place of generated and source.",
    "dataset": "Name of the dataset that is looked at.",
}
_EMBEDDER = {"type": "string", "description": "Name of the embedder, where the policy has several."}
_AGREEMENT = {
    "type": "array",
    "items": {"type": "string"},
    "minItems": 2,
    "uniqueItems": True,
    "description": "Embedders that must all agree before a pair is a leak; each then has a threshold of its own.",
}
_SCREENS = {
    "child": "Takes out images of children.",
    "non_face": "Takes out images without a face.",
}


def add_roles(shape: Shape, roles: RoleKeys) -> None:
    """Add the keys that name a check's datasets, which its class does not hold."""
    shape["properties"] = {
        role: {"type": "string", "description": _ROLES[role]} for role in roles.all
    } | shape["properties"]
    ways = [_way(shape, roles, needed) for needed in roles.alternatives]
    if len(ways) > 1:
        shape["oneOf"] = ways
    else:
        shape["required"] = [*roles.alternatives[0], *shape.get("required", [])]


def _way(shape: Shape, roles: RoleKeys, needed: Sequence[str]) -> Shape:
    """One way to name the datasets: the keys that it needs, and those that it excludes."""
    excluded = [role for role in roles.all if role not in (*needed, *roles.optional)]
    if MATCHES not in needed:
        return {"required": list(needed), "properties": dict.fromkeys(excluded, False)}
    excluded += [*(role for role in roles.optional if role not in needed), EMBEDDER, AGREEMENT]
    way: Shape = {"required": list(needed), "properties": dict.fromkeys(excluded, False)}
    if THRESHOLD in shape["properties"]:
        way["properties"][THRESHOLD] = {"required": ["cosine"]}
        way["required"] += [THRESHOLD]
    return way


def add_embedders(shape: Shape, roles: RoleKeys, *, can_agree: bool) -> None:
    """Add the keys that name a check's embedders; with an agreement a threshold is a mapping by their names."""
    own = shape["properties"]
    sets = {key: own.pop(key) for key in roles.all}
    shape["properties"] = sets | {EMBEDDER: _EMBEDDER} | ({AGREEMENT: _AGREEMENT} if can_agree else {}) | own
    if not can_agree:
        return
    one = {"$ref": own[THRESHOLD].pop("$ref")}
    each = {"type": "object", "minProperties": 2, "additionalProperties": one}
    shape["if"] = {"required": [AGREEMENT]}
    shape["then"] = {"properties": {THRESHOLD: each, EMBEDDER: False}}
    shape["else"] = {"properties": {THRESHOLD: one}}


def add_columns(shape: Shape, formats: Mapping[str, Shape]) -> None:
    """Add what the key ``columns`` of a dataset holds, which depends on its format.

    Args:
        shape: The shape of a dataset.
        formats: The shape of ``columns`` for each format that has them.
    """
    shape["properties"]["columns"]["anyOf"] = list(formats.values())
    shape["allOf"] = [
        {
            "if": {"required": ["format"], "properties": {"format": {"const": name}}},
            "then": {"properties": {"columns": columns}},
        }
        for name, columns in formats.items()
    ]


def add_options(shape: Shape, formats: Mapping[str, Shape]) -> None:
    """Add what the key ``options`` of a dataset holds, which formats of other packages bring.

    Args:
        shape: The shape of a dataset.
        formats: The shape of ``options`` for each format that has them.
    """
    shape["properties"]["options"] |= {"type": "object", "additionalProperties": {}}
    shape["allOf"] += [
        {
            "if": {"required": ["format"], "properties": {"format": {"const": name}}},
            "then": {"properties": {"options": options}},
        }
        for name, options in formats.items()
    ]


def one_check(refs: Mapping[str, Shape]) -> Shape:
    """An item of ``checks``."""
    return {
        "type": "object",
        "description": "One check: its name, and its keys under it.",
        "properties": dict(refs),
        "additionalProperties": False,
        "minProperties": 1,
        "maxProperties": 1,
    }


def screen_method(refs: Mapping[str, Shape]) -> Shape:
    """The keys of one screen method; other packages may bring more methods."""
    other = {"type": "string", "not": {"enum": list(refs)}}
    third_party = {"type": "object", "required": ["method"], "properties": {"method": other}}
    return {"description": "One way of looking at an image.", "anyOf": [*refs.values(), third_party]}


def screen_rule(method: Shape) -> Shape:
    """One rule of ``screens``: a method, or several that are combined."""
    combined = [
        {"type": "object", "required": [key], "properties": {key: methods}, "additionalProperties": False}
        for key, methods in {
            "any_of": _methods(method, "One of these methods is enough to take an image out."),
            "all_of": _methods(method, "All of these methods are needed to take an image out."),
        }.items()
    ]
    return {"description": "When an image is taken out.", "anyOf": [method, *combined]}


def _methods(method: Shape, description: str) -> Shape:
    return {"type": "array", "items": method, "minItems": 1, "description": description}


def screens(shape: Shape, rule: Shape, others: Mapping[str, Shape]) -> Shape:
    """The mapping ``screens``: rule by name.

    Args:
        shape: What pydantic says of it.
        rule: The shape of a rule.
        others: The shapes of what is no such rule, by name.
    """
    [pattern] = shape["patternProperties"]
    known = {name: {**rule, "description": description} for name, description in _SCREENS.items()}
    return {
        "type": "object",
        "description": shape["description"],
        "propertyNames": {"pattern": pattern, "not": {"enum": list(TAKEN_RULES)}},
        "properties": known | dict(others),
        "additionalProperties": rule,
    }
