"""What is wrong with an array."""

from __future__ import annotations

__all__ = ["ArrayError", "DamagedArrayError", "called"]


class ArrayError(ValueError):
    """An array cannot be used.

    Args:
        message: What is wrong, in words that name no path, to follow the subject and a colon.
        advice: What to do, in whole sentences.
    """

    def __init__(self, message: str, advice: str) -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice


class DamagedArrayError(ArrayError):
    """An array turned out to be damaged after rows of it were read."""


def called(name: str) -> str:
    """How messages call an array: by its name where it has one."""
    return f"its array {name!r}" if name else "its array"
