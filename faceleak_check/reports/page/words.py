"""Numbers and names in the words of the page."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["cleaned", "counted", "joined", "on_one_line", "percent"]

# What no name should be able to do to a page: end a line in a terminal, turn the direction of the text after it
# around, or be no text at all. The joiners that Persian and Hindi are written with are not among them.
_HARMFUL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufffe\uffff]"
)


def cleaned(data: Any) -> Any:
    """The same data with every character that could mislead a reader written as its escape.

    Args:
        data: JSON data; the keys of its mappings are cleaned as well.
    """
    if isinstance(data, str):
        return _HARMFUL.sub(lambda found: repr(found.group())[1:-1], data)
    if isinstance(data, Mapping):
        return {cleaned(key): cleaned(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [cleaned(value) for value in data]
    return data


def on_one_line(name: str) -> str:
    """The name of a file; a line break in it is shown as one."""
    return name.replace("\n", "\\n").replace("\t", "\\t")


def counted(n: int, one: str, many: str = "") -> str:
    """A number with its noun, such as ``1,200 images``."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def percent(share: float) -> str:
    """A share in per cent, to three digits."""
    return f"{100 * share + 0.0:.3g}%"


def joined(names: Iterable[str]) -> str:
    """Names as a sentence has them: ``a, b and c``."""
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
