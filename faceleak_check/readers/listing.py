"""Walk a folder: what is in it, without opening a file."""

from __future__ import annotations

import os
import stat
from array import array
from collections.abc import Callable, Iterator
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
_NO_MARK = (-1, -1, -1, -1, -1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """The names in a folder and in the folders below it, relative to it.

    Attributes:
        files: Files and symbolic links, in the order of their bytes.
        links: Those of the files that are symbolic links.
        others: What is neither and is not named like an image.
        unreadable: Name → why, of pipes and the like that are named like images.
        unseen: Name → why, of folders that cannot be listed.
        marks: Device, inode, size and the two times in nanoseconds of each file, where they were asked for; of links,
            and of what went away, five times -1.
    """

    files: list[bytes] = field(default_factory=list)
    links: list[bytes] = field(default_factory=list)
    others: list[bytes] = field(default_factory=list)
    unreadable: dict[bytes, str] = field(default_factory=dict)
    unseen: dict[bytes, str] = field(default_factory=dict)
    marks: array[int] = field(default_factory=lambda: array("q"))


def id_of(path: bytes) -> str:
    """A path as text: the same on every machine, whatever its locale and the name's encoding."""
    return path.decode("utf-8", "surrogateescape")


def path_of(image_id: str) -> bytes:
    """The path that `id_of` made an id from."""
    return image_id.encode("utf-8", "surrogateescape")


def walk(root: bytes, tick: Callable[[int], None], *, marked: bool = False) -> Listing:
    """List a folder and the folders in it; links to folders count as files and are not followed.

    Args:
        root: The folder.
        tick: Told after each folder how many files were found so far.
        marked: Whether to ask for the marks of files.

    Raises:
        OSError: The folder itself cannot be listed.
    """
    listing = Listing()
    ways = [_taken(b"", _sorted(root, b""), listing, marked=marked)]
    while ways:
        # a folder stands among the files where its path with a slash does, so all are found in order
        folder = next(ways[-1], None)
        tick(len(listing.files))
        if folder is None:
            ways.pop()
            continue
        try:
            entries = _sorted(root, folder)
        except OSError as error:
            listing.unseen[folder] = f"a folder that cannot be listed ({system_words(error)})"
            continue
        ways.append(_taken(folder, entries, listing, marked=marked))
    return listing


_Entries = list[tuple[bytes, os.DirEntry[bytes]]]


def _sorted(root: bytes, folder: bytes) -> _Entries:
    """What is in a folder, by name; the names of folders end with a slash."""
    with os.scandir(root + b"/" + folder) as entries:
        return sorted(
            (entry.name + b"/" if entry.is_dir(follow_symlinks=False) else entry.name, entry)
            for entry in entries
        )


def _taken(folder: bytes, entries: _Entries, listing: Listing, *, marked: bool) -> Iterator[bytes]:
    """Takes in the files of a folder, and stops at each folder in it."""
    add, mark = listing.files.append, listing.marks.extend
    for name, entry in entries:
        if name.endswith(b"/"):
            yield folder + name
        elif entry.is_file(follow_symlinks=False):
            add(folder + name)
            if marked:
                mark(_mark(entry))
        elif entry.is_symlink():
            add(folder + name)
            listing.links.append(folder + name)
            if marked:
                mark(_NO_MARK)
        else:
            _take_special(folder + name, entry, listing)


def _take_special(name: bytes, entry: os.DirEntry[bytes], listing: Listing) -> None:
    if has_image_suffix(id_of(entry.name)):
        kind = stat.S_IFMT(entry.stat(follow_symlinks=False).st_mode)
        listing.unreadable[name] = _SPECIAL.get(kind, "not a file")
    else:
        listing.others.append(name)


def _mark(entry: os.DirEntry[bytes]) -> tuple[int, int, int, int, int]:
    try:
        found = entry.stat(follow_symlinks=False)
    except OSError:
        return _NO_MARK
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
