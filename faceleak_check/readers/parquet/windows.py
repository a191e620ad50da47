"""Images of Parquet files by their rows, where the files are decoded once as long as rows are asked for in order."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock
from typing import Any

from faceleak_check.policy.schema import ParquetColumns
from faceleak_check.readers.files import FileError
from faceleak_check.readers.packed.member import Place
from faceleak_check.readers.parquet.layout import Layout, layout_of
from faceleak_check.readers.parquet.rows import Batches, images_of
from faceleak_check.readers.parquet.source import Source, footer_of
from faceleak_check.readers.storage.protocol import OpenFile
from faceleak_check.readers.tables import TableError

__all__ = ["Windows"]

_WINDOW_BYTES = 16 << 20
_MOST_BYTES = 128 << 20
_MOST_CURSORS = 2
_MOST_FILES = 32
_CHANGED = "its row is no longer there: the file changed while the gate ran"

_Group = tuple[str, str, int]
"""Name and identity of a file, and the number of a row group."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _File:
    footer: Any
    layout: Layout


@dataclass(kw_only=True, slots=True, eq=False)
class _Cursor:
    """Where in a row group the next rows come from."""

    group: _Group
    source: Source
    batches: Batches
    row: int = 0


class Windows:
    """Keeps the rows decoded last, as many as fit a bounded memory; several threads may ask at once.

    Parquet has no way to a row but through the ones before it. So rows are decoded in windows, and what decoded
    one window goes on to the next.

    Args:
        columns: The columns that the policy names.
    """

    def __init__(self, columns: ParquetColumns) -> None:
        self._columns = columns
        self._lock = Lock()
        self._files: OrderedDict[tuple[str, str], _File] = OrderedDict()
        self._held: OrderedDict[tuple[_Group, int], Any] = OrderedDict()
        self._n_bytes = 0
        self._cursors: list[_Cursor] = []

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self._columns,)

    def image(self, file: OpenFile, name: str, place: Place) -> bytes:
        """The image in a row.

        Args:
            file: The file, open.
            name: Its name.
            place: The row group, and the row in it.

        Raises:
            FileError: It is not there any more, or cannot be read.
        """
        group, row = place
        with self._lock:
            start, images = self._window(file, (name, file.identity, group), row)
            image = images[row - start].as_py()
        if image is None:
            raise FileError(_CHANGED)
        return bytes(image)

    def _window(self, file: OpenFile, group: _Group, row: int) -> tuple[int, Any]:
        """The first row and the images of the window that a row is in."""
        for key in reversed(self._held):
            if key[0] == group and 0 <= row - key[1] < len(self._held[key]):
                self._held.move_to_end(key)
                return key[1], self._held[key]
        return self._decoded(file, group, row)

    def _decoded(self, file: OpenFile, group: _Group, row: int) -> tuple[int, Any]:
        described = self._file(file, group)
        cursor = self._cursor(file, described, group, row)
        self._cursors.remove(cursor)
        for batch in cursor.batches:
            start, images = cursor.row, images_of(batch, described.layout)
            cursor.row += len(images)
            self._hold((group, start), images)
            if row < cursor.row:
                self._keep(cursor)
                return start, images
        raise FileError(_CHANGED)

    def _cursor(self, file: OpenFile, described: _File, group: _Group, row: int) -> _Cursor:
        """The cursor that has the least to decode before the row."""
        before = [cursor for cursor in self._cursors if cursor.group == group and cursor.row <= row]
        if before:
            cursor = max(before, key=lambda one: one.row)
            cursor.source.file = file
            return cursor
        if not 0 <= group[2] < described.footer.num_row_groups:
            raise FileError(_CHANGED)
        self._cursors = self._cursors[1 - _MOST_CURSORS :]  # each may hold a large page
        source, column = Source(file), [described.layout.bytes_column]
        batches = Batches(source, described.footer, column, group[2], _WINDOW_BYTES)
        self._cursors.append(_Cursor(group=group, source=source, batches=batches))
        return self._cursors[-1]

    def _keep(self, cursor: _Cursor) -> None:
        if cursor.row < cursor.batches.n_rows:
            self._cursors = [*self._cursors, cursor][-_MOST_CURSORS:]

    def _hold(self, key: tuple[_Group, int], images: Any) -> None:
        if key in self._held:
            self._n_bytes -= self._held.pop(key).nbytes
        self._held[key] = images
        self._n_bytes += images.nbytes
        while self._n_bytes > _MOST_BYTES and len(self._held) > 1:
            self._n_bytes -= self._held.popitem(last=False)[1].nbytes

    def _file(self, file: OpenFile, group: _Group) -> _File:
        key = group[:2]
        if key not in self._files:
            try:
                footer = footer_of(file)
                layout = layout_of(footer.schema.to_arrow_schema(), self._columns)
            except TableError as error:
                raise FileError(_CHANGED) from error
            self._files[key] = _File(footer=footer, layout=layout)
            if len(self._files) > _MOST_FILES:
                self._files.popitem(last=False)
        return self._files[key]
