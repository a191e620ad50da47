"""PyYAML's syntax errors → what a user should do."""

from __future__ import annotations

import re

import yaml

from faceleak_check.errors import Problem
from faceleak_check.policy.text import PolicyText

__all__ = ["syntax_problems"]

_TAB_INDENT = re.compile(r"^ *\t(?=[ \t]*\S)", re.MULTILINE)
_TAB = "a tab stands where YAML wants spaces; indent with spaces"
_HINTS = (
    ("mapping values are not allowed here", "put a text that holds ': ' in quotes, or mend the indentation"),
    ("could not find expected ':'", "a key needs a colon and a space after it"),
    ("cannot start any token", "put a text that begins with this character in quotes"),
    ("expected <block end>", "mend the indentation: keys that belong together start in the same column"),
    ("but got '<document start>'", "the bracket or the quote before it is never closed"),
    ("but got '<stream end>'", "the bracket is never closed"),
    ("found unexpected end of stream", "the quote is never closed"),
    ("unknown escape character", "write the text in single quotes, or two backslashes for one"),
    ("while parsing a flow", "look for a bracket that is never closed, or a comma that is missing"),
)


def syntax_problems(
    text: PolicyText, error: yaml.YAMLError | ValueError | ArithmeticError, index: int
) -> list[Problem]:
    """What is wrong where PyYAML gave up.

    Args:
        text: The policy.
        error: What PyYAML raised.
        index: The character that it had reached.
    """
    if not isinstance(error, yaml.MarkedYAMLError):
        # "\UFFFFFFFF" and "%YAML 9999...": Python refuses the number that PyYAML hands on unchecked.
        return [text.problem(index, "not valid YAML: a number or an escape here is too large; take it out")]
    if error.problem_mark is not None:
        index = error.problem_mark.index
    if text.text[index : index + 1] == "\t":
        tabs = {match.end() - 1 for match in _TAB_INDENT.finditer(text.text) if match.end() > index}
        return [text.problem(place, _TAB) for place in sorted({index, *tabs})]
    return [text.problem(index, f"not valid YAML: {_words(text, error)}{_hint(text, error, index)}")]


def _words(text: PolicyText, error: yaml.MarkedYAMLError) -> str:
    block = ""
    if error.context_mark is not None:
        block = f" that starts on line {text.place(error.context_mark.index)[0]}"
    if "expected <block end>" in str(error.problem):
        return f"this does not fit the list or mapping{block}"
    context = f"{error.context}{block}" if block else ""
    return ", ".join(filter(None, (context, error.problem)))


def _hint(text: PolicyText, error: yaml.MarkedYAMLError, index: int) -> str:
    if text.text[index - 1 : index + 1] == "${":
        return '; inside { } and [ ] a variable stands in quotes: "${NAME}"'
    words = f"{error.context} {error.problem}"
    return next((f"; {hint}" for sign, hint in _HINTS if sign in words), "")
