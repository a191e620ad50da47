"""The keys under ``columns`` of a dataset: what the columns of its table mean."""

from __future__ import annotations

import re
from collections.abc import Mapping

from faceleak_check.policy.names import Column, ColumnNames
from faceleak_check.policy.types import check_keys

__all__ = ["PUBLISHED_COLUMNS", "TABLES", "Columns", "ParquetColumns"]


@check_keys
class Columns:
    """Which columns of a match list mean what.

    Attributes:
        generated: The column, or the columns, that name the generated image; several are joined with "/".
        source: The column, or the columns, that name its nearest source image; several are joined with "/".
        generated_identity: The column that names the synthetic person, whose images are not independent.
        source_identity: The column that names the person in the source image, needed to count people.
        similarity: The column of cosines.
    """

    generated: ColumnNames = ("sample_identity", "sample_image_name")
    source: ColumnNames = ("best_match_identity", "best_match_image_name")
    generated_identity: Column | None = None
    source_identity: Column | None = None
    similarity: Column = "similarity"

    def __post_init__(self) -> None:
        if re.search(r"distance|(?<![a-z])dist(?![a-z])", self.similarity.lower()):
            raise ValueError(
                f"found {self.similarity!r} as the column of similarities, expected one of cosines, which are higher "
                "for the nearer; write 1 - distance into another column, and name that one"
            )


PUBLISHED_COLUMNS = Columns(generated_identity="sample_identity", source_identity="best_match_identity")
"""The columns of the published best-match lists, for a dataset without ``columns``."""


@check_keys
class ParquetColumns:
    """Which columns of a Parquet file of images mean what.

    Attributes:
        image: The column of images; needed where more than one column may hold them.
        id: The column that names each image; without it the path in the column of images does, or the row.
        identity: The column that names the person in each image.
    """

    image: Column | None = None
    id: Column | None = None
    identity: Column | None = None


TABLES: Mapping[str, type[Columns | ParquetColumns]] = {"matches": Columns, "parquet": ParquetColumns}
"""The formats that have columns, and the keys of each."""
