"""What the reader of a format says about it: whether its files name people, and which options it has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, cast

from faceleak_check.errors import UsageError
from faceleak_check.policy.validation import Validator, is_made_with_check_keys
from faceleak_check.policy.wording import KeyPath
from faceleak_check.registry import READERS

__all__ = ["NamesPeople", "build_options", "names_people", "options_of"]

NamesPeople = Literal["always", "if_asked", "never"]
"""Whether the files of a format say who is in an image; ``if_asked`` is by ``labels: own``."""

_OPTIONS = "options"


def names_people(its_format: str) -> NamesPeople:
    """Whether the files of a format say who is in an image; ``never`` where its reader says nothing."""
    return cast("NamesPeople", getattr(_reader(its_format), "names_people", "never"))


def options_of(its_format: str) -> type[Any] | None:
    """The record of a format's own keys; None where it has none."""
    return getattr(_reader(its_format), _OPTIONS, None)


def _reader(its_format: str) -> type[Any] | None:
    try:
        kind: type[Any] = READERS.load(its_format)
    except UsageError:
        return None  # it is told when the dataset is read
    return kind


def build_options(its_format: str, data: Mapping[str, Any], path: KeyPath, validator: Validator) -> Any:
    """The options of a dataset, with the defaults of its format; None where it has none or something is wrong.

    Args:
        its_format: Its format.
        data: All its keys.
        path: Where it stands.
        validator: What is wrong goes to it.
    """
    kind = options_of(its_format)
    if kind is None:
        if _OPTIONS in data:
            message = f"format {its_format!r} has no options; take 'options' out"
            validator.report((*path, _OPTIONS), message, at_key=True)
        return None
    if not is_made_with_check_keys(kind):
        message = "this reader of another package has 'options' that are not made with check_keys"
        validator.report((*path, "format"), message)
        return None
    if _OPTIONS in data:
        return validator.build(kind, data[_OPTIONS], (*path, _OPTIONS))
    needed = [name for name, field in kind.__pydantic_fields__.items() if field.is_required()]
    if not needed:
        return validator.build(kind, {}, path)
    message = f"missing key 'options', in which format {its_format!r} needs: {', '.join(needed)}"
    validator.report(path, message, at_key=True)
    return None
