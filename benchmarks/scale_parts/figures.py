"""What a part has found, for the table at the end."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Finding"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """A figure that is to be told.

    Attributes:
        what: What was measured.
        seen: What was seen.
        aim: What was aimed at; empty where nothing was.
    """

    what: str
    seen: str
    aim: str = ""
