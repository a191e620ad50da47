"""What a command shows of how far it is."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, TextIO

from faceleak_check.silence import silent

if TYPE_CHECKING:
    from faceleak_check.protocols import Progress

__all__ = ["shown_progress"]


@contextlib.contextmanager
def shown_progress(file: TextIO) -> Iterator[Progress]:
    """A progress bar where a file is a terminal, and nothing elsewhere."""
    if not file.isatty():
        yield silent
        return
    from faceleak_check.reports.progress import ProgressBar

    bar = ProgressBar(file)
    try:
        yield bar
    finally:
        bar.close()
