"""JSON files of ours that somebody may have cut off or edited."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, NoReturn

from faceleak_check.errors import EvidenceError
from faceleak_check.regular_files import read_regular

__all__ = ["parsed", "read_bytes"]

_MOST_DIGITS = 20


def read_bytes(file: Path, what: str, advice: str) -> bytes:
    """The bytes of a file.

    Args:
        file: The file.
        what: What it should be, such as ``evidence``.
        advice: A sentence on what to do where it is not there.

    Raises:
        EvidenceError: It is not there, may not be read, or is no ordinary file.
    """
    try:
        return read_regular(file)
    except OSError as error:
        raise EvidenceError(
            f"the {what} cannot be opened", detail=f"{file}: {error.strerror or 'not there'}. {advice}"
        ) from None


def parsed(raw: bytes, file: Path, what: str) -> Any:
    """The data in the bytes of a JSON file.

    Args:
        raw: The bytes.
        file: Where they are from.
        what: What they should be, such as ``evidence``.

    Raises:
        EvidenceError: They are cut off, or no JSON; with the byte or the line.
    """
    try:
        text = raw.decode("utf-8")
        return json.loads(
            text,
            object_pairs_hook=_each_key_once,
            parse_constant=_refuse,
            parse_int=_whole,
            parse_float=_finite,
        )
    except UnicodeDecodeError as error:
        if error.reason == "unexpected end of data":
            _cut_off(raw, file, what)
        _no_json(file, what, f"byte {error.start + 1:,} is no UTF-8")
    except json.JSONDecodeError as error:
        written = text.strip()
        begins = not written or written.startswith("{")
        if begins and (error.pos >= len(text.rstrip()) or not written.endswith("}")):
            _cut_off(raw, file, what)
        _no_json(file, what, f"line {error.lineno:,}, column {error.colno:,}: {error.msg}")
    except ValueError as error:
        _no_json(file, what, str(error))
    except RecursionError:
        _no_json(file, what, "it is nested too deeply")


def _each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Two values under one key would be one thing to one reader and another to the next."""
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"the key {max(keys, key=keys.count)!r} stands in one place twice")
    return found


def _whole(digits: str) -> int:
    if len(digits) > _MOST_DIGITS:
        raise ValueError("a whole number has more digits than can be read")
    return int(digits)


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError("a number is larger than can be read")
    return number


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number of JSON")


def _cut_off(raw: bytes, file: Path, what: str) -> NoReturn:
    n_lines = raw.count(b"\n") + 1
    ends = f"ends after byte {len(raw):,}, in line {n_lines:,}, before its JSON is whole"
    raise EvidenceError(
        f"the {what} is cut off",
        detail=f"{file}: {ends if raw else 'the file is empty'}. Copy the whole file again.",
    ) from None


def _no_json(file: Path, what: str, found: str) -> NoReturn:
    raise EvidenceError(
        f"the {what} is no JSON", detail=f"{file}: {found}. Take the file as faceleak-check wrote it."
    ) from None
