"""From a dataset of a policy to the reader that reads it."""

from __future__ import annotations

from collections.abc import Callable

from faceleak_check.errors import DatasetError
from faceleak_check.guards import blamed
from faceleak_check.kept_arrays import Memory
from faceleak_check.policy.schema import Dataset
from faceleak_check.policy.urls import Url
from faceleak_check.protocols import Reader
from faceleak_check.readers.guarded import GuardedReader
from faceleak_check.readers.listings.remembering import Remembering
from faceleak_check.readers.trouble import trouble
from faceleak_check.registry import READERS

__all__ = ["build_reader"]


def build_reader(kind: Callable[[Dataset], Reader], dataset: Dataset, memory: Memory | None = None) -> Reader:
    """A reader that knows what earlier runs have found, if it is of the kind that can use it.

    Args:
        kind: Its class; one of another package says ``reads_urls = True`` if it takes a `Url` for a path.
        dataset: The dataset.
        memory: What earlier runs have found; None to find everything anew.

    Raises:
        DatasetError: The dataset is behind a URL, and this kind of reader reads none; or another package's reader
            cannot be made.
    """
    if READERS.is_built_in(dataset.format):
        return _remembering(kind(dataset), memory)
    _require_place(kind, dataset)
    with blamed(f"reader {dataset.format!r}", "be made", error=DatasetError):
        reader = _remembering(kind(dataset), memory)
    return GuardedReader(reader, dataset)


def _remembering(reader: Reader, memory: Memory | None) -> Reader:
    if memory is not None and isinstance(reader, Remembering):
        reader.remember(memory)
    return reader


def _require_place(kind: object, dataset: Dataset) -> None:
    if isinstance(dataset.path, Url) and not getattr(kind, "reads_urls", False):
        raise trouble(
            dataset,
            f"dataset {dataset.name!r} is a URL, and format {dataset.format!r} of another package reads none",
            place=dataset.path,
            advice="Give a path on this machine.",
        )
