"""What was found in a folder: trusted for each file whose marks are what they were."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from faceleak_check.kept_arrays import Arrays, Memory
from faceleak_check.readers.folders.walked import Walked
from faceleak_check.readers.listings.rows import FileRows, Word
from faceleak_check.readers.listings.texts import as_column, from_column
from faceleak_check.records import IntArray

__all__ = ["FolderMemory"]

_BETWEEN = b"\0"
"""What no name of a file can hold."""


class FolderMemory:
    """The listing of one folder.

    What is kept of a file is what its bytes were, under the marks that it had before it was read. A file that was
    changed so shortly before that another change might leave it the same marks is not kept, and is read again.

    Args:
        memory: Where listings are kept.
        key: Under which key.
    """

    def __init__(self, memory: Memory, key: str) -> None:
        self._memory = memory
        self._key = key
        self._kept: Arrays | None = None

    def recall(self, walked: Walked) -> FileRows:
        """What is known of the files of a folder; the others are left unknown."""
        rows = FileRows(len(walked.names))
        kept = self._kept = self._memory.recall(self._key)
        if kept is None or kept["marks"].shape[1:] != walked.marks.shape[1:]:
            return rows
        for rule, text, has_content in from_column(kept["words"]):
            rows.number_of(Word(rule=rule, text=text, has_content=has_content))
        places = _places(walked.names, kept["names"].tobytes())
        there = np.flatnonzero(places >= 0)
        there = there[(kept["marks"][places[there]] == walked.marks[there]).all(axis=1)]
        rows.kinds[there] = kept["kinds"][places[there]]
        rows.digests[there] = kept["digests"][places[there]]
        return rows

    def keep(self, walked: Walked, rows: FileRows) -> None:
        """Keeps what was found, where it is another than before."""
        chosen = np.flatnonzero(rows.lasting & walked.is_settled)
        names = (
            walked.names
            if len(chosen) == len(walked.names)
            else [walked.names[row] for row in chosen.tolist()]
        )
        columns: Arrays = {
            "names": np.frombuffer(_BETWEEN.join(names), dtype=np.uint8),
            "marks": walked.marks[chosen],
            "kinds": rows.kinds[chosen],
            "digests": rows.digests[chosen],
            "words": as_column([[word.rule, word.text, word.has_content] for word in rows.words]),
        }
        kept = self._kept
        if kept is None or any(not np.array_equal(column, kept[name]) for name, column in columns.items()):
            self._memory.keep(self._key, columns)


def _places(names: Sequence[bytes], kept: bytes) -> IntArray:
    """Where each name stands among those that were kept; -1 where it does not."""
    if _BETWEEN.join(names) == kept:
        return np.arange(len(names))
    known = {name: place for place, name in enumerate(kept.split(_BETWEEN))}
    return np.fromiter((known.get(name, -1) for name in names), np.int64, len(names))
