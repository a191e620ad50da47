"""Whether any of a dataset's large files can be used at all."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from faceleak_check.readers.files import FileError
from faceleak_check.readers.storage.protocol import OpenFile, Storage

__all__ = ["refusal"]

E = TypeVar("E", bound=Exception)


def refusal(
    storage: Storage, names: Iterable[str], look: Callable[[OpenFile], object], error: type[E]
) -> E | FileError | None:
    """Why the first file cannot be used, where none can; None as soon as one can.

    Args:
        storage: Where the files are.
        names: Their names.
        look: Looks at an open file.
        error: What it raises where the file cannot be used.
    """
    first: E | FileError | None = None
    for name in names:
        try:
            with storage.open(name) as file:
                look(file)
                return None
        except (error, FileError) as refused:
            first = first or refused
    return first
