"""Paths and URLs in a policy: relative to the policy file, with ``~``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, PlainValidator, ValidationInfo, WithJsonSchema

from faceleak_check.policy.patterns import shared_shards
from faceleak_check.policy.urls import Url
from faceleak_check.policy.wording import found, one_line

__all__ = ["DataPath", "PolicyPath", "Url", "overlap"]

_LOCAL = frozenset({"file", "local"})
_COPIES = frozenset({"blockcache", "cached", "filecache", "simplecache"})
_CODE = frozenset({"async_wrapper", "asyncwrapper", "data", "generic", "reference"})


def _resolved(value: object, info: ValidationInfo) -> Path:
    """The absolute path; the folder that it is relative to comes in the validation context."""
    if isinstance(value, Path):
        return value
    if isinstance(value, str) and Url.is_one(value):
        raise ValueError(
            "found a URL, expected a file on this machine; only datasets and their labels are read elsewhere"
        )
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


def _located(value: object, info: ValidationInfo) -> Path | Url:
    """A path as above, or a URL; no message quotes a URL, which may hold a password."""
    if isinstance(value, Url):
        return value
    if not isinstance(value, str) or not Url.is_one(value):
        return _resolved(value, info)
    if not one_line(value):
        raise ValueError("found a URL, expected one on one line without control characters")
    url = Url(value)
    if url.schemes[0] in _LOCAL and len(url.schemes) == 1:
        return _on_this_machine(value, info)
    _refuse_unsafe(url)
    return url


def _on_this_machine(value: str, info: ValidationInfo) -> Path:
    path = value.partition("://")[2]
    if not path.startswith("/"):
        raise ValueError(
            f"found a URL that begins with {found(value[:7])}, expected file:/// and an absolute path"
        )
    return _resolved(path, info)


def _refuse_unsafe(url: Url) -> None:
    for scheme in url.schemes:
        if scheme in _COPIES:
            raise ValueError(
                f"found a URL with {scheme}, which leaves copies of the images on this machine; take {scheme!r} out"
            )
        if scheme in _CODE:
            raise ValueError(
                f"found a URL with {scheme}, which names other files by rules of its own; give their own URL"
            )
    if not url.is_clear:
        raise ValueError(
            "found a URL in which host and port cannot be told; in a user name or a password write %3A for a colon, "
            "%2F for a slash, %3F for a question mark, %23 for a hash and %40 for an at sign"
        )


def _in_quotes(value: object) -> str:
    return "; put it in quotes" if isinstance(value, bool | int | float) else ""


_SCHEMA = WithJsonSchema({"type": "string", "minLength": 1})

PolicyPath = Annotated[Path, BeforeValidator(_resolved), _SCHEMA]
"""A path, made absolute against the policy file's folder."""

DataPath = Annotated[Path | Url, PlainValidator(_located), _SCHEMA]
"""The same, or the URL of a place elsewhere."""


def overlap(first: Path | Url, second: Path | Url) -> str:
    """How two places share files, in words; empty where they share none.

    Args:
        first: A resolved path or a URL; either may be a pattern with braces.
        second: Another one.
    """
    return _overlap(first, second) or shared_shards(first, second)


def _overlap(first: Path | Url, second: Path | Url) -> str:
    if isinstance(first, Url) or isinstance(second, Url):
        return _shared_url(first, second)
    if first == second or _same_file(first, second):
        return f"both are {str(first)!r}"
    if first.is_relative_to(second):
        return f"{str(first)!r} lies inside {str(second)!r}"
    if second.is_relative_to(first):
        return f"{str(second)!r} lies inside {str(first)!r}"
    return ""


def _shared_url(first: Path | Url, second: Path | Url) -> str:
    if isinstance(first, Path) or isinstance(second, Path):
        return ""
    if first.shares(second):
        inside = second.shares(first)
        return f"both are {str(first)!r}" if inside else f"{str(first)!r} lies inside {str(second)!r}"
    return f"{str(second)!r} lies inside {str(first)!r}" if second.shares(first) else ""


def _same_file(first: Path, second: Path) -> bool:
    """Whether both names lead to one thing on the disk, as on a file system that ignores case."""
    try:
        return first.samefile(second)
    except OSError:
        return False
