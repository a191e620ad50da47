"""Under which key the listing of a dataset is kept: all that decides what is found in given files."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from faceleak_check.policy.schema import Dataset

__all__ = ["deciding_keys", "key_of"]

_DECIDE_NOTHING = frozenset({"name", "path", "line", "column", "align", "faces", "expect"})


def key_of(place: str, deciding: Sequence[str]) -> str:
    """The key of a listing, 64 hexadecimal digits.

    Args:
        place: Where the files are, without secrets.
        deciding: What decides how they are read.
    """
    return hashlib.sha256(json.dumps([_code(), place, *deciding]).encode()).hexdigest()


def deciding_keys(dataset: Dataset) -> list[str]:
    """The keys of a dataset but those that give it its name and say what is done with its images."""
    names = [field.name for field in fields(dataset) if field.name not in _DECIDE_NOTHING]
    return [f"{name}={getattr(dataset, name)!r}" for name in names]


@functools.cache
def _code() -> str:
    """Digest of the readers' own sources: no listing outlives a change of the rules that it was made by."""
    folder = Path(__file__).parent.parent
    digest = hashlib.sha256()
    for file in sorted(folder.rglob("*.py")):
        digest.update(f"{file.relative_to(folder)}\0".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()
