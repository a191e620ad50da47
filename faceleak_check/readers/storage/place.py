"""What a kind of storage elsewhere must be able to do; no behaviour."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, Protocol

__all__ = ["Found", "Place"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """What is known of a file or folder elsewhere.

    Attributes:
        kind: Which of the two.
        n_bytes: Length of a file; None where nobody tells.
        identity: See `OpenFile`.
        is_settled: See `OpenFile`.
        takes_ranges: Whether parts of it can be asked for.
        head: Its first bytes, where they came along.
    """

    kind: Literal["file", "folder"]
    n_bytes: int | None = None
    identity: str = ""
    is_settled: bool = False
    takes_ranges: bool = True
    head: bytes = b""


class Place(Protocol):
    """A file or folder elsewhere; its methods raise whatever their client raises, and several threads call them."""

    def about(self, name: str) -> Found:
        """What is known of a file below the folder; of the place itself without a name."""

    def part(self, name: str, found: Found, start: int, end: int) -> bytes:
        """The bytes of a file from `start` up to `end`."""

    def whole(self, name: str, limit: int) -> bytes:
        """All bytes of a file, but no more than `limit`."""

    def files(self, tick: Callable[[int], None]) -> Iterable[tuple[str, Found]]:
        """All files below the folder by their paths in it, and what is known of each; "" for a place that is a file."""
