"""What searches found, on disk, so that one that was interrupted goes on and none is made twice.

::

    <root>/v2/searches/<key>.safetensors   what was found for some thousand queries, and a digest of it

The key stands for all that decides the answer, so nothing here is ever out of date. It is a help and no more: what is
damaged or cannot be written is searched for again.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load, save

from faceleak_check.files import write_whole
from faceleak_check.store.folders import FORMAT, private_folder
from faceleak_check.store.roots import Root, local_folder

__all__ = ["SearchStore"]

_KIND = "searches"
_DIGEST = "sha256"

Arrays = Mapping[str, npt.NDArray[Any]]


class SearchStore:
    """Keeps named arrays by key; see `faceleak_check.search.checkpoints`.

    Args:
        root: Folder that holds all stores.
    """

    def __init__(self, root: Root) -> None:
        self._root = local_folder(root)

    def get(self, key: str) -> Arrays | None:
        """The arrays of that key; None where there are none, or a damaged or foreign file."""
        try:
            arrays = load(self._path(key).read_bytes())
        except (OSError, SafetensorError):
            return None
        digest = arrays.pop(_DIGEST, np.empty(0, np.uint8))
        return arrays if digest.tobytes() == _digest(key, arrays) else None

    def put(self, key: str, arrays: Arrays) -> None:
        """Keeps arrays for good, where the folder can be written."""
        whole = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
        digest = np.frombuffer(_digest(key, whole), dtype=np.uint8)
        with contextlib.suppress(OSError):
            private_folder(self._root, _KIND)
            write_whole(self._path(key), save(whole | {_DIGEST: digest}))

    def _path(self, key: str) -> Path:
        return self._root / FORMAT / _KIND / f"{key}.safetensors"


def _digest(key: str, arrays: Arrays) -> bytes:
    """A file that was renamed is another's, so its key is part of the digest."""
    digest = hashlib.sha256(key.encode())
    for name, array in sorted(arrays.items()):
        digest.update(f"\0{name} {array.dtype.str} {array.shape} ".encode())
        digest.update(array.tobytes())
    return digest.digest()
