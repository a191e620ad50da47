"""A dataset that is a list of precomputed best matches, for teams that cannot share images."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from faceleak_check.matches import Matches
from faceleak_check.policy.columns import PUBLISHED_COLUMNS
from faceleak_check.policy.schema import Dataset
from faceleak_check.protocols import Progress
from faceleak_check.readers.match_rows import MatchRows
from faceleak_check.readers.progress import PacedProgress
from faceleak_check.readers.table_file import table_file
from faceleak_check.readers.tables import TableError, table_rows
from faceleak_check.records import ImageSet

__all__ = ["MatchList", "MatchListReader"]

_ROWS_A_LOOK = 8192
"""Rows between two looks at the clock."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MatchList:
    """What a list of precomputed matches says.

    Attributes:
        generated_set: The generated images; those with a bad row are excluded.
        matches: The neighbours that the list names of each generated image, nearest first. An image with
            fewer than k has row -1 and `NO_MATCH` in the places left over. The digests of all images are of
            their names, since a list holds no pixels; of generated images with the list's name in front.
        sha256: Digest of the file's bytes.
    """

    generated_set: ImageSet
    matches: Matches
    sha256: str


class MatchListReader:
    """Reads a CSV or Parquet file with a row for each pair of a generated and a source image.

    Args:
        dataset: The dataset as the policy declares it.
    """

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self._columns = dataset.columns or PUBLISHED_COLUMNS

    def read_matches(self, progress: Progress) -> MatchList:
        """All pairs of the list.

        A row that cannot be read takes its generated image out of the comparison, with all other rows of
        that image: a leak might be hidden in the bad one.

        Raises:
            DatasetError: The file is missing, or is no table with the columns asked for.
        """
        dataset, rows = self._dataset, MatchRows(self._columns)
        hint = "The key columns of the dataset says which columns to read."
        with table_file(dataset, dataset.path, "match list", columns_hint=hint) as data:
            self._gather(data, rows, PacedProgress(progress, f"reading {dataset.name}"))
            generated_set, matches = rows.result(dataset.name)
        return MatchList(
            generated_set=generated_set, matches=matches, sha256=hashlib.sha256(data).hexdigest()
        )

    def _gather(self, data: bytes, rows: MatchRows, told: PacedProgress) -> None:
        for number, cells in table_rows(data, rows.columns):
            rows.add(number, cells)
            if not rows.n_rows % _ROWS_A_LOOK:
                told.update(rows.n_rows, 0)
        if not rows.n_rows:
            raise TableError("has no rows", "Expected a row for each pair of a generated and a source image.")
        if rows.n_read and rows.highest <= 0:
            raise TableError(
                f"holds no similarity above 0: the highest is {rows.highest:g}",
                "Expected cosines, which are higher for the nearer: are these distances, or is their sign turned?",
            )
        told.finish(rows.n_rows)
