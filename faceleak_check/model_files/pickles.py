"""What checkpoints say of themselves, read without loading them and without torch."""

from __future__ import annotations

import io
import json
import pickletools
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

__all__ = ["asked_imports", "stored_names"]

_MAX_HEADER = 100_000_000
_MAX_PICKLE = 64 << 20
_N_OLD_PICKLES = 5

Operation = tuple[str, object]


def stored_names(path: Path) -> frozenset[str]:
    """Names of tensors, among other texts of the checkpoint; of a damaged file what it still tells.

    Raises:
        OSError: The file cannot be read.
    """
    with path.open("rb") as file:
        start = file.read(9)
        file.seek(0)
        if start[8:] == b"{" and start[:2] != b"PK":
            return _header(file)
        return frozenset(argument for _, argument in _operations(file) if isinstance(argument, str))


def asked_imports(data: bytes) -> list[str]:
    """Every ``module.name`` that loading a checkpoint of torch, or another pickle, would import."""
    names = set()
    texts = ["", ""]
    for operation, argument in _operations(io.BytesIO(data)):
        if operation in {"GLOBAL", "INST"}:
            names.add(str(argument).replace(" ", "."))
        elif operation == "STACK_GLOBAL":
            names.add(".".join(texts[-2:]))
        elif isinstance(argument, str):
            texts.append(argument)
    return sorted(names)


def _header(file: IO[bytes]) -> frozenset[str]:
    """The names in a safetensors file: a size, then a JSON object."""
    size = int.from_bytes(file.read(8), "little")
    try:
        return frozenset(json.loads(file.read(min(size, _MAX_HEADER))))
    except (ValueError, TypeError, RecursionError):
        return frozenset()


def _operations(file: IO[bytes]) -> Iterator[Operation]:
    if file.read(2) == b"PK":
        yield from _of_zip(file)
        return
    file.seek(0)
    # before version 1.6 torch wrote pickles one after another: magic number, version, system, object, keys
    for _ in range(_N_OLD_PICKLES):
        yield from _of_pickle(file)


def _of_zip(file: IO[bytes]) -> Iterator[Operation]:
    try:
        with zipfile.ZipFile(file) as archive:
            for info in archive.infolist():
                if info.filename.endswith(".pkl") and info.file_size <= _MAX_PICKLE:
                    yield from _of_pickle(io.BytesIO(archive.read(info)))
    except (zipfile.BadZipFile, NotImplementedError, EOFError, RuntimeError):
        return


def _of_pickle(file: IO[bytes]) -> Iterator[Operation]:
    try:
        for operation, argument, _ in pickletools.genops(file):
            yield operation.name, argument
    except (ValueError, EOFError, IndexError):
        return
