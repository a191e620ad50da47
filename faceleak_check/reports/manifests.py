"""What tells the files of each set: its Merkle root, and of generated sets a list beside the evidence.

::

    <folder>/manifests/<dataset>.<first digits of the root>.txt    a line for each file, as sha256sum writes it

A leaf of the tree is a line of the list without its end. So a list can be checked against a root without the files,
and the files against the list.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from faceleak_check.records import ImageSet, MerkleTree, SetSummary
from faceleak_check.reports.names import MANIFESTS, readable
from faceleak_check.whole_files import opened_whole

__all__ = ["Manifests", "merkle_root"]

"""Name of the folder of lists."""

_LISTED = "generated"
_NO_FILES = ("matches", "canaries")
_DIGITS = 8


class Manifests:
    """Works out each set once, whatever cases it is in.

    Args:
        folder: The evidence folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._roots: dict[str, str] = {}
        self._written: dict[tuple[str, str], dict[str, str]] = {}

    def record(self, role: str, one: SetSummary) -> dict[str, Any]:
        """Root and manifest of a set, as the evidence names them; None for what it has not.

        Args:
            role: What the set is to the check; generated sets alone get a manifest.
            one: The set.

        Raises:
            OSError: The manifest cannot be written.
        """
        if one.found is None or role in _NO_FILES:
            return {"merkle_sha256": None, "manifest": None}
        if one.sha256 not in self._roots:
            self._roots[one.sha256] = merkle_root(one.found)
        root, key = self._roots[one.sha256], (one.name, one.sha256)
        if role == _LISTED and key not in self._written:
            self._written[key] = self._write(one.name, root, one.found)
        return {"merkle_sha256": root, "manifest": self._written[key] if role == _LISTED else None}

    def _write(self, name: str, root: str, found: ImageSet) -> dict[str, str]:
        file = f"{MANIFESTS}/{readable(name)}.{root[:_DIGITS]}.txt"
        (self._folder / MANIFESTS).mkdir(parents=True, exist_ok=True, mode=0o700)
        digest = hashlib.sha256()
        with opened_whole(self._folder / file) as manifest:
            for lines in found.manifest():
                manifest.write(lines)
                digest.update(lines)
        return {"file": file, "sha256": digest.hexdigest()}


def merkle_root(found: ImageSet) -> str:
    """The root of the Merkle tree over a set's files, 64 hexadecimal digits."""
    tree = MerkleTree()
    for lines in found.manifest():
        tree.add(lines[:-1].split(b"\n"))
    return tree.sha256
