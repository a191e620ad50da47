"""The bytes of a shard: content digests of images with the arrays that are kept of them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load, save

__all__ = ["Arrays", "pack", "read_shard"]

Arrays = Mapping[str, npt.NDArray[Any]]

_DIGESTS = "digests"


def pack(digests: Sequence[str], arrays: Arrays) -> bytes:
    """A safetensors file of digests and arrays; the same bytes for the same content."""
    packed = np.frombuffer(bytes.fromhex("".join(digests)), dtype=np.uint8).reshape(-1, 32)
    # safetensors copies memory as it lies, whatever the strides say
    return bytes(
        save({_DIGESTS: packed} | {name: np.ascontiguousarray(array) for name, array in arrays.items()})
    )


def read_shard(path: Path) -> tuple[list[bytes], Arrays]:
    """Digests and arrays of a shard.

    Raises:
        ValueError: The file's name is not the digest of its bytes, or they are no shard.
        OSError: The file cannot be read.
    """
    data = path.read_bytes() if path.is_file() else b""
    if hashlib.sha256(data).hexdigest() != path.stem:
        raise ValueError("the name is not the digest of the bytes")
    try:
        arrays = load(data)
        digests = arrays.pop(_DIGESTS)
    except (KeyError, SafetensorError) as error:
        raise ValueError(f"no shard: {error}") from None
    if digests.ndim != 2 or digests.shape[1] != 32 or digests.dtype != np.uint8:
        raise ValueError(f"digests of shape {digests.shape} and type {digests.dtype}")
    return [digest.tobytes() for digest in digests], arrays
