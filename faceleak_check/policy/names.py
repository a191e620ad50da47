"""The types of a policy's texts: names, columns, digests."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import BeforeValidator, WithJsonSchema

from faceleak_check.policy.expressions import OWN_NAME, SHA256, whole
from faceleak_check.policy.wording import found, one_line
from faceleak_check.records import IN_SOURCE, NO_FACE, SEVERAL_FACES, UNREADABLE, UNSEEN_FOLDER
from faceleak_check.registry import EMBEDDERS, READERS, Registry, suggestion

__all__ = [
    "TAKEN_RULES",
    "ArrayName",
    "Column",
    "ColumnNames",
    "DatasetName",
    "EmbedderKey",
    "EmbedderName",
    "JsonKey",
    "LabelName",
    "Licence",
    "PolicyName",
    "ReaderName",
    "ScreenKey",
    "Sha256",
    "SidecarSuffix",
    "Text",
    "Version",
]

VERSION = 1
LABEL_NAMES = ["none", "parent_folder", "own"]
TAKEN_RULES = (UNREADABLE, NO_FACE, SEVERAL_FACES, IN_SOURCE, UNSEEN_FOLDER, "waived")
"""What reports call the rules that are no screen."""
_SCREEN_NAME = r"[A-Za-z0-9_-]{1,64}"
_SUFFIX = r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*"
_ONE_COLUMN = {"type": "string", "minLength": 1}


def _version(value: object) -> int:
    is_number = isinstance(value, int) and not isinstance(value, bool)
    if is_number and value == VERSION:
        return VERSION
    newer = is_number and isinstance(value, int) and value > VERSION
    upgrade = "; this policy is for a newer faceleak-check: upgrade it" if newer else ""
    raise ValueError(f"found {found(value)}, expected {VERSION}{upgrade}")


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    in_quotes = "; put it in quotes" if isinstance(value, bool | int | float) else ""
    raise ValueError(f"found {found(value)}, expected text{in_quotes}")


def _policy_name(value: object) -> str:
    text = _text(value)
    if one_line(text) and text == text.strip() and len(text) <= 100:
        return text
    raise ValueError(
        f"found {found(text)}, expected one line of 1 to 100 characters, "
        "without control characters and without spaces at its ends"
    )


def _own_name(whose: str) -> BeforeValidator:
    def validate(value: object) -> str:
        text = _text(value)
        if re.fullmatch(OWN_NAME, text) and text.strip("."):
            return text
        raise ValueError(
            f"{whose} name has 1 to 64 letters A-Z, a-z, digits, '_', '.' and '-'; found {found(text)}"
        )

    return BeforeValidator(validate)


def _screen_name(value: object) -> str:
    text = _text(value)
    if not re.fullmatch(_SCREEN_NAME, text):
        raise ValueError(
            f"a screen's name has 1 to 64 letters A-Z, a-z, digits, '_' and '-'; found {found(text)}"
        )
    if text in TAKEN_RULES:
        raise ValueError(f"reports call another rule {text!r} already; give this screen another name")
    return text


def _licence(value: object) -> str:
    text = _text(value)
    if one_line(text) and text == text.strip():
        return text
    raise ValueError(f"found {found(text)}, expected the name of a licence, such as CC0-1.0")


def _column(value: object) -> str:
    text = _text(value)
    if one_line(text):
        return text
    raise ValueError(f"found {found(text)}, expected the name of a column")


def _array(value: object) -> str:
    text = _text(value)
    if one_line(text):
        return text
    raise ValueError(f"found {found(text)}, expected the name of an array")


def _json_key(value: object) -> str:
    text = _text(value)
    if one_line(text):
        return text
    raise ValueError(f"found {found(text)}, expected a key of the JSON files")


def _suffix(value: object) -> str:
    text = _text(value)
    if re.fullmatch(_SUFFIX, text):
        return text
    raise ValueError(f"found {found(text)}, expected a suffix without its first dot, such as cls or json")


def _columns(value: object) -> tuple[str, ...]:
    names = tuple(map(_column, value)) if isinstance(value, list | tuple) else (_column(value),)
    if names:
        return names
    raise ValueError("found an empty list, expected the name of a column, or a list of names")


def _sha256(value: object) -> str:
    if isinstance(value, str) and re.fullmatch(SHA256, value):
        return value.lower()
    in_quotes = "; put it in quotes" if isinstance(value, int | float) else ""
    raise ValueError(f"found {found(value)}, expected 64 hexadecimal digits{in_quotes}")


def _label_name(value: object) -> str:
    if value in LABEL_NAMES:
        return str(value)
    near = suggestion(value, LABEL_NAMES) if isinstance(value, str) else ""
    raise ValueError(
        f"found {found(value)}{near}, expected parent_folder, own, none, or a mapping such as "
        "{csv: labels.csv}"
    )


def _name_in(registry: Registry) -> BeforeValidator:
    def validate(value: object) -> str:
        text = _text(value)
        if text in registry:
            return text
        raise ValueError(registry.unknown(text))

    return BeforeValidator(validate)


def _text_schema(**rules: str | int) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", **rules})


Version = Annotated[int, BeforeValidator(_version), WithJsonSchema({"const": VERSION})]
Text = Annotated[str, BeforeValidator(_text)]
PolicyName = Annotated[str, BeforeValidator(_policy_name), _text_schema(minLength=1, maxLength=100)]
DatasetName = Annotated[str, _own_name("a dataset's"), _text_schema(pattern=whole(OWN_NAME))]
EmbedderKey = Annotated[str, _own_name("an embedder's"), _text_schema(pattern=whole(OWN_NAME))]
ScreenKey = Annotated[str, BeforeValidator(_screen_name), _text_schema(pattern=whole(_SCREEN_NAME))]
Licence = Annotated[str, BeforeValidator(_licence), _text_schema(minLength=1)]
Column = Annotated[str, BeforeValidator(_column), WithJsonSchema(_ONE_COLUMN)]
ArrayName = Annotated[str, BeforeValidator(_array), WithJsonSchema(_ONE_COLUMN)]
JsonKey = Annotated[str, BeforeValidator(_json_key), WithJsonSchema(_ONE_COLUMN)]
SidecarSuffix = Annotated[str, BeforeValidator(_suffix), _text_schema(pattern=whole(_SUFFIX))]
ColumnNames = Annotated[
    tuple[str, ...],
    BeforeValidator(_columns),
    WithJsonSchema({"anyOf": [_ONE_COLUMN, {"type": "array", "minItems": 1, "items": _ONE_COLUMN}]}),
]
Sha256 = Annotated[str, BeforeValidator(_sha256), _text_schema(pattern=whole(SHA256))]
LabelName = Annotated[
    Literal["none", "parent_folder", "own"],
    BeforeValidator(_label_name),
    WithJsonSchema({"enum": LABEL_NAMES}),
]
ReaderName = Annotated[str, _name_in(READERS), WithJsonSchema({"type": "string"})]
EmbedderName = Annotated[str, _name_in(EMBEDDERS), WithJsonSchema({"type": "string"})]
