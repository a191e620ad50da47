"""Progress that nobody is told of."""

from __future__ import annotations

__all__ = ["silent"]


def silent(stage: str, done: int, total: int) -> None:
    """A progress that tells nobody; see `faceleak_check.protocols.Progress`."""
