"""Merkle trees of RFC 9162, section 2.1: a digest of many lines that any of them can be proved to belong to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256

__all__ = ["MerkleTree", "merkle_sha256"]

_LEAF, _NODE = b"\0", b"\1"
_LEAVES = 1 << 15
"""Leaves of a part that is hashed at once: a power of two, so that every part but the last is a whole subtree."""


class MerkleTree:
    """A tree that grows line by line and holds in memory one digest for each 32,768 lines."""

    def __init__(self) -> None:
        self._waiting: list[bytes] = []
        self._subtrees: list[bytes] = []

    def add(self, lines: Sequence[bytes]) -> None:
        """Puts lines behind those that are there.

        Args:
            lines: What the leaves stand for, in order.
        """
        self._waiting += lines
        n_whole = len(self._waiting) // _LEAVES * _LEAVES
        for start in range(0, n_whole, _LEAVES):
            self._subtrees.append(_root(_leaves(self._waiting[start : start + _LEAVES])))
        if n_whole:
            del self._waiting[:n_whole]

    @property
    def sha256(self) -> str:
        """The root of the tree, 64 hexadecimal digits; of no lines the SHA-256 of nothing."""
        rest = [_root(_leaves(self._waiting))] if self._waiting else []
        subtrees = [*self._subtrees, *rest]
        return _root(subtrees).hex() if subtrees else sha256().hexdigest()


def merkle_sha256(lines: Iterable[bytes]) -> str:
    """The root of the Merkle tree over some lines, 64 hexadecimal digits."""
    tree = MerkleTree()
    tree.add(list(lines))
    return tree.sha256


def _leaves(lines: Sequence[bytes]) -> list[bytes]:
    return [sha256(_LEAF + line).digest() for line in lines]


def _root(nodes: list[bytes]) -> bytes:
    """The root over digests of subtrees, of which all but the last are whole and of one size.

    A node without a partner goes up as it is, which gives the tree of the RFC: its left side is always a whole one.
    """
    while len(nodes) > 1:
        odd = nodes[-1:] if len(nodes) % 2 else []
        pairs = zip(nodes[::2], nodes[1::2], strict=False)
        nodes = [sha256(_NODE + left + right).digest() for left, right in pairs] + odd
    return nodes[0]
