"""Which files a recordio dataset consists of."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from faceleak_check.errors import DatasetError
from faceleak_check.policy.schema import Dataset
from faceleak_check.policy.urls import Url
from faceleak_check.readers.storage.open import storage_at
from faceleak_check.readers.trouble import (
    CLOSED_ADVICE,
    NOT_FOUND_ADVICE,
    advice_on,
    first_names,
    number_of,
    system_words,
    trouble,
)

__all__ = ["RecordFiles", "place_of"]

_USUAL = "train.rec"
_LISTS = (".lst", ".tsv")
_OF_DCFACE = ("file.rec", "list.txt")
_BESIDE = frozenset({".idx", ".txt", *_LISTS})


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordFiles:
    """The files of a recordio dataset; None for those that are not there.

    Attributes:
        records: The ``.rec`` file.
        index: The index.
        listing: The list.
        others: What else lies in the folder, where the dataset is one.
    """

    records: Path | Url
    index: Path | Url | None
    listing: Path | Url | None
    others: tuple[str, ...] = ()

    @property
    def all(self) -> tuple[Path | Url, ...]:
        """Those that are there."""
        return tuple(one for one in (self.records, self.index, self.listing) if one is not None)


def place_of(dataset: Dataset) -> RecordFiles:
    """Where the dataset's files are: its path is the ``.rec`` file, or the folder that it lies in.

    Raises:
        DatasetError: There is no such file, or there are several.
    """
    try:
        kind = storage_at(dataset.path).kind()
        records = _in_folder(dataset) if kind == "folder" else _file(dataset, kind)
        stem = PurePosixPath(records.name)
        index = _beside(records, [stem.with_suffix(".idx").name])
        files = RecordFiles(records=records, index=index, listing=_beside(records, _lists(stem)))
        return replace(files, others=_others(dataset.path, files)) if kind == "folder" else files
    except OSError as error:
        message = f"dataset {dataset.name!r} cannot be listed ({system_words(error)})"
        raise trouble(dataset, message, place=dataset.path, advice=advice_on(error, CLOSED_ADVICE)) from error


def _others(folder: Path | Url, files: RecordFiles) -> tuple[str, ...]:
    own = {file.name for file in files.all}
    return tuple(name for name in storage_at(folder).names(lambda _: None) if name not in own)


def _lists(records: PurePosixPath) -> list[str]:
    """What a list may be called; DCFace's has so common a name that its records must have theirs, too."""
    of_dcface, name = _OF_DCFACE
    return [
        *(records.with_suffix(suffix).name for suffix in _LISTS),
        *([name] if records.name == of_dcface else []),
    ]


def _beside(records: Path | Url, names: Sequence[str]) -> Path | Url | None:
    """The first file of these names that lies in the same folder."""
    if isinstance(records, Path):
        return next((path for path in map(records.with_name, names) if os.path.lexists(path)), None)
    return next(filter(_is_there, map(records.parent.joined, names)), None)


def _is_there(url: Url) -> bool:
    from faceleak_check.readers.storage.reasons import DeniedError

    try:
        return storage_at(url).kind() == "file"
    except DeniedError:  # what a store says of missing files where it may not be listed
        return False


def _names_in(folder: Path | Url) -> list[str]:
    if isinstance(folder, Path):
        return os.listdir(folder)  # noqa: PTH208
    return [name for name in storage_at(folder).names(lambda _: None) if "/" not in name]


def _file(dataset: Dataset, kind: str) -> Path | Url:
    if kind == "missing":
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


def _in_folder(dataset: Dataset) -> Path | Url:
    folder = dataset.path
    every = (name for name in _names_in(folder) if not name.startswith("._"))
    names = sorted(name for name in every if name.lower().endswith(".rec"))
    if len(names) == 1:
        return folder / names[0] if isinstance(folder, Path) else folder.joined(names[0])
    if names:
        raise trouble(
            dataset,
            f"dataset {dataset.name!r} has {number_of(len(names), '.rec file')}, and only one can be read at a time",
            place=dataset.path,
            advice=f"Found {first_names(names)}. Give the path of one of them; each is a dataset of its own.",
        )
    raise _no_records(dataset)


def _no_records(dataset: Dataset) -> DatasetError:
    below = _folders_below(dataset.path)
    found = f"There is one in {first_names(below)}: give that folder." if below else ""
    return trouble(
        dataset,
        f"dataset {dataset.name!r} has no .rec file",
        place=dataset.path,
        advice=found
        or f"Expected {_USUAL} in this folder, or the path of another .rec file. "
        "For image files leave out format: recordio.",
    )


def _folders_below(folder: Path | Url) -> list[str]:
    if isinstance(folder, Path):
        return sorted(path.parent.name for path in folder.glob(f"*/{_USUAL}"))
    names = map(PurePosixPath, storage_at(folder).names(lambda _: None))
    return sorted(name.parent.name for name in names if name.name == _USUAL and len(name.parts) == 2)
