"""Who is in each image of a ``.rec`` file."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from faceleak_check.readers.recordio.entries import Entry
from faceleak_check.readers.recordio.lists import Listed

__all__ = ["People"]

_SEVERAL = 2
"""One name for everything tells nobody apart: not a label, nor a folder."""


class People:
    """Names of people: the labels of the records, or else the folders in a list that names no labels.

    DCFace's tools give every record the label 0 and write a person's folder into their ``list.txt``. Where neither
    labels nor folders differ nobody is named: strangers must not be taken for one person.

    Args:
        entries: The records of the file.
        firsts: The rows of those that no record before them shares its number with.
        listed: The list, by number; empty where there is none.
    """

    def __init__(
        self, entries: Collection[Entry], firsts: Collection[int], listed: Mapping[int, Listed]
    ) -> None:
        labels = {
            entry.label for entry in entries if entry.sha256 is not None and _names_a_person(entry.label)
        }
        self._by_label = len(labels) >= _SEVERAL
        self._firsts = firsts
        self._folders = _folders(listed)

    def of(self, entry: Entry) -> str:
        """The name of the person in the image of a record; empty where nobody is named."""
        if self._by_label:
            return str(int(entry.label)) if _names_a_person(entry.label) else ""
        return self._folders.get(entry.number, "") if entry.row in self._firsts else ""


def _names_a_person(label: float) -> bool:
    return label >= 0 and label.is_integer()


def _folders(listed: Mapping[int, Listed]) -> dict[int, str]:
    """The folder of each file by number, if the list has no labels and they differ."""
    if any(one.label is not None for one in listed.values()):
        return {}
    folders = {number: one.path.split("/")[-2] for number, one in listed.items() if "/" in one.path}
    return folders if len(set(folders.values())) >= _SEVERAL else {}
