"""What a value of a JSON Schema may be, in a few words of Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from faceleak_check.policy.expressions import NUMBER, OWN_NAME, SHA256, SHARE, SIZE, VARIABLE, whole

__all__ = ["what_it_is"]

_PATTERNS = {
    whole(SHA256): "64 hexadecimal digits",
    SIZE: "a size such as `4 GiB`",
    whole(OWN_NAME): "a name of letters, digits, `_`, `.` and `-`",
}
_BOUNDS = {
    "minimum": "from {:,}",
    "exclusiveMinimum": "over {:,}",
    "maximum": "to {:,}",
    "exclusiveMaximum": "under {:,}",
}

Shape = Mapping[str, Any]


def what_it_is(shape: Shape, links: Mapping[str, str]) -> str:
    """The values that a shape allows.

    Args:
        shape: A part of a JSON Schema.
        links: The link to where each record is explained, by its name in the schema.
    """
    return " or ".join(dict.fromkeys(_choices(shape, links)))


def _choices(shape: Shape, links: Mapping[str, str]) -> Iterator[str]:
    if "$ref" in shape:
        yield links[shape["$ref"].rpartition("/")[2]]
    elif "const" in shape or "enum" in shape:
        yield ", ".join(f"`{value}`" for value in shape.get("enum", [shape.get("const")]))
    elif "anyOf" in shape or "oneOf" in shape:
        yield from _one_of(shape.get("anyOf") or shape["oneOf"], links)
    else:
        yield _plain(shape, links)


def _one_of(choices: list[Shape], links: Mapping[str, str]) -> Iterator[str]:
    patterns = {choice.get("pattern") for choice in choices}
    for choice in choices:
        if choice.get("pattern") in (VARIABLE, NUMBER, SHARE):
            continue  # other ways of writing the number beside it
        if choice == {"type": "string"} and any("enum" in one for one in choices):
            yield "a name that another package brings"
        elif SHARE in patterns and choice.get("type") == "number":
            yield f"a share {_bounds(choice)}".rstrip()
        else:
            yield from _choices(choice, links)


def _plain(shape: Shape, links: Mapping[str, str]) -> str:
    match shape.get("type"):
        case "string":
            return _PATTERNS.get(shape.get("pattern", ""), "text")
        case "integer" | "number" as kind:
            return f"a {'whole ' * (kind == 'integer')}number {_bounds(shape)}".rstrip()
        case "boolean":
            return "`true`, `false`"
        case "array":
            return f"a list: {what_it_is(shape['items'], links)}"
        case "object":
            return _mapping(shape, links)
    return "anything"


def _mapping(shape: Shape, links: Mapping[str, str]) -> str:
    keys = {key: what_it_is(value, links) for key, value in shape.get("properties", {}).items()}
    if shape.get("maxProperties") == 1:
        return f"one of {', '.join(keys.values())}"
    own = [*shape.get("patternProperties", {}).values(), shape.get("additionalProperties")][0]
    if not isinstance(own, Mapping):
        return "; ".join(f"`{key}`: {text}" for key, text in keys.items())
    if not own:
        return "a mapping of keys and values"
    usual = what_it_is(own, links)
    others = "".join(f"; `{key}` is {text}" for key, text in keys.items() if text != usual)
    return f"names of your own, each with {usual}{others}"


def _bounds(shape: Shape) -> str:
    return " ".join(words.format(shape[bound]) for bound, words in _BOUNDS.items() if bound in shape)
