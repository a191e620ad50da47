"""What one file of a dataset's folder is: an image, something that should be one, or something else."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from faceleak_check.readers.files import (
    Digest,
    FileError,
    FolderLinkError,
    LinkError,
    digest_file,
    read_head,
)
from faceleak_check.readers.formats import READABLE, describe, has_image_suffix, other_kind, sniff
from faceleak_check.readers.listing import id_of
from faceleak_check.readers.unopened import unopened
from faceleak_check.records import UNREADABLE, UNSEEN_FOLDER, Exclusion, ImageRef

__all__ = ["LINK", "Seen", "inspect", "judged", "name_of", "unreadable"]

LINK = "link"
"""The exclusion rule of symbolic links that are not followed."""

Seen = ImageRef | Exclusion | str
"""An image, what is or may hold one and cannot be read, or the suffix of a file that is neither."""


def inspect(root: bytes, path: bytes) -> Seen:
    """Read a file and say what it is, by its name and its first bytes; nothing is decoded.

    What cannot be opened counts as an image, since nobody can tell that it is none.

    Args:
        root: The dataset's folder, with its links resolved.
        path: The file inside the folder, or a symbolic link.
    """
    return judged(path, partial(read_head, root, path), partial(digest_file, root, path))


def judged(path: bytes, head: Callable[[], bytes], digest: Callable[[], Digest]) -> Seen:
    """Say what a file is that is read in some way.

    Args:
        path: The file inside its folder.
        head: Reads its first bytes; raises FileError.
        digest: Reads all of it; raises FileError.
    """
    try:
        return _judged(path, head, digest)
    except FolderLinkError as error:
        return Exclusion(id=id_of(path), rule=UNSEEN_FOLDER, reason=str(error))
    except LinkError as error:
        return Exclusion(id=id_of(path), rule=LINK, reason=str(error))
    except FileError as error:
        return unreadable(path, f"the file cannot be read: {error}")


def unreadable(path: bytes, reason: str, sha256: str | None = None) -> Exclusion:
    """The exclusion of something that is, or may be, an image."""
    return Exclusion(id=id_of(path), rule=UNREADABLE, reason=reason, sha256=sha256)


def name_of(path: bytes) -> str:
    """The last part of a path."""
    return id_of(path.rpartition(b"/")[2])


def _judged(path: bytes, head: Callable[[], bytes], digest: Callable[[], Digest]) -> Seen:
    name = name_of(path)
    if not has_image_suffix(name) and (kind := other_kind(name, first := head())) is not None:
        found_in = unopened(name, first)
        return Exclusion(id=id_of(path), rule=found_in[0], reason=found_in[1]) if found_in else kind
    read = digest()
    if (kind := other_kind(name, read.head)) is not None:
        return kind
    found = sniff(read.head)
    if not read.head or (found and found not in READABLE):
        return unreadable(path, describe(read.head), read.sha256)
    return ImageRef(id=id_of(path), sha256=read.sha256)
