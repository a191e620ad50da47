"""Progress that is told often enough to see, and seldom enough to cost nothing."""

from __future__ import annotations

import time

from faceleak_check.protocols import Progress

__all__ = ["PacedProgress"]

_SECONDS_BETWEEN = 0.1


class PacedProgress:
    """Passes progress of one stage on, at most ten times a second; `finish` always.

    Args:
        progress: Who is told.
        stage: Name of the stage, such as ``listing training``.
    """

    def __init__(self, progress: Progress, stage: str) -> None:
        self._progress = progress
        self._stage = stage
        self._next = time.monotonic() + _SECONDS_BETWEEN

    def update(self, done: int, total: int) -> None:
        """`done` of `total` are done; total is 0 while unknown."""
        now = time.monotonic()
        if now >= self._next:
            self._next = now + _SECONDS_BETWEEN
            self._progress(self._stage, done, total)

    def finish(self, total: int) -> None:
        """All are done."""
        self._progress(self._stage, total, total)
