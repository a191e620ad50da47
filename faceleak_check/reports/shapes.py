"""JSON of ours against its JSON Schema: what is there is checked, and what older versions lack is filled in.

Only as much of JSON Schema as our schemas use, and no ranges of numbers: enough that a reader meets what it expects.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from faceleak_check.policy.wording import KeyPath, dotted, found

__all__ = ["Fitter", "MisshapenError", "Shape", "schema_of"]

Shape = Mapping[str, Any]

_KINDS: Mapping[str, type | tuple[type, ...]] = {
    "array": list,
    "boolean": bool,
    "integer": int,
    "null": type(None),
    "number": (int, float),
    "object": dict,
    "string": str,
}
_WORDS = {
    "array": "a list",
    "boolean": "true or false",
    "integer": "a whole number",
    "null": "null",
    "number": "a number",
    "object": "a mapping",
    "string": "a text",
}


class MisshapenError(ValueError):
    """Something stands in a file where something else should."""


def schema_of(name: str) -> Shape:
    """A JSON Schema of this package.

    Args:
        name: ``evidence`` or ``statement``.
    """
    file = Path(__file__).with_name(f"{name}.schema.json")
    schema: Shape = json.loads(file.read_text(encoding="utf-8"))
    return schema


class Fitter:
    """Fits data to shapes.

    Args:
        definitions: The shapes that others refer to, by name.
        fills: Whether to fill in what is missing, with the schema's ``default`` or else null, an empty list or an
            empty mapping; without it nothing may be missing.
    """

    def __init__(self, definitions: Mapping[str, Shape], *, fills: bool) -> None:
        self._definitions = definitions
        self._fills = fills

    def fitted(self, value: Any, shape: Shape, path: KeyPath = ()) -> Any:
        """The value, with what it lacks; nothing is taken out.

        Args:
            value: Data from JSON.
            shape: The schema that it should follow.
            path: Where it stands.

        Raises:
            MisshapenError: It does not, with the place where.
        """
        shape = self._resolved(shape)
        kinds = _kinds(shape)
        if value is None and "null" in kinds:
            return None
        if not _is_one_of(value, kinds) or not _is_allowed(value, shape):
            raise MisshapenError(_expected(path, found(value), shape))
        if isinstance(value, dict):
            return self._mapping(value, shape, path)
        if isinstance(value, list) and "items" in shape:
            return [self.fitted(one, shape["items"], (*path, row)) for row, one in enumerate(value)]
        return value

    def _mapping(self, value: dict[str, Any], shape: Shape, path: KeyPath) -> dict[str, Any]:
        known: Mapping[str, Shape] = shape.get("properties", {})
        others = shape.get("additionalProperties")
        complete = {}
        for key, one in value.items():
            of = known.get(key, others)
            complete[key] = self.fitted(one, of, (*path, key)) if isinstance(of, Mapping) else one
        for key in known:
            if key not in value:
                complete[key] = self._empty(known[key], (*path, key))
        return complete

    def _empty(self, shape: Shape, path: KeyPath) -> Any:
        shape = self._resolved(shape)
        kinds = _kinds(shape)
        if self._fills and "default" in shape:
            return shape["default"]
        if self._fills and "null" in kinds:
            return None
        if self._fills and (kinds == ["array"] or (kinds == ["object"] and "properties" not in shape)):
            return [] if kinds == ["array"] else {}
        raise MisshapenError(_expected(path, "nothing", shape))

    def _resolved(self, shape: Shape) -> Shape:
        """The shape itself in place of a reference; one that may also be null as one shape."""
        if "$ref" in shape:
            shape = {**self._definitions[shape["$ref"].rpartition("/")[2]], **shape}
        if "anyOf" in shape:
            other = next(self._resolved(one) for one in shape["anyOf"] if one != {"type": "null"})
            shape = {**other, **shape, "type": [*_kinds(other), "null"]}
        return shape


def _kinds(shape: Shape) -> list[str]:
    kinds = shape.get("type", "string")  # without one there is an enum or a const, of texts
    return [kinds] if isinstance(kinds, str) else list(kinds)


def _is_one_of(value: Any, kinds: list[str]) -> bool:
    return any(
        isinstance(value, _KINDS[kind]) and (kind == "boolean" or not isinstance(value, bool))
        for kind in kinds
    )


def _is_allowed(value: Any, shape: Shape) -> bool:
    if "enum" in shape or "const" in shape:
        return value in shape.get("enum", [shape.get("const")])
    # `$` of Python's patterns, other than that of JSON Schema, lets a newline through
    return "pattern" not in shape or re.search(shape["pattern"].replace("$", r"\Z"), value) is not None


def _expected(path: KeyPath, what: str, shape: Shape) -> str:
    if "enum" in shape or "const" in shape:
        words = " or ".join(map(str, shape.get("enum", [shape.get("const")])))
    elif "pattern" in shape:
        words = f"a text such as {shape['pattern']}"
    else:
        words = " or ".join(_WORDS[kind] for kind in _kinds(shape))
    return f"{dotted(path) or 'the file'}: found {what}, expected {words}"
