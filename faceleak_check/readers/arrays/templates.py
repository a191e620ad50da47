"""A dataset of templates that were computed elsewhere: rows of numbers, read where they lie."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import BinaryIO, Self

import numpy as np

from faceleak_check.errors import DatasetError
from faceleak_check.kept_arrays import Memory
from faceleak_check.policy.schema import Dataset
from faceleak_check.protocols import Progress
from faceleak_check.readers.arrays.files import array_files, unusable
from faceleak_check.readers.arrays.listed import TemplatePart, listed
from faceleak_check.readers.arrays.mapping import ChangedFileError, located
from faceleak_check.readers.arrays.names import ROW, numbered
from faceleak_check.readers.arrays.trouble import ArrayError
from faceleak_check.readers.files import FileError
from faceleak_check.readers.formats import suffix_of
from faceleak_check.readers.labels import labels_of
from faceleak_check.readers.listing import path_of
from faceleak_check.readers.progress import PacedProgress
from faceleak_check.readers.storage.open import storage_of
from faceleak_check.readers.trouble import CLOSED_ADVICE, advice_on, shown, trouble
from faceleak_check.records import (
    UNREADABLE,
    UNSEEN_FOLDER,
    Exclusion,
    ImageColumns,
    ImageList,
    ImageRef,
    ImageSet,
    IntArray,
    Rows,
    Templates,
)

__all__ = ["TemplateReader"]

_NOT_FINITE = "its template holds numbers that are not finite"
_ZERO = "its template is all zeros"
_WAIT = "Wait until it is written, then run again."


class TemplateReader:
    """Lists templates as if they were images; what made them is for others to look at.

    Args:
        dataset: The dataset as the policy declares it.
    """

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self._storage = storage_of(dataset)
        self._memory: Memory | None = None
        self._parts: list[TemplatePart] = []
        self._rows: IntArray | None = None

    def remember(self, memory: Memory) -> None:
        """Keeps digests and lengths there, so that a second run need not read the rows."""
        self._memory = memory

    @property
    def dimension(self) -> int:
        """Length of a template, once they are listed; 0 where there is none."""
        return self._parts[0].dimension if self._parts else 0

    def scan(self, progress: Progress) -> ImageSet:
        """List and digest every row, in the order of the bytes of the ids.

        A row's content is that of its numbers as float32 before they are scaled, lowest byte first.

        Raises:
            DatasetError: The files are missing, closed or none of templates, or a label is missing or wrong.
        """
        told = PacedProgress(progress, f"listing {self._dataset.name}")
        try:
            files, others = array_files(self._dataset, self._storage, lambda n_files: told.update(n_files, 0))
        except FileError as error:
            raise self._trouble(f"cannot be listed ({error})", advice_on(error, CLOSED_ADVICE)) from error
        self._parts, excluded = [], list[Exclusion]()
        for file in files:
            excluded += self._listed(file, f"{file}/" if len(files) > 1 else "", told)
        found = self._found(excluded, Counter(map(suffix_of, others)))
        if not found.images and not found.excluded:
            raise self._trouble("is empty", "Expected an array with a template in each row.")
        told.finish(len(found.images))
        return found

    def read(self, image: ImageRef) -> bytes:  # noqa: ARG002
        """There are no pictures.

        Raises:
            OSError: Always.
        """
        raise FileError("it is a template, and its picture is not here")

    def part(self, images: Sequence[ImageRef]) -> Self:  # noqa: ARG002
        """The reader itself, which has nothing to read."""
        return self

    def templates(self, scratch: Callable[[], BinaryIO], progress: Progress) -> Templates:
        """The templates of the images that `scan` has found; their rows come into memory when asked for.

        Args:
            scratch: Opens a file for the rows that do not lie in theirs as they are needed: of length one, as float32.
            progress: Told how far it is.

        Raises:
            DatasetError: A file went away or has changed since.
            OSError: The scratch file cannot be written.
        """
        try:
            vectors = located(self._parts, self._storage, scratch, progress, f"scaling {self._dataset.name}")
        except ChangedFileError:
            raise self._trouble("changed while the gate ran", _WAIT) from None
        except FileError as error:
            raise self._trouble(f"cannot be read ({error})", advice_on(error, CLOSED_ADVICE)) from error
        norms = np.concatenate([np.empty(0, np.float32), *(part.facts.norms for part in self._parts)])
        return Templates(
            vectors=Rows(vectors or [np.empty((0, 0), np.float32)], self._rows),
            norms=norms if self._rows is None else norms[self._rows],
        )

    def _listed(self, file: str, prefix: str, told: PacedProgress) -> list[Exclusion]:
        """Takes in a file; gives out what is missing of it."""
        n_before, place = sum(part.place.n_rows for part in self._parts), shown(self._dataset.path)
        try:
            with self._storage.open(file) as opened:
                part = listed(
                    opened,
                    file,
                    self._dataset.arrays,
                    prefix=prefix,
                    kept=None if self._memory is None else (self._memory, f"{place}\0{file}"),
                    tell=lambda n_rows: told.update(n_before + n_rows, 0),
                )
            self._require_one_dimension(part)
            with self._storage.open(file, fresh=True) as opened:
                if opened.identity != part.identity:
                    raise self._trouble("changed while it was listed", _WAIT)
        except ArrayError as error:
            if not prefix:
                raise unusable(self._dataset, error) from error
            return [_unseen(f"{prefix}all rows", f"{error.message}. {error.advice}")]
        except FileError as error:
            if not prefix:
                raise self._trouble(f"cannot be read ({error})", advice_on(error, CLOSED_ADVICE)) from error
            return [_unseen(f"{prefix}all rows", f"an array file that cannot be read: {error}")]
        self._parts.append(part)
        n_there, n_rows = part.place.n_rows, part.place.header.shape[0]
        if n_there == n_rows:
            return []
        reason = f"the file is cut short: {n_there:,} of {n_rows:,} rows are there"
        return [_unseen(f"{prefix}{numbered(n_there)} and the rows after it", reason)]

    def _require_one_dimension(self, part: TemplatePart) -> None:
        if self._parts and part.dimension != self.dimension:
            raise ArrayError(
                f"its templates have {part.dimension:,} numbers, and those of {self._parts[0].file!r} "
                f"{self.dimension:,}",
                "Templates of different lengths cannot be compared: make a dataset of each.",
            )

    def _found(self, excluded: list[Exclusion], others: Counter[str]) -> ImageSet:
        columns = ImageColumns.joined(
            [part.columns for part in self._parts]
            or [ImageColumns.numbered(ROW, np.empty((0, 32), np.uint8))]
        )
        norms = np.concatenate([np.empty(0, np.float32), *(part.facts.norms for part in self._parts)])
        usable, order = norms > 0, self._order()
        self._rows = order
        if not usable.all():
            self._rows = np.flatnonzero(usable) if order is None else order[usable[order]]
        lost = np.flatnonzero(~usable)
        for image, norm in zip(ImageList(columns, lost), norms[lost].tolist(), strict=True):
            reason = _ZERO if norm == 0 else _NOT_FINITE
            excluded.append(Exclusion(id=image.id, rule=UNREADABLE, reason=reason, sha256=image.sha256))
        others.update(suffix for part in self._parts for suffix in part.others)
        return ImageSet(
            name=self._dataset.name,
            images=self._labelled(ImageList(columns, self._rows), excluded),
            excluded=tuple(sorted(excluded, key=lambda gone: path_of(gone.id))),
            n_other_files=dict(sorted(others.items())),
        )

    def _order(self) -> IntArray | None:
        """All rows in the order of their ids; None where that is their own. Files follow each other in that order."""
        if all(part.order is None for part in self._parts):
            return None
        sizes = [part.place.n_rows for part in self._parts]
        starts = np.cumsum([0, *sizes[:-1]])
        parts = zip(self._parts, starts.tolist(), sizes, strict=True)
        return np.concatenate(
            [start + (np.arange(n) if part.order is None else part.order) for part, start, n in parts]
        )

    def _labelled(self, images: ImageList, excluded: Sequence[Exclusion]) -> ImageList:
        if self._dataset.labels.kind in ("none", "own"):
            return images
        labels = labels_of(self._dataset, [image.id for image in images], {gone.id for gone in excluded})
        return images if labels is None else images.relabelled(labels)

    def _trouble(self, what: str, advice: str) -> DatasetError:
        return trouble(
            self._dataset, f"dataset {self._dataset.name!r} {what}", place=self._dataset.path, advice=advice
        )


def _unseen(name: str, reason: str) -> Exclusion:
    return Exclusion(id=name, rule=UNSEEN_FOLDER, reason=reason)
