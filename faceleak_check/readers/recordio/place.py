"""Which files a recordio dataset consists of, and how they are opened."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from faceleak_check.errors import DatasetError
from faceleak_check.policy.schema import Dataset
from faceleak_check.readers.files import FileError
from faceleak_check.readers.trouble import (
    CLOSED_ADVICE,
    NOT_FOUND_ADVICE,
    first_names,
    number_of,
    system_words,
    trouble,
)

__all__ = ["RecordFiles", "opened", "place_of"]

_USUAL = "train.rec"
_LISTS = (".lst", ".tsv")
_OF_DCFACE = ("file.rec", "list.txt")
_BESIDE = frozenset({".idx", ".txt", *_LISTS})
_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK  # else a named pipe would wait for a writer for ever


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordFiles:
    """The files of a recordio dataset; None for those that are not there."""

    records: Path
    index: Path | None
    listing: Path | None


def place_of(dataset: Dataset) -> RecordFiles:
    """Where the dataset's files are: its path is the ``.rec`` file, or the folder that it lies in.

    Raises:
        DatasetError: There is no such file, or there are several.
    """
    try:
        records = _in_folder(dataset) if dataset.path.is_dir() else _file(dataset)
    except OSError as error:
        message = f"dataset {dataset.name!r} cannot be listed ({system_words(error)})"
        raise trouble(dataset, message, place=dataset.path, advice=CLOSED_ADVICE) from error
    lists = [path for path in _lists(records) if os.path.lexists(path)]
    index = records.with_suffix(".idx")
    return RecordFiles(
        records=records,
        index=index if os.path.lexists(index) else None,
        listing=lists[0] if lists else None,
    )


@contextmanager
def opened(path: Path) -> Iterator[int]:
    """A file to read from.

    Raises:
        FileError: It cannot be read; the message names no path.
    """
    try:
        descriptor = os.open(path, _FLAGS)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise FileError("not a regular file")
            yield descriptor
        finally:
            os.close(descriptor)
    except FileError:
        raise
    except OSError as error:
        raise FileError(system_words(error)) from error


def _lists(records: Path) -> list[Path]:
    """Where a list may be; DCFace's has so common a name that its records must have theirs, too."""
    of_dcface, name = _OF_DCFACE
    return [
        *map(records.with_suffix, _LISTS),
        *([records.with_name(name)] if records.name == of_dcface else []),
    ]


def _file(dataset: Dataset) -> Path:
    if not dataset.path.exists():
        message = f"dataset {dataset.name!r} was not found"
        raise trouble(dataset, message, place=dataset.path, advice=NOT_FOUND_ADVICE)
    if dataset.path.suffix.lower() in _BESIDE:
        raise trouble(
            dataset,
            f"dataset {dataset.name!r} is a {dataset.path.suffix.lower()} file, expected the .rec file",
            place=dataset.path,
            advice="Give the .rec file that it belongs to, or the folder of both.",
        )
    return dataset.path


def _in_folder(dataset: Dataset) -> Path:
    names = sorted(name for name in os.listdir(dataset.path) if name.lower().endswith(".rec"))  # noqa: PTH208
    if _USUAL in names or len(names) == 1:
        return dataset.path / (_USUAL if _USUAL in names else names[0])
    if names:
        raise trouble(
            dataset,
            f"dataset {dataset.name!r} has {number_of(len(names), '.rec file')}, and none of them is {_USUAL}",
            place=dataset.path,
            advice=f"Found {first_names(names)}. Give the path of one of them; each is a dataset of its own.",
        )
    raise _no_records(dataset)


def _no_records(dataset: Dataset) -> DatasetError:
    below = sorted(path.parent.name for path in dataset.path.glob(f"*/{_USUAL}"))
    found = f"There is one in {first_names(below)}: give that folder." if below else ""
    return trouble(
        dataset,
        f"dataset {dataset.name!r} has no .rec file",
        place=dataset.path,
        advice=found
        or f"Expected {_USUAL} in this folder, or the path of another .rec file. "
        "For image files leave out format: recordio.",
    )
