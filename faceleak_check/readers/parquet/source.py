"""A Parquet file, opened by position wherever it lies, and its trouble in plain words."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from faceleak_check.readers.files import FileError
from faceleak_check.readers.storage.protocol import OpenFile
from faceleak_check.readers.tables import TableError, damaged_parquet

__all__ = ["Source", "footer_of", "pages_read", "parquet_file"]

_MAGIC, _ENCRYPTED = b"PAR1", b"PARE"
_HEAD_BYTES = 32
_BUFFER_BYTES = 1 << 20
_OTHERS = {
    _ENCRYPTED: (
        "is encrypted",
        "Encrypted Parquet files cannot be read: write it again without encryption.",
    ),
    b"ARROW1": ("is an Arrow file and no Parquet file", "Write it with Dataset.to_parquet of Hugging Face."),
    b"\xff\xff\xff\xff": (
        "is an Arrow stream and no Parquet file",
        "Load it with load_from_disk of Hugging Face, and write it with to_parquet.",
    ),
    b"version https://git-lfs": ("is a Git LFS pointer", "Fetch the file itself with git lfs pull."),
    b"": ("is an empty file", "Expected a Parquet file."),
}


class Source:
    """What pyarrow reads a file through; for one thread at a time.

    Args:
        file: The open file. It may be closed and opened again, and put here anew.
    """

    closed = False

    def __init__(self, file: OpenFile) -> None:
        self.file = file
        self._place = 0

    def read(self, n_bytes: int = -1) -> bytes:
        """Bytes from the current place on."""
        left = max(0, self.file.n_bytes - self._place)
        data = self.file.read(self._place, left if n_bytes < 0 else min(n_bytes, left))
        self._place += len(data)
        return data

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self.file.n_bytes}[whence]
        self._place = start + offset
        return self._place

    def tell(self) -> int:
        """The current place."""
        return self._place

    def close(self) -> None:
        """The file is closed by who opened it."""


def footer_of(file: OpenFile) -> Any:
    """The ``pyarrow.parquet.FileMetaData`` of a file: its schema, and where its row groups are.

    Raises:
        TableError: It is no Parquet file, or its footer cannot be read.
        FileError: The file cannot be read.
    """
    head = file.read(0, _HEAD_BYTES)
    if not head.startswith(_MAGIC):
        raise _other_file(head)
    import pyarrow as pa

    try:
        footer = parquet_file(Source(file)).metadata
        footer.schema.to_arrow_schema()
    except FileError:
        raise
    except (pa.ArrowException, OSError, ValueError) as error:
        raise damaged_parquet(error) from error
    return footer


def _other_file(head: bytes) -> TableError:
    for magic, (message, advice) in _OTHERS.items():
        if head.startswith(magic) and (magic or not head):
            return TableError(message, advice)
    expected = f"expected {_MAGIC.hex(' ')}"
    return TableError(
        "is no Parquet file",
        f"It begins with the bytes {head[:4].hex(' ')}, {expected}. Give .parquet files.",
    )


def parquet_file(source: Source, footer: Any = None) -> Any:
    """A ``pyarrow.parquet.ParquetFile`` that has little in memory at a time; its errors are pyarrow's own."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    return pq.ParquetFile(
        pa.PythonFile(source, mode="r"),
        metadata=footer,
        buffer_size=_BUFFER_BYTES,  # else a column comes into memory for a whole row group
        pre_buffer=False,
        page_checksum_verification=True,
    )


@contextmanager
def pages_read() -> Iterator[None]:
    """Says in plain words what pyarrow cannot read.

    Raises:
        FileError: Pages are damaged or encrypted, or the file cannot be read.
    """
    import pyarrow as pa

    try:
        yield
    except FileError:
        raise
    except (pa.ArrowException, OSError, ValueError) as error:
        # pyarrow's own words change between versions, and its errors have no codes
        encrypted = "decrypt" in str(error).lower()
        raise FileError("they are encrypted" if encrypted else "they are damaged") from error
