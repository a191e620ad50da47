"""Walk a folder: what is in it, without opening a file."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, field

from faceleak_check.readers.formats import has_image_suffix
from faceleak_check.readers.trouble import system_words

__all__ = ["Listing", "id_of", "path_of", "walk"]

_SPECIAL = {
    stat.S_IFIFO: "a named pipe, not a file",
    stat.S_IFSOCK: "a socket, not a file",
    stat.S_IFCHR: "a device, not a file",
    stat.S_IFBLK: "a device, not a file",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """The names in a folder and in the folders below it, relative to it.

    Attributes:
        files: Files and symbolic links, in the order of their bytes.
        others: What is neither and is not named like an image.
        unreadable: Name → why, of pipes and the like that are named like images.
        unseen: Name → why, of folders that cannot be listed.
    """

    files: list[bytes] = field(default_factory=list)
    others: list[bytes] = field(default_factory=list)
    unreadable: dict[bytes, str] = field(default_factory=dict)
    unseen: dict[bytes, str] = field(default_factory=dict)


def id_of(path: bytes) -> str:
    """A path as text: the same on every machine, whatever its locale and the name's encoding."""
    return path.decode("utf-8", "surrogateescape")


def path_of(image_id: str) -> bytes:
    """The path that `id_of` made an id from."""
    return image_id.encode("utf-8", "surrogateescape")


def walk(root: bytes, tick: Callable[[int], None]) -> Listing:
    """List a folder and the folders in it; links to folders count as files and are not followed.

    Args:
        root: The folder.
        tick: Told after each folder how many files were found so far.

    Raises:
        OSError: The folder itself cannot be listed.
    """
    listing = Listing()
    folders = [b""]
    while folders:
        folder = folders.pop()
        try:
            folders += _list(root, folder, listing)
        except OSError as error:
            if not folder:
                raise
            listing.unseen[folder] = f"a folder that cannot be listed ({system_words(error)})"
        tick(len(listing.files))
    listing.files.sort()
    return listing


def _list(root: bytes, folder: bytes, listing: Listing) -> list[bytes]:
    folders = []
    with os.scandir(root + b"/" + folder) as entries:
        for entry in entries:
            name = folder + entry.name
            if entry.is_dir(follow_symlinks=False):
                folders.append(name + b"/")
            elif entry.is_symlink() or entry.is_file(follow_symlinks=False):
                listing.files.append(name)
            elif has_image_suffix(id_of(entry.name)):
                kind = stat.S_IFMT(entry.stat(follow_symlinks=False).st_mode)
                listing.unreadable[name] = _SPECIAL.get(kind, "not a file")
            else:
                listing.others.append(name)
    return folders
