"""The folders of the store, which belong to their owner alone."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from faceleak_check.errors import StoreError

__all__ = ["FORMAT", "private_folder", "refuse_others", "store_errors"]

FORMAT = "v2"
"""What is written under another name was written by another rule, and is not read."""


def private_folder(root: Path, *names: str) -> Path:
    """The folder ``<root>/v2/<names>``, made where it is not there.

    Raises:
        OSError: It cannot be made, or others may write into it.
    """
    folder = root.joinpath(FORMAT, *names)
    if not folder.is_dir():
        root.mkdir(parents=True, exist_ok=True, mode=0o700)
        made = root
        for name in (FORMAT, *names):
            made = made / name
            made.mkdir(exist_ok=True, mode=0o700)
    refuse_others(folder)
    return folder


def refuse_others(folder: Path) -> None:
    """Refuses a folder in which others could write: what they put there would be believed, and could hide a leak.

    Raises:
        OSError: It is such a folder, or is not there.
    """
    told = folder.stat()
    if told.st_mode & stat.S_IWOTH:
        raise PermissionError(
            errno.EPERM, "everybody may write into it, and so decide what the gate sees (chmod -R o-w)"
        )
    if os.geteuid() and told.st_uid not in (0, os.geteuid()):
        raise PermissionError(errno.EPERM, "it belongs to another user, who could decide what the gate sees")


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
