"""What a reader can that uses what earlier runs found; no behaviour."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from faceleak_check.kept_arrays import Memory

__all__ = ["Remembering"]


@runtime_checkable
class Remembering(Protocol):
    """A reader that need not read again what it has read in an earlier run."""

    def remember(self, memory: Memory) -> None:
        """Uses a memory from now on."""
