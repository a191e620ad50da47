"""How a message names what was found in a policy."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence

from faceleak_check.policy.urls import Url

__all__ = ["KeyPath", "dotted", "found", "one_line", "quoted"]

KeyPath = tuple[str | int, ...]
"""The keys and list positions that lead to a value."""

LONGEST_SHOWN = 60
_UNSAFE = ("Cc", "Cs", "Zl", "Zp")
_PLAIN_KEY = re.compile(r"[\w-]{1,64}")
# They make text read in another order than it is written in.
_REORDERING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def found(value: object) -> str:
    """What a value is, in words: ``the text 'abc'``, ``5``, ``true``, ``a list`` or ``nothing``."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return _shortened(repr(value))
    if isinstance(value, str):
        return f"the text {quoted(value)}"
    if isinstance(value, Mapping):
        return "a mapping"
    return "a list" if isinstance(value, Sequence) else f"a {type(value).__name__}"


def quoted(text: str) -> str:
    """The text in quotes, on one line and not too long to read."""
    return repr(_shortened(text))


def one_line(text: str) -> bool:
    """Whether a text is safe to print anywhere: not blank, one line, no control or half characters."""
    return bool(text.strip()) and not any(
        unicodedata.category(letter) in _UNSAFE or letter in _REORDERING for letter in text
    )


def dotted(path: KeyPath) -> str:
    """A path as a message shows it, such as ``checks[0].leak_rate.at_most``."""
    words = ""
    for step in path:
        if isinstance(step, int):
            words += f"[{step}]"
        else:
            words += "." * bool(words) + (step if _PLAIN_KEY.fullmatch(step) else quoted(step))
    return words


def _shortened(text: str) -> str:
    text = Url.hidden_in(text)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"
