"""How the files of a dataset are read, so that somebody else can read them in the same way."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from faceleak_check.errors import UsageError
from faceleak_check.policy.formats import options_of
from faceleak_check.policy.roles import MATCHES
from faceleak_check.policy.schema import ArrayNames, Dataset, Labels, ParquetColumns, TemplateOrigin
from faceleak_check.policy.urls import Url

__all__ = ["dataset_at", "reading_record"]

_ANY_ORIGIN = TemplateOrigin(embedder="any", sha256="0" * 64)
"""Whatever made them: templates are listed here, and not compared."""


def reading_record(dataset: Dataset | None) -> dict[str, Any] | None:
    """The keys of a dataset that say which of its bytes are an image, and what it is called.

    Args:
        dataset: The dataset; None for a set of altered copies.

    Returns:
        The record; None for what holds no files of its own: match lists, and altered copies.
    """
    if dataset is None or dataset.format == MATCHES:
        return None
    named: Any = dataset.image_columns or dataset.arrays
    named = dataset.options if named is None else named
    columns = {} if named is None else {key: getattr(named, key) for key in named.__dataclass_fields__}
    return {
        "format": dataset.format,
        "columns": {key: str(name) for key, name in columns.items() if name is not None},
        "templates": dataset.templates is not None,
    }


def dataset_at(place: Path | Url, name: str, reading: Mapping[str, Any]) -> Dataset:
    """A dataset that is read as a record says; nobody in it is named.

    Args:
        place: Where it lies.
        name: What to call it.
        reading: The record.

    Raises:
        UsageError: Its format is another package's, and has other options here.
    """
    columns = dict(reading["columns"])
    options = _options(reading["format"], columns)
    columns = {} if options is not None else columns
    is_table = reading["format"] == "parquet"
    if is_table:
        columns.pop("identity", None)
    return Dataset(
        name=name,
        path=place,
        format=reading["format"],
        labels=Labels(kind="own" if "identity" in columns else "none"),
        columns=None,
        line=0,
        column=0,
        image_columns=ParquetColumns(**columns) if is_table and columns else None,
        arrays=ArrayNames(**columns) if columns and not is_table else None,
        templates=_ANY_ORIGIN if reading["templates"] else None,
        options=options,
    )


def _options(its_format: str, columns: Mapping[str, Any]) -> Any:
    """The options of another package's format; None where it has none.

    Raises:
        UsageError: The package that is installed here has other options.
    """
    kind = options_of(its_format)
    if kind is None:
        return None
    try:
        return kind(**columns)
    except ValidationError:
        raise UsageError(
            f"format {its_format!r} has other options here than {dict(columns)}; install the package that the test used"
        ) from None
