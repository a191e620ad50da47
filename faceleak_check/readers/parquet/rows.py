"""The rows of a Parquet file, a few at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from faceleak_check.readers.files import FileError
from faceleak_check.readers.listing import id_of
from faceleak_check.readers.packed.member import Damage, Member
from faceleak_check.readers.parquet.layout import Layout
from faceleak_check.readers.parquet.source import Source, pages_read, parquet_file
from faceleak_check.readers.storage.protocol import OpenFile
from faceleak_check.readers.trouble import number_of

__all__ = ["Batches", "images_of", "walk_rows"]

_BYTES_AT_A_TIME = 8 << 20
_MOST_ROWS = 1024
_MOST_BYTES = 512 << 20
_NO_IMAGE = {
    False: "its row holds no image",
    True: "its row holds no image, but at most the path of one: embed the image files when you write the set",
}


class Batches:
    """Some rows of one row group after the others, with some of their columns.

    Args:
        source: The file.
        footer: Its footer.
        columns: The columns, as Parquet calls them.
        group: The row group.
        n_bytes: About how much to have in memory at a time.
    """

    def __init__(
        self, source: Source, footer: Any, columns: Sequence[str], group: int, n_bytes: int = _BYTES_AT_A_TIME
    ) -> None:
        told = footer.row_group(
            group
        )  # its columns are not looked at: where one is encrypted, pyarrow aborts
        self.n_rows: int = told.num_rows
        n_told = max(told.total_byte_size, 1)
        # many rows may have one picture that the file holds once, as long as all of the group
        most = min(_MOST_ROWS, _MOST_BYTES // n_told)
        n_at_a_time = max(min(n_bytes * self.n_rows // n_told, most), 1)
        with pages_read():
            self._batches = parquet_file(source, footer).iter_batches(
                batch_size=n_at_a_time, row_groups=[group], columns=list(columns), use_threads=False
            )

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        """The next rows, an Arrow record batch.

        Raises:
            FileError: They cannot be read, and nor can those after them.
        """
        with pages_read():
            return next(self._batches)


def images_of(batch: Any, layout: Layout) -> Any:
    """The images of a batch of rows as an Arrow array of bytes, null where there is none."""
    column = batch.column(batch.schema.get_field_index(layout.image))
    return column.field("bytes") if layout.in_struct else column


def walk_rows(file: OpenFile, footer: Any, layout: Layout) -> Iterator[Member | Damage]:
    """All rows of a file, in their order.

    Args:
        file: The open file.
        footer: Its footer.
        layout: Its columns.
    """
    rows, first = _Rows(Source(file), footer, layout), 0
    for group in range(footer.num_row_groups):
        yield from rows.walk(group, first)
        first += footer.row_group(group).num_rows


class _Rows:
    def __init__(self, source: Source, footer: Any, layout: Layout) -> None:
        self._source = source
        self._footer = footer
        self._layout = layout
        self._named_by_path = layout.id is None and layout.has_path and self._has_a_path_each()
        names = layout.path_column if self._named_by_path else layout.id
        self._columns = list(dict.fromkeys(filter(None, (layout.bytes_column, names, layout.identity))))

    def walk(self, group: int, first: int) -> Iterator[Member | Damage]:
        """The rows of a group, of which the first has this number in the file."""
        n_rows, n_read, reason = self._footer.row_group(group).num_rows, 0, "they are not there"
        try:
            for batch in Batches(self._source, self._footer, self._columns, group):
                yield from self._members(batch, group, n_read, first + n_read)
                n_read += batch.num_rows
        except FileError as error:
            reason = str(error)
        if n_read < n_rows:
            left = number_of(n_rows - n_read, "row")
            yield Damage(
                name=f"row group {group}", reason=f"{left} of the row group cannot be read: {reason}"
            )

    def _members(self, batch: Any, group: int, row: int, first: int) -> Iterator[Member]:
        names, people = self._names(batch), self._people(batch)
        for n, image in enumerate(images_of(batch, self._layout)):
            data = image.as_buffer()
            yield Member(
                name=(names and names[n]) or f"row {first + n:08d}",
                place=(group, row + n),
                data=None if data is None else memoryview(data),
                reason=_NO_IMAGE[self._layout.in_struct] if data is None else "",
                person=people[n] if people else None,
            )

    def _names(self, batch: Any) -> list[str | None] | None:
        if self._named_by_path:
            return _as_list(self._paths(batch))
        return None if self._layout.id is None else _texts(batch, self._layout.id)

    def _people(self, batch: Any) -> list[str | None] | None:
        layout = self._layout
        if layout.identity is None:
            return None
        texts = _texts(batch, layout.identity)
        if not layout.classes:
            return texts
        by_number = {str(number): name for number, name in enumerate(layout.classes)}
        # -1 is Hugging Face's number for nobody
        return [None if text == "-1" else by_number.get(text or "", text) for text in texts]

    def _has_a_path_each(self) -> bool:
        """Whether each row has a path that no other row of the file has."""
        import pyarrow as pa
        import pyarrow.compute as pc

        n_groups, column = self._footer.num_row_groups, [self._layout.path_column]
        try:
            every = [Batches(self._source, self._footer, column, group) for group in range(n_groups)]
            paths = [self._paths(batch) for batches in every for batch in batches]
        except FileError:
            return False
        whole = pa.chunked_array(paths, pa.string())
        shortest, n_names = pc.min(pc.binary_length(whole)), pc.count_distinct(whole, mode="only_valid")
        return bool(shortest.as_py() and n_names.as_py() == len(whole))

    def _paths(self, batch: Any) -> Any:
        import pyarrow as pa

        column = batch.column(batch.schema.get_field_index(self._layout.image))
        return column.field("path").cast(pa.string())


def _texts(batch: Any, name: str) -> list[str | None]:
    return _as_list(batch.column(batch.schema.get_field_index(name)))


def _as_list(column: Any) -> list[str | None]:
    """A column as text; None where there is no value."""
    import pyarrow as pa

    # pyarrow refuses text that is not UTF-8 only when it hands it out
    texts = column.cast(pa.string()).cast(pa.binary()).to_pylist()
    return [None if text is None else id_of(text) for text in texts]
