"""Pydantic's errors → problems with a place in the file, in our own words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeGuard, TypeVar, get_args

from pydantic import Tag, TypeAdapter, ValidationError
from pydantic.dataclasses import is_pydantic_dataclass
from pydantic_core import ErrorDetails

from faceleak_check.errors import Problem
from faceleak_check.policy.source import Source
from faceleak_check.policy.wording import KeyPath, found, quoted
from faceleak_check.registry import suggestion

__all__ = ["Validator", "is_made_with_check_keys"]

T = TypeVar("T")

_UNKNOWN = "unexpected_keyword_argument"
_EXPECTED = {
    "string_type": "text",
    "list_type": "a list, each item on a line that starts with '- '",
    "tuple_type": "a list, each item on a line that starts with '- '",
    "dict_type": "a mapping of keys and values",
    "dataclass_type": "a mapping of keys and values",
    "bool_type": "true or false",
}


class Validator:
    """Builds records from a policy's plain data and gathers what is wrong.

    Args:
        source: The policy.
        folder: What paths are relative to.

    Attributes:
        problems: All that was wrong so far.
    """

    def __init__(self, source: Source, folder: Path) -> None:
        self.source = source
        self._folder = folder
        self.problems: list[Problem] = []
        # a value with an unreadable part, such as a threshold whose only key is an alias, cannot be judged either
        self._unreadable = {path[:n] for path in source.broken for n in range(len(path) + 1)}

    def report(self, path: KeyPath, message: str, *, at_key: bool = False, hidden: str = "") -> None:
        """Note a problem, unless the value could not be read in the first place.

        Args:
            path: Where it is.
            message: What was found, what was expected, what to do.
            at_key: Whether the key is wrong, not its value.
            hidden: The part of the message that names folders of this machine.
        """
        if path not in self.source.broken:
            self.problems.append(self.source.problem(path, message, at_key=at_key, hidden=hidden))

    def report_unknown_key(self, mapping: KeyPath, key: str, known: Sequence[str]) -> str:
        """Note a key that means nothing; returns the suggestion, empty where no known key is near.

        Args:
            mapping: Where the mapping stands that holds the key.
            key: The key.
            known: The keys that may stand there.
        """
        near = suggestion(key, list(known))
        message = f"unknown key {quoted(key)}{near}; expected: {', '.join(known)}"
        self.problems.append(self.source.problem((*mapping, key), message, at_key=True, named=mapping))
        return near

    def build(
        self,
        kind: type[T],
        data: object,
        path: KeyPath,
        *,
        also: Sequence[str] = (),
        lacking: Sequence[str] = (),
    ) -> T | None:
        """The record, or None where its keys are wrong.

        Args:
            kind: A class made with `check_keys`.
            data: The mapping.
            path: Where the mapping stands.
            also: Keys that may stand beside the record's own; `data` is without them.
            lacking: Those of them that are needed and not there.
        """
        record, errors = None, list[ErrorDetails]()
        is_ours = kind.__module__.startswith("faceleak_check.")
        try:
            record = TypeAdapter(kind).validate_python(data, context={"folder": self._folder})
            if not is_ours:
                hash(record)  # by which the gate finds what two cases share
        except ValidationError as refused:
            errors = refused.errors(include_url=False)
        except Exception as broken:
            if is_ours:
                raise
            self.report(
                path, f"{kind.__name__} of another package cannot judge its keys: {broken!r}", at_key=True
            )
            return None
        meant = self._report_unknown(kind, errors, path, also)
        for error in errors:
            if error["type"] == "missing":
                self._report_missing(self._place(path, error["loc"][:-1]), str(error["loc"][-1]), meant)
            elif error["type"] != _UNKNOWN:
                self._report_value(self._place(path, error["loc"]), error)
        for key in lacking:
            self._report_missing(path, key, meant)
        return record

    def _report_unknown(
        self, kind: type, errors: Sequence[ErrorDetails], path: KeyPath, also: Sequence[str]
    ) -> set[KeyPath]:
        """Report unknown keys; returns the paths of the keys that seem to be meant."""
        meant = set()
        for error in errors:
            if error["type"] == _UNKNOWN:
                *parents, key = error["loc"]
                mapping = self._place(path, parents)
                known = [*(also if mapping == path else ()), *_keys_at(kind, parents)]
                near = self.report_unknown_key(mapping, str(key), known)
                meant |= {(*mapping, name) for name in known if f"{name!r}" in near}
        return meant

    def _report_missing(self, mapping: KeyPath, key: str, meant: set[KeyPath]) -> None:
        """Report a missing key, unless it is there with a slip of the pen."""
        if (*mapping, key) not in meant:
            self.report(mapping, f"missing key {key!r}", at_key=True)

    def _report_value(self, place: KeyPath, error: ErrorDetails) -> None:
        # pydantic counts the items of a tuple without those that are wrong themselves
        is_filled = error["type"] == "too_short" and error["input"]
        if place not in self._unreadable and not is_filled:
            self.report(place, _words(error), at_key=error["loc"][-1:] == ("[key]",))

    def _place(self, path: KeyPath, steps: Sequence[str | int]) -> KeyPath:
        """The path of an error: pydantic's steps without those that are no key of the file."""
        for step in steps:
            if (*path, step) in self.source.values:
                path = (*path, step)
        return path


def is_made_with_check_keys(kind: object) -> TypeGuard[type[Any]]:
    """Whether a class is a record whose unknown keys are refused."""
    return (
        isinstance(kind, type)
        and is_pydantic_dataclass(kind)
        and kind.__pydantic_config__.get("extra") == "forbid"
    )


def _keys_at(kind: type[Any], steps: Sequence[str | int]) -> list[str]:
    """The keys of the record that pydantic's steps lead to."""
    annotation: object = kind
    for step in steps:
        field = kind.__pydantic_fields__.get(step)
        annotation = field.annotation if field else _tagged(annotation, step)
        kind = _record_in(annotation) or kind
    return list(kind.__pydantic_fields__)


def _tagged(annotation: object, tag: str | int) -> object:
    """The alternative of that tag in an annotation; the whole where none has it."""
    for one in get_args(annotation):
        if any(isinstance(mark, Tag) and mark.tag == tag for mark in getattr(one, "__metadata__", ())):
            return one
    return annotation


def _record_in(annotation: object) -> type[Any] | None:
    """The first record in an annotation such as ``Columns | None``."""
    if isinstance(annotation, type) and is_pydantic_dataclass(annotation):
        return annotation
    return next(filter(None, map(_record_in, get_args(annotation))), None)


def _words(error: ErrorDetails) -> str:
    value, kind = error["input"], error["type"]
    if kind == "value_error":
        return str(error["ctx"]["error"])
    if kind == "too_short":
        return "found nothing in it, expected at least one"
    if kind == "literal_error":
        choices = re.findall(r"'([^']*)'", error["ctx"]["expected"])
        near = suggestion(value, choices) if isinstance(value, str) else ""
        expected = " or ".join(filter(None, (", ".join(choices[:-1]), choices[-1])))
        return f"found {found(value)}{near}, expected {expected}"
    message = error["msg"]
    return f"found {found(value)}, expected {_EXPECTED.get(kind) or message[:1].lower() + message[1:]}"
