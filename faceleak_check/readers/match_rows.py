"""Gathers the rows of a match list: pairs that can be used, and images that cannot."""

from __future__ import annotations

import math
from array import array
from hashlib import sha256

import numpy as np
import numpy.typing as npt

from faceleak_check.matches import Matches
from faceleak_check.policy.document import Columns
from faceleak_check.readers.neighbours import grouped
from faceleak_check.readers.tables import Cells
from faceleak_check.readers.trouble import number_of, shown
from faceleak_check.records import UNREADABLE, Exclusion, ImageRef, ImageSet

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
        identity = () if columns.source_identity is None else (columns.source_identity,)
        self.columns = (*columns.generated, *columns.source, *identity, columns.similarity)
        self.n_rows = 0
        self._generated_cells = slice(len(columns.generated))
        self._source_cells = slice(len(columns.generated), len(columns.generated) + len(columns.source))
        self._has_identity = bool(identity)
        self._generated: dict[str, int] = {}
        self._source: dict[str, int] = {}
        self._people: list[tuple[str, ...]] = []
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
        generated = cells[self._generated_cells]
        similarity = (
            f"column {self.columns[cells.index('')]!r} is empty" if "" in cells else _cosine(cells[-1])
        )
        if isinstance(similarity, float):
            self._keep("/".join(generated), cells, similarity)
        else:
            self._lose(number, "" if "" in generated else "/".join(generated), similarity)

    def _keep(self, generated: str, cells: tuple[str, ...], similarity: float) -> None:
        row = self._source.setdefault("/".join(cells[self._source_cells]), len(self._people))
        if row == len(self._people):
            self._people.append(())
        if self._has_identity and cells[-2] not in self._people[row]:
            self._people[row] += (cells[-2],)
        self._pairs.append(self._generated.setdefault(generated, len(self._generated)))
        self._pairs.append(row)
        self._similarity.append(similarity)

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
        good = sorted(self._generated.keys() - self._bad.keys() if self._bad else self._generated)
        images = _named(good, [()] * len(good))
        return ImageSet(name=name, images=images, excluded=self._excluded()), self._matches(images)

    def _excluded(self) -> tuple[Exclusion, ...]:
        bad = [
            Exclusion(
                id=image_id,
                rule=UNREADABLE,
                reason=_all_reasons(reasons),
                sha256=sha256(image_id.encode()).hexdigest(),
            )
            for image_id, reasons in self._bad.items()
        ]
        return tuple(sorted([*bad, *self._nameless], key=lambda gone: gone.id))

    def _matches(self, images: tuple[ImageRef, ...]) -> Matches:
        source = sorted(self._source)
        row_of = _places(self._generated, [image.id for image in images])
        place_of = _places(self._source, source)
        pairs = np.array(self._pairs, dtype=np.int64).reshape(-1, 2)
        row, place = row_of[pairs[:, 0]], place_of[pairs[:, 1]]
        good = row >= 0
        similarity = np.clip(np.array(self._similarity)[good], -1, 1)
        source_index, similarity = grouped(row[good], place[good], similarity, n_rows=len(images))
        return Matches(
            generated=images,
            source=_named(source, [self._people[self._source[image_id]] for image_id in source]),
            source_index=source_index,
            similarity=similarity,
        )


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


def _named(ids: list[str], people: list[tuple[str, ...]]) -> tuple[ImageRef, ...]:
    return tuple(
        [
            ImageRef(id=image_id, sha256=sha256(image_id.encode()).hexdigest(), labels=labels)
            for image_id, labels in zip(ids, people, strict=True)
        ]
    )
