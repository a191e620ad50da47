"""What each file of a folder was found to be, in columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from faceleak_check.readers.inspection import Seen
from faceleak_check.readers.listing import id_of
from faceleak_check.records import Digests, Exclusion, ImageRef, IntArray

__all__ = ["FileRows", "Word"]

_IMAGE, _UNKNOWN = -1, -2


@dataclass(frozen=True, kw_only=True, slots=True)
class Word:
    """What a file is that is no readable image.

    Attributes:
        rule: The rule that excludes it; empty for what is no image at all.
        text: The reason; the suffix of what is no image.
        has_content: Whether its bytes were read; if not, the reason may pass.
    """

    rule: str
    text: str
    has_content: bool

    @property
    def lasts(self) -> bool:
        """Whether the same bytes are always the same thing."""
        return self.has_content or not self.rule


class FileRows:
    """Takes in what files are, in any order.

    Args:
        n_files: How many there are.

    Attributes:
        kinds: Number of each one's word, below 0 for images and for what is not known yet, int32, shape (n,).
        digests: Digest of the bytes of each that were read, uint8, shape (n, 32).
        words: The words.
    """

    def __init__(self, n_files: int) -> None:
        self.kinds = np.full(n_files, _UNKNOWN, dtype=np.int32)
        self.digests: Digests = np.zeros((n_files, 32), dtype=np.uint8)
        self.words: list[Word] = []
        self._numbers: dict[Word, int] = {}

    def note(self, row: int, seen: Seen) -> None:
        """What a file was found to be."""
        if isinstance(seen, str):
            self.kinds[row] = self.number_of(Word(rule="", text=seen, has_content=False))
            return
        if seen.sha256 is not None:
            self.digests[row] = np.frombuffer(bytes.fromhex(seen.sha256), dtype=np.uint8)
        if isinstance(seen, ImageRef):
            self.kinds[row] = _IMAGE
        else:
            word = Word(rule=seen.rule, text=seen.reason, has_content=seen.sha256 is not None)
            self.kinds[row] = self.number_of(word)

    def number_of(self, word: Word) -> int:
        """The number of a word."""
        number = self._numbers.setdefault(word, len(self.words))
        if number == len(self.words):
            self.words.append(word)
        return number

    @property
    def unknown(self) -> IntArray:
        """The files of which nothing is known yet."""
        return np.flatnonzero(self.kinds == _UNKNOWN)

    @property
    def images(self) -> IntArray:
        """The images."""
        return np.flatnonzero(self.kinds == _IMAGE)

    @property
    def watched(self) -> IntArray:
        """The images, and what should be images and cannot be read."""
        is_one = np.array([*(bool(word.rule) for word in self.words), False, True], dtype=bool)
        return np.flatnonzero(is_one[self.kinds])

    @property
    def lasting(self) -> npt.NDArray[np.bool_]:
        """What is the same as long as the bytes are, shape (n,)."""
        lasts = np.array([*(word.lasts for word in self.words), False, True], dtype=bool)
        kept: npt.NDArray[np.bool_] = lasts[self.kinds]
        return kept

    def excluded(self, names: Sequence[bytes]) -> Iterator[Exclusion]:
        """What is, or may be, an image and cannot be read."""
        for row, word in self._worded():
            if word.rule:
                sha256 = self.digests[row].tobytes().hex() if word.has_content else None
                yield Exclusion(id=id_of(names[row]), rule=word.rule, reason=word.text, sha256=sha256)

    def others(self) -> Counter[str]:
        """How many files are no images, by suffix."""
        return Counter(word.text for _, word in self._worded() if not word.rule)

    def _worded(self) -> Iterator[tuple[int, Word]]:
        rows = np.flatnonzero(self.kinds >= 0)
        return zip(rows.tolist(), (self.words[number] for number in self.kinds[rows]), strict=True)
