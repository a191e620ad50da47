"""Where arrays are kept that save work and decide nothing; no behaviour."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy.typing as npt

__all__ = ["Arrays", "Memory"]

Arrays = Mapping[str, npt.NDArray[Any]]
"""Arrays of numbers by name."""


class Memory(Protocol):
    """Keeps arrays by key; whatever goes wrong, the next run finds them anew."""

    def recall(self, key: str) -> Arrays | None:
        """The arrays that were kept last, whole and as they were; None where there are none."""

    def keep(self, key: str, arrays: Arrays) -> None:
        """Keeps arrays in place of those that were kept before, where that can be done."""
