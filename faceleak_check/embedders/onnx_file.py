"""What an ``.onnx`` file says of other files: read from its bytes, before anything else opens them.

An ONNX file is one protobuf message, and a tensor in it may name a file that holds its numbers. ONNX Runtime does
not tell which, but a digest of the weights must cover those files too. So the message is walked along the few
fields in which a tensor can lie (onnx.proto's numbers); all else is passed over unread.
"""

from __future__ import annotations

import hashlib
import mmap
from collections.abc import Iterator, Mapping
from pathlib import Path

from faceleak_check.model_files import MOST_WEIGHTS
from faceleak_check.regular_files import opened_regular

__all__ = ["digest_with", "external_files"]

_MESSAGES: Mapping[str, Mapping[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "graph": {1: "node", 5: "tensor", 15: "sparse tensor"},
    "function": {7: "node", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {
        5: "tensor",
        6: "graph",
        10: "tensor",
        11: "graph",
        22: "sparse tensor",
        23: "sparse tensor",
    },
    "sparse tensor": {1: "tensor", 2: "tensor"},
    "tensor": {13: "external data"},
}
_DEEPEST = 100
_VARINT, _EIGHT_BYTES, _BYTES, _FOUR_BYTES = 0, 1, 2, 5
_LONGEST_VARINT = 10
_CHUNK = 1 << 20


def external_files(path: Path) -> tuple[str, ...]:
    """Names of the files that an ONNX file keeps numbers in, as it spells them, sorted.

    Raises:
        ValueError: The file is no ONNX file, or a part of one.
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        if not path.stat().st_size:
            raise ValueError("the file is empty")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data, memoryview(data) as view:
            if not any(number == 7 for number, _, _ in _fields(view, 0, len(view))):
                raise ValueError("there is no graph in it")
            return tuple(sorted(set(_locations(view, 0, len(view), "model", 0))))


def digest_with(path: Path, others: tuple[Path, ...]) -> str:
    """SHA-256 of the files one after the other, as ``cat FILE OTHER … | sha256sum`` prints it.

    Raises:
        OSError: One of them cannot be read, is no ordinary file, or is longer than any weights.
    """
    digest = hashlib.sha256()
    for one in (path, *others):
        with opened_regular(one, most=MOST_WEIGHTS) as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    return digest.hexdigest()


def _locations(data: memoryview, start: int, end: int, kind: str, depth: int) -> Iterator[str]:
    if depth > _DEEPEST:
        raise ValueError(f"its parts lie more than {_DEEPEST} deep in each other")
    for number, first, last in _fields(data, start, end):
        inner = _MESSAGES[kind].get(number)
        if inner == "external data":
            entry = {key: bytes(data[a:b]) for key, a, b in _fields(data, first, last)}
            if entry.get(1) == b"location":
                yield entry.get(2, b"").decode("utf-8", "replace")
        elif inner:
            yield from _locations(data, first, last, inner, depth + 1)


def _fields(data: memoryview, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Number, start and end of each field of a message that holds bytes."""
    while start < end:
        tag, start = _varint(data, start, end)
        number, kind = tag >> 3, tag & 7
        length = {_EIGHT_BYTES: 8, _FOUR_BYTES: 4}.get(kind, 0)
        if kind in (_VARINT, _BYTES):
            value, start = _varint(data, start, end)
            length = value if kind == _BYTES else 0
        elif not length:
            raise ValueError("its bytes are not of the ONNX format")
        if start + length > end:
            raise ValueError("the file ends inside a part of it, or is not of the ONNX format")
        if kind == _BYTES:
            yield number, start, start + length
        start += length


def _varint(data: memoryview, start: int, end: int) -> tuple[int, int]:
    value = 0
    for n, byte in enumerate(data[start : min(start + _LONGEST_VARINT, end)]):
        value |= (byte & 0x7F) << (7 * n)
        if byte < 0x80:
            return value, start + n + 1
    raise ValueError("the file ends inside a part of it, or is not of the ONNX format")
