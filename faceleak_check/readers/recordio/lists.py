"""The ``.lst``, ``.tsv`` or ``list.txt`` file beside a ``.rec`` file: which file each record was made of."""

from __future__ import annotations

import io
import os.path
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from faceleak_check.policy.schema import Dataset
from faceleak_check.policy.urls import Url
from faceleak_check.readers.table_file import table_file
from faceleak_check.readers.tables import TableError
from faceleak_check.readers.trouble import shown

__all__ = ["Listed", "read_list"]

_NATURAL = re.compile("[0-9]{1,18}")
_SHOWN_LETTERS = 60
_FIELDS_WITH_LANDMARKS = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class Listed:
    """A line of the list.

    Attributes:
        path: The file; relative where all of the list's are, else relative to the folder that they share.
        label: The first label; None where there is none.
    """

    path: str
    label: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Line:
    first: int
    listed: Listed
    is_skipped: bool


def read_list(dataset: Dataset, path: Path | Url) -> Mapping[int, Listed]:
    """The files by the numbers of their records.

    Four forms are told apart: MXNet's (number, labels, path), that of AdaFace's tools (number, path, label), that
    of DCFace's (number, path), and InsightFace's (1 for aligned, path, label, ...), where the records are numbered
    from 1 in the order of the lines.

    Raises:
        DatasetError: It cannot be read, or has a line of none of these forms.
    """
    with table_file(dataset, path, "list", columns_hint="") as data:
        lines = [_line(at, line) for at, line in enumerate(io.BytesIO(data), 1) if line.strip()]
        if not lines:
            raise TableError("is empty", "Write it again, or take it away: images are then named by number.")
        return _relative(_numbered(lines))


def _line(at: int, line: bytes) -> _Line:
    fields = line.decode("utf-8", "surrogateescape").rstrip("\r\n").split("\t")
    path_at = len(fields) - 1 if _number(fields[-1]) is None else 1
    if len(fields) < 2 or not _NATURAL.fullmatch(fields[0]) or not fields[path_at].strip():
        text = shown("\t".join(fields)[:_SHOWN_LETTERS])
        raise TableError(
            f"is wrong in line {at:,}",
            f"Line {at:,} is '{text}', expected the number of a record, its labels and a path, with tabs between "
            "them. Write it again, or take it away: images are then named by number.",
        )
    labels = fields[2:] if path_at == 1 else fields[1:]
    return _Line(
        first=int(fields[0]),
        listed=Listed(path=fields[path_at], label=_number(labels[0]) if labels else None),
        is_skipped=int(fields[0]) == 0 and len(fields) < _FIELDS_WITH_LANDMARKS,
    )


def _numbered(lines: list[_Line]) -> dict[int, Listed]:
    times = Counter(line.first for line in lines)
    if len(times) == len(lines):
        return {line.first: line.listed for line in lines}
    if times.keys() <= {0, 1}:
        # InsightFace's writer passes over what is not aligned and has no landmarks to align it by
        return dict(enumerate((line.listed for line in lines if not line.is_skipped), 1))
    twice = next(number for number, n_times in times.items() if n_times > 1)
    raise TableError(
        f"has the number {twice} twice",
        "Expected one line for each record. Take it away to have images named by number.",
    )


def _relative(listed: dict[int, Listed]) -> dict[int, Listed]:
    """Without the folder of the machine on which the list was written."""
    if not all(one.path.startswith("/") for one in listed.values()):
        return listed
    # cut at a slash below, so that it ends with a whole folder
    shared = os.path.commonprefix([one.path[: one.path.rfind("/") + 1] for one in listed.values()])  # noqa: RUF071
    n_shared = shared.rfind("/") + 1
    return {number: Listed(path=one.path[n_shared:], label=one.label) for number, one in listed.items()}


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
