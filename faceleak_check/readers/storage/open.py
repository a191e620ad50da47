"""From the path of a dataset to where its files lie."""

from __future__ import annotations

from pathlib import Path

from faceleak_check.policy.schema import Dataset
from faceleak_check.policy.urls import Url
from faceleak_check.readers.storage.local import LocalStorage
from faceleak_check.readers.storage.protocol import Storage

__all__ = ["storage_at", "storage_of"]


def storage_of(dataset: Dataset) -> Storage:
    """Where the files of a dataset lie."""
    return storage_at(dataset.path)


def storage_at(place: Path | Url) -> Storage:
    """The file or folder at a path or URL."""
    if isinstance(place, Path):
        return LocalStorage(place)
    from faceleak_check.readers.storage.remote import RemoteStorage

    return RemoteStorage(place)
