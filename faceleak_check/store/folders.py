"""The folders of the store, which belong to their owner alone."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from faceleak_check.errors import StoreError

__all__ = ["FORMAT", "private_folder", "store_errors"]

FORMAT = "v2"
"""What is written under another name was written by another rule, and is not read."""


def private_folder(root: Path, *names: str) -> Path:
    """The folder ``<root>/v2/<names>``, made where it is not there.

    Raises:
        OSError: It cannot be made.
    """
    folder = root.joinpath(FORMAT, *names)
    if not folder.is_dir():
        root.mkdir(parents=True, exist_ok=True, mode=0o700)
        made = root
        for name in (FORMAT, *names):
            made = made / name
            made.mkdir(exist_ok=True, mode=0o700)
    return folder


@contextlib.contextmanager
def store_errors(folder: Path, verb: str) -> Iterator[None]:
    """Turns what the system says of a folder of the store into a StoreError.

    Args:
        folder: The folder.
        verb: What was being done: ``made``, ``read`` or ``written``.

    Raises:
        StoreError: Whatever OSError the block raises.
    """
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"the template store cannot be {verb}: {error.strerror or type(error).__name__}",
            detail=f"{folder}: choose another folder with --faceleak-store DIR or FACELEAK_STORE, "
            "or free some space.",
        ) from None
