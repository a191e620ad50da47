"""Where the arrays of a dataset lie."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from faceleak_check.errors import DatasetError
from faceleak_check.policy.schema import Dataset
from faceleak_check.readers.arrays.trouble import ArrayError
from faceleak_check.readers.formats import suffix_of
from faceleak_check.readers.listing import path_of
from faceleak_check.readers.storage.protocol import Storage
from faceleak_check.readers.trouble import NOT_FOUND_ADVICE, trouble

__all__ = ["array_files", "unusable"]

_SUFFIXES = (".npy", ".npz")


def array_files(
    dataset: Dataset, storage: Storage, tick: Callable[[int], None]
) -> tuple[Sequence[str], Sequence[str]]:
    """Names of the ``.npy`` and ``.npz`` files in a folder, in the order of their rows' ids; ``("",)`` for a file.

    Names of all other files come second.

    Raises:
        DatasetError: There are none.
        FileError: The folder cannot be listed.
    """
    kind = storage.kind()
    if kind == "missing":
        message = f"dataset {dataset.name!r} was not found"
        raise trouble(dataset, message, place=dataset.path, advice=NOT_FOUND_ADVICE)
    if kind == "file":
        return ("",), ()
    found = storage.names(tick)
    names = [name for name in found if suffix_of(name.rpartition("/")[2]) in _SUFFIXES]
    if not names:
        raise trouble(
            dataset,
            f"dataset {dataset.name!r} has no .npy or .npz file",
            place=dataset.path,
            advice="Expected one or more in this folder or in folders below it. For image files leave out "
            "`format: arrays`.",
        )
    return sorted(names, key=lambda name: path_of(f"{name}/")), sorted(set(found) - set(names))


def unusable(dataset: Dataset, error: ArrayError) -> DatasetError:
    """What to tell of a dataset whose file is of no use."""
    message = f"dataset {dataset.name!r} cannot be used: {error.message}"
    return trouble(dataset, message, place=dataset.path, advice=error.advice)
