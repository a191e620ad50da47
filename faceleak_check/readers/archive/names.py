"""The names of an archive's members: names and nothing else, never paths on a disk."""

from __future__ import annotations

__all__ = ["as_text", "last_part", "tidied"]


def as_text(name: bytes) -> str:
    """A name as text: the same on every machine, whatever its encoding."""
    return name.decode("utf-8", "surrogateescape")


def tidied(name: str) -> str:
    """The name below the folder into which one would unpack, as unpackers make it.

    A leading ``/``, ``.`` and ``..`` lead nowhere, and so they are left out.
    """
    parts = [part for part in name.replace("\0", "�").split("/") if part not in {"", ".", ".."}]
    return "/".join(parts) or "without name"


def last_part(name: str) -> str:
    """The name without the folders that it is in."""
    return name.rpartition("/")[2]
