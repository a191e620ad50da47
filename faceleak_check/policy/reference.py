"""The policy's JSON Schema as a page for people.

Run as ``python -m faceleak_check.policy.reference`` in the root of the repository it rewrites
``docs/policy-reference.md``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from faceleak_check.policy.json_schema import SHIPPED
from faceleak_check.policy.schema_words import what_it_is

__all__ = ["PAGE", "reference_text"]

PAGE = Path("docs/policy-reference.md")
_HEAD = """\
# Policy reference

Every key of a policy. This page is made from the JSON Schema that your editor reads (`faceleak schema` prints it),
so it is complete. What the checks measure stands under [checks](checks.md), and `faceleak init` writes a policy to
start from.

- An unknown key is an error, with its line and column and the nearest known key.
- `${NAME}` in a value is the environment variable NAME, and `${NAME:-default}` the same with a default; not in `name`,
  `description` and `licence`, which go into every report. Inside `{ }` and `[ ]` put it in quotes.
- Paths start at the policy file.
- A share is written `1%` or `0.01`."""
_TITLES = {
    "Threshold": "`threshold`",
    "CsvLabels": "`labels` in a table",
    "SidecarLabels": "`labels` beside the images",
    "Columns": "`columns` of a match list",
    "ParquetColumns": "`columns` of Parquet files",
    "ScreenRule": "`screens.NAME`",
    "ScreenMethod": "A method of a screen",
}
"""Of records whose place in a policy tells less than these words."""
_CHECKS = "checks."

Shape = Mapping[str, Any]


def reference_text(schema: Shape) -> str:
    """The page.

    Args:
        schema: The JSON Schema of a policy.
    """
    found = dict(_records(schema, "", schema["$defs"], set()))
    titles = {name: _title(name, path, schema["$defs"][name]) for name, path in found.items()}
    links = {name: f"[{title}](#{_slug(title)})" for name, title in titles.items()}
    blocks = [_HEAD, "## The file", *_section(schema, links)]
    part = ""
    for name, path in found.items():
        before, part = part, path.partition(".")[0]
        blocks += [f"## `{part}`"] if "." in path and part != before else []
        blocks += [
            f"{'###' if '.' in path else '##'} {titles[name]}",
            *_section(schema["$defs"][name], links),
        ]
    return "\n\n".join(blocks) + "\n"


def _title(name: str, path: str, shape: Shape) -> str:
    method = shape.get("properties", {}).get("method", {}).get("const")
    usual = f"`{path.removeprefix(_CHECKS)}`" if method is None else f"`method: {method}`"
    return _TITLES.get(name, usual)


def _records(shape: Any, path: str, defs: Shape, seen: set[str]) -> Iterator[tuple[str, str]]:
    """Every record that a shape refers to and the keys that lead there, in the order in which a reader meets it."""
    if isinstance(shape, list):
        for one in shape:
            yield from _records(one, path, defs, seen)
    elif isinstance(shape, dict) and "$ref" in shape:
        name = shape["$ref"].rpartition("/")[2]
        if name not in seen:
            seen.add(name)
            yield name, path
            yield from _records(defs[name], path, defs, seen)
    elif isinstance(shape, dict):
        for key, value in shape.items():
            for below, one in _steps(key, value, path):
                yield from _records(one, below, defs, seen)


def _steps(key: str, value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """What lies below a key of a JSON Schema, each with its place in a policy."""
    if key in ("properties", "patternProperties"):
        for name, one in value.items():
            below = name if key == "properties" else "NAME"
            yield f"{path}.{below}".lstrip("."), one
    elif key == "additionalProperties":
        yield f"{path}.NAME", value
    elif key != "$defs":
        yield path, value


def _slug(title: str) -> str:
    """The anchor that GitHub and MkDocs both give to a title."""
    return re.sub(r"[^\w\s-]", "", title).strip().lower().replace(" ", "-")


def _section(shape: Shape, links: Mapping[str, str]) -> Iterator[str]:
    yield shape["description"]
    rows = [_row(key, one, shape, links) for key, one in shape.get("properties", {}).items()]
    if rows:
        yield "\n".join(["| key | value | default | meaning |", "|---|---|---|---|", *rows])
    yield from _rules(shape, links)


def _row(key: str, one: Shape, shape: Shape, links: Mapping[str, str]) -> str:
    usual = shape.get("else", {}).get("properties", {}).get(key, {})
    cells = [
        f"`{key}`",
        what_it_is({**usual, **one}, links),
        _default(key, one, shape),
        one.get("description", ""),
    ]
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"


def _default(key: str, one: Shape, shape: Shape) -> str:
    if key in shape.get("required", []):
        return "**required**"
    default = one.get("default")
    return "" if default in (None, "") else "`" + json.dumps(default).replace('"', "") + "`"


def _rules(shape: Shape, links: Mapping[str, str]) -> Iterator[str]:
    """What the table cannot say: which keys go together."""
    sets = [one["required"] for one in shape.get("oneOf", []) if "required" in one]
    if sets:
        yield f"Give {', or '.join(' and '.join(f'`{key}`' for key in keys) for keys in sets)}."
    if "required" in shape.get("not", {}):
        yield f"Give only one of {' and '.join(f'`{key}`' for key in shape['not']['required'])}."
    if shape.get("maxProperties") == 1:
        yield "Give exactly one of these keys."
    if "agreement" in shape.get("properties", {}) and "then" in shape:
        yield "With `agreement`, `threshold` holds one such threshold for each embedder, by its name."
    if "anyOf" in shape:
        yield "\n".join(f"- {what_it_is(choice, links)}" for choice in shape["anyOf"])


if __name__ == "__main__":
    PAGE.write_text(reference_text(json.loads(SHIPPED.read_text(encoding="utf-8"))), encoding="utf-8")
