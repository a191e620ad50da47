"""What a gzip file holds, from any place on: every few MiB it is kept how far the packing was read."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock

from faceleak_check.readers.archive.gzip_place import SEGMENT, GzipPlace, next_segment
from faceleak_check.readers.archive.window import Bytes, Window

__all__ = ["GzipStream", "Segments", "Unpacked"]

_FIRST_SPACING = 4
"""So many segments lie between two places that are kept, until there are too many of them."""


class Segments:
    """The last few unpacked segments of all files, so that neighbours are unpacked once; for several threads.

    Args:
        n_kept: How many.
    """

    def __init__(self, n_kept: int = 16) -> None:
        self._n_kept = n_kept
        self._lock = Lock()
        self._kept: OrderedDict[tuple[object, int], bytes] = OrderedDict()

    def get(self, file: object, number: int) -> bytes | None:
        """The segment of a file, if it is there still."""
        with self._lock:
            if (file, number) in self._kept:
                self._kept.move_to_end((file, number))
            return self._kept.get((file, number))

    def add(self, file: object, number: int, data: bytes) -> None:
        """Keeps a segment for a while."""
        with self._lock:
            self._kept[file, number] = data
            if len(self._kept) > self._n_kept:
                self._kept.popitem(last=False)


class GzipStream:
    """One gzip file of one or more members, for several threads.

    Args:
        segments: Keeps what was unpacked last.
        most_places: How many places to keep; each takes up to 56 KiB. When there are more, every other one is
            dropped, and from then on half as many are kept.

    Attributes:
        trouble: Why it ends where it does; empty where that is its proper end, or was not reached yet.
    """

    def __init__(self, segments: Segments, most_places: int) -> None:
        self._segments = segments
        self._most_places = most_places
        self._spacing = _FIRST_SPACING
        self._places: dict[int, GzipPlace] = {}
        self._here: GzipPlace | None = None
        self._lock = Lock()
        self.trouble = ""

    def segment(self, file: Bytes, number: int) -> bytes:
        """A segment of what the file holds, shorter only at the end, where `trouble` says why it ends if it should not.

        Raises:
            FileError: The file cannot be read; the message names no path.
        """
        found = self._segments.get(self, number)
        if found is not None:
            return found
        with self._lock:
            found = self._segments.get(self, number)  # another thread may have been faster
            return self._unpacked(file, number) if found is None else found

    def rest(self) -> None:
        """Keep less until the file is read again."""
        with self._lock:
            self._here = None

    def _unpacked(self, file: Bytes, number: int) -> bytes:
        place, window = self._nearest(number), Window(file)
        while True:
            at = place.number
            data, place = next_segment(window, place)
            self._segments.add(self, at, data)
            self._here = place
            self._keep(place)
            self.trouble = self.trouble or place.trouble
            if at == number:
                return data
            if len(data) < SEGMENT:
                return b""

    def _nearest(self, number: int) -> GzipPlace:
        known = [place for place in self._places.values() if place.number <= number]
        if self._here is not None and self._here.number <= number:
            known.append(self._here)
        return max(known, key=lambda place: place.number, default=GzipPlace())

    def _keep(self, place: GzipPlace) -> None:
        if place.number % self._spacing or place.number in self._places:
            return
        self._places[place.number] = place
        while len(self._places) > self._most_places:
            self._spacing *= 2
            self._places = {
                number: kept for number, kept in self._places.items() if not number % self._spacing
            }


class Unpacked:
    """What a gzip file holds, read by position.

    Args:
        file: The file, open.
        stream: What is known of it.
    """

    def __init__(self, file: Bytes, stream: GzipStream) -> None:
        self._file = file
        self._stream = stream

    def read(self, start: int, n_bytes: int) -> bytes:
        """Bytes from a place on, fewer only at the end."""
        parts = []
        while n_bytes > 0:
            number, place = divmod(start, SEGMENT)
            part = self._stream.segment(self._file, number)[place : place + n_bytes]
            if not part:
                break
            parts.append(part)
            start, n_bytes = start + len(part), n_bytes - len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def why_it_ends(self) -> str:
        """Why it ends where it does; empty where that is the proper end, or was not reached yet."""
        return self._stream.trouble
