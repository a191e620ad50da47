"""The JSON Schemas of policies and of files of waivers, so that an editor completes and explains the keys.

Run as ``python -m faceleak_check.policy.json_schema`` it rewrites the files that ship in the package.
"""

from __future__ import annotations

import contextlib
import inspect
import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from faceleak_check.errors import UsageError
from faceleak_check.policy.agreement import can_agree
from faceleak_check.policy.columns import TABLES
from faceleak_check.policy.document import CommonKeys, DatasetKeys, Document, HubKeys
from faceleak_check.policy.embedders import has_own_embedder
from faceleak_check.policy.formats import options_of
from faceleak_check.policy.pair_checks import is_check
from faceleak_check.policy.roles import role_keys
from faceleak_check.policy.screen_rules import HUB, is_screen
from faceleak_check.policy.shapes import (
    Shape,
    add_columns,
    add_embedders,
    add_options,
    add_roles,
    one_check,
    screen_method,
    screen_rule,
    screens,
)
from faceleak_check.policy.types import Threshold
from faceleak_check.policy.validation import is_made_with_check_keys
from faceleak_check.policy.waivers import WaiverDocument
from faceleak_check.registry import CHECKS, EMBEDDERS, READERS, SCREENS, Registry

__all__ = ["SHIPPED", "SHIPPED_WAIVERS", "build_schema", "schema_text", "waivers_schema_text"]

SHIPPED = Path(__file__).with_name("policy.schema.json")
SHIPPED_WAIVERS = Path(__file__).with_name("waivers.schema.json")

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
    """The schema of a policy (draft 2020-12), with the checks, readers, embedders and screens that are installed."""
    checks = _usable(CHECKS, lambda name, kind: kind if is_check(name, kind) else None)
    methods = _usable(SCREENS, lambda _, kind: kind.keys if is_screen(kind) else None)
    options = _usable(READERS, lambda name, _: options_of(name))
    records = (Document, DatasetKeys, HubKeys, CommonKeys, *TABLES.values())
    shapes, refs = _shapes([*records, *checks.values(), *methods.values(), *options.values()])
    common = shapes.pop(_name(refs[CommonKeys]))["properties"]
    for kind in checks.values():
        _complete_check(shapes[_name(refs[kind])], kind, common)
    for kind in methods.values():
        shapes[_name(refs[kind])].setdefault("required", []).insert(0, "method")
    document = shapes.pop(_name(refs[Document]))
    _complete_document(document, refs, {name: refs[kind] for name, kind in checks.items()})
    shapes["ScreenMethod"] = screen_method({name: refs[kind] for name, kind in methods.items()})
    shapes["ScreenRule"] = screen_rule({"$ref": "#/$defs/ScreenMethod"})
    add_columns(shapes["DatasetKeys"], {name: refs[kind] for name, kind in TABLES.items()})
    add_options(shapes["DatasetKeys"], {name: refs[kind] for name, kind in options.items()})
    _offer(shapes["DatasetKeys"]["properties"]["format"], list(READERS))
    recognisers = [name for name in EMBEDDERS if not EMBEDDERS.about(name).knows_pictures]
    _offer(shapes["EmbedderChoice"]["properties"]["name"], recognisers)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:faceleak-check:policy:1",
        **document,
        "title": "faceleak-check policy",
        "$defs": shapes,
    }


def _usable(registry: Registry, keys_of: Callable[[str, type[Any]], Any]) -> dict[str, type[Any]]:
    """The records of keys of all parts that have one; a broken part of another package is passed over."""
    found = {}
    for name in registry:
        with contextlib.suppress(UsageError):
            keys = keys_of(name, registry.load(name))
            if is_made_with_check_keys(keys):
                found[name] = keys
    return found


def _shapes(records: Sequence[Any]) -> tuple[dict[str, Shape], dict[type[Any], Shape]]:
    """The shapes of all records by name, and how each of those given is referred to."""
    refs, schemas = TypeAdapter.json_schemas(
        [(record, "validation", TypeAdapter(record)) for record in records], schema_generator=_Described
    )
    return schemas["$defs"], {record: refs[record, "validation"] for record in records}


def _name(ref: Shape) -> str:
    return str(ref["$ref"]).rpartition("/")[2]


def _complete_check(shape: Shape, kind: type[Any], common: Mapping[str, Shape]) -> None:
    roles = role_keys(kind)
    add_roles(shape, roles)
    if not has_own_embedder(kind):
        add_embedders(shape, roles, can_agree=can_agree(kind))
    shape["properties"] |= common


def _complete_document(document: Shape, refs: Mapping[type[Any], Shape], checks: Mapping[str, Shape]) -> None:
    keys = document["properties"]
    datasets = keys["datasets"]
    datasets["patternProperties"] = dict.fromkeys(datasets["patternProperties"], refs[DatasetKeys])
    for named in (datasets, keys["embedders"]):
        named["additionalProperties"] = False
    keys["checks"]["items"] = one_check(checks)
    keys["screens"] = screens(keys["screens"], {"$ref": "#/$defs/ScreenRule"}, {HUB: refs[HubKeys]})
    document["not"] = {"required": ["embedder", "embedders"]}


def _offer(shape: Shape, names: list[str]) -> None:
    """Let an editor offer these names; other packages may bring more."""
    del shape["type"]
    shape["anyOf"] = [{"enum": names}, {"type": "string"}]


def schema_text() -> str:
    """The schema of a policy as the text of a file."""
    return _text(build_schema())


def waivers_schema_text() -> str:
    """The schema of a file of waivers as the text of a file."""
    shapes, refs = _shapes([WaiverDocument])
    document = shapes.pop(_name(refs[WaiverDocument]))
    return _text(
        {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$id": "urn:faceleak-check:waivers:1",
            **document,
            "title": "faceleak-check waivers",
            "$defs": shapes,
        }
    )


def _text(schema: Mapping[str, Any]) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    SHIPPED.write_text(schema_text(), encoding="utf-8")
    SHIPPED_WAIVERS.write_text(waivers_schema_text(), encoding="utf-8")
