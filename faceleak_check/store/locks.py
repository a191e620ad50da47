"""Locks that the kernel lets go of when their process dies."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from faceleak_check.whole_files import locked

__all__ = ["held", "held_if_free"]

_EVERY_SECONDS = 0.1


@contextlib.contextmanager
def held(path: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Holds a lock, waiting for it as long as it takes; goes on without one where there is no such thing.

    Args:
        path: The lock's file.
        waiting: Called again and again while another process has it.
    """
    descriptor = _opened(path)
    try:
        while descriptor is not None and not locked(descriptor):
            waiting()
            time.sleep(_EVERY_SECONDS)
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)


@contextlib.contextmanager
def held_if_free(path: Path) -> Iterator[bool]:
    """Holds a lock, and says whether it could be had at once."""
    descriptor = _opened(path)
    try:
        yield descriptor is None or locked(descriptor)
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _opened(path: Path) -> int | None:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:  # a folder that cannot be written
        return None
