"""What is in a folder of archives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from faceleak_check.readers.archive.kinds import is_archive, is_foreign
from faceleak_check.readers.archive.names import last_part

__all__ = ["InFolder", "in_folder"]


@dataclass(frozen=True, kw_only=True, slots=True)
class InFolder:
    """What is in a folder of archives.

    Attributes:
        archives: The archives that can be read.
        foreign: Archives that cannot.
        others: All other files.
    """

    archives: list[str]
    foreign: list[str]
    others: list[str]


def in_folder(names: Sequence[str]) -> InFolder:
    """Tells the files of a folder apart by their names.

    Args:
        names: Their paths in it.
    """
    found = InFolder(archives=[], foreign=[], others=[])
    for path in names:
        name = last_part(path)
        if is_archive(name):
            found.archives.append(path)
        elif is_foreign(name):
            found.foreign.append(path)
        else:
            found.others.append(path)
    return found
