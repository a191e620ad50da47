"""One file of templates: what its rows are called, what they hold, and whom they show."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from faceleak_check.kept_arrays import Memory
from faceleak_check.policy.schema import ArrayNames
from faceleak_check.readers.arrays.choice import ChosenArrays, chosen
from faceleak_check.readers.arrays.facts import RowFacts, require_templates, row_facts
from faceleak_check.readers.arrays.names import ROW, people, unique_names
from faceleak_check.readers.arrays.rows import ArrayPlace, ArrayRows
from faceleak_check.readers.listing import path_of
from faceleak_check.readers.listings.texts import as_column, from_column
from faceleak_check.readers.storage.protocol import OpenFile
from faceleak_check.records import ImageColumns, IntArray

__all__ = ["TemplatePart", "listed"]

_RULES = 1
"""Changes with what is worked out of a row, so that nothing worked out by other rules is taken for it."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class TemplatePart:
    """The templates of one file.

    Attributes:
        file: The file's name in the storage.
        identity: What it was when it was read.
        place: Where its templates lie.
        facts: What is known of each row.
        columns: Ids, digests and people.
        order: The rows in the order of their ids; None where that is their own.
        others: Suffix of everything else in it.
    """

    file: str
    identity: str
    place: ArrayPlace
    facts: RowFacts
    columns: ImageColumns
    order: IntArray | None
    others: tuple[str, ...]

    @property
    def dimension(self) -> int:
        """Length of a template."""
        return self.place.header.shape[1]


def listed(
    file: OpenFile,
    name: str,
    names: ArrayNames | None,
    *,
    prefix: str,
    kept: tuple[Memory, str] | None,
    tell: Callable[[int], None],
) -> TemplatePart:
    """Looks at all rows of a file, or at what was kept of them.

    Args:
        file: The file, open.
        name: Its name in the storage.
        names: What the policy says of its arrays.
        prefix: What comes before the ids.
        kept: Where to keep what is worked out, and what the place of the file is called there.
        tell: Told how many rows are done.

    Raises:
        ArrayError: Its arrays are not there, damaged, or none of templates.
        FileError: It cannot be read.
    """
    arrays = chosen(file, names)
    require_templates(arrays.data.header, arrays.data.name)
    facts = _facts(file, arrays.data, kept, tell)
    columns, order = _named(file, arrays, facts, prefix)
    if arrays.identity is not None:
        numbers, labels = people(ArrayRows(file, arrays.identity))
        columns = replace(columns, people=numbers[: len(facts.norms)], labels=labels)
    return TemplatePart(
        file=name,
        identity=file.identity,
        place=arrays.data,
        facts=facts,
        columns=columns,
        order=order,
        others=arrays.others,
    )


def _facts(
    file: OpenFile, place: ArrayPlace, kept: tuple[Memory, str] | None, tell: Callable[[int], None]
) -> RowFacts:
    if kept is None or not (file.identity and file.is_settled):
        return row_facts(ArrayRows(file, place), tell)
    memory, where = kept
    key = hashlib.sha256(repr([_RULES, where, place.name]).encode("utf-8", "surrogateescape")).hexdigest()
    header = place.header
    about = [file.identity, place.start, place.n_rows, header.kind.str, *header.shape]
    known = memory.recall(key)
    if known is not None and from_column(known["about"]) == about:
        return RowFacts(digests=known["digests"], norms=known["norms"])
    found = row_facts(ArrayRows(file, place), tell)
    memory.keep(key, {"about": as_column(about), "digests": found.digests, "norms": found.norms})
    return found


def _named(
    file: OpenFile, arrays: ChosenArrays, facts: RowFacts, prefix: str
) -> tuple[ImageColumns, IntArray | None]:
    """The columns of the rows, with nobody in them, and the rows in the order of their ids."""
    if arrays.ids is None:
        return ImageColumns.numbered(prefix + ROW, facts.digests), None
    n_rows = len(facts.norms)
    names = unique_names(ArrayRows(file, arrays.ids))
    ids, ends = names.packed(path_of(prefix))
    order = names.order[names.order < n_rows]
    columns = ImageColumns(
        ids=ids,
        ends=ends[:n_rows],
        digests=facts.digests,
        people=np.zeros(n_rows, np.int32),
        labels=((),),
    )
    return columns, None if (order[1:] > order[:-1]).all() else order
