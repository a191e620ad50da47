"""The text of one YAML scalar → its value: variables filled in, then plain text resolved as YAML 1.2 does."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from faceleak_check.policy.wording import quoted

__all__ = ["Expansion", "Scalar", "expand", "resolve", "unprintable"]

Scalar = str | int | float | bool | None

_WORDS: Mapping[str, Scalar] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}
# 300 digits: Python refuses to read longer whole numbers, and no key needs them.
_WHOLE = re.compile(r"[-+]?[0-9]{1,300}")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")

_REFERENCE = re.compile(r"\$\$\{|\$\{([^}]*)(\}?)")
_BODY = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?", re.DOTALL)
_FORMS = "write ${NAME} or ${NAME:-default}, or $${ for the characters ${"


@dataclass(frozen=True, kw_only=True, slots=True)
class Expansion:
    """A text after its variables are filled in.

    Attributes:
        text: The text.
        problems: The reference as written, and what is wrong with it.
        is_filled: Whether some of it comes from the environment.
    """

    text: str
    is_filled: bool
    problems: tuple[tuple[str, str], ...]


def resolve(text: str) -> Scalar:
    """The value of a plain scalar in YAML 1.2: ``yes`` and ``1:30`` are texts, ``1e-5`` is not.

    Octal and hexadecimal numbers stay texts: no key of a policy means one.
    """
    if text in _WORDS:
        return _WORDS[text]
    if _WHOLE.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text


def expand(text: str, environment: Mapping[str, str]) -> Expansion:
    """Fill in ``${NAME}`` and ``${NAME:-default}``; a variable that is empty counts as not set."""
    problems: list[tuple[str, str]] = []
    is_filled = False

    def replaced(match: re.Match[str]) -> str:
        if match.group() == "$${":
            return "${"
        nonlocal is_filled
        value, problem = _look_up(match, environment)
        is_filled = is_filled or bool(value and environment.get(_name_in(match)))
        if problem:
            problems.append((match.group(), problem))
        return value

    filled = _REFERENCE.sub(replaced, text)
    return Expansion(text=filled, is_filled=is_filled, problems=tuple(problems))


def _name_in(match: re.Match[str]) -> str:
    parts = _BODY.fullmatch(match.group(1))
    return parts.group(1) if parts else ""


def _look_up(match: re.Match[str], environment: Mapping[str, str]) -> tuple[str, str]:
    """The value of a reference and an empty text, or an empty text and what is wrong."""
    written, body = quoted(match.group()), match.group(1)
    if "${" in body:
        return "", f"{written} has a variable inside a variable, which is not supported; {_FORMS}"
    if not match.group(2):
        return "", f"{written} has no closing }}; {_FORMS}"
    parts = _BODY.fullmatch(body)
    if parts is None:
        return "", f"{written} is not a variable: {_FORMS}; a NAME has letters, digits and _"
    name, default = parts.groups()
    value = environment.get(name) or default
    if value is None:
        return "", (
            f"the environment variable {name!r} is not set or is empty; "
            f"set it (export {name}=...) or write a default: ${{{name}:-...}}"
        )
    return value, ""


def unprintable(text: str) -> str:
    """The first character that no value may hold, such as ``U+0007``; empty where there is none.

    Escapes and variables bring in what the file itself cannot hold, and JUnit cannot hold it either.
    """
    for letter in text:
        if letter in "\n\t":
            continue
        if unicodedata.category(letter) in ("Cc", "Cs") or letter in "\ufffe\uffff":
            return f"U+{ord(letter):04X}"
    return ""
