"""The files that a path with braces stands for: all of them must be there."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from faceleak_check.policy.patterns import Pattern
from faceleak_check.readers.storage.open import storage_at
from faceleak_check.readers.storage.protocol import Storage
from faceleak_check.readers.storage.reasons import MissingError
from faceleak_check.readers.trouble import first_names, number_of

__all__ = ["lacking"]

_N_THREADS = 8


def lacking(storage: Storage, pattern: Pattern, noun: str) -> tuple[str, str] | None:
    """What is wrong with a pattern, and what to do; None where all of its files are there.

    Args:
        storage: The pattern's folder.
        pattern: The pattern.
        noun: What one of its files is.

    Raises:
        FileError: Nobody can tell whether one is there.
    """
    if pattern.trouble:
        what = f"is named by a path with braces that cannot be used: {pattern.trouble}"
        return what, "Write a range of the files that are there, such as {000..127}."
    gone = [name for name, missing in _asked(storage, pattern) if missing]
    if not gone:
        return None
    what = f"lacks {len(gone):,} of its {number_of(len(pattern.names), noun)}"
    advice = f"Not there: {first_names(gone)}. Fetch them, or write the range of those that are there."
    return what, advice


def _asked(storage: Storage, pattern: Pattern) -> Iterable[tuple[str, bool]]:
    """The name of each file, and whether it is missing."""

    def is_missing(name: str) -> bool:
        if isinstance(pattern.folder, Path):
            return storage_at(pattern.folder / name).kind() == "missing"
        try:
            with storage.open(name):
                return False
        except MissingError:
            return True

    with ThreadPoolExecutor(_N_THREADS, thread_name_prefix="faceleak-shards") as threads:
        return list(zip(pattern.names, threads.map(is_missing, pattern.names), strict=True))
