"""What one file of a dataset's folder is: an image, something that should be one, or something else."""

from __future__ import annotations

from faceleak_check.readers.files import FileError, FolderLinkError, LinkError, digest_file, read_head
from faceleak_check.readers.formats import READABLE, describe, has_image_suffix, sniff, suffix_of
from faceleak_check.readers.listing import id_of
from faceleak_check.records import UNREADABLE, UNSEEN_FOLDER, Exclusion, ImageRef

__all__ = ["LINK", "Seen", "inspect", "name_of", "unreadable"]

LINK = "link"
"""The exclusion rule of symbolic links that are not followed."""

Seen = ImageRef | Exclusion | str
"""An image, an image that cannot be read, or the suffix of a file that is neither."""

_APPLE_DOUBLE, _APPLE_PREFIX = b"\0\5\x16\7", "._"


def inspect(root: bytes, path: bytes) -> Seen:
    """Read a file and say what it is, by its name and its first bytes; nothing is decoded.

    What cannot be opened counts as an image, since nobody can tell that it is none.

    Args:
        root: The dataset's folder, with its links resolved.
        path: The file inside the folder, or a symbolic link.
    """
    try:
        return _inspect(root, path)
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


def _inspect(root: bytes, path: bytes) -> Seen:
    name = name_of(path)
    if not has_image_suffix(name) and sniff(read_head(root, path)) is None:
        return suffix_of(name)
    digest = digest_file(root, path)
    if name.startswith(_APPLE_PREFIX) and digest.head.startswith(_APPLE_DOUBLE):
        return _APPLE_PREFIX
    found = sniff(digest.head)
    if not digest.head or (found and found not in READABLE):
        return unreadable(path, describe(digest.head), digest.sha256)
    return ImageRef(id=id_of(path), sha256=digest.sha256)
