"""Small notes on disk, such as what a survey of a dataset found.

::

    <root>/v2/<kind>/<key>.json   the note, and a digest by which a damaged or foreign one is known
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from faceleak_check.store.folders import FORMAT, private_folder, refuse_others, store_errors
from faceleak_check.store.roots import Root, local_folder
from faceleak_check.whole_files import write_whole

__all__ = ["NoteStore"]


class NoteStore:
    """Notes by kind and key; a later one takes the place of an earlier one.

    Args:
        root: Folder that holds all stores.
    """

    def __init__(self, root: Root) -> None:
        self._root = local_folder(root)

    def get(self, kind: str, key: str) -> dict[str, Any] | None:
        """The note of that key; None where there is none, or a damaged or foreign file.

        Raises:
            StoreError: The store cannot be read.
        """
        path = self._path(kind, key)
        with store_errors(path.parent, "read"):
            data = _trusted_bytes(path) if path.is_file() else b""
        try:
            note = json.loads(data)
        except (ValueError, RecursionError):
            return None
        if not isinstance(note, dict) or not isinstance(note.get("data"), dict):
            return None
        found: dict[str, Any] = note["data"]
        return found if note.get("sha256") == _digest(kind, key, found) else None

    def put(self, kind: str, key: str, data: dict[str, Any]) -> None:
        """Keeps a note for good.

        Args:
            kind: What the note is on: the name of a folder.
            key: Which one: a digest in hexadecimal digits.
            data: What JSON can hold; all keys are strings.

        Raises:
            StoreError: The store cannot be written.
        """
        path = self._path(kind, key)
        note = {"sha256": _digest(kind, key, data), "data": data}
        with store_errors(path.parent, "written"):
            private_folder(self._root, kind)
            write_whole(path, json.dumps(note, sort_keys=True, indent=2).encode())

    def _path(self, kind: str, key: str) -> Path:
        return self._root / FORMAT / kind / f"{key}.json"


def _trusted_bytes(path: Path) -> bytes:
    refuse_others(path.parent)
    return path.read_bytes()


def _digest(kind: str, key: str, data: dict[str, Any]) -> str:
    """A note that was renamed is another's, so its name is part of the digest."""
    return hashlib.sha256(json.dumps([kind, key, data], sort_keys=True).encode()).hexdigest()
