"""The JSON Schema of a policy, so that an editor completes and explains the keys.

Run as ``python -m faceleak_check.policy.json_schema`` it rewrites the file that ships in the package.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from faceleak_check.policy.document import DatasetKeys, Document
from faceleak_check.policy.planned import PLANNED_CHECKS
from faceleak_check.policy.sets import MATCHES, PAIR
from faceleak_check.policy.types import Threshold
from faceleak_check.registry import CHECKS, EMBEDDERS, READERS

__all__ = ["SHIPPED", "build_schema", "schema_text"]

SHIPPED = Path(__file__).with_name("policy.schema.json")

_ROLES = {
    "generated": "Name of the dataset of generated images.",
    "source": "Name of the dataset of real images that the generator was trained on.",
    "control": "Name of the dataset of real people whom the generator never saw.",
    "matches": "Name of a dataset with format: matches, in place of generated and source.",
}
_ATTRIBUTE = re.compile(r"^ {4}(\w+): (.+(?:\n {8,}.+)*)", re.MULTILINE)


class _Described(GenerateJsonSchema):
    """Takes descriptions from docstrings, and leaves out ``null``, which no policy may hold."""

    def dataclass_schema(self, schema: core_schema.DataclassSchema) -> JsonSchemaValue:
        shape = super().dataclass_schema(schema)
        summary, _, attributes = inspect.cleandoc(schema["cls"].__doc__ or "").partition("Attributes:")
        shape["description"] = " ".join(summary.split())
        descriptions = {name: " ".join(text.split()) for name, text in _ATTRIBUTE.findall(attributes)}
        for name, value in shape["properties"].items():
            shape["properties"][name] = {**_without_null(value), "description": descriptions.get(name, "")}
        if schema["cls"] is Threshold:
            shape |= {"minProperties": 1, "maxProperties": 1}
        return shape


def _without_null(shape: JsonSchemaValue) -> JsonSchemaValue:
    shape = {
        key: value for key, value in shape.items() if key != "default" or not isinstance(value, dict | None)
    }
    choices = [choice for choice in shape.get("anyOf", []) if choice != {"type": "null"}]
    if len(choices) == 1:
        return {**{key: value for key, value in shape.items() if key != "anyOf"}, **choices[0]}
    return {**shape, "anyOf": choices} if choices else shape


def build_schema() -> dict[str, Any]:
    """The schema of a policy (draft 2020-12), with the checks, readers and embedders that are installed."""
    kinds: dict[str, type[Any]] = {name: CHECKS.load(name) for name in CHECKS} | dict(PLANNED_CHECKS)
    records = [Document, DatasetKeys, *kinds.values()]
    refs, schemas = TypeAdapter.json_schemas(
        [(record, "validation", TypeAdapter(record)) for record in records], schema_generator=_Described
    )
    shapes = schemas["$defs"]
    for kind in kinds.values():
        _add_roles(shapes[_name(refs[kind, "validation"])], getattr(kind, "roles", ()))
    document = shapes.pop(_name(refs[Document, "validation"]))
    datasets = document["properties"]["datasets"]
    datasets["patternProperties"] = dict.fromkeys(
        datasets["patternProperties"], refs[DatasetKeys, "validation"]
    )
    datasets["additionalProperties"] = False
    document["properties"]["checks"]["items"] = _one_check(
        {name: refs[kind, "validation"] for name, kind in kinds.items()}
    )
    _complete(shapes["DatasetKeys"]["properties"]["format"], list(READERS))
    _complete(shapes["EmbedderChoice"]["properties"]["name"], list(EMBEDDERS))
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:faceleak-check:policy:1",
        **document,
        "title": "faceleak-check policy",
        "$defs": shapes,
    }


def _name(ref: JsonSchemaValue) -> str:
    return str(ref["$ref"]).rpartition("/")[2]


def _add_roles(shape: dict[str, Any], roles: Sequence[str]) -> None:
    """Add the keys that name a check's datasets, which its class does not hold."""
    known = roles or (*PAIR, MATCHES)
    named = {role: {"type": "string", "description": _ROLES[role]} for role in known}
    shape["properties"] = named | shape["properties"]
    if roles:
        shape["required"] = [*roles, *shape["required"]]
    else:
        shape["oneOf"] = [
            {"required": list(PAIR), "properties": {MATCHES: False}},
            {"required": [MATCHES], "properties": dict.fromkeys(PAIR, False)},
        ]


def _one_check(refs: dict[str, JsonSchemaValue]) -> dict[str, Any]:
    return {
        "type": "object",
        "description": "One check: its name, and its keys under it.",
        "properties": refs,
        "additionalProperties": False,
        "minProperties": 1,
        "maxProperties": 1,
    }


def _complete(shape: dict[str, Any], names: list[str]) -> None:
    """Let an editor offer these names; other packages may bring more."""
    del shape["type"]
    shape["anyOf"] = [{"enum": names}, {"type": "string"}]


def schema_text() -> str:
    """The schema as the text of a file."""
    return json.dumps(build_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    SHIPPED.write_text(schema_text(), encoding="utf-8")
