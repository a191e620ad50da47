"""What Hugging Face's ``datasets`` writes into the schema of a Parquet file about its columns."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

__all__ = ["class_names", "features", "image_columns"]

_KEY = b"huggingface"


def features(metadata: Mapping[bytes, bytes] | None) -> Mapping[str, Any]:
    """The feature of each column; empty where nothing, or nothing readable, is written.

    Args:
        metadata: The metadata of an Arrow schema.
    """
    try:
        written = json.loads((metadata or {}).get(_KEY, b"{}"))
        found = written["info"]["features"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def image_columns(found: Mapping[str, Any]) -> list[str]:
    """The columns that are said to hold one image in each row."""
    return [name for name, feature in found.items() if _type_of(feature) == "Image"]


def class_names(found: Mapping[str, Any], column: str) -> tuple[str, ...]:
    """The names that the numbers of a column stand for; empty where it is no column of classes."""
    feature = found.get(column, {})
    names = feature.get("names") if _type_of(feature) == "ClassLabel" else None
    return tuple(map(str, names)) if isinstance(names, list) else ()


def _type_of(feature: object) -> object:
    return feature.get("_type") if isinstance(feature, dict) else None
