"""No case may take longer than ten seconds, nor two gibibytes more than there were before it."""

from __future__ import annotations

import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["SECONDS", "TooSlowError", "bounded_memory", "in_time"]

SECONDS = 10
_MORE_BYTES = 2 << 30


class TooSlowError(AssertionError):
    """A case took too long."""


@contextmanager
def in_time(seconds: float = SECONDS) -> Iterator[None]:
    """Raises TooSlowError where what is inside takes longer; only in the main thread."""

    def stop(*_: object) -> None:
        raise TooSlowError(f"it took longer than {seconds:g} seconds")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def bounded_memory(more: int = _MORE_BYTES) -> Iterator[None]:
    """Lets the process have so many bytes of address space more than it has now; then a MemoryError is raised."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + more, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
