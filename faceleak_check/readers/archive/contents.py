"""What a member of an archive is: an image, something that should be one, or something else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from faceleak_check.readers.archive.names import last_part
from faceleak_check.readers.archive.trouble import MemberError
from faceleak_check.readers.formats import HEAD_BYTES, has_image_suffix, other_kind, suffix_of
from faceleak_check.readers.packed.member import Damage, Member, Other, Place
from faceleak_check.readers.unopened import unopened
from faceleak_check.records import UNSEEN_FOLDER

__all__ = ["Content", "Found", "link", "look", "walk_contents"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Content:
    """A file in an archive.

    Attributes:
        name: Its tidied name.
        place: Where it is.
        n_bytes: How long it says it is.
        read: Its bytes, or as many of the first as asked for; raises MemberError where they cannot be had.
    """

    name: str
    place: Place
    n_bytes: int
    read: Callable[[int | None], bytes]


Found = Content | Member | Other | Damage
"""What is in an archive, one thing after the other; of files nobody has looked yet whether they are images."""


def walk_contents(
    found: Iterator[Found], keep: Callable[[Content], bool]
) -> Iterator[Member | Other | Damage]:
    """The same once somebody has looked.

    Args:
        found: What is in the archive.
        keep: Takes a file that tells of others; returns whether it was one.
    """
    for one in found:
        if not isinstance(one, Content):
            yield one
        elif not keep(one):
            yield look(one)


def look(content: Content) -> Member | Other | Damage:
    """Read a file and say what it is, by its name and its first bytes; nothing is decoded.

    What cannot be read counts as an image, since nobody can tell that it is none.
    """
    name = last_part(content.name)
    try:
        if not has_image_suffix(name):
            head = content.read(HEAD_BYTES)
            kind = other_kind(name, head)
            if kind is not None:
                return _other(content, kind, unopened(name, head))
        data = content.read(None)
    except MemberError as error:
        return Member(name=content.name, place=content.place, data=None, reason=str(error))
    kind = other_kind(name, data[:HEAD_BYTES])
    if kind is not None:
        return Other(suffix=kind)
    return Member(name=content.name, place=content.place, data=data)


def _other(content: Content, kind: str, found: tuple[str, str] | None) -> Member | Other | Damage:
    if found is None:
        return Other(suffix=kind)
    rule, reason = found
    if rule == UNSEEN_FOLDER:
        return Damage(name=content.name, reason=reason)
    return Member(name=content.name, place=content.place, data=None, reason=reason, rule=rule)


def link(name: str, what: str, rule: str) -> Member | Other:
    """A link, a pipe or the like: excluded where it is named like an image."""
    if not has_image_suffix(last_part(name)):
        return Other(suffix=suffix_of(last_part(name)))
    return Member(name=name, place=(0, 0), data=None, reason=what, rule=rule)
