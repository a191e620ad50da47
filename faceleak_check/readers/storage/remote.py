"""Files on other machines, behind any URL."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property, partial
from threading import Lock
from typing import Any, Literal

from faceleak_check.policy.urls import Url
from faceleak_check.readers.files import MAX_FILE_BYTES, FileError
from faceleak_check.readers.listing import path_of
from faceleak_check.readers.storage.attempts import Attempts
from faceleak_check.readers.storage.blocks import RemoteFile
from faceleak_check.readers.storage.connect import connected
from faceleak_check.readers.storage.place import Found, Place
from faceleak_check.readers.storage.reasons import MissingError

__all__ = ["PATIENCE", "RemoteStorage"]

PATIENCE = Attempts(seconds=120.0, pauses=(0.5, 2.0))
"""Longer than clients themselves wait, so that this ends what hangs and no slow answer."""

_LISTING_SECONDS = 3600.0
_FILES_KEPT = 8
_FRESH_SECONDS = 60.0


class RemoteStorage:
    """A file or folder behind a URL; whatever its client raises becomes a FileError without an address.

    Args:
        url: Where it is.
        attempts: How long to wait, and how often to ask.
    """

    def __init__(self, url: Url, attempts: Attempts | None = None) -> None:
        self._url = url
        self._attempts = attempts or PATIENCE
        self._kept: OrderedDict[str, tuple[RemoteFile, float]] = OrderedDict()
        self._lock = Lock()

    @cached_property
    def _place(self) -> Place:
        return self._attempts(partial(connected, self._url, self._attempts.seconds))

    def kind(self) -> Literal["file", "folder", "missing"]:
        """See `Storage`."""
        try:
            return self._about("").kind
        except MissingError:
            return "missing"

    def names(self, tick: Callable[[int], None]) -> Sequence[str]:
        """See `Storage`."""
        return [name for name, _ in self.files(tick) if name]

    def files(self, tick: Callable[[int], None]) -> list[tuple[str, Found]]:
        """All files below the folder with what is known of them, in the order of their bytes.

        Args:
            tick: Told now and then how many were found.

        Returns:
            One file with an empty name where the URL is that of a file.

        Raises:
            FileError: The folder cannot be listed.
        """
        place = self._place
        n_found = 0

        def count(n: int) -> None:
            nonlocal n_found
            n_found = n

        patient = Attempts(
            seconds=max(_LISTING_SECONDS, self._attempts.seconds), pauses=self._attempts.pauses
        )
        found = patient(lambda: list(place.files(count)), lambda: tick(n_found))
        return sorted(found, key=lambda one: path_of(one[0]))

    @contextmanager
    def open(self, name: str = "", *, fresh: bool = False) -> Iterator[RemoteFile]:
        """See `Storage`."""
        yield self._reopened(name) if not fresh else self._opened(name)

    def opened(self, name: str, found: Found) -> RemoteFile:
        """A file of which a listing has told enough; it is asked for where it has not.

        Raises:
            FileError: It cannot be opened.
        """
        return self._file(name, found) if found.n_bytes is not None else self._file(name, self._about(name))

    def whole(self, name: str) -> bytes:
        """All bytes of a small file, in one request.

        Raises:
            FileError: It cannot be read, or is larger than any image.
        """
        place = self._place
        data = self._attempts(lambda: place.whole(name, MAX_FILE_BYTES + 1))
        if len(data) > MAX_FILE_BYTES:
            raise FileError(f"it is larger than {MAX_FILE_BYTES:,} bytes")
        return data

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._url, self._attempts)

    def _reopened(self, name: str) -> RemoteFile:
        """The file as it was opened a moment ago, with the blocks that it holds."""
        with self._lock:
            kept = self._kept.get(name)
        if kept is not None and time.monotonic() - kept[1] < _FRESH_SECONDS:
            return kept[0]
        return self._opened(name)

    def _opened(self, name: str) -> RemoteFile:
        file = self._file(name, self._about(name))
        with self._lock:
            self._kept[name] = file, time.monotonic()
            self._kept.move_to_end(name)
            while len(self._kept) > _FILES_KEPT:
                self._kept.popitem(last=False)
        return file

    def _about(self, name: str) -> Found:
        place = self._place
        return self._attempts(lambda: place.about(name))

    def _file(self, name: str, found: Found) -> RemoteFile:
        place = self._place

        def fetch(start: int, end: int) -> bytes:
            return self._attempts(lambda: place.part(name, found, start, end))

        if found.kind == "folder":
            raise FileError("it is a folder")
        return RemoteFile(found, fetch)
