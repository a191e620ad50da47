"""What is in a folder of archives."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from faceleak_check.readers.archive.kinds import is_archive, is_foreign
from faceleak_check.readers.archive.names import last_part
from faceleak_check.readers.formats import has_image_suffix, suffix_of

__all__ = ["InFolder", "in_folder"]


@dataclass(frozen=True, kw_only=True, slots=True)
class InFolder:
    """What is in a folder of archives.

    Attributes:
        archives: The archives that can be read.
        foreign: Archives that cannot.
        images: Images beside them.
        n_others: Number of other files, by suffix.
    """

    archives: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    images: list[str] = field(default_factory=list)
    n_others: Mapping[str, int] = field(default_factory=dict)


def in_folder(names: Sequence[str]) -> InFolder:
    """Tells the files of a folder apart by their names.

    Args:
        names: Their paths in it.
    """
    found, others = InFolder(), Counter[str]()
    for path in names:
        name = last_part(path)
        if is_archive(name):
            found.archives.append(path)
        elif is_foreign(name):
            found.foreign.append(path)
        elif has_image_suffix(name) and not name.startswith("._"):
            found.images.append(path)
        else:
            others[suffix_of(name)] += 1
    return InFolder(
        archives=found.archives, foreign=found.foreign, images=found.images, n_others=dict(others)
    )
