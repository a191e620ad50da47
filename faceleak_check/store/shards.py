"""The bytes of a shard: content digests with their templates."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load, save

from faceleak_check.records import Templates

__all__ = ["pack", "unpack"]

_LENGTH_TOLERANCE = 1e-5


def pack(digests: Sequence[str], templates: Templates, dimension: int) -> bytes:
    """A safetensors file of digests, vectors and norms; the same bytes for the same templates.

    Raises:
        ValueError: The templates are not one finite unit vector of that dimension for each digest.
    """
    packed = np.frombuffer(bytes.fromhex("".join(digests)), dtype=np.uint8).reshape(-1, 32)
    _refuse_unsound(packed, templates, dimension)
    # safetensors copies memory as it lies, whatever the strides say
    vectors, norms = np.ascontiguousarray(templates.vectors), np.ascontiguousarray(templates.norms)
    return save({"digests": packed, "vectors": vectors, "norms": norms})


def unpack(data: bytes, dimension: int) -> tuple[list[bytes], Templates]:
    """Digests and templates of a shard.

    Raises:
        ValueError: The bytes are no shard of sound templates of that dimension.
    """
    try:
        shard = load(data)
        digests, templates = shard["digests"], Templates(vectors=shard["vectors"], norms=shard["norms"])
    except (KeyError, SafetensorError) as error:
        raise ValueError(f"no shard: {error}") from None
    _refuse_unsound(digests, templates, dimension)
    return [digest.tobytes() for digest in digests], templates


def _refuse_unsound(digests: npt.NDArray[np.uint8], templates: Templates, dimension: int) -> None:
    """A template that is no finite unit vector would be near to nothing: a leak that nobody sees."""
    n, vectors, norms = len(digests), templates.vectors, templates.norms
    if (digests.shape, vectors.shape, norms.shape) != ((n, 32), (n, dimension), (n,)):
        raise ValueError(f"{n:,} digests, vectors of shape {vectors.shape} and norms of shape {norms.shape}")
    if [array.dtype.name for array in (digests, vectors, norms)] != ["uint8", "float32", "float32"]:
        raise ValueError(f"vectors of type {vectors.dtype} and norms of type {norms.dtype}")
    lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64))
    if not (np.abs(lengths - 1) < _LENGTH_TOLERANCE).all():
        raise ValueError("vectors that are not of length 1")
    if not (np.isfinite(norms) & (norms > 0)).all():
        raise ValueError("norms that are not finite and above 0")
