"""Ranges and lists in braces, as shells and WebDataset write many paths as one: ``train-{000..127}.tar``."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence

__all__ = ["MOST_PATHS", "BracesError", "expand"]

MOST_PATHS = 1_000_000
"""More paths than any dataset has files."""

_MOST_BRACES = 50
_NUMBERS = re.compile(r"(-?\d{1,18})\.\.(-?\d{1,18})(?:\.\.(-?\d{1,18}))?", re.ASCII)
_LETTERS = re.compile(r"([A-Za-z])\.\.([A-Za-z])(?:\.\.(-?\d{1,18}))?", re.ASCII)


class BracesError(ValueError):
    """A pattern stands for more paths than any dataset has files; the message says so of ``it``."""


def expand(pattern: str) -> Sequence[str]:
    """The paths that a pattern stands for, each once, in the order that a shell gives them.

    Args:
        pattern: A path with any number of ``{000..127}``, ``{0..9..3}``, ``{a..f}`` and ``{train,test}``, one inside
            the other where wanted. Braces that are none of these stand for themselves.

    Raises:
        BracesError: There are more than `MOST_PATHS`.
    """
    if pattern.count("{") > _MOST_BRACES:
        raise BracesError(f"it has more than {_MOST_BRACES} braces")
    return list(dict.fromkeys(_expanded(pattern)))


def _expanded(pattern: str) -> list[str]:
    found = _first_braces(pattern)
    if found is None:
        return [pattern]
    start, end, choices = found
    tails = _expanded(pattern[end:])
    if len(choices) * len(tails) > MOST_PATHS:
        raise BracesError(f"it stands for more than {MOST_PATHS:,} paths")
    return [pattern[:start] + choice + tail for choice, tail in itertools.product(choices, tails)]


def _first_braces(pattern: str) -> tuple[int, int, Sequence[str]] | None:
    """Beginning, end and choices of the first braces that mean something."""
    for start in (place for place, letter in enumerate(pattern) if letter == "{"):
        end = _end_of(pattern, start)
        choices = _choices(pattern[start + 1 : end - 1]) if end else None
        if choices is not None:
            return start, end, choices
    return None


def _end_of(pattern: str, start: int) -> int:
    """Where the braces that begin here end; 0 where they are never closed."""
    depth = 0
    for place in range(start, len(pattern)):
        depth += {"{": 1, "}": -1}.get(pattern[place], 0)
        if not depth:
            return place + 1
    return 0


def _choices(inside: str) -> Sequence[str] | None:
    """What may stand in place of a pair of braces; None where they mean nothing."""
    if found := _NUMBERS.fullmatch(inside):
        return _numbers(*found.groups(default=""))
    if found := _LETTERS.fullmatch(inside):
        first, last, step = found.groups(default="")
        return [chr(one) for one in _steps(ord(first), ord(last), step)]
    parts = list(_at_commas(inside))
    return [one for part in parts for one in _expanded(part)] if len(parts) > 1 else None


def _numbers(first: str, last: str, step: str) -> Sequence[str]:
    """Numbers with as many digits as the longer end, where an end is written with zeros in front."""
    padded = any(one.lstrip("-").startswith("0") and len(one.lstrip("-")) > 1 for one in (first, last))
    width = max(len(first), len(last)) if padded else 0
    return [f"{one:0{width}d}" for one in _steps(int(first), int(last), step)]


def _steps(first: int, last: int, step: str) -> range:
    size = abs(int(step or 1)) or 1
    steps = range(first, last + 1, size) if first <= last else range(first, last - 1, -size)
    if len(steps) > MOST_PATHS:
        raise BracesError(f"it stands for more than {MOST_PATHS:,} paths")
    return steps


def _at_commas(inside: str) -> Iterator[str]:
    """The parts between those commas that are in no inner braces."""
    depth, start = 0, 0
    for place, letter in enumerate(inside):
        depth += {"{": 1, "}": -1}.get(letter, 0)
        if letter == "," and not depth:
            yield inside[start:place]
            start = place + 1
    yield inside[start:]
