"""Stores that several machines share, behind any URL that fsspec opens."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Callable, Collection
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from platformdirs import user_cache_path

from faceleak_check.errors import StoreError, UsageError
from faceleak_check.policy.urls import Url
from faceleak_check.readers.files import FileError
from faceleak_check.readers.storage.connect import connected
from faceleak_check.readers.storage.reasons import MissingError
from faceleak_check.readers.storage.remote import PATIENCE, RemoteStorage
from faceleak_check.store.roots import Root, SharedRoot

__all__ = ["UrlFolder", "store_root"]

T = TypeVar("T")

_ADVICE = "Choose another store with --faceleak-store or FACELEAK_STORE."
_READ_ONLY = frozenset({"http", "https"})


def store_root(asked: str | Path | None, base: Path | None = None) -> Root:
    """The root of all stores.

    Args:
        asked: A folder, a URL, or nothing for ``$FACELEAK_STORE`` or the user's cache folder.
        base: Where relative paths start; the working directory where it is left out.

    Raises:
        UsageError: A URL to which nothing can be written.
    """
    if not asked:
        base, asked = (
            None,
            os.environ.get("FACELEAK_STORE") or user_cache_path("faceleak-check") / "templates",
        )
    if isinstance(asked, Path) or not Url.is_one(asked):
        return (base or Path()) / asked
    url = Url(asked)
    if _READ_ONLY.intersection(url.schemes) or len(url.schemes) > 1:
        raise UsageError(f"the store cannot be {url}: expected a folder, or a URL such as s3://bucket/folder")
    return SharedRoot(shared=UrlFolder(url))


class UrlFolder:
    """A folder behind a URL; see `SharedFolder`.

    An object store has a file whole or not at all. Elsewhere it is written under a temporary name and renamed.

    Args:
        url: Where it is.
    """

    def __init__(self, url: Url) -> None:
        self._url = url
        self._folders: dict[str, RemoteStorage] = {}
        self.key = hashlib.sha256(url.address.encode()).hexdigest()

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._url,)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, UrlFolder) and self._url == other._url

    def __hash__(self) -> int:
        return hash(self._url)

    def __str__(self) -> str:
        return str(self._url)

    def names(self, folder: str) -> Collection[str]:
        """See `SharedFolder`."""
        inside = self._inside(folder)
        return self._tried("read", lambda: _or_none(lambda: inside.names(lambda _: None))) or ()

    def read(self, name: str) -> bytes | None:
        """See `SharedFolder`."""
        folder, _, file = name.rpartition("/")
        return self._tried("read", lambda: _or_none(lambda: self._inside(folder).whole(file)))

    def write(self, name: str, data: bytes) -> None:
        """See `SharedFolder`."""
        self._tried("written", lambda: PATIENCE(lambda: self._put(name, data)))

    def remove(self, name: str) -> None:
        """See `SharedFolder`."""
        self._tried("written", lambda: _or_none(lambda: PATIENCE(lambda: self._rm(name))))

    def _rm(self, name: str) -> None:
        client, root = self._client
        client.rm_file(f"{root}/{name}")

    def _put(self, name: str, data: bytes) -> None:
        from fsspec.asyn import AsyncFileSystem

        client, root = self._client
        path = f"{root}/{name}"
        if isinstance(client, AsyncFileSystem):
            client.pipe_file(path, data)
            return
        above, _, file = path.rpartition("/")
        temporary = f"{above}/.{file[:64]}.{secrets.token_hex(8)}.tmp"
        client.makedirs(above, exist_ok=True)
        client.pipe_file(temporary, data)
        client.mv(temporary, path)

    def _inside(self, folder: str) -> RemoteStorage:
        return self._folders.setdefault(folder, RemoteStorage(self._url.joined(folder)))

    @cached_property
    def _client(self) -> tuple[Any, str]:
        """What writes, and the folder's path in its file system."""
        connected(self._url, PATIENCE.seconds)  # says what is missing
        from fsspec.core import url_to_fs

        client, path = url_to_fs(self._url.address, skip_instance_cache=True)
        return client, path.rstrip("/")

    def _tried(self, verb: str, call: Callable[[], T]) -> T:
        try:
            return call()
        except FileError as error:
            advice = getattr(error, "advice", "") or _ADVICE
            raise StoreError(
                f"the shared template store cannot be {verb}: {error}", detail=f"{self._url}: {advice}"
            ) from None


def _or_none(call: Callable[[], T]) -> T | None:
    """What the call gives; None where the file or folder is not there."""
    try:
        return call()
    except MissingError:
        return None
