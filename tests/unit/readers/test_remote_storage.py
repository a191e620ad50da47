from __future__ import annotations

import errno
import os
import pickle
import random
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from http_files import FileServer, serving

from faceleak_check.policy.urls import Url
from faceleak_check.readers.files import FileError
from faceleak_check.readers.storage.attempts import Attempts
from faceleak_check.readers.storage.blocks import RemoteFile
from faceleak_check.readers.storage.links import links_in
from faceleak_check.readers.storage.place import Found
from faceleak_check.readers.storage.reasons import DeniedError, MissingError, RemoteError, refusal_of
from faceleak_check.readers.storage.remote import RemoteStorage

QUICK = Attempts(seconds=5, pauses=(0.01, 0.01))
FILES = {
    "set/a/1.jpg": b"one",
    "set/b c/ü & 2.jpg": b"two two",
    "set/empty": b"",
    "set/z.zip": bytes(300_000),
}


@pytest.fixture
def server() -> Iterator[FileServer]:
    with serving(FILES) as files:
        yield files


@pytest.fixture
def memory() -> Iterator[fsspec.AbstractFileSystem]:
    files = fsspec.filesystem("memory")
    files.pipe({f"/{name}": data for name, data in FILES.items()})
    yield files
    files.store.clear()
    files.pseudo_dirs[:] = [""]


def at(server: FileServer, path: str, attempts: Attempts = QUICK) -> RemoteStorage:
    return RemoteStorage(Url(server.url(path)), attempts)


def read(storage: RemoteStorage, name: str = "") -> bytes:
    with storage.open(name) as file:
        return file.read(0, file.n_bytes)


def trouble(storage: RemoteStorage, name: str = "") -> FileError:
    with pytest.raises(FileError) as caught:
        read(storage, name)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return caught.value


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_folder_in_memory(memory: fsspec.AbstractFileSystem, slash: str) -> None:
    storage = RemoteStorage(Url(f"memory://set{slash}"))
    ticks: list[int] = []
    assert storage.kind() == "folder"
    assert storage.names(ticks.append) == ["a/1.jpg", "b c/ü & 2.jpg", "empty", "z.zip"]
    assert read(storage, "b c/ü & 2.jpg") == storage.whole("b c/ü & 2.jpg") == b"two two"
    assert read(storage, "empty") == b""
    assert RemoteStorage(Url("memory://set/z.zip")).kind() == "file"
    assert RemoteStorage(Url("memory://nowhere")).kind() == "missing"


def test_a_folder_behind_http(server: FileServer) -> None:
    storage = at(server, "set/")
    assert storage.kind() == "folder"
    assert storage.names(lambda _: None) == ["a/1.jpg", "b c/ü & 2.jpg", "empty", "z.zip"]
    assert read(storage, "b c/ü & 2.jpg") == storage.whole("b c/ü & 2.jpg") == b"two two"
    assert read(storage, "empty") == b""
    assert at(server, "set/z.zip").kind() == "file"
    assert at(server, "nowhere").kind() == "missing"


@pytest.mark.parametrize(
    ("link", "names"),
    [
        ("a%20b.jpg", {"a b.jpg"}),
        ("./a.jpg", {"a.jpg"}),
        ("/my%20set/a.jpg", {"a.jpg"}),
        ("http://HOST:8000/my%20set/a.jpg", {"a.jpg"}),
        ("sub/", {"sub/"}),
        ("a.jpg?x=1", {"a.jpg"}),
        ("a.jpg#part", {"a.jpg"}),
        ("?C=N;O=D", set()),
        ("../", set()),
        ("/", set()),
        ("/other/a.jpg", set()),
        ("sub/a.jpg", {"sub/"}),
        ("sub/deep/?C=N", {"sub/"}),
        ("sub?raw=1", {"sub"}),
        ("http://elsewhere/my%20set/a.jpg", set()),
        ("mailto:us@host", set()),
        ("javascript:go()", set()),
        ("&eacute;&amp;.jpg", {"é&.jpg"}),
    ],
)
@pytest.mark.parametrize("address", ["http://host:8000/my%20set/", "http://user:secret@host:8000/my set/"])
def test_links_in_a_page(address: str, link: str, names: set[str]) -> None:
    assert links_in(f"<p>text<A title=x HREF='{link}'>name</A><a>no link</a>", address) == names


@pytest.mark.parametrize("link", ["?page=2", "/set/?sort=name&amp;offset=100", "?p=2"])
def test_a_page_that_lists_a_part_is_refused(link: str) -> None:
    with pytest.raises(RemoteError, match=r"\Aits page lists only a part of the folder\Z"):
        links_in(f'<a href="a.jpg">a</a><a href="{link}">more</a>', "http://host/set/")


def test_an_archive_inside_a_url_is_a_folder_of_its_members(
    memory: fsspec.AbstractFileSystem, tmp_path: Path
) -> None:
    import zipfile

    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("in/a.jpg", b"a picture")
    memory.pipe("/set/x.zip", (tmp_path / "x.zip").read_bytes())
    storage = RemoteStorage(Url("zip://::memory://set/x.zip"))
    assert storage.names(lambda _: None) == ["in/a.jpg"]
    assert read(storage, "in/a.jpg") == storage.whole("in/a.jpg") == b"a picture"


def test_any_part_is_read_by_several_threads(server: FileServer) -> None:
    data = server.files["big"] = random.Random(1).randbytes(3_000_000)
    chance = random.Random(2)
    parts = [
        (chance.randrange(len(data) + 10), chance.choice([1, 100, 70_000, 2_000_000])) for _ in range(60)
    ]
    with at(server, "big").open() as file, ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda part: file.read(*part), parts))
    assert found == [data[start : start + n_bytes] for start, n_bytes in parts]


def test_a_walk_through_a_file_takes_few_requests_and_little_memory(server: FileServer) -> None:
    server.files["big"] = bytes(60_000_000)
    with at(server, "big").open() as file:
        assert sum(len(file.read(start, 50_000)) for start in range(0, file.n_bytes, 50_000)) == 60_000_000
        assert sum(len(block.result()) for block in file._blocks.values()) <= 16 << 20
    # the first bytes, 6 requests of growing size, then 8 MiB each
    assert server.n_requests("big") <= 14


def test_one_who_jumps_asks_for_little(server: FileServer) -> None:
    server.files["big"] = bytes(60_000_000)
    with at(server, "big").open() as file:
        for start in range(50_000_000, 1_000_000, -7_000_000):
            file.read(start, 1000)
    asked = [found.removeprefix("bytes=").split("-") for path, found in server.requests[1:] if found]
    assert {int(end) - int(start) + 1 for start, end in asked} == {1 << 18}


def test_a_file_that_is_opened_again_keeps_its_blocks_unless_it_must_be_fresh(server: FileServer) -> None:
    storage = at(server, "set/")
    for _ in range(5):
        assert read(storage, "z.zip") == bytes(300_000)
    assert server.n_requests("set/z.zip") == 2
    with storage.open("z.zip", fresh=True):
        pass
    assert server.n_requests("set/z.zip") == 3


@pytest.mark.parametrize(
    ("statuses", "message", "kind"),
    [
        ([404], "not found", MissingError),
        ([410], "not found", MissingError),
        ([401], "access denied (HTTP 401)", DeniedError),
        ([403], "access denied (HTTP 403)", DeniedError),
        ([418], "the server answered 418 I'm a Teapot", RemoteError),
        ([500] * 3, "the server answered 500 Internal Server Error", RemoteError),
        ([503] * 3, "the server answered 503 Service Unavailable", RemoteError),
        ([599], "the server answered 599", RemoteError),
    ],
)
def test_what_the_server_refuses(
    server: FileServer, statuses: list[int], message: str, kind: type[FileError]
) -> None:
    server.statuses["set/z.zip"] = list(statuses)
    error = trouble(at(server, "set/z.zip"))
    assert (str(error), type(error)) == (message, kind)
    assert server.n_requests("set/z.zip") == len(statuses)
    assert str(pickle.loads(pickle.dumps(error))) == message


@pytest.mark.parametrize("statuses", [[500], [503, 429], [408, 500]])
def test_trouble_that_passes_is_waited_for(server: FileServer, statuses: list[int]) -> None:
    server.statuses["set/z.zip"] = list(statuses)
    assert read(at(server, "set/z.zip")) == bytes(300_000)


def test_a_connection_that_breaks_is_made_again(server: FileServer) -> None:
    server.drops["set/z.zip"] = 2
    assert read(at(server, "set/z.zip")) == bytes(300_000)


def test_a_connection_that_always_breaks(server: FileServer) -> None:
    server.drops["set/z.zip"] = 100
    assert str(trouble(at(server, "set/z.zip"))) == "the connection was lost"


def test_a_server_that_says_nothing(server: FileServer) -> None:
    server.silences["set/z.zip"] = [1.0] * 9
    error = trouble(at(server, "set/z.zip", Attempts(seconds=0.2, pauses=())))
    assert str(error) in {"no answer in time", "no answer within 0.2 seconds"}


def test_a_client_that_hangs_is_left_behind() -> None:
    forever = threading.Event()
    with pytest.raises(FileError) as caught:
        Attempts(seconds=0.1, pauses=(0.01,))(forever.wait)
    forever.set()
    assert str(caught.value) == "no answer within 0.1 seconds"


def test_a_server_that_is_not_there() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = Url(f"http://user:secret@127.0.0.1:{taken.getsockname()[1]}/x?token=secret")
        assert str(trouble(RemoteStorage(url, QUICK))) == "the connection was refused"


def test_a_file_that_changes_while_it_is_read(server: FileServer) -> None:
    server.files["big"] = bytes(1_000_000)
    with at(server, "big").open() as file:
        server.files["big"] = b"\1" * 1_000_000
        with pytest.raises(FileError, match=r"\Ait changed while it was read\Z"):
            file.read(500_000, 10)


@pytest.mark.parametrize("tags", [True, False])
def test_a_file_that_becomes_shorter_while_it_is_read(server: FileServer, tags: bool) -> None:
    server.tags = tags
    server.files["big"] = bytes(1_000_000)
    with at(server, "big").open() as file:
        server.files["big"] = bytes(400_000)
        with pytest.raises(FileError, match=r"\Ait changed while it was read\Z"):
            file.read(500_000, 10)


def test_a_failed_block_is_asked_for_again(server: FileServer) -> None:
    server.files["big"] = bytes(1_000_000)
    with at(server, "big").open() as file:
        server.statuses["big"] = [403]
        with pytest.raises(DeniedError):
            file.read(500_000, 10)
        assert file.read(500_000, 10) == bytes(10)


def test_a_server_without_ranges_hands_out_the_whole_file_once(server: FileServer) -> None:
    server.ranges = False
    storage = at(server, "set/z.zip")
    with storage.open() as file:
        assert file.read(290_000, 100_000) == bytes(10_000)
        assert file.read(5, 10) == bytes(10)
    assert server.n_requests("set/z.zip") == 2


def test_a_large_file_without_ranges_is_refused() -> None:
    with pytest.raises(RemoteError) as caught:
        RemoteFile(Found(kind="file", n_bytes=1 << 29, takes_ranges=False), lambda *_: b"")
    assert str(caught.value) == "the server hands out whole files alone, and this one has 536,870,912 bytes"
    assert caught.value.advice == (
        "Fetch it to this machine, or serve it with ranges (HTTP 206), as nginx does."
    )


def test_identities_tell_versions_apart(server: FileServer) -> None:
    storage = at(server, "set/")
    with storage.open("z.zip", fresh=True) as before:
        pass
    server.files["set/z.zip"] = b"\1" * 300_000
    with storage.open("z.zip", fresh=True) as after:
        assert before.identity != after.identity
        assert after.is_settled


@pytest.mark.parametrize(
    ("tags", "age", "settled"), [(True, 60, True), (True, -60, False), (False, 60, False)]
)
def test_only_an_old_file_with_a_tag_is_settled(
    server: FileServer, tags: bool, age: float, settled: bool
) -> None:
    server.tags, server.changed = tags, time.time() - age
    with at(server, "set/z.zip").open() as file:
        assert file.is_settled is settled


def test_user_and_password_are_sent_and_never_told(server: FileServer) -> None:
    url = Url(server.url("set/", user="user:secret", query="?token=secret#secret"))
    storage = RemoteStorage(url, QUICK)
    assert len(storage.names(lambda _: None)) == 4
    assert read(storage, "a/1.jpg") == b"one"
    assert server.credentials == {"Basic dXNlcjpzZWNyZXQ="}
    server.statuses["set/z.zip"] = [500] * 3
    for name in ("z.zip", "nowhere"):
        error = trouble(storage, name)
        assert "secret" not in repr(error)
    assert "secret" not in repr(storage)
    assert "secret" not in str(url) + repr(url) + os.fspath(url)


def test_a_storage_can_be_sent_to_another_machine(server: FileServer) -> None:
    storage = at(server, "set/")
    assert read(storage, "a/1.jpg") == read(pickle.loads(pickle.dumps(storage)), "a/1.jpg") == b"one"


@pytest.mark.parametrize("url", ["https://nowhere.invalid/x", "s3://bucket/x", "zip://::https://h.invalid/x"])
def test_the_network_is_left_alone_when_offline(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("FACELEAK_OFFLINE", "1")
    error = trouble(RemoteStorage(Url(url)))
    assert isinstance(error, RemoteError)
    assert str(error) == "it lies on another machine, and the network may not be used"
    assert error.advice == (
        "Take --faceleak-offline or FACELEAK_OFFLINE away, or give a path on this machine."
    )


def test_memory_is_read_when_offline(
    memory: fsspec.AbstractFileSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACELEAK_OFFLINE", "1")
    assert read(RemoteStorage(Url("memory://set/a/1.jpg"))) == b"one"


@pytest.mark.skipif(find_spec("s3fs") is not None, reason="s3fs is installed")
def test_a_package_that_is_not_installed() -> None:
    error = trouble(RemoteStorage(Url("s3://bucket/x")))
    assert isinstance(error, RemoteError)
    assert str(error) == "s3:// needs a package that is not installed"
    assert error.advice == "Install it with: pip install 'faceleak-check[remote]'."


@pytest.mark.skipif(find_spec("dropboxdrivefs") is not None, reason="dropboxdrivefs is installed")
def test_a_package_that_is_in_no_extra() -> None:
    error = trouble(RemoteStorage(Url("dropbox://x")))
    assert isinstance(error, RemoteError)
    assert str(error) == "dropbox:// needs a package that is not installed"
    assert error.advice.startswith("fsspec says: DropboxFileSystem requires")


def test_a_storage_that_nobody_knows() -> None:
    error = trouble(RemoteStorage(Url("s4://bucket/x")))
    assert isinstance(error, RemoteError)
    assert str(error) == "no storage is known by s4://"
    assert error.advice == "Expected s3://, gs://, hf://, https:// or another that fsspec knows."


class HalfClosed(MemoryFileSystem):
    """Files in memory that are listed folder by folder, with one that nobody may list."""

    protocol = "halfclosed"
    find = fsspec.AbstractFileSystem.find

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return super()._strip_protocol(path.removeprefix("halfclosed://"))

    def ls(self, path: str, detail: bool = True, **options: Any) -> Any:
        if path.endswith("/closed"):
            raise PermissionError("secret")
        return super().ls(path, detail, **options)


def test_a_folder_that_cannot_be_listed_is_not_passed_over(memory: fsspec.AbstractFileSystem) -> None:
    fsspec.register_implementation("halfclosed", HalfClosed, clobber=True)
    assert len(RemoteStorage(Url("halfclosed://set")).names(lambda _: None)) == 4
    memory.pipe("/set/closed/1.jpg", b"one")
    with pytest.raises(DeniedError, match=r"\Aaccess denied\Z"):
        RemoteStorage(Url("halfclosed://set")).names(lambda _: None)


class ClientError(Exception):
    """Shaped like botocore's."""

    def __init__(self, status: int) -> None:
        super().__init__("secret")
        self.response = {"ResponseMetadata": {"HTTPStatusCode": status}}


class HttpError(Exception):
    """Shaped like gcsfs's."""

    def __init__(self, code: int) -> None:
        super().__init__("secret")
        self.code = code


class NoCredentialsError(Exception):
    """Shaped like botocore's."""


class ReadTimeoutError(Exception):
    """Shaped like those of botocore and urllib3."""


def behind(outer: BaseException, inner: BaseException) -> BaseException:
    outer.__cause__ = inner
    return outer


@pytest.mark.parametrize(
    ("error", "reason", "may_pass"),
    [
        (ClientError(403), "access denied (HTTP 403)", False),
        (ClientError(404), "not found", False),
        (ClientError(503), "the server answered 503 Service Unavailable", True),
        (behind(PermissionError("secret"), ClientError(403)), "access denied (HTTP 403)", False),
        (
            behind(FileNotFoundError("secret"), ClientError(500)),
            "the server answered 500 Internal Server Error",
            True,
        ),
        (PermissionError("secret"), "access denied", False),
        (FileNotFoundError("secret"), "not found", False),
        (HttpError(404), "not found", False),
        (NoCredentialsError("secret"), "no credentials were found", False),
        (ReadTimeoutError("secret"), "no answer in time", True),
        (TimeoutError("secret"), "no answer in time", True),
        (socket.gaierror(socket.EAI_NONAME, "secret"), "the name of the host is not known", False),
        (
            ssl.SSLCertVerificationError("secret"),
            "the connection cannot be trusted: its certificate was refused",
            False,
        ),
        (ConnectionResetError("secret"), "the connection was lost", True),
        (OSError(errno.EIO, "secret"), "Input/output error", False),
        (ValueError("secret"), "the storage failed with ValueError", False),
    ],
)
def test_errors_of_all_clients_become_words_of_ours(
    error: BaseException, reason: str, may_pass: bool
) -> None:
    refusal = refusal_of(error)
    assert (refusal.reason, refusal.may_pass) == (reason, may_pass)
