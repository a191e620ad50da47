"""What was found in datasets, kept so that nothing is listed and digested twice.

::

    <root>/v2/listings/<key>.safetensors   the columns of one dataset, and ``sha256``: their digest, 32 bytes

The key is 64 hexadecimal digits and stands for a place and for how it is read; a later listing takes the place of an
earlier one. The files hold names of images, so they are as private as templates. Any of them may be removed at any
time: its dataset is then read again.
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

__all__ = ["LISTINGS", "ListingStore"]

LISTINGS = "listings"
"""Name of their folder."""

_DIGEST = "sha256"

Columns = Mapping[str, npt.NDArray[Any]]


class ListingStore:
    """Columns by key. Neither a store that cannot be read nor one that cannot be written is an error here.

    Args:
        root: Folder that holds all stores.
    """

    def __init__(self, root: Root) -> None:
        self._root = local_folder(root)

    def recall(self, key: str) -> Columns | None:
        """The columns that were kept last; None where there are none, or a damaged or foreign file."""
        try:
            columns = load(self._path(key).read_bytes())
            digest = columns.pop(_DIGEST)
        except (OSError, ValueError, KeyError, SafetensorError):
            return None
        return columns if digest.tobytes() == _digest(key, columns) else None

    def keep(self, key: str, columns: Columns) -> None:
        """Keeps columns; those that cannot be written are found anew the next time.

        Args:
            key: A digest in hexadecimal digits.
            columns: Arrays of numbers by name; all names but ``sha256``.
        """
        whole = {name: np.ascontiguousarray(column) for name, column in columns.items()}
        whole[_DIGEST] = np.frombuffer(_digest(key, columns), dtype=np.uint8)
        with contextlib.suppress(OSError):
            private_folder(self._root, LISTINGS)
            write_whole(self._path(key), bytes(save(whole)))

    def _path(self, key: str) -> Path:
        return self._root / FORMAT / LISTINGS / f"{key}.safetensors"


def _digest(key: str, columns: Columns) -> bytes:
    """Of the key, too: a file that was renamed is another's."""
    digest = hashlib.sha256(key.encode())
    for name, column in sorted(columns.items()):
        digest.update(repr((name, column.dtype.str, column.shape)).encode())
        digest.update(np.ascontiguousarray(column).data)
    return digest.digest()
