"""Where readers keep what they found; no behaviour."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

import numpy.typing as npt

__all__ = ["Columns", "Memory", "Remembering"]

Columns = Mapping[str, npt.NDArray[Any]]
"""Arrays of numbers by name."""


class Memory(Protocol):
    """Keeps columns by key; whatever goes wrong, the next run finds them anew."""

    def recall(self, key: str) -> Columns | None:
        """The columns that were kept last, whole and as they were; None where there are none."""

    def keep(self, key: str, columns: Columns) -> None:
        """Keeps columns in place of those that were kept before."""


@runtime_checkable
class Remembering(Protocol):
    """A reader that need not read again what it has read in an earlier run."""

    def remember(self, memory: Memory) -> None:
        """Uses a memory from now on."""
