"""A dataset lies on a server whose answers are meant to harm."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from attacks import Attack
from gate_project import Project
from witness import MEMORY, Witness, commands, peak

import faceleak_check.readers.storage.connect
import faceleak_check.readers.storage.http  # noqa: F401

PAGE = b"Content-Type: text/html; charset=utf-8"
ENDLESS = 96 << 20
"""Bytes of what has no end: more than any page may have."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        self.close_connection = True
        kind = self.path.strip("/").partition("/")[0]
        head, body = self.server.answers.get(kind, (b"404 Gone\r\nContent-Length: 0", b""))
        self.wfile.write(b"HTTP/1.1 " + head + b"\r\nConnection: close\r\n\r\n" + body)
        if kind == "endless":
            for _ in range(ENDLESS >> 20):
                self.wfile.write(b"<a href=x.png>" * (1 << 16))

    def log_message(self, *arguments: Any) -> None:
        """Says nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    answers: dict[str, tuple[bytes, bytes]]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no error of ours."""


@contextmanager
def serving(answers: dict[str, tuple[bytes, bytes]]) -> Iterator[str]:
    server = _Server(("127.0.0.1", 0), _Handler)
    server.answers = answers
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.01), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_no_answer_of_a_server_harms(
    project: Project, attack: Attack, witness: Witness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)  # the pauses before a request is made again
    secret = witness.outside / "secret.txt"
    names = b"<a href='../../up.png'><a href='%2e%2e%2fup.png'><a href='file:///etc/passwd'><a href='a%0d%0aX: y.png'>"
    answers = {
        "file": (f"302 Found\r\nLocation: file://{secret}\r\nContent-Length: 0".encode(), b""),
        "loop": (b"302 Found\r\nLocation: /loop/\r\nContent-Length: 0", b""),
        "endless": (b"200 OK\r\n" + PAGE, b""),
        "short": (b"200 OK\r\nContent-Type: image/png\r\nContent-Length: 1000000000000", b"\x89PNG"),
        "negative": (b"200 OK\r\nContent-Type: image/png\r\nContent-Length: -5", b"\x89PNG"),
        "charset": (b"200 OK\r\nContent-Type: text/html; charset=hex\r\nContent-Length: 4", b"zzzz"),
        "names": (b"200 OK\r\n" + PAGE + b"\r\nContent-Length: " + str(len(names)).encode(), names),
        "header": (b"200 OK\r\nX: " + b"y" * (1 << 17) + b"\r\nContent-Length: 0", b""),
        "words": (b"500 \x1b]52;c;b3duZWQ=\x07\r\nContent-Length: 0", b""),
        "nothing": (b"\x00\xff", b""),
    }
    with serving(answers) as server, peak() as grown:
        attacked = attack(
            {
                name: f"datasets: {{generated: {{path: {server}/{name}/}}, training: {{path: ../training}}}}\n"
                "embedder: {name: fake-pixels}"
                for name in answers
            }
        )
    assert {
        name: (outcome, told.partition(";")[0]) for name, (outcome, told) in attacked.answers.items()
    } == {
        "charset": ("inconclusive", "dataset 'generated' is empty"),
        "endless": (
            "inconclusive",
            "dataset 'generated' cannot be listed (the page that lists it has more than 67,108,864 bytes)",
        ),
        "file": (
            "inconclusive",
            "dataset 'generated' cannot be listed (the storage failed with InvalidSchema)",
        ),
        "header": ("inconclusive", "dataset 'generated' cannot be listed (the connection was lost)"),
        "loop": (
            "inconclusive",
            "dataset 'generated' cannot be listed (the server sends from one address to another without end)",
        ),
        "names": ("inconclusive", "nothing is left to compare in 'generated'"),
        "negative": ("inconclusive", "dataset 'generated' is a file, expected a folder"),
        "nothing": ("inconclusive", "dataset 'generated' cannot be listed (the connection was lost)"),
        "short": ("inconclusive", "dataset 'generated' cannot be listed (the connection was lost)"),
        "words": (
            "inconclusive",
            "dataset 'generated' cannot be listed (the server answered 500 Internal Server Error)",
        ),
    }
    assert attacked.code == 1
    assert commands(attacked.output) == set()
    witness.assert_unharmed(attacked.output)
    assert grown[0] < MEMORY
