"""Files behind HTTP: by ranges where the server hands them out, and folders by the pages that list them."""

from __future__ import annotations

import re
import weakref
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from email.utils import mktime_tz, parsedate_tz
from urllib.parse import quote, urlsplit

import requests
from requests.adapters import HTTPAdapter

from faceleak_check.policy.urls import Url
from faceleak_check.readers.listing import path_of
from faceleak_check.readers.storage.links import links_in
from faceleak_check.readers.storage.place import Found
from faceleak_check.readers.storage.reasons import RemoteError

__all__ = ["HttpPlace"]

_HEAD_BYTES = 1 << 16
_PIECE_BYTES = 1 << 20
_PAGE_BYTES = 64 << 20
_CONNECTIONS = 32
_CONNECT_SECONDS, _SILENT_SECONDS = 20.0, 60.0
_FOLDERS_AT_ONCE = 8
_DEEPEST = 64
_SETTLED_SECONDS = 2
_CONTENT_RANGE = re.compile(r"bytes (?:(\d+)-\d+|\*)/(\d+|\*)")
_CHANGED = "it changed while it was read"
_PLAIN = {"Accept-Encoding": "identity"}  # else lengths would be those of compressed bytes


class HttpPlace:
    """A file or folder behind an HTTP server; see `Place`. Proxies and ``.netrc`` count as for other programs.

    Args:
        url: Where it is.
        seconds: How long a server may be silent.
    """

    def __init__(self, url: Url, seconds: float) -> None:
        self._timeout = min(seconds, _CONNECT_SECONDS), min(seconds, _SILENT_SECONDS)
        path, mark, query = url.address.partition("#")[0].partition("?")
        self._path, self._query = path, mark + query
        self._session = requests.Session()
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(pool_maxsize=_CONNECTIONS))
        weakref.finalize(self, self._session.close)

    def about(self, name: str) -> Found:
        """See `Place`; the first bytes come along, which is often all of an image."""
        with self._answer(self._address(name), f"bytes=0-{_HEAD_BYTES - 1}") as response:
            _, total = _range(response)
            if response.status_code == 416:
                return Found(kind="file", n_bytes=total or 0, identity=_identity(response, total or 0))
            response.raise_for_status()
            in_ranges = response.status_code == 206
            total = total if in_ranges else _length(response)
            return Found(
                kind="folder" if _is_page(response) else "file",
                n_bytes=total,
                identity=_identity(response, total),
                is_settled=_is_settled(response),
                takes_ranges=in_ranges,
                head=_body(response, _HEAD_BYTES),
            )

    def part(self, name: str, found: Found, start: int, end: int) -> bytes:
        """See `Place`."""
        with self._answer(self._address(name), f"bytes={start}-{end - 1}") as response:
            if response.status_code == 416:
                raise RemoteError(_CHANGED)
            response.raise_for_status()
            first, total = _range(response)
            if response.status_code != 206:
                first, total = 0, _length(response)
            if found.identity and _identity(response, total) != found.identity:
                raise RemoteError(_CHANGED)
            if first != start or (response.status_code != 206 and end != found.n_bytes):
                raise RemoteError("the server hands out other bytes than it was asked for")
            return _body(response, end - start)

    def whole(self, name: str, limit: int) -> bytes:
        """See `Place`."""
        with self._answer(self._address(name)) as response:
            response.raise_for_status()
            return _body(response, limit)

    def files(self, tick: Callable[[int], None]) -> Iterable[tuple[str, Found]]:
        """See `Place`."""
        first = self.about("")
        if first.kind == "file":
            return [("", first)]
        return [(name, Found(kind="file")) for name in self._listed(tick)]

    def _address(self, name: str) -> str:
        path = f"{self._path.rstrip('/')}/{quote(path_of(name))}" if name else self._path
        return path + self._query

    @contextmanager
    def _answer(self, address: str, asked: str = "") -> Iterator[requests.Response]:
        headers = {**_PLAIN, "Range": asked} if asked else _PLAIN
        with self._session.get(address, headers=headers, timeout=self._timeout, stream=True) as response:
            yield response

    def _listed(self, tick: Callable[[int], None]) -> list[str]:
        files: list[str] = []
        folders, seen = [""], {""}
        with ThreadPoolExecutor(_FOLDERS_AT_ONCE, "faceleak-listing") as threads:
            while folders:
                found = {name for names in threads.map(self._links, folders) for name in names}
                files += [name for name in found if not name.endswith("/")]
                folders = sorted({name for name in found if name.endswith("/")} - seen)
                if any(name.count("/") > _DEEPEST for name in folders):
                    raise RemoteError(f"its folders lie more than {_DEEPEST} deep in each other")
                seen.update(folders)
                tick(len(files))
        return files

    def _links(self, folder: str) -> set[str]:
        """Files and folders that a folder's page names, by their paths below the whole place."""
        address = self._path.rstrip("/") + "/" + quote(path_of(folder))
        with self._answer(address + self._query) as response:
            response.raise_for_status()
            body = _body(response, _PAGE_BYTES + 1)
            encoding = response.encoding or "utf-8"
        if len(body) > _PAGE_BYTES:
            raise RemoteError(f"the page that lists it has more than {_PAGE_BYTES:,} bytes")
        try:
            page = body.decode(encoding, "replace")
        except LookupError:  # no encoding of text that anybody knows
            page = body.decode("utf-8", "replace")
        return {folder + name for name in links_in(page, address)}


def _range(response: requests.Response) -> tuple[int | None, int | None]:
    """First byte and total length that a response names."""
    found = _CONTENT_RANGE.match(response.headers.get("Content-Range", ""))
    first, total = found.groups() if found else (None, None)
    return int(first) if first else None, int(total) if total and total != "*" else None


def _length(response: requests.Response) -> int | None:
    told = response.headers.get("Content-Length", "")
    return int(told) if told.isdecimal() else None


def _is_page(response: requests.Response) -> bool:
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return kind == "text/html" and urlsplit(response.url).path.endswith("/")


def _identity(response: requests.Response, total: int | None) -> str:
    told = [response.headers.get(name, "") for name in ("ETag", "Last-Modified")]
    return ";".join([str(total), *told]) if any(told) else ""


def _is_settled(response: requests.Response) -> bool:
    """Whether a change must change the tag, which some servers make of a time in whole seconds."""
    tag = response.headers.get("ETag", "")
    if not tag or tag.startswith("W/"):
        return False
    changed, now = (_seconds(response.headers.get(name)) for name in ("Last-Modified", "Date"))
    return changed is None or (now is not None and changed + _SETTLED_SECONDS <= now)


def _seconds(date: str | None) -> float | None:
    parsed = parsedate_tz(date)
    return None if parsed is None else mktime_tz(parsed)


def _body(response: requests.Response, limit: int) -> bytes:
    """The body, up to a number of bytes."""
    parts: list[bytes] = []
    left = limit
    while left > 0 and (piece := response.raw.read(min(left, _PIECE_BYTES), decode_content=False)):
        parts.append(piece)
        left -= len(piece)
    told = _length(response)
    if told is not None and limit - left < min(told, limit):
        raise ConnectionResetError
    return b"".join(parts)
