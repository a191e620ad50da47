"""Texts as columns of numbers."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from faceleak_check.readers.listing import id_of, path_of

__all__ = ["as_column", "as_columns", "from_column", "from_columns"]

Bytes = npt.NDArray[np.uint8]


def as_columns(texts: Sequence[str]) -> tuple[Bytes, npt.NDArray[np.int64]]:
    """The bytes of all texts, one after the other, and where each ends."""
    encoded = list(map(path_of, texts))
    ends = np.cumsum(np.fromiter(map(len, encoded), np.int64, len(encoded)), dtype=np.int64)
    return np.frombuffer(b"".join(encoded), dtype=np.uint8), ends


def from_columns(data: Bytes, ends: npt.NDArray[np.int64]) -> list[str]:
    """The texts again."""
    whole, places = data.tobytes(), [0, *ends.tolist()]
    return [id_of(whole[start:end]) for start, end in itertools.pairwise(places)]


def as_column(value: Any) -> Bytes:
    """Something that JSON can hold, as bytes; surrogates in names stay as they are."""
    return np.frombuffer(json.dumps(value).encode(), dtype=np.uint8)


def from_column(data: Bytes) -> Any:
    """The value again."""
    return json.loads(data.tobytes())
