"""Paths in a policy: relative to the policy file, with ``~``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, ValidationInfo, WithJsonSchema

from faceleak_check.policy.wording import found, one_line

__all__ = ["PolicyPath", "overlap"]


def _resolved(value: object, info: ValidationInfo) -> Path:
    """The absolute path; the folder that it is relative to comes in the validation context."""
    if isinstance(value, Path):
        return value
    if not isinstance(value, str):
        raise ValueError(f"found {found(value)}, expected a path{_in_quotes(value)}")  # noqa: TRY004
    if not one_line(value):
        raise ValueError(f"found {found(value)}, expected a path on one line without control characters")
    try:
        path = Path(value).expanduser()
    except RuntimeError:
        raise ValueError(f"found {found(value)}, but no home folder of that name is known") from None
    # realpath and not normpath: `link/..` is the folder above the link's target
    return Path(os.path.realpath(Path((info.context or {}).get("folder", "")) / path))


def _in_quotes(value: object) -> str:
    return "; put it in quotes" if isinstance(value, bool | int | float) else ""


PolicyPath = Annotated[Path, BeforeValidator(_resolved), WithJsonSchema({"type": "string", "minLength": 1})]
"""A path, made absolute against the policy file's folder."""


def overlap(first: Path, second: Path) -> str:
    """How two resolved paths share files, in words; empty where they share none."""
    if first == second or _same_file(first, second):
        return f"both are {str(first)!r}"
    if first.is_relative_to(second):
        return f"{str(first)!r} lies inside {str(second)!r}"
    if second.is_relative_to(first):
        return f"{str(second)!r} lies inside {str(first)!r}"
    return ""


def _same_file(first: Path, second: Path) -> bool:
    """Whether both names lead to one thing on the disk, as on a file system that ignores case."""
    try:
        return first.samefile(second)
    except OSError:
        return False
