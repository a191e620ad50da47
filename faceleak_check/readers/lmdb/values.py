"""What the entries of an LMDB environment are: images, what is known to be none, or nobody knows what."""

from __future__ import annotations

import re

from faceleak_check.readers.files import MAX_FILE_BYTES, FileError
from faceleak_check.readers.formats import HEAD_BYTES, describe, sniff
from faceleak_check.readers.lmdb.pages import DUPLICATES, Format, Node, PageError, value_elsewhere
from faceleak_check.readers.lmdb.walk import Entry
from faceleak_check.readers.packed.member import Member, Other
from faceleak_check.readers.storage.protocol import OpenFile

__all__ = ["found_in", "label_key", "name_of", "text_of", "value_of"]

_NOT_TEXT = re.compile(rb"[\x00-\x1f\x7f]")
_KNOWN = re.compile(
    rb"(__(?:len|keys|meta|metadata|info|classes|labels)__|num[-_]samples|nSamples|length)|(label|path)-\d+"
)
"""Keys under which the usual tools keep counts, lists of keys, and what belongs to an image."""

_PICKLE = re.compile(rb"\x80[\x02-\x05]")
_IMAGE, _LABEL = b"image-", b"label-"
_END = b"\0"
"""What LMDB 1.0 puts behind the name of a database."""


def text_of(data: bytes) -> str:
    """A key or a label as text; in hexadecimal digits where it is none."""
    if _NOT_TEXT.search(data):
        return f"0x{data.hex()}"
    return data.decode("utf-8", "surrogateescape")


def name_of(entry: Entry) -> str:
    """The key of an entry, below the name of its database where that has one."""
    key = text_of(entry.node.key)
    return f"{text_of(entry.database.rstrip(_END))}/{key}" if entry.database else key


def label_key(key: bytes) -> bytes | None:
    """The key of the label that belongs to an image, ``label-000000001`` to ``image-000000001``."""
    return _LABEL + key[len(_IMAGE) :] if key.startswith(_IMAGE) else None


def found_in(file: OpenFile, form: Format, entry: Entry, person: str | None) -> Member | Other:
    """What an entry is, by its key and the first bytes of its value; nothing is unpickled or decoded.

    Args:
        file: The file.
        form: How it is laid out.
        entry: The entry.
        person: Who is in it, where that is known.
    """
    name = name_of(entry)
    try:
        start, data = value_of(file, form, entry.node)
    except FileError as error:
        return Member(name=name, place=(0, 0), data=None, reason=f"its value cannot be read: {error}")
    head = data[:HEAD_BYTES]
    if head and sniff(head) is None:
        return _no_image(name, entry.node.key, head)
    return Member(name=name, place=(start, len(data)), data=data, person=person)


def _no_image(name: str, key: bytes, head: bytes) -> Member | Other:
    known = _KNOWN.fullmatch(key)
    if known is not None:
        return Other(suffix=(known[1] or known[2]).decode())
    begins = f"it begins with the bytes {head[:8].hex(' ')}"
    if _PICKLE.match(head):
        begins = "it is a Python pickle, and those are never loaded: store the image files themselves"
    return Member(name=name, place=(0, 0), data=None, reason=f"{describe(head)}; {begins}")


def value_of(file: OpenFile, form: Format, node: Node) -> tuple[int, bytes]:
    """Where the value of a node begins in the file, and the value.

    Raises:
        FileError: It cannot be read.
    """
    if node.flags & DUPLICATES:
        raise PageError("its key has several, as no image has")
    if node.n_bytes > MAX_FILE_BYTES:
        raise PageError(f"it is larger than {MAX_FILE_BYTES:,} bytes")
    if node.value is None:
        return value_elsewhere(file, form, node)
    return node.start, node.value
