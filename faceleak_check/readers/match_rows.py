"""Gathers the rows of a match list: pairs that can be used, and images that cannot."""

from __future__ import annotations

import math
from array import array
from hashlib import sha256

import numpy as np
import numpy.typing as npt

from faceleak_check.matches import Matches
from faceleak_check.policy.columns import Columns
from faceleak_check.readers.neighbours import grouped
from faceleak_check.readers.tables import Cells
from faceleak_check.readers.trouble import number_of, shown
from faceleak_check.records import UNREADABLE, Exclusion, ImageColumns, ImageList, ImageSet

__all__ = ["MatchRows"]

_HIGHEST = 1 + 1e-6
"""Cosines of float32 templates stray a little over one."""

_SHOWN_LETTERS = 40


class MatchRows:
    """The rows of a match list, one after the other.

    Args:
        columns: Which columns mean what.

    Attributes:
        columns: The columns of a row, in the order in which `add` expects them.
        n_rows: Rows taken in so far.
    """

    def __init__(self, columns: Columns) -> None:
        generated = (*columns.generated, *_if_named(columns.generated_identity))
        source = (*columns.source, *_if_named(columns.source_identity))
        self.columns = (*generated, *source, columns.similarity)
        self.n_rows = 0
        self._generated = _Images(0, len(columns.generated), len(generated))
        self._source = _Images(len(generated), len(columns.source), len(source))
        self._pairs = array("q")
        self._similarity = array("d")
        self._bad: dict[str, list[str]] = {}
        self._nameless: list[Exclusion] = []

    def add(self, number: int, cells: Cells) -> None:
        """Take in one row, or the reason why it has no cells."""
        self.n_rows += 1
        if isinstance(cells, str):
            self._lose(number, "", cells)
            return
        generated = self._generated.name(cells)
        similarity = (
            f"column {self.columns[cells.index('')]!r} is empty" if "" in cells else _cosine(cells[-1])
        )
        if isinstance(similarity, float):
            self._pairs.append(self._generated.row(cells))
            self._pairs.append(self._source.row(cells))
            self._similarity.append(similarity)
        else:
            self._lose(number, generated, similarity)

    @property
    def n_read(self) -> int:
        """How many rows have a cosine."""
        return len(self._similarity)

    @property
    def highest(self) -> float:
        """The highest cosine of all rows that could be read; -1 where there is none."""
        return max(self._similarity, default=-1.0)

    def _lose(self, number: int, generated: str, reason: str) -> None:
        sentence = f"row {number:,}: {reason}"
        if generated:
            self._bad.setdefault(generated, []).append(sentence)
        else:
            self._nameless.append(Exclusion(id=f"row {number}", rule=UNREADABLE, reason=sentence))

    def result(self, name: str) -> tuple[ImageSet, Matches]:
        """The generated images, those with a bad row excluded, and the neighbours of the others.

        Args:
            name: The dataset's name in the policy.
        """
        left = sorted(self._generated.rows.keys() - self._bad.keys())
        # with the list's own name, as 0001.png of another list is another picture, which nobody has waived
        images = self._generated.named(left, prefix=f"{name}/")
        return ImageSet(name=name, images=images, excluded=self._excluded(name)), self._matches(images)

    def _excluded(self, name: str) -> tuple[Exclusion, ...]:
        bad = [
            Exclusion(
                id=image_id,
                rule=UNREADABLE,
                reason=_all_reasons(reasons),
                sha256=sha256(f"{name}/{image_id}".encode()).hexdigest(),
            )
            for image_id, reasons in self._bad.items()
        ]
        return tuple(sorted([*bad, *self._nameless], key=lambda gone: gone.id))

    def _matches(self, images: ImageList) -> Matches:
        source = sorted(self._source.rows)
        row_of = _places(self._generated.rows, [image.id for image in images])
        place_of = _places(self._source.rows, source)
        pairs = np.array(self._pairs, dtype=np.int64).reshape(-1, 2)
        row, place = row_of[pairs[:, 0]], place_of[pairs[:, 1]]
        good = row >= 0
        similarity = np.clip(np.array(self._similarity)[good], -1, 1)
        source_index, similarity = grouped(row[good], place[good], similarity, n_rows=len(images))
        return Matches(
            generated=images,
            source=self._source.named(source),
            source_index=source_index,
            similarity=similarity,
        )


class _Images:
    """The images of one side of the list, in the order in which they are seen.

    Args:
        start: The first of their cells in a row.
        n_names: How many cells name the image.
        n_cells: How many there are with the one that names the person, if any does.

    Attributes:
        rows: Their numbers, by name.
    """

    def __init__(self, start: int, n_names: int, n_cells: int) -> None:
        self.rows: dict[str, int] = {}
        self._people: list[tuple[str, ...]] = []
        self._name_cells = slice(start, start + n_names)
        self._person_cells = slice(start + n_names, start + n_cells)

    def name(self, cells: tuple[str, ...]) -> str:
        """The image that a row names; empty where a part of its name is."""
        parts = cells[self._name_cells]
        return "" if "" in parts else "/".join(parts)

    def row(self, cells: tuple[str, ...]) -> int:
        """The number of the image in a row; takes in whom the row names in it."""
        row = self.rows.setdefault(self.name(cells), len(self._people))
        person = cells[self._person_cells]
        if row == len(self._people):
            self._people.append(person)
        elif not set(person) <= set(self._people[row]):
            self._people[row] += person
        return row

    def named(self, names: list[str], *, prefix: str = "") -> ImageList:
        """The images of these names; their digests are of the names with something in front of them."""
        digests = b"".join(sha256(f"{prefix}{name}".encode()).digest() for name in names)
        people = [self._people[self.rows[name]] for name in names]
        digests_of = np.frombuffer(digests, dtype=np.uint8).reshape(-1, 32)
        return ImageList(ImageColumns.of(names, digests_of, people))


def _if_named(column: str | None) -> tuple[str, ...]:
    return () if column is None else (column,)


def _places(seen: dict[str, int], in_order: list[str]) -> npt.NDArray[np.int64]:
    """From the order in which names were seen to their places in the order; -1 for those left out."""
    places = np.full(len(seen), -1, dtype=np.int64)
    places[[seen[name] for name in in_order]] = np.arange(len(in_order))
    return places


def _cosine(text: str) -> float | str:
    try:
        value = float(text)
    except ValueError:
        return f"similarity {_quoted(text)} is not a number"
    if -_HIGHEST <= value <= _HIGHEST and "_" not in text:
        return value
    if "_" in text or math.isnan(value):
        return f"similarity {_quoted(text)} is not a number"
    return f"similarity {_quoted(text)} is outside -1 to 1"


def _quoted(text: str) -> str:
    return f"'{shown(text[:_SHOWN_LETTERS])}'"


def _all_reasons(reasons: list[str]) -> str:
    more = len(reasons) - 1
    return f"{reasons[0]}, and {number_of(more, 'more bad row')}" if more else reasons[0]
