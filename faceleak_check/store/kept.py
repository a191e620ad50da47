"""Arrays that save work and decide nothing: what is damaged or gone is found anew.

::

    <root>/v2/<kind>/<key>.safetensors   named arrays, and ``sha256``: their digest and the key's, 32 bytes
"""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from faceleak_check.kept_arrays import Arrays
from faceleak_check.regular_files import read_regular
from faceleak_check.store.folders import FORMAT, private_folder, refuse_others
from faceleak_check.store.roots import Root, local_folder
from faceleak_check.whole_files import write_whole

__all__ = ["KeptArrays"]

_DIGEST = "sha256"
_MOST_BYTES = 1 << 36
"""A listing of a billion images."""


class KeptArrays:
    """Named arrays by key. Neither a folder that cannot be read nor one that cannot be written is an error here.

    Args:
        root: Folder that holds all stores.
        kind: Name of the folder for what is kept.
    """

    def __init__(self, root: Root, kind: str) -> None:
        self._root = local_folder(root)
        self._kind = kind

    def recall(self, key: str) -> Arrays | None:
        """The arrays that were kept last; None where there are none, or a damaged or foreign file."""
        try:
            refuse_others(self._path(key).parent)
            arrays = load(read_regular(self._path(key), most=_MOST_BYTES))
            digest = arrays.pop(_DIGEST)
        except (OSError, ValueError, KeyError, SafetensorError):
            return None
        return arrays if digest.tobytes() == _digest(key, arrays) else None

    def keep(self, key: str, arrays: Arrays) -> None:
        """Keeps arrays in place of those of the same key; what cannot be written is found anew the next time.

        Args:
            key: A digest in hexadecimal digits.
            arrays: Arrays of numbers by name; all names but ``sha256``.
        """
        whole = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
        whole[_DIGEST] = np.frombuffer(_digest(key, arrays), dtype=np.uint8)
        with contextlib.suppress(OSError):
            private_folder(self._root, self._kind)
            write_whole(self._path(key), bytes(save(whole)))

    def _path(self, key: str) -> Path:
        return self._root / FORMAT / self._kind / f"{key}.safetensors"


def _digest(key: str, arrays: Arrays) -> bytes:
    """Of the key, too: a file that was renamed is another's."""
    digest = hashlib.sha256(key.encode())
    for name, array in sorted(arrays.items()):
        digest.update(repr((name, array.dtype.str, array.shape)).encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.digest()
