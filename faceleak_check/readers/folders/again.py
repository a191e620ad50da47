"""Whether a folder still holds the images that were listed in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from faceleak_check.readers.folders.walked import Walked
from faceleak_check.readers.formats import has_image_suffix
from faceleak_check.readers.inspection import name_of
from faceleak_check.records import IntArray

__all__ = ["Changes", "Listed"]

_BETWEEN = b"\0"
_SIZE_AND_TIME = slice(2, 4)


@dataclass(frozen=True, kw_only=True, slots=True)
class Changes:
    """What happened to the images of a folder.

    Attributes:
        n_added: Files named like images that were not there.
        n_removed: Images that are not there any more.
        n_changed: Images of another length or time of modification.
        first: One of them.
    """

    n_added: int
    n_removed: int
    n_changed: int
    first: bytes


class Listed:
    """The images of a folder as they were listed.

    What is neither an image nor named like one may come and go: other programs write there, too.

    Args:
        walked: The files.
        rows: Which of them are images, or should be.
    """

    def __init__(self, walked: Walked, rows: IntArray) -> None:
        others = np.setdiff1d(np.arange(len(walked.names)), rows).tolist()
        named = [row for row in others if has_image_suffix(name_of(walked.names[row]))]
        rows = np.sort(np.concatenate([rows, np.array(named, dtype=np.int64)]))
        self._names = _BETWEEN.join([walked.names[row] for row in rows.tolist()])
        self._marks = walked.marks[rows, _SIZE_AND_TIME]

    def changes(self, now: Walked) -> Changes | None:
        """What is another now; None where nothing is."""
        before = self._names.split(_BETWEEN) if len(self._marks) else []
        places = {name: place for place, name in enumerate(before)}
        found = np.fromiter((places.get(name, -1) for name in now.names), np.int64, len(now.names))
        kept = np.flatnonzero(found >= 0)
        differ = (self._marks[found[kept]] != now.marks[kept, _SIZE_AND_TIME]).any(axis=1)
        changed = [now.names[row] for row in kept[differ].tolist()]
        is_gone = np.ones(len(before), dtype=bool)
        is_gone[found[kept]] = False
        removed = [before[place] for place in np.flatnonzero(is_gone).tolist()]
        others = (now.names[row] for row in np.flatnonzero(found < 0).tolist())
        added = [name for name in others if has_image_suffix(name_of(name))]
        every = [*added, *removed, *changed]
        if not every:
            return None
        return Changes(n_added=len(added), n_removed=len(removed), n_changed=len(changed), first=min(every))
