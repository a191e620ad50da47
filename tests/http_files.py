"""A small HTTP server of files in memory, which can be told to misbehave."""

from __future__ import annotations

import re
import threading
import time
import zlib
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import quote, unquote, urlsplit

__all__ = ["FileServer", "serving"]


class FileServer:
    """Files by their paths, such as ``set/a.jpg``; a path that ends with a slash is a page that lists a folder.

    Attributes:
        files: What is served; the next request sees a change.
        statuses: For each path the statuses of its next answers, before it is served as it should be.
        drops: For each path how many of the next answers break off in the middle.
        silences: For each path how many seconds the next answers keep waiting, one number an answer.
        changing: For each path what it is in the next answers, one after the other; at last what it then stays.
        requests: Path and ``Range`` header of each request.
        ranges: Whether parts of files are handed out.
        tags: Whether files have tags.
        changed: When all files were changed, in seconds since 1970.
    """

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = dict(files)
        self.statuses: dict[str, list[int]] = defaultdict(list)
        self.drops: dict[str, int] = defaultdict(int)
        self.silences: dict[str, list[float]] = defaultdict(list)
        self.changing: dict[str, list[bytes]] = defaultdict(list)
        self.requests: list[tuple[str, str | None]] = []
        self.credentials: set[str] = set()
        self.ranges = self.tags = True
        self.changed = time.time() - 3600
        self.port = 0

    def url(self, path: str = "", *, user: str = "", query: str = "") -> str:
        """The address of a path."""
        return f"http://{user and user + '@'}127.0.0.1:{self.port}/{quote(path)}{query}"

    def n_requests(self, path: str) -> int:
        """How often a path was asked for."""
        return sum(asked == path for asked, _ in self.requests)

    def page(self, folder: str) -> bytes | None:
        """The page of a folder, as web servers write it; None where it holds no file."""
        below = {name[len(folder) :] for name in self.files if name.startswith(folder)}
        names = sorted({re.sub(r"/.*", "/", name) for name in below})
        links = "".join(f'<li><a href="{escape(quote(name))}">{escape(name)}</a>' for name in names)
        sorting = (
            '<a href="?C=N;O=D">Name</a><a href="/">Up</a><a href="http://elsewhere.invalid/x.jpg">Ad</a>'
        )
        return f"<html>{sorting}<ul>{links}</ul></html>".encode() if names or not folder else None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        files = self.server.files
        path = unquote(urlsplit(self.path).path)[1:]
        files.requests.append((path, self.headers.get("Range")))
        files.credentials.add(self.headers.get("Authorization", ""))
        if files.silences[path]:
            time.sleep(files.silences[path].pop(0))
        if files.changing[path]:
            files.files[path] = files.changing[path].pop(0)
        if files.statuses[path]:
            self._answer(files.statuses[path].pop(0), b"hunter2, said the server", {})
            return
        if path.endswith("/") or not path:
            page = files.page(path)
            self._answer(
                404 if page is None else 200, page or b"", {"Content-Type": "text/html; charset=utf-8"}
            )
        elif path in files.files:
            self._serve(path, files.files[path])
        elif files.page(f"{path}/"):
            url = urlsplit(self.path)
            self._answer(301, b"", {"Location": f"{url.path}/{url.query and '?' + url.query}"})
        else:
            self._answer(404, b"", {})

    def _serve(self, path: str, data: bytes) -> None:
        headers = {"Content-Type": "application/octet-stream"}
        headers["Last-Modified"] = formatdate(self.server.files.changed, usegmt=True)
        if self.server.files.tags:
            headers["ETag"] = f'"{zlib.crc32(data):x}"'
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        if not asked or not self.server.files.ranges:
            self._answer(200, data, headers, path)
            return
        start, end = int(asked[1]), min(int(asked[2]) + 1, len(data))
        if start >= len(data):
            self._answer(416, b"", {"Content-Range": f"bytes */{len(data)}"})
            return
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{len(data)}"
        self._answer(206, data[start:end], headers, path)

    def _answer(self, status: int, data: bytes, headers: dict[str, str], path: str = "") -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        if path and self.server.files.drops[path]:
            self.server.files.drops[path] -= 1
            self.wfile.write(data[: len(data) // 2])
            self.close_connection = True
            return
        self.wfile.write(data)

    def log_message(self, *arguments: Any) -> None:
        """Says nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128  # more would wait for a second before they try again
    files: FileServer

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no error of ours."""


@contextmanager
def serving(files: dict[str, bytes]) -> Iterator[FileServer]:
    """A server of these files on a port of its own."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.files = FileServer(files)
    server.files.port = server.server_port
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.01), daemon=True)
    thread.start()
    try:
        yield server.files
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
