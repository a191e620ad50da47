"""What a large file holds, one thing after the other."""

from __future__ import annotations

from dataclasses import dataclass

from faceleak_check.records import UNREADABLE

__all__ = ["Damage", "Member", "Other", "Place"]

Place = tuple[int, int]
"""Where a member is in its file, as its reader numbers places: an offset and a length, a row group and a row."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Member:
    """An image, or something that should be one.

    Attributes:
        name: Its name inside the file, with ``/`` between folders; unique in most files.
        place: Where it is.
        data: Its bytes; None where they cannot be had.
        reason: Why not, in one sentence.
        person: Who is in it, where the file tells.
        rule: The rule that leaves it out where its bytes cannot be had.
    """

    name: str
    place: Place
    data: bytes | memoryview | None
    reason: str = ""
    person: str | None = None
    rule: str = UNREADABLE


@dataclass(frozen=True, kw_only=True, slots=True)
class Other:
    """Something that is no image, such as a list of licences.

    Attributes:
        suffix: The suffix of its name, with its dot.
    """

    suffix: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Damage:
    """A part of the file that cannot be read, with any number of images in it.

    Attributes:
        name: What to call the part, such as ``from byte 1,024 on``.
        reason: Why, in one sentence.
    """

    name: str
    reason: str
