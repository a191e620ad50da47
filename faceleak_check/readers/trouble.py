"""How readers word what is wrong with a dataset: paths and names of files in the detail alone."""

from __future__ import annotations

import os
from pathlib import Path

from faceleak_check.errors import DatasetError
from faceleak_check.policy.schema import Dataset
from faceleak_check.policy.urls import Url
from faceleak_check.readers.files import FileError

__all__ = [
    "CLOSED_ADVICE",
    "NOT_FOUND_ADVICE",
    "advice_on",
    "first_names",
    "number_of",
    "shown",
    "system_words",
    "trouble",
]

NOT_FOUND_ADVICE = (
    "Nothing is there. Correct the path in the policy; a relative path starts at the policy's folder."
)
CLOSED_ADVICE = "Give this user the right to read it, or correct the path in the policy."


def trouble(dataset: Dataset, message: str, *, place: Path | Url, advice: str) -> DatasetError:
    """An error of a dataset that says where the file is, where the policy names it, and what to do.

    Args:
        dataset: The dataset as the policy declares it.
        message: What is wrong, in words that name no path.
        place: The file or folder; of a URL no secret is shown.
        advice: What to do, one or more whole sentences.
    """
    line = f"see datasets.{dataset.name} at line {dataset.line}, column {dataset.column}"
    return DatasetError(message, detail=f"{shown(place)} ({line} of the policy)\n{advice}")


def shown(name: str | os.PathLike[str]) -> str:
    """A file's name with all that could upset a terminal written as escapes."""
    text = os.fspath(name)
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def first_names(names: list[str]) -> str:
    """The first three names in quotes, and how many more there are."""
    listed = ", ".join(f"'{shown(name)}'" for name in names[:3])
    return f"{listed} and {len(names) - 3:,} more" if len(names) > 3 else listed


def number_of(count: int, noun: str) -> str:
    """A count with its noun: ``1 image``, ``2,000 images``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def system_words(error: OSError) -> str:
    """What the operating system said, without the path; an error of our own says it itself."""
    return error.strerror or (str(error) if isinstance(error, FileError) else type(error).__name__)


def advice_on(error: OSError, general: str) -> str:
    """What the error itself advises, or else the general advice."""
    advice: str = getattr(error, "advice", "")
    return advice or general
