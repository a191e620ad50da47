"""Digests and lists of sets of images, worked out in columns."""

from __future__ import annotations

import hashlib
import heapq
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from faceleak_check.records.arrays import IntArray
from faceleak_check.records.image_list import ImageColumns, ImageList
from faceleak_check.records.image_ref import ImageRef

__all__ = ["contents_sha256", "escaped", "labels_sha256", "manifest_lines"]

_LETTERS = 1 << 21
"""Letters of ids that are looked at at a time."""

Letters = npt.NDArray[np.uint8]

Padded = tuple[Letters, IntArray | None]
"""Lines of letters, filled up with zeros, and the length of each; None where all are full."""


_ESCAPED = {"\\": "\\\\", "\n": "\\n", "\r": "\\r"}
"""What sha256sum writes in place of letters that would break its lines."""
_ODD = np.frombuffer("".join(_ESCAPED).encode(), dtype=np.uint8)


class _OutOfOrder(Exception):  # noqa: N818  it ends the quick way, and nobody hears of it
    """An id does not come after the one before it."""


def contents_sha256(images: ImageList, lost: Iterable[tuple[str, str]]) -> str:
    """Digest of every id with its content digest, in the order of the ids.

    Args:
        images: The images.
        lost: Ids of what could not be read, each with a text in place of its digest.
    """
    others = sorted(lost)
    if _are_plain(images.columns) and all(_is_unicode(name) for name, _ in others):
        try:
            return _digest(_content_lines(images, others, _digested_rows, _digested))
        except _OutOfOrder:
            pass
    there = ((image.id, image.sha256) for image in _by_id(images))
    return _digest(_encoded(_digested(name, digest)) for name, digest in heapq.merge(there, others))


def labels_sha256(images: ImageList) -> str:
    """Digest of every id with the people in its image, in the order of the ids."""
    if _are_plain(images.columns):
        try:
            return _digest(_label_lines(images))
        except _OutOfOrder:
            pass
    return _digest(_encoded("\0".join((image.id, *image.labels)) + "\0\0") for image in _by_id(images))


def manifest_lines(images: ImageList, lost: Iterable[tuple[str, str]]) -> Iterator[bytes]:
    """The lines ``<digest>  <id>`` of a set as sha256sum writes them, in the order of the bytes of the ids.

    Args:
        images: The images.
        lost: Ids of what could not be read, each with a text in place of its digest.

    Yields:
        Whole lines, some at a time, each with its newline.
    """
    others = sorted(lost, key=lambda one: (_encoded(one[0]), one[1]))
    if _is_sorted(images):
        yield from _content_lines(images, others, _listed_rows, escaped)
        return
    there = ((image.id, image.sha256) for image in images)
    for name, digest in sorted((*there, *others), key=lambda one: (_encoded(one[0]), one[1])):
        yield _encoded(escaped(name, digest))


def escaped(name: str, digest: str) -> str:
    """The line of a file as sha256sum writes it: a backslash in front where its name holds one, or a line's end."""
    plain = "".join(_ESCAPED.get(letter, letter) for letter in name)
    return f"{digest}  {name}\n" if plain == name else f"\\{digest}  {plain}\n"


def _is_sorted(images: ImageList) -> bool:
    """Whether every id comes after the one before it in the order of their bytes, and none is empty."""
    if not (_lengths(images.columns) > 0).all():
        return False
    try:
        for _ in _names(images, 0, len(images)):
            pass
    except _OutOfOrder:
        return False
    return True


def _digest(parts: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _by_id(images: ImageList) -> list[ImageRef]:
    """The images in the order of their ids as text, which for odd names is not that of the bytes."""
    return sorted(images, key=lambda image: (image.id, image.sha256))


def _are_plain(columns: ImageColumns) -> bool:
    """Whether every id is Unicode, so that bytes are in the order of texts, and none is empty."""
    starts = columns.ends - _lengths(columns)
    if not (_lengths(columns) > 0).all():
        return False
    begins_inside = (columns.ids[starts] & 0xC0) == 0x80
    return not begins_inside.any() and _is_unicode(columns.ids.tobytes())


def _is_unicode(text: str | bytes) -> bool:
    try:
        _ = text.encode("utf-8") if isinstance(text, str) else text.decode("utf-8")
    except UnicodeError:
        return False
    return True


def _lengths(columns: ImageColumns) -> IntArray:
    return np.diff(columns.ends, prepend=0)


def _content_lines(
    images: ImageList,
    others: Sequence[tuple[str, str]],
    rows_as_lines: Callable[[ImageList, slice, Padded], bytes],
    line_of: Callable[[str, str], str],
) -> Iterator[bytes]:
    """The lines of the images, and among them those of what is lost.

    Args:
        images: The images.
        others: Ids of what is lost, each with a text in place of its digest, in the order of the bytes of the ids.
        rows_as_lines: Makes the lines of some images whose ids are given in columns.
        line_of: Makes one line of an id and a digest.
    """
    done = 0

    def key(row: int) -> tuple[bytes, str]:
        image = images[row]
        return _encoded(image.id), image.sha256

    def of_images(stop: int) -> Iterator[bytes]:
        for rows, names in _names(images, done, stop):
            yield rows_as_lines(images, rows, names)

    for name, digest in others:
        place = bisect_left(range(len(images)), (_encoded(name), digest), lo=done, key=key)
        yield from of_images(place)
        yield _encoded(line_of(name, digest))
        done = place
    yield from of_images(len(images))


def _digested_rows(images: ImageList, rows: slice, names: Padded) -> bytes:
    return _joined(_contents(images, rows), _same(b" ", rows), names, _same(b"\0", rows))


def _digested(name: str, digest: str) -> str:
    return f"{digest} {name}\0"


def _listed_rows(images: ImageList, rows: slice, names: Padded) -> bytes:
    if np.isin(names[0], _ODD).any():
        return _encoded("".join(escaped(image.id, image.sha256) for image in images[rows]))
    return _joined(_contents(images, rows), _same(b"  ", rows), names, _same(b"\n", rows))


def _contents(images: ImageList, rows: slice) -> Padded:
    digits = np.frombuffer(images.digests[rows].tobytes().hex().encode(), dtype=np.uint8)
    return digits.reshape(-1, 64), None


def _label_lines(images: ImageList) -> Iterator[bytes]:
    texts = [_encoded("".join(f"\0{name}" for name in labels)) for labels in images.columns.labels]
    lengths = np.array([len(text) for text in texts], dtype=np.int64)
    data, starts, people = (
        np.frombuffer(b"".join(texts), np.uint8),
        np.cumsum(lengths) - lengths,
        images.people,
    )
    for rows, names in _names(images, 0, len(images)):
        who = _padded(data, starts[people[rows]], lengths[people[rows]])
        yield _joined(names, who, _same(b"\0\0", rows))


def _names(images: ImageList, start: int, stop: int) -> Iterator[tuple[slice, Padded]]:
    """The ids of some rows, a block at a time.

    Raises:
        _OutOfOrder: One does not come after the one before it.
    """
    columns, every, lengths = images.columns, images.rows, _lengths(images.columns)
    n_rows = max(1, _LETTERS // int(lengths.max(initial=1)))
    for first in range(start, stop, n_rows):
        rows = slice(first, min(first + n_rows, stop))
        # with the row before the block, so that no order is missed
        places = every[max(0, first - 1) : rows.stop]
        letters, sizes = _padded(columns.ids, columns.ends[places] - lengths[places], lengths[places])
        names = np.ascontiguousarray(letters).view(f"S{letters.shape[1]}").ravel()
        if not (names[1:] > names[:-1]).all():
            raise _OutOfOrder
        skipped = len(places) - (rows.stop - rows.start)
        yield rows, (letters[skipped:], None if sizes is None else sizes[skipped:])


def _padded(data: Letters, starts: IntArray, lengths: IntArray) -> Padded:
    """Texts that lie in one array of letters, a line for each."""
    width = int(lengths.max(initial=0))
    if not width:
        return np.empty((len(starts), 0), dtype=np.uint8), None
    if (lengths == width).all() and (np.diff(starts) == width).all():
        first = int(starts[0])
        return data[first : first + width * len(starts)].reshape(-1, width), None
    columns = np.arange(width)
    letters = data[np.minimum(starts[:, None] + columns, len(data) - 1)]
    letters[columns >= lengths[:, None]] = 0
    return letters, lengths


def _same(text: bytes, rows: slice) -> Padded:
    return np.broadcast_to(np.frombuffer(text, dtype=np.uint8), (rows.stop - rows.start, len(text))), None


def _joined(*columns: Padded) -> bytes:
    """The lines one after the other, without what they were filled up with."""
    letters = np.hstack([one for one, _ in columns])
    if all(lengths is None for _, lengths in columns):
        return letters.tobytes()
    there = [
        np.broadcast_to(np.True_, one.shape)
        if lengths is None
        else np.arange(one.shape[1]) < lengths[:, None]
        for one, lengths in columns
    ]
    return bytes(letters[np.hstack(there)].tobytes())
