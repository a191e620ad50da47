"""A table on disk, and its trouble put into words that name the dataset."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from faceleak_check.policy.schema import Dataset
from faceleak_check.policy.urls import Url
from faceleak_check.readers.storage.open import storage_at
from faceleak_check.readers.tables import ColumnError, TableError
from faceleak_check.readers.trouble import CLOSED_ADVICE, NOT_FOUND_ADVICE, advice_on, system_words, trouble

__all__ = ["table_file"]


@contextmanager
def table_file(dataset: Dataset, path: Path | Url, noun: str, *, columns_hint: str) -> Iterator[bytes]:
    """The bytes of a table; a `TableError` that is raised inside becomes a `DatasetError`.

    Args:
        dataset: The dataset that the table belongs to.
        path: The table, on this machine or elsewhere.
        noun: What the table is to the dataset, such as ``label file``.
        columns_hint: How a user says which columns to read, in whole sentences.

    Raises:
        DatasetError: The table is missing, cannot be read, or is wrong.
    """
    subject = f"the {noun} of dataset {dataset.name!r}"
    data = _read(dataset, path, subject)
    try:
        yield data
    except TableError as error:
        advice = f"{error.advice} {columns_hint}" if isinstance(error, ColumnError) else error.advice
        raise trouble(dataset, f"{subject} {error.message}", place=path, advice=advice) from error


def _read(dataset: Dataset, path: Path | Url, subject: str) -> bytes:
    storage = storage_at(path)
    try:
        kind = storage.kind()
        # other than a file: a named pipe, say, would wait for a writer for ever
        if kind == "file" and (isinstance(path, Url) or path.is_file()):
            with storage.open() as file:
                return file.read(0, file.n_bytes)
    except OSError as error:
        message = f"{subject} cannot be read ({system_words(error)})"
        raise trouble(dataset, message, place=path, advice=advice_on(error, CLOSED_ADVICE)) from error
    if kind == "missing":
        raise trouble(dataset, f"{subject} was not found", place=path, advice=NOT_FOUND_ADVICE)
    what = "a folder" if kind == "folder" else "no regular file"
    advice = "Expected a table. Correct the path in the policy."
    raise trouble(dataset, f"{subject} is {what}", place=path, advice=advice)
