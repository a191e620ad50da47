"""Rows of a CSV or Parquet file, where a bad row is a row and not the end of the file."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NoReturn

from faceleak_check.readers.trouble import number_of, shown
from faceleak_check.registry import suggestion

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "Cells",
    "ColumnError",
    "TableError",
    "column_places",
    "csv_rows",
    "damaged_parquet",
    "parquet_rows",
    "table_rows",
]

Cells = tuple[str, ...] | str
"""The cells of the columns asked for, or one sentence on why the row has none."""

_PARQUET_MAGIC = b"PAR1"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_SHOWN_COLUMNS, _SHOWN_LETTERS = 20, 40
_SWALLOWED = (
    "a field of several lines with separators in it: a quote is missing there, or there is one too many"
)
_MOST_ROWS, _MOST_BYTES = 1 << 16, 256 << 20
_LONGEST_CELL = 1 << 16


class TableError(ValueError):
    """A file is no table with the columns asked for.

    Args:
        message: What is wrong, to follow the subject: ``has no column 'image'``.
        advice: What was found and what to do, in whole sentences that may quote the file.
    """

    def __init__(self, message: str, advice: str) -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice


class ColumnError(TableError):
    """A table lacks a column."""


def table_rows(data: bytes, columns: Sequence[str]) -> Iterator[tuple[int, Cells]]:
    """Rows of a Parquet file, told by its first bytes, or else of a CSV file."""
    return parquet_rows(data, columns) if data.startswith(_PARQUET_MAGIC) else csv_rows(data, columns)


def csv_rows(data: bytes, columns: Sequence[str]) -> Iterator[tuple[int, Cells]]:
    """Rows of a CSV file in UTF-8 with a header; comma, semicolon or tab, whichever fits the header.

    Args:
        data: The whole file.
        columns: Names of two or more columns.

    Yields:
        Number of the row as a spreadsheet shows it (the header is row 1), and its cells as text.

    Raises:
        TableError: The file is no such table.
    """
    delimiter = _delimiter(data, columns)
    text = io.TextIOWrapper(io.BytesIO(data), encoding="utf-8-sig", newline="")
    # strict: a stray quote would otherwise swallow all rows up to the next one without a word
    reader = csv.reader(text, delimiter=delimiter, strict=True)
    try:
        yield from _rows(reader, delimiter, columns)
    except UnicodeDecodeError as error:
        raise _not_text(data) from error
    except csv.Error as error:
        raise TableError(
            f"is no proper CSV at line {reader.line_num:,}",
            f"The parser says: {error}. Put fields that hold quotes or separators in double quotes, and "
            "double the quotes inside.",
        ) from error


def _rows(reader: Any, delimiter: str, columns: Sequence[str]) -> Iterator[tuple[int, Cells]]:
    numbered = _numbered(reader, delimiter)
    _, header, why = next(numbered, (0, [], ""))
    if not header:
        raise TableError("is empty", "Expected a header row and at least one row below it.")
    if why:
        raise TableError("has a header of several lines", f"Found {why}.")
    pick, n_fields = itemgetter(*column_places(header, columns, is_text=True)), len(header)
    for number, row, why in numbered:
        wrong = "" if len(row) == n_fields else f"{number_of(len(row), 'field')}, expected {n_fields}"
        yield number, wrong or why or pick(row)


def _numbered(reader: Any, delimiter: str) -> Iterator[tuple[int, list[str], str]]:
    """The rows that are not blank, each with its number, and with what speaks against it."""
    n_lines = 0
    for number, row in enumerate(reader, 1):
        # two stray quotes swallow the rows between them, and the parser takes those for a part of one field
        is_long, n_lines = reader.line_num > n_lines + 1, reader.line_num
        swallows = is_long and any(delimiter in cell and len(cell.splitlines()) > 1 for cell in row)
        if row:
            yield number, row, _SWALLOWED if swallows else ""


def parquet_rows(data: bytes, columns: Sequence[str]) -> Iterator[tuple[int, Cells]]:
    """Rows of a Parquet file.

    Args:
        data: The whole file.
        columns: Names of two or more columns.

    Yields:
        Number of the row, from 1, and its cells as text, empty where there is no value.

    Raises:
        TableError: The file is no such table.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    first = 1
    try:
        schema = pq.read_schema(pa.BufferReader(data))
        column_places(schema.names, columns)
        # text that many rows have is then held once, as in the file
        texts = [name for name in dict.fromkeys(columns) if _is_text(schema.field(name).type)]
        file = pq.ParquetFile(pa.BufferReader(data), read_dictionary=texts, page_checksum_verification=True)
        n_rows = _rows_at_a_time(file.metadata)
        for batch in file.iter_batches(n_rows, columns=list(dict.fromkeys(columns))):
            cells = [_as_text(batch.column(name), name) for name in columns]
            yield from enumerate(zip(*cells, strict=True), first)
            first += batch.num_rows
    except TableError:
        raise
    except (pa.ArrowException, OSError, ValueError) as error:  # names that are no UTF-8 are a ValueError
        raise damaged_parquet(error) from error


def _is_text(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return any(one(kind) for one in (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary))


def _rows_at_a_time(footer: Any) -> int:
    groups = (footer.row_group(n) for n in range(footer.num_row_groups))
    longest = max((one.total_byte_size // max(one.num_rows, 1) for one in groups), default=0)
    return max(1, min(_MOST_ROWS, _MOST_BYTES // max(longest, 1)))


def damaged_parquet(error: Exception) -> TableError:
    """What pyarrow raised at a file that it cannot read, in our words."""
    words = " ".join(str(error).split()).rstrip(".")
    return TableError("is damaged or cut short", f"The Parquet reader says: {words}. Write the file again.")


def _as_text(column: pa.Array, name: str) -> list[str]:
    import pyarrow as pa

    if pa.types.is_dictionary(column.type):
        _refuse_long(column.dictionary, name)
    try:
        # by way of float64, since the shortest text of a float32 is another float64
        exact = column.cast(pa.float64()) if pa.types.is_floating(column.type) else column
        return [text or "" for text in exact.cast(pa.string()).to_pylist()]
    except (pa.ArrowNotImplementedError, ValueError) as error:
        kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
        raise TableError(
            f"has a column {name!r} of type {kind}",
            "Expected text or numbers: change the column's type.",
        ) from error


def _refuse_long(texts: pa.Array, name: str) -> None:
    import pyarrow.compute as pc

    longest = pc.max(pc.binary_length(texts)).as_py() or 0
    if longest > _LONGEST_CELL:
        raise TableError(
            f"has a text of {longest:,} bytes in column {name!r}",
            f"Expected names of at most {_LONGEST_CELL:,} bytes.",
        )


def column_places(header: Sequence[str], columns: Sequence[str], *, is_text: bool = False) -> list[int]:
    """Where the columns stand.

    Args:
        header: Names of all columns of a table.
        columns: The columns wanted.
        is_text: Whether the table is text, so that a single column may be no table at all.

    Raises:
        TableError: One of them is not there, or is there twice.
    """
    missing = [name for name in dict.fromkeys(columns) if name not in header]
    if missing:
        _refuse_header(header, missing, is_text=is_text)
    twice = [name for name in dict.fromkeys(columns) if list(header).count(name) > 1]
    if twice:
        raise TableError(
            f"has {list(header).count(twice[0])} columns named {twice[0]!r}", "Give each column its own name."
        )
    return [list(header).index(name) for name in columns]


def _refuse_header(header: Sequence[str], missing: list[str], *, is_text: bool) -> NoReturn:
    noun = "column" if len(missing) == 1 else "columns"
    found = [shown(name)[:_SHOWN_LETTERS] for name in header]
    more = f" and {len(found) - _SHOWN_COLUMNS:,} more" if len(found) > _SHOWN_COLUMNS else ""
    wanted = ", ".join(f"{name!r}{suggestion(name, found)}" for name in missing)
    there = f"found: {', '.join(map(repr, found[:_SHOWN_COLUMNS]))}{more}"
    # text that is no table is not quoted: it may be anything that the policy's path leads to
    if is_text and len(header) == 1:
        there = "found one column: is there a comma, a semicolon or a tab between the columns?"
    raise ColumnError(
        f"has no {noun} {', '.join(map(repr, missing))}",
        f"Expected {wanted}; {there.removesuffix('?')}{'?' if there.endswith('?') else '.'}",
    )


def _delimiter(data: bytes, columns: Sequence[str]) -> str:
    if data.startswith(_UTF16_MARKS) or b"\0" in data[:4096]:
        raise _not_text(data)
    first_line = data.lstrip(b"\xef\xbb\xbf\r\n").partition(b"\n")[0].partition(b"\r")[0]
    header = first_line.decode("utf-8", "replace")

    def fit(delimiter: str) -> int:
        return len({cell.strip('"') for cell in header.split(delimiter)} & set(columns))

    return max(",;\t", key=fit)


def _not_text(data: bytes) -> TableError:
    if data.startswith(_UTF16_MARKS):
        return TableError("is UTF-16 text", "Expected UTF-8: save it as 'CSV UTF-8'.")
    return TableError("is not UTF-8 text", "Expected a CSV file in UTF-8.")
