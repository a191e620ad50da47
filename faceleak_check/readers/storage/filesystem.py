"""Files in any storage that fsspec knows: object stores, hubs, archives on other servers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from fsspec import AbstractFileSystem
from fsspec.asyn import AsyncFileSystem

from faceleak_check.readers.storage.place import Found
from faceleak_check.readers.storage.reasons import RemoteError

__all__ = ["FileSystemPlace"]

Info = Mapping[str, Any]
"""What a file system tells of a file or folder."""

_FOLDERS_AT_ONCE = 8

_CONTENT = (
    "ETag",
    "etag",
    "e_tag",
    "generation",
    "VersionId",
    "version_id",
    "blob_id",
    "xet_hash",
    "oid",
    "sha",
    "hex",
    "md5Hash",
    "checksum",
    "CRC",
)
"""What changes whenever a file's bytes do."""
_TIMES = ("LastModified", "last_modified", "mtime", "updated", "modified", "created")


class FileSystemPlace:
    """A file or folder in a file system of fsspec; see `Place`.

    Args:
        client: The file system.
        path: The path in it.
    """

    def __init__(self, client: Any, path: str) -> None:
        self._client = client
        self._path = path.rstrip("/")

    def about(self, name: str) -> Found:
        """See `Place`."""
        self._client.invalidate_cache()
        return _found(self._client.info(self._address(name)))

    def part(self, name: str, found: Found, start: int, end: int) -> bytes:  # noqa: ARG002
        """See `Place`."""
        path = self._address(name)
        if _has_ranges(self._client):
            data: bytes = self._client.cat_file(path, start=start, end=end)
            return data
        # without the client's own cache, which would ask for more than is wanted
        with self._client.open(path, "rb", cache_type="none") as file:
            file.seek(start)
            return _read(file, end - start)

    def whole(self, name: str, limit: int) -> bytes:
        """See `Place`."""
        if _has_ranges(self._client) and isinstance(self._client, AsyncFileSystem):
            data: bytes = self._client.cat_file(self._address(name), start=0, end=limit)
            return data
        with self._client.open(self._address(name), "rb", cache_type="none") as file:
            return _read(file, limit)

    def files(self, tick: Callable[[int], None]) -> Iterable[tuple[str, Found]]:
        """See `Place`."""
        self._client.invalidate_cache()
        if _lists_at_once(self._client):
            listed: Iterable[Info] = self._client.find(self._path, detail=True).values()
        else:
            listed = self._walked(tick)
        found = [(self._name(info["name"]), _found(info)) for info in listed if _is_file(info)]
        tick(len(found))
        return found

    def _walked(self, tick: Callable[[int], None]) -> list[Info]:
        """Folder by folder; fsspec's own walk passes over a folder below that it cannot list, without a word."""
        first: Info = self._client.info(self._path)
        if _is_file(first):
            return [first]
        found: list[Info] = []
        folders, seen = [self._path], {self._path}
        with ThreadPoolExecutor(_FOLDERS_AT_ONCE, "faceleak-listing") as threads:
            while folders:
                pages = threads.map(lambda folder: self._client.ls(folder, detail=True), folders)
                listed = [info for page in pages for info in page]
                found += filter(_is_file, listed)
                folders = [info["name"].rstrip("/") for info in listed if info.get("type") == "directory"]
                folders = [name for name in folders if name not in seen]
                seen.update(folders)
                tick(len(found))
        return found

    def _address(self, name: str) -> str:
        return f"{self._path}/{name}".lstrip("/" * (not self._path)) if name else self._path

    def _name(self, path: str) -> str:
        root = self._path.strip("/")
        path = path.strip("/")
        if root and path != root and not path.startswith(root + "/"):
            raise RemoteError("the storage lists files of another folder")
        return path[len(root) :].strip("/")


def _read(file: Any, n_bytes: int) -> bytes:
    data: bytes = file.read(n_bytes)
    return data


def _has_ranges(client: Any) -> bool:
    return isinstance(client, AsyncFileSystem) or type(client).cat_file is not AbstractFileSystem.cat_file


def _lists_at_once(client: Any) -> bool:
    """Whether it has a way of its own to list all that is below a folder, as object stores have."""
    own = type(client)._find if isinstance(client, AsyncFileSystem) else type(client).find  # noqa: SLF001
    return own not in (AsyncFileSystem._find, AbstractFileSystem.find)  # noqa: SLF001


def _is_file(info: Info) -> bool:
    return info.get("type") != "directory" and not info["name"].endswith("/")


def _found(info: Info) -> Found:
    size = info.get("size")
    content = [f"{key}={info[key]}" for key in _CONTENT if info.get(key)]
    times = [f"{key}={info[key]}" for key in _TIMES if info.get(key)]
    return Found(
        kind="folder" if info.get("type") == "directory" else "file",
        n_bytes=size if isinstance(size, int) else None,
        identity=";".join([str(size), *content, *times]) if content or times else "",
        is_settled=bool(content),
    )
