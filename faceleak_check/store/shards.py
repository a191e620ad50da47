"""The bytes of a shard: content digests of images with the arrays that are kept of them.

A shard is a safetensors file. Its arrays are looked at where they lie in the file and come into memory page by page,
so a store may be larger than memory. Nobody ever writes into a shard or cuts it short: it is replaced by renaming or
removed, and what is mapped of a removed file stays readable. Where somebody else cuts a shard short while it is mapped,
the system ends the process that looks at the lost part (SIGBUS); the next run finds the shard by its digest.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from safetensors.numpy import save

from faceleak_check.kept_arrays import Arrays
from faceleak_check.records import Digests

__all__ = ["SUFFIX", "Shard", "is_shard", "open_shard", "pack", "shard_name"]


SUFFIX = ".safetensors"
_DIGESTS = "digests"
_SPEC = "spec"
_LENGTH_BYTES = 8
_WIDEST = 1 << 40
_TYPES = {"U8": np.uint8, "I64": np.int64, "F32": np.float32, "F64": np.float64}


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Shard:
    """An open shard.

    Attributes:
        digests: The images.
        arrays: What is kept of them, read-only: rows of numbers lie in the file.
        spec: Digest of the spec that they were made by; empty where the shard does not tell.
    """

    digests: Digests
    arrays: Arrays
    spec: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Entry:
    """Where an array lies in the file."""

    kind: np.dtype[Any]
    shape: tuple[int, ...]
    start: int
    end: int


def pack(digests: Sequence[str], arrays: Arrays, spec: str) -> bytes:
    """A safetensors file of digests and arrays; the same bytes for the same content.

    Args:
        digests: The images.
        arrays: What is kept of them.
        spec: Digest of the spec that they were made by: a shard that came into another folder must be known there.
    """
    packed = np.frombuffer(bytes.fromhex("".join(digests)), dtype=np.uint8).reshape(-1, 32)
    # safetensors copies memory as it lies, whatever the strides say
    return bytes(
        save(
            {_DIGESTS: packed} | {name: np.ascontiguousarray(array) for name, array in arrays.items()},
            {_SPEC: spec},
        )
    )


def shard_name(data: bytes) -> str:
    """The digest of a shard's bytes, with the ending."""
    return hashlib.sha256(data).hexdigest() + SUFFIX


def is_shard(name: str) -> bool:
    """Whether a file is named like a shard."""
    stem = name.removesuffix(SUFFIX)
    return name.endswith(SUFFIX) and len(stem) == 64 and not set(stem) - set("0123456789abcdef")


def open_shard(path: Path, *, is_trusted: bool = False) -> Shard:
    """Opens a shard: digests and arrays of single numbers are read, arrays of rows are mapped.

    Args:
        path: The file.
        is_trusted: Whether it was hashed before, and has not changed since.

    Raises:
        ValueError: It is no shard, or its name is not the digest of its bytes.
        OSError: The file cannot be read.
    """
    with _opened(path) as file:
        if not is_trusted and hashlib.file_digest(file, "sha256").hexdigest() + SUFFIX != path.name:
            raise ValueError("no shard: the name is not the digest of the bytes")
        data, (entries, spec) = _mapped(path), _entries(file)
        arrays = {name: _array(file, data, entry) for name, entry in entries.items()}
    digests = arrays.pop(_DIGESTS, None)
    if digests is None or digests.shape[1:] != (32,) or digests.dtype != np.uint8:
        raise ValueError("no shard: no digests of 32 bytes")
    return Shard(digests=np.array(digests), arrays=arrays, spec=spec)


def _opened(path: Path) -> BufferedReader:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # else a pipe would wait
    except FileNotFoundError:
        raise ValueError("not a file") from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise ValueError("not a file")
    return os.fdopen(descriptor, "rb")


def _mapped(path: Path) -> npt.NDArray[np.uint8]:
    """All bytes of a file, by way of pyarrow, which unlike `mmap` keeps no file open: there may be thousands."""
    try:
        with pa.memory_map(os.fsencode(path)) as file:
            data: npt.NDArray[np.uint8] = np.frombuffer(file.read_buffer(), dtype=np.uint8)
    except OSError as error:  # whose words name the path
        raise OSError(error.errno or 0, os.strerror(error.errno or 0)) from None
    return data


def _entries(file: BufferedReader) -> tuple[dict[str, _Entry], str]:
    """The arrays that the header names, with their places in the file; and the digest of their spec."""
    file.seek(0)
    length = int.from_bytes(file.read(_LENGTH_BYTES), "little")
    n_bytes = os.fstat(file.fileno()).st_size
    try:
        header = dict(json.loads(file.read(min(length, n_bytes))))
        spec = str(header.pop("__metadata__", {}).get(_SPEC, ""))
        return {name: _entry(one, _LENGTH_BYTES + length, n_bytes) for name, one in header.items()}, spec
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"no shard: {error}") from None


def _entry(entry: Any, start: int, n_bytes: int) -> _Entry:
    first, end = entry["data_offsets"]
    kind = np.dtype(_TYPES[entry["dtype"]])
    # a shape such as (0, 512), of pictures without a face, may be wider than the file is long
    limits = {n_bytes - start: (first, end), _WIDEST: entry["shape"]}
    if not all(type(one) is int and 0 <= one <= most for most, some in limits.items() for one in some):
        raise ValueError(f"an array described as {entry!r:.100}")
    if end - first != math.prod(entry["shape"]) * kind.itemsize:
        raise ValueError(f"an array described as {entry!r:.100}")
    return _Entry(kind=kind, shape=tuple(entry["shape"]), start=start + first, end=start + end)


def _array(file: BufferedReader, data: npt.NDArray[np.uint8], entry: _Entry) -> npt.NDArray[Any]:
    if len(entry.shape) > 1:
        return data[entry.start : entry.end].view(entry.kind).reshape(entry.shape)
    file.seek(entry.start)
    return np.frombuffer(file.read(entry.end - entry.start), entry.kind).reshape(entry.shape)
