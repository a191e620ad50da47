"""Files that are no images and may well hold some: told by their names, since nobody looks into them."""

from __future__ import annotations

import re

from faceleak_check.readers.formats import has_image_suffix, is_apple_double
from faceleak_check.records import UNREADABLE, UNSEEN_FOLDER

__all__ = ["unopened"]

_ONE_FILE = re.compile(r"(?P<inner>.+)\.(?:gz|bz2|xz|zst|lzma|lz4|z)", re.IGNORECASE)
_MANY = {
    "an archive": re.compile(
        r".*\.(?:zip|zipx|zip\.\d+|z01|tar|tar\.(?:gz|bz2|lz|lz4|lzma|xz|z|zst)|tgz|taz|tbz2?|tb2|tlz|txz|tzst"
        r"|7z|rar|ace|arj|cab|lzh)",
        re.IGNORECASE,
    ),
    "a file of records": re.compile(r".*\.(?:rec|lmdb|mdb|tfrecords?)", re.IGNORECASE),
    "a video": re.compile(r".*\.(?:mp4|m4v|mov|avi|mkv|webm|mpe?g|wmv|flv|ogv|3gp)", re.IGNORECASE),
}


def unopened(name: str, head: bytes = b"") -> tuple[str, str] | None:
    """The exclusion rule of a file that may hold images, and why nobody looked; None for any other file.

    Args:
        name: The last part of its path.
        head: Its first bytes, where they are known.
    """
    if is_apple_double(name, head):
        return None
    packed = _ONE_FILE.fullmatch(name)
    if packed and has_image_suffix(packed["inner"]):
        return UNREADABLE, "an image that is packed by itself: unpack it"
    for what, names in _MANY.items():
        if names.fullmatch(name):
            return (
                UNSEEN_FOLDER,
                f"{what}, which was not looked into: unpack its images, or take it out of the dataset",
            )
    return None
