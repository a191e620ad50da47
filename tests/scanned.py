"""What a reader finds in a dataset, in the words that its tests compare."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import pytest

from faceleak_check.errors import DatasetError
from faceleak_check.policy.schema import Dataset
from faceleak_check.protocols import Progress
from faceleak_check.records import ImageSet

__all__ = ["PLACE", "MakeDataset", "ids", "reasons", "scanned", "trouble_of", "what_is_wrong"]

MakeDataset = Callable[..., Dataset]

PLACE = "(see datasets.training at line 6, column 13 of the policy)"
"""Where errors say that the tests' dataset stands."""


class _Scanning(Protocol):
    def scan(self, progress: Progress) -> ImageSet: ...


def scanned(reader: Callable[[Dataset], _Scanning], dataset: Dataset) -> ImageSet:
    """What the reader finds."""
    return reader(dataset).scan(lambda *_: None)


def trouble_of(reader: Callable[[Dataset], _Scanning], dataset: Dataset) -> DatasetError:
    """Why the reader refuses the dataset as a whole."""
    with pytest.raises(DatasetError) as caught:
        scanned(reader, dataset)
    return caught.value


def what_is_wrong(reader: Callable[[Dataset], _Scanning], dataset: Dataset) -> tuple[str, str]:
    """Message and advice of that; that its place is right is seen here."""
    error = trouble_of(reader, dataset)
    place, advice = error.detail.split("\n", 1)
    assert place == f"{dataset.path} {PLACE}"
    return error.message, advice


def ids(found: ImageSet) -> list[str]:
    """The images by their names."""
    return [image.id for image in found.images]


def reasons(found: ImageSet) -> dict[str, tuple[str, str]]:
    """Rule and reason of each that was left out."""
    return {gone.id: (gone.rule, gone.reason) for gone in found.excluded}
