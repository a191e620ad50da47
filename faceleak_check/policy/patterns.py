"""Paths with braces that stand for several files: the shards of a dataset."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from faceleak_check.policy.braces import BracesError, expand
from faceleak_check.policy.urls import Url

__all__ = ["Pattern", "pattern_of", "shared_shards"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Pattern:
    """A path with braces.

    Attributes:
        folder: The folder that all its files are in.
        names: Their paths in it, in order; empty where they cannot be told.
        trouble: Why they cannot, of ``it``; empty where they can.
    """

    folder: Path | Url
    names: Sequence[str] = ()
    trouble: str = ""


def pattern_of(place: Path | Url) -> Pattern | None:
    """The pattern that a path is; None where it has no braces that mean something."""
    steps: list[str] = []
    while "{" in str(place) and place.name:
        steps.insert(0, place.name)
        place = place.parent
    pattern = "/".join(steps)
    try:
        names = expand(pattern)
    except BracesError as error:
        return Pattern(folder=place, trouble=str(error))
    return None if list(names) == [pattern] else Pattern(folder=place, names=names)


def shared_shards(first: Path | Url, second: Path | Url) -> str:
    """How two places share files where at least one of them is a pattern, in words; empty where they share none."""
    patterns = pattern_of(first), pattern_of(second)
    if patterns == (None, None):
        return ""
    one, two = (_files(place, pattern) for place, pattern in zip((first, second), patterns, strict=True))
    both = one & two
    if both:
        return f"both have {min(both)!r}"
    for inner, outer in ((one, two), (two, one)):
        for name in sorted(inner):
            folder = next((above for above in _above(name) if above in outer), None)
            if folder is not None:
                return f"{name!r} lies inside {folder!r}"
    return ""


def _files(place: Path | Url, pattern: Pattern | None) -> set[str]:
    return {str(place)} if pattern is None else {f"{pattern.folder}/{name}" for name in pattern.names}


def _above(name: str) -> Iterator[str]:
    """The folders that a file is in."""
    while name := name.rpartition("/")[0]:
        yield name
