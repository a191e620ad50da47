"""Digests as people read them: as much of one as tells two files apart."""

from __future__ import annotations

__all__ = ["short"]

_N_DIGITS = 12


def short(sha256: str) -> str:
    """The first digits of a digest in hexadecimal digits."""
    return sha256[:_N_DIGITS]
