"""Images that an index, a header or a list names and that are not in the ``.rec`` file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from faceleak_check.errors import DatasetError
from faceleak_check.policy.schema import Dataset
from faceleak_check.readers.recordio.entries import Entry, Header, RecordsFound
from faceleak_check.readers.recordio.index import RecordIndex
from faceleak_check.readers.recordio.lists import Listed
from faceleak_check.readers.recordio.names import Names
from faceleak_check.readers.recordio.place import RecordFiles
from faceleak_check.readers.trouble import number_of, trouble
from faceleak_check.records import UNREADABLE, Exclusion, IntArray

__all__ = ["Claims"]

_EXACT = 1 << 24
"""From here on the header's float32 cannot hold every whole number."""


class Claims:
    """Compares what is in a file with what the files beside it say is in it.

    Args:
        dataset: The dataset as the policy declares it.
        files: Its files.
        n_bytes: The size of the ``.rec`` file.

    Attributes:
        index: The index; None where there is none.
        listed: The list; empty where there is none.
    """

    def __init__(
        self,
        dataset: Dataset,
        files: RecordFiles,
        index: RecordIndex | None,
        listed: Mapping[int, Listed],
        n_bytes: int,
    ) -> None:
        self._dataset = dataset
        self._files = files
        self.index = index
        self.listed = listed
        self._n_bytes = n_bytes

    def missing(
        self, found: RecordsFound, numbers: IntArray, header: Header | None, names: Names
    ) -> Iterator[Exclusion]:
        """What should be there and is not, each once.

        Raises:
            DatasetError: More is missing than is there: the files are of different sets.
        """
        known = set(numbers.tolist())
        yield from self._not_at_their_place(found, known, names)
        for number in self._not_after_header(found, known, header):
            known.add(number)
            yield _gone(names.of_number(number), "the header record counts it, and no record has its number")
        absent = self.listed.keys() - known
        if absent and len(absent) == len(self.listed):
            raise self._list_of_another()
        for number in sorted(absent):
            yield _gone(names.of_number(number), "the list names it, and no record has its number")

    def refuse_other_people(self, entries: Sequence[Entry]) -> None:
        """Compare the list's labels with those of the records.

        Raises:
            DatasetError: They differ.
        """
        wrong = [entry for entry in entries if entry.sha256 is not None and self._contradicts(entry)]
        if not wrong:
            return
        said = self.listed[wrong[0].number].label
        raise trouble(
            self._dataset,
            f"the list of dataset {self._dataset.name!r} names other people than its records for {len(wrong):,} of "
            f"{number_of(len(entries), 'image')}",
            place=self._files.listing or self._files.records,
            advice=f"The first is record {wrong[0].number:,}: {said:g} in the list and {wrong[0].label:g} in the "
            "record. Put the list of this .rec file in its place, or take it away: images are then named by number.",
        )

    def _contradicts(self, entry: Entry) -> bool:
        listed = self.listed.get(entry.number)
        # not "difference >= 0.5": that is false for NaN
        return listed is not None and listed.label is not None and not abs(listed.label - entry.label) < 0.5

    def _not_at_their_place(self, found: RecordsFound, known: set[int], names: Names) -> Iterator[Exclusion]:
        if self.index is None:
            return
        offsets = np.array(found.offsets)
        right = np.isin(self.index.offsets, offsets[np.array(found.whole, dtype=bool)])
        inside = self.index.offsets < self._n_bytes
        if int(right.sum()) < max(1, int((inside & ~right).sum())):
            raise self._index_of_another(int(right.sum()))
        first = np.concatenate([[True], self.index.offsets[1:] != self.index.offsets[:-1]])
        for row in np.flatnonzero(~(first & np.isin(self.index.offsets, offsets))).tolist():
            number, offset = int(self.index.numbers[row]), int(self.index.offsets[row])
            name = names.of(number, offset, is_first=number not in known)
            known.add(number)
            yield _gone(name, f"the index places it at byte {offset:,}, {self._why_not(row, first[row])}")

    def _why_not(self, row: int, is_first: bool) -> str:
        assert self.index is not None
        if not is_first:
            return f"as it does record {int(self.index.numbers[row - 1]):,}"
        if self.index.offsets[row] >= self._n_bytes:
            return f"and the file ends at byte {self._n_bytes:,}"
        return "where no record begins"

    def _not_after_header(self, found: RecordsFound, known: set[int], header: Header | None) -> list[int]:
        if header is None or header.n_images + 1 >= _EXACT:
            return []
        present = np.fromiter(known, dtype=np.int64, count=len(known))
        n_missing = header.n_images - int(((present >= 1) & (present <= header.n_images)).sum())
        if n_missing > len(found):
            raise self._cut_short(header, n_missing)
        return (
            [number for number in range(1, header.n_images + 1) if number not in known] if n_missing else []
        )

    def _cut_short(self, header: Header, n_missing: int) -> DatasetError:
        return trouble(
            self._dataset,
            f"dataset {self._dataset.name!r} lacks {number_of(n_missing, 'image')}: its header record counts "
            f"{header.n_images:,}",
            place=self._files.records,
            advice="The file is cut short or damaged: fetch it again.",
        )

    def _index_of_another(self, n_right: int) -> DatasetError:
        assert self.index is not None
        return trouble(
            self._dataset,
            f"the index of dataset {self._dataset.name!r} does not fit its records",
            place=self._files.index or self._files.records,
            advice=f"Of its {number_of(len(self.index.offsets), 'place')}, {n_right:,} "
            f"{'is' if n_right == 1 else 'are'} the beginning of a whole record of {self._files.records.name}. "
            "Put the index of this .rec file in its place, or take it away: the records are then read without it.",
        )

    def _list_of_another(self) -> DatasetError:
        return trouble(
            self._dataset,
            f"the list of dataset {self._dataset.name!r} names none of its records",
            place=self._files.listing or self._files.records,
            advice="Put the list of this .rec file in its place, or take it away: images are then named by number.",
        )


def _gone(name: str, reason: str) -> Exclusion:
    return Exclusion(id=name, rule=UNREADABLE, reason=reason)
