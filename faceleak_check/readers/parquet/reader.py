"""A dataset in Parquet files, as Hugging Face releases them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from faceleak_check.errors import DatasetError
from faceleak_check.policy.patterns import Pattern, pattern_of
from faceleak_check.policy.schema import Dataset, ParquetColumns
from faceleak_check.readers.files import FileError
from faceleak_check.readers.packed.listing import PackedListing
from faceleak_check.readers.packed.member import Damage, Member, Place
from faceleak_check.readers.packed.reader import PackedReader
from faceleak_check.readers.packed.shards import lacking
from faceleak_check.readers.packed.usable import refusal
from faceleak_check.readers.parquet.layout import Layout, layout_of
from faceleak_check.readers.parquet.rows import walk_rows
from faceleak_check.readers.parquet.source import footer_of
from faceleak_check.readers.parquet.windows import Windows
from faceleak_check.readers.progress import PacedProgress
from faceleak_check.readers.storage.open import storage_at
from faceleak_check.readers.storage.protocol import OpenFile
from faceleak_check.readers.tables import ColumnError, TableError
from faceleak_check.readers.trouble import first_names, number_of

__all__ = ["ParquetReader"]

_SUFFIX = ".parquet"


class ParquetReader(PackedReader):
    """Reads a Parquet file, all those in a folder, or those that a path with braces names: each row is an image.

    The column of images holds the bytes of image files, alone or in structs of bytes and path. Rows are decoded a few
    at a time, and only the columns that are wanted.

    Args:
        dataset: The dataset as the policy declares it.
        known: Where some of its images are, in place of a scan.
    """

    noun, nouns = "a Parquet file", "Parquet files"

    def __init__(self, dataset: Dataset, known: Mapping[str, tuple[str, Place]] | None = None) -> None:
        super().__init__(dataset, known)
        self._pattern = pattern_of(dataset.path)
        if self._pattern is not None:
            self._storage = storage_at(self._pattern.folder)
        self._columns = dataset.image_columns or ParquetColumns()
        self._windows = Windows(self._columns)

    def _files(self, told: PacedProgress) -> Sequence[str]:
        names = self._named(told) if self._pattern is None else self._in_pattern(self._pattern)
        refused = refusal(self._storage, names, self._described, TableError)
        if isinstance(refused, TableError):
            raise self._unusable(refused) from refused
        if refused is not None:
            raise refused
        return names

    def _named(self, told: PacedProgress) -> Sequence[str]:
        self._require_there()
        if self._storage.kind() == "file":
            return [""]
        found = self._storage.names(lambda n_files: told.update(n_files, 0))
        names = [name for name in found if name.lower().endswith(_SUFFIX)]
        if not names:
            raise self._trouble("has no .parquet file", f"Expected {self.noun} or more in this folder.")
        self._lie_beside(sorted(set(found) - set(names)))
        return names

    def _in_pattern(self, pattern: Pattern) -> Sequence[str]:
        found = lacking(self._storage, pattern, "file")
        if found is not None:
            raise self._trouble(*found)
        return pattern.names

    def _described(self, file: OpenFile) -> tuple[Any, Layout]:
        footer = footer_of(file)
        return footer, layout_of(footer.schema.to_arrow_schema(), self._columns)

    def _unusable(self, error: TableError) -> DatasetError:
        hint = "The key columns of the dataset says which columns to read."
        advice = f"{error.advice} {hint}" if isinstance(error, ColumnError) else error.advice
        return self._trouble(error.message, advice)

    def _walk(self, file: OpenFile) -> Iterator[Member | Damage]:
        try:
            footer, layout = self._described(file)
        except TableError as error:
            raise FileError(f"it {error.message}") from error
        yield from walk_rows(file, footer, layout)

    def _read(self, file: OpenFile, name: str, place: Place) -> bytes:
        return self._windows.image(file, name, place)

    def _labels(self, listing: PackedListing) -> list[tuple[str, ...]] | None:
        if self._dataset.labels.kind == "own":
            self._require_people(listing)
        return super()._labels(listing)

    def _require_people(self, listing: PackedListing) -> None:
        people = listing.people or [None] * len(listing.ids)
        nameless = [name for name, person in zip(listing.ids, people, strict=True) if not person]
        if nameless:
            of_all = f"{len(nameless):,} of {number_of(len(listing.ids), 'image')}"
            raise self._trouble(
                f"names nobody in its column {self._columns.identity!r} for {of_all}",
                f"Without a person: {first_names(nameless)}. Fill the column, or take these rows out.",
            )
