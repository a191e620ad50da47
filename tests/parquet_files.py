"""Writes small Parquet files of the forms in which image datasets are released."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
"""The type that Hugging Face writes images as."""

JPEG = b"\xff\xd8\xff"


def images_of(contents: Sequence[bytes | None], paths: Sequence[str | None] | None = None) -> pa.Array:
    """A column of images as Hugging Face writes them."""
    paths = paths or [f"{number:04d}.jpg" for number in range(len(contents))]
    rows = [{"bytes": data, "path": path} for data, path in zip(contents, paths, strict=True)]
    return pa.array(rows, IMAGE)


def hugging_face(table: pa.Table, features: Mapping[str, Any]) -> pa.Table:
    """The table with what Hugging Face writes about its columns."""
    written = json.dumps({"info": {"features": features}})
    return table.replace_schema_metadata({"huggingface": written})


def write_parquet(path: Path, columns: Mapping[str, Any] | pa.Table, **options: Any) -> Path:
    """A Parquet file of these columns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(columns if isinstance(columns, pa.Table) else pa.table(dict(columns)), path, **options)
    return path


def page_of(path: Path, content: bytes) -> int:
    """Where in a file without statistics some bytes lie that do not let themselves be compressed."""
    data = path.read_bytes()
    assert data.count(content) == 1
    return data.find(content)
