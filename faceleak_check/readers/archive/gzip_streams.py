"""What is known of the gzip files of a dataset."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock

from faceleak_check.readers.archive.gzip_stream import GzipStream, Segments, Unpacked
from faceleak_check.readers.storage.protocol import OpenFile

__all__ = ["GzipStreams"]

_MOST_PLACES = 1000
_MOST_IN_USE = 32


class GzipStreams:
    """Opens gzip files so that what was learnt of one is not learnt again; for several threads.

    In memory are about 64 MiB at most, however many files there are and however large. Sent to another process it
    begins anew there.

    Args:
        n_files: Number of the dataset's files.
    """

    def __init__(self, n_files: int) -> None:
        self._n_files = n_files
        self._segments = Segments()
        self._known: dict[str, tuple[str, GzipStream]] = {}
        self._in_use: OrderedDict[str, GzipStream] = OrderedDict()
        self._lock = Lock()

    def __reduce__(self) -> tuple[object, ...]:
        return GzipStreams, (self._n_files,)

    def unpacked(self, file: OpenFile, name: str) -> Unpacked:
        """What a file holds.

        Args:
            file: The file, open.
            name: Its name in the storage.
        """
        with self._lock:
            identity, stream = self._known.get(name, ("", None))
            if stream is None or identity != file.identity:
                stream = GzipStream(self._segments, _MOST_PLACES // self._n_files)
                self._known[name] = file.identity, stream
            self._in_use[name] = stream
            self._in_use.move_to_end(name)
            if len(self._in_use) > _MOST_IN_USE:
                self._in_use.popitem(last=False)[1].rest()
            return Unpacked(file, stream)
