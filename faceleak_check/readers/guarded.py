"""A reader of another package, and all that it hands in judged before anything rests on it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from faceleak_check.errors import DatasetError
from faceleak_check.guards import blamed
from faceleak_check.policy.schema import Dataset
from faceleak_check.protocols import OrderedReader, Progress, Reader
from faceleak_check.readers.labels import labels_of
from faceleak_check.records import Exclusion, ImageList, ImageRef, ImageSet, IntArray

__all__ = ["GuardedReader", "unsound"]


class GuardedReader:
    """What fails in the reader names it, and a listing that cannot be counted on is refused.

    Args:
        reader: The reader.
        dataset: The dataset as the policy declares it.
    """

    def __init__(self, reader: Reader, dataset: Dataset) -> None:
        self._reader = reader
        self._dataset = dataset
        self._part = f"reader {dataset.format!r}"
        self._name = dataset.name

    def scan(self, progress: Progress) -> ImageSet:
        """See `faceleak_check.protocols.Reader`.

        Raises:
            DatasetError: The reader's own, or it failed, or what it found is not fit to be counted; or an image has no
                label where the policy says that all have one.
        """
        with blamed(self._part, f"list {self._name!r}", error=DatasetError):
            found = self._reader.scan(progress)
        if problem := unsound(found, self._name):
            raise self._broken(f"listed {self._name!r} in a way that cannot be counted on", problem)
        return replace(found, images=self._labelled(found))

    def _labelled(self, found: ImageSet) -> ImageList:
        """The images with the people that the policy's ``labels`` name: by the reader where they are its own.

        A person without a name would pass for a stranger wherever thresholds are found.
        """
        images = found.images
        if self._dataset.labels.kind == "own":
            n_nameless = sum(not people for people in images.labels)
            if n_nameless:
                what = f"named nobody in {n_nameless:,} of {len(images):,} images of {self._name!r}"
                raise self._broken(
                    f"{what}, and the policy says labels: own", "no label, expected one for each"
                )
            return images
        ids = [image.id for image in images]
        labels = labels_of(self._dataset, ids, {gone.id for gone in found.excluded})
        return images.relabelled([()] * len(ids) if labels is None else labels)

    def read(self, image: ImageRef) -> bytes:
        """See `faceleak_check.protocols.Reader`.

        Raises:
            OSError: The image is gone or cannot be read.
            DatasetError: The reader failed, or gave something else than bytes.
        """
        with blamed(self._part, f"read {self._name!r}", passing=(OSError,), error=DatasetError):
            data = self._reader.read(image)
        if not isinstance(data, bytes):
            raise self._broken(
                f"gave no bytes for an image of {self._name!r}", f"{type(data).__name__}, expected bytes"
            )
        return data

    def part(self, images: Sequence[ImageRef]) -> GuardedReader:
        """See `faceleak_check.protocols.Reader`; one that makes no parts of itself is taken whole."""
        part_of = getattr(self._reader, "part", None)
        if part_of is None:
            return self
        with blamed(self._part, "make a part of itself", error=DatasetError):
            return GuardedReader(part_of(images), self._dataset)

    def reading_order(self, images: ImageList) -> IntArray:
        """See `faceleak_check.protocols.OrderedReader`; the order of the ids where the reader knows none."""
        rows = np.arange(len(images), dtype=np.int64)
        if not isinstance(self._reader, OrderedReader):
            return rows
        with blamed(self._part, f"put {self._name!r} in order", error=DatasetError):
            order = np.asarray(self._reader.reading_order(images))
        if order.shape != rows.shape or not np.array_equal(np.sort(order), rows):
            found = f"{len(np.unique(order)):,} different rows of {len(rows):,}, expected each row once"
            raise self._broken(f"gave an order of {self._name!r} that leaves images out", found)
        return order.astype(np.int64)

    def _broken(self, what: str, found: str) -> DatasetError:
        return DatasetError(
            f"{self._part} {what}", detail=f"Found {found}. The reader is broken: tell its author."
        )


def unsound(found: object, name: str) -> str:
    """What is wrong with what a reader found, and what was expected; empty where nothing is.

    Args:
        found: What its `scan` returned.
        name: The dataset's name in the policy.
    """
    if not isinstance(found, ImageSet):
        return f"{type(found).__name__}, expected an ImageSet"
    if found.name != name:
        return f"a set called {found.name!r}, expected {name!r}"
    if not all(isinstance(one, Exclusion) for one in found.excluded):
        return "something else than an Exclusion among those that it left out"
    ids = [image.id.encode("utf-8", "surrogateescape") for image in found.images]
    if not all(ids):
        return "an image without an id, expected a name for each"
    for one, following in itertools.pairwise(ids):
        if one >= following:
            shown = one.decode("utf-8", "replace")
            wrong = "twice" if one == following else "out of order"
            return f"the image {shown!r} {wrong}, expected each id once, in the order of its bytes"
    return ""
