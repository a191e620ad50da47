"""Lists of files as sha256sum writes them, and how two of them differ."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from faceleak_check.records import MerkleTree

__all__ = ["Difference", "differences", "root_of"]

_LETTERS = {rb"\n": b"\n", rb"\r": b"\r", rb"\\": b"\\"}

Entry = tuple[bytes, bytes]


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """A file in which two lists differ.

    Attributes:
        name: The file, as UTF-8 with surrogate escapes.
        kind: ``changed``, ``missing`` in the second list, or ``added`` there.
    """

    name: str
    kind: Literal["changed", "missing", "added"]


def root_of(lines: Sequence[bytes]) -> str:
    """The root of the Merkle tree over a list, 64 hexadecimal digits.

    Args:
        lines: Its lines, without their ends.
    """
    tree = MerkleTree()
    tree.add(lines)
    return tree.sha256


def differences(before: Iterable[bytes], now: Iterable[bytes]) -> Iterator[Difference]:
    """The files in which two lists differ, in the order of the bytes of their names.

    Args:
        before: Lines of a list in that order, without their ends.
        now: Those of the other one.
    """
    old, new = iter(map(_entry, before)), iter(map(_entry, now))
    one, other = next(old, None), next(new, None)
    while one or other:
        if one == other:
            one, other = next(old, None), next(new, None)
        elif one and other and one[0] == other[0]:
            yield _difference(one, "changed")
            one, other = next(old, None), next(new, None)
        elif one and (not other or one[0] < other[0]):
            yield _difference(one, "missing")
            one = next(old, None)
        elif other:
            yield _difference(other, "added")
            other = next(new, None)


def _difference(entry: Entry, kind: Literal["changed", "missing", "added"]) -> Difference:
    return Difference(name=entry[0].decode("utf-8", "surrogateescape"), kind=kind)


def _entry(line: bytes) -> Entry:
    """Name and digest; the name as it was before sha256sum's escapes."""
    digest, _, name = line.partition(b"  ")
    if digest.startswith(b"\\"):
        name = re.sub(rb"\\[nr\\]", lambda found: _LETTERS[found[0]], name)
    return name, digest.lstrip(b"\\")
