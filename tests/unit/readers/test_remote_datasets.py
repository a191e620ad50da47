from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import fsspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from http_files import FileServer, serving
from recordio_files import RecordFile, insightface_records, jpeg
from scanned import PLACE, MakeDataset, scanned

from faceleak_check.errors import DatasetError
from faceleak_check.policy.schema import Columns, Dataset, Labels
from faceleak_check.policy.urls import Url
from faceleak_check.readers.archive.reader import ArchiveReader
from faceleak_check.readers.building import build_reader
from faceleak_check.readers.folder import FolderReader
from faceleak_check.readers.matches import MatchListReader
from faceleak_check.readers.parquet.reader import ParquetReader
from faceleak_check.readers.recordio.reader import RecordIoReader
from faceleak_check.readers.storage import remote
from faceleak_check.readers.storage.attempts import Attempts
from faceleak_check.records import ImageRef, ImageSet
from faceleak_check.store.listings import ListingStore

JPEG, PNG = b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n"
TREE = {
    "Ann/1.jpg": JPEG + b"1",
    "Ann/2 é&+.jpg": JPEG + b"2" * 700_000,
    "Bob/no suffix": PNG + b"3",
    "Bob/broken.jpg": b"",
    "Bob/page.jpg": b"<html>",
    "Bob/raw.heic": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
    "Bob/._1.jpg": b"\0\5\x16\7",
    "notes.txt": b"text" * 100_000,
}


@pytest.fixture
def server() -> Iterator[FileServer]:
    with serving({f"set/{name}": data for name, data in TREE.items()}) as files:
        yield files


@pytest.fixture
def memory() -> Iterator[fsspec.AbstractFileSystem]:
    files = fsspec.filesystem("memory")
    yield files
    files.store.clear()
    files.pseudo_dirs[:] = [""]


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses that a test can wait for."""
    monkeypatch.setattr(remote, "PATIENCE", Attempts(seconds=10, pauses=(0.01, 0.01)))


def scan(dataset: Dataset) -> ImageSet:
    return scanned(FolderReader, dataset)


def trouble(dataset: Dataset) -> tuple[str, str]:
    with pytest.raises(DatasetError) as caught:
        scan(dataset)
    return caught.value.message, caught.value.detail


def test_a_folder_is_the_same_here_and_elsewhere(
    dataset: MakeDataset, tmp_path: Path, server: FileServer, memory: fsspec.AbstractFileSystem
) -> None:
    for name, data in TREE.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
        memory.pipe(f"/set/{name}", data)
    here = scan(dataset(tmp_path))
    assert [image.id for image in here.images] == [
        "Ann/1.jpg",
        "Ann/2 é&+.jpg",
        "Bob/no suffix",
        "Bob/page.jpg",
    ]
    assert scan(dataset(Url(server.url("set/")))) == here
    assert scan(dataset(Url(server.url("set")))) == here
    assert scan(dataset(Url("memory://set"))) == here


def test_people_are_named_by_folders(dataset: MakeDataset, memory: fsspec.AbstractFileSystem) -> None:
    memory.pipe({f"/set/{name}": TREE[name] for name in ("Ann/1.jpg", "Bob/no suffix")})
    found = scan(dataset(Url("memory://set"), labels=Labels(kind="parent_folder")))
    assert found.images.labels == [("Ann",), ("Bob",)]


def test_images_are_read_again(dataset: MakeDataset, server: FileServer) -> None:
    reader = FolderReader(dataset(Url(server.url("set/"))))
    found = reader.scan(lambda *_: None)
    assert [reader.read(image) for image in found.images] == [TREE[image.id] for image in found.images]


def test_an_image_that_is_small_takes_one_request(dataset: MakeDataset, server: FileServer) -> None:
    scan(dataset(Url(server.url("set/"))))
    assert server.n_requests("set/Ann/1.jpg") == 1
    assert server.n_requests("set/notes.txt") == 1


def test_images_are_read_beside_each_other(dataset: MakeDataset, server: FileServer) -> None:
    server.files = {f"set/{n}.jpg": JPEG + bytes([n]) for n in range(32)}
    for name in server.files:
        server.silences[name] = [0.2]
    import time

    start = time.monotonic()
    assert len(scan(dataset(Url(server.url("set/")))).images) == 32
    assert time.monotonic() - start < 32 * 0.2 / 4


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (404, "the file cannot be read: not found"),
        (403, "the file cannot be read: access denied (HTTP 403)"),
        (500, "the file cannot be read: the server answered 500 Internal Server Error"),
    ],
)
def test_a_file_that_cannot_be_had_is_counted_and_hides_no_other(
    dataset: MakeDataset, server: FileServer, status: int, reason: str
) -> None:
    server.statuses["set/Ann/1.jpg"] = [status] * 9
    found = scan(dataset(Url(server.url("set/"))))
    assert {gone.id: gone.reason for gone in found.excluded if "Ann" in gone.id} == {"Ann/1.jpg": reason}
    assert [image.id for image in found.images] == ["Ann/2 é&+.jpg", "Bob/no suffix", "Bob/page.jpg"]


def test_a_connection_that_breaks_once_loses_nothing(dataset: MakeDataset, server: FileServer) -> None:
    whole = scan(dataset(Url(server.url("set/"))))
    server.drops["set/Ann/2 é&+.jpg"] = 1
    server.statuses["set/Ann/1.jpg"] = [500, 503]
    server.statuses["set/Ann/"] = [502]
    assert scan(dataset(Url(server.url("set/")))) == whole


def test_a_file_that_changes_after_it_was_listed_is_another(
    dataset: MakeDataset, memory: fsspec.AbstractFileSystem
) -> None:
    memory.pipe("/set/1.jpg", JPEG + b"1" * 100)
    reader = FolderReader(dataset(Url("memory://set")))
    walked = reader._folder.walk(lambda _: None)
    memory.pipe("/set/1.jpg", JPEG)
    gone = reader._folder.inspect(walked, 0)
    assert not isinstance(gone, str | ImageRef)
    assert gone.reason == "the file cannot be read: it changed while it was read"


def test_a_missing_folder(dataset: MakeDataset, server: FileServer) -> None:
    url = server.url("nowhere/", user="user:secret", query="?token=secret")
    for place, shown in ((url, server.url("nowhere/")), ("memory://nowhere", "memory://nowhere")):
        assert trouble(dataset(Url(place))) == (
            "dataset 'training' was not found",
            (
                f"{shown} {PLACE}\nNothing is there. Correct the path in the policy; a relative path starts at the "
                "policy's folder."
            ),
        )


@pytest.mark.parametrize("status", [403, 500])
@pytest.mark.parametrize("folder", ["set/", "set/Bob/"])
def test_a_folder_that_cannot_be_listed(
    dataset: MakeDataset, server: FileServer, folder: str, status: int
) -> None:
    server.statuses[folder] = [status] * 9
    words = {403: "access denied (HTTP 403)", 500: "the server answered 500 Internal Server Error"}[status]
    assert trouble(dataset(Url(server.url("set/", query="?token=secret")))) == (
        f"dataset 'training' cannot be listed ({words})",
        f"{server.url('set/')} {PLACE}\nGive this user the right to read it, or correct the path in the policy.",
    )


@pytest.mark.parametrize("place", ["memory", "http"])
def test_a_file_in_place_of_a_folder(
    dataset: MakeDataset, server: FileServer, memory: fsspec.AbstractFileSystem, place: str
) -> None:
    memory.pipe("/train.rec", b"")
    server.files["train.rec"] = b""
    url = "memory://train.rec" if place == "memory" else server.url("train.rec")
    assert trouble(dataset(Url(url))) == (
        "dataset 'training' is a file, expected a folder",
        f"{url} {PLACE}\nFor records of InsightFace or MXNet write format: recordio.",
    )


def test_the_network_is_left_alone_when_offline(
    dataset: MakeDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACELEAK_OFFLINE", "1")
    assert trouble(dataset(Url("https://user:secret@host.invalid/set/"))) == (
        "dataset 'training' cannot be listed (it lies on another machine, and the network may not be used)",
        (
            f"https://host.invalid/set/ {PLACE}\nTake --faceleak-offline or FACELEAK_OFFLINE away, or give a path "
            "on this machine."
        ),
    )


@pytest.fixture
def photographs(lfw_faces: list[npt.NDArray[np.uint8]]) -> list[bytes]:
    return [jpeg(face) for face in lfw_faces[:12]]


@pytest.mark.parametrize("path", ["set/train.rec", "set/"])
@pytest.mark.parametrize("ranges", [True, False])
def test_records_are_the_same_here_and_elsewhere(
    dataset: MakeDataset, tmp_path: Path, photographs: list[bytes], path: str, ranges: bool
) -> None:
    people = {name: photographs[4 * name : 4 * name + 4] for name in range(3)}
    records: RecordFile = insightface_records(people)
    records.write(tmp_path)
    here = RecordIoReader(dataset(tmp_path)).scan(lambda *_: None)
    assert len(here.images) == 12
    with serving({f"set/{file.name}": file.read_bytes() for file in tmp_path.iterdir()}) as server:
        server.ranges = ranges
        reader = RecordIoReader(dataset(Url(server.url(path))))
        assert reader.scan(lambda *_: None) == here
        some = [here.images[7], here.images[2]]
        for one in (reader, reader.part(some)):
            assert [hashlib.sha256(one.read(image)).hexdigest() for image in some] == [
                image.sha256 for image in some
            ]


def test_records_whose_neighbours_may_not_be_read(dataset: MakeDataset, photographs: list[bytes]) -> None:
    records = insightface_records({0: photographs[:2], 1: photographs[2:4]})
    with serving({"train.rec": bytes(records.data)}) as server:
        for name in ("train.idx", "train.lst", "train.tsv"):
            server.statuses[name] = [403] * 9
        found = RecordIoReader(dataset(Url(server.url("train.rec")))).scan(lambda *_: None)
    assert len(found.images) == 4


def test_records_that_cannot_be_had(dataset: MakeDataset) -> None:
    with serving({"train.rec": b""}) as server:
        server.statuses["train.rec"] = [500] * 9
        url = Url(server.url("train.rec", query="?token=secret"))
        with pytest.raises(DatasetError) as caught:
            RecordIoReader(dataset(url)).scan(lambda *_: None)
        assert caught.value.message == (
            "dataset 'training' cannot be listed (the server answered 500 Internal Server Error)"
        )
        assert caught.value.detail.startswith(f"{server.url('train.rec')} {PLACE}\n")


def test_an_archive_is_the_same_here_and_elsewhere(dataset: MakeDataset, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "faces.zip", "w") as archive:
        for name, data in TREE.items():
            archive.writestr(name, data)
    here = ArchiveReader(dataset(tmp_path / "faces.zip")).scan(lambda *_: None)
    with serving({"faces.zip": (tmp_path / "faces.zip").read_bytes()}) as server:
        reader = ArchiveReader(dataset(Url(server.url("faces.zip", query="?token=secret"))))
        assert reader.scan(lambda *_: None) == here
        assert [reader.read(image) for image in here.images] == [TREE[image.id] for image in here.images]


def test_shards_are_named_with_braces_in_a_url(dataset: MakeDataset) -> None:
    shards = {}
    for n in range(3):
        data = io.BytesIO()
        with zipfile.ZipFile(data, "w") as archive:
            archive.writestr("1.jpg", JPEG + bytes([n]))
        shards[f"s/x-{n:02}.zip"] = data.getvalue()
    with serving(shards) as server:
        url = f"http://127.0.0.1:{server.port}/s/x-{{00..02}}.zip?token=secret"
        found = ArchiveReader(dataset(Url(url))).scan(lambda *_: None)
    assert [image.id for image in found.images] == ["x-00.zip/1.jpg", "x-01.zip/1.jpg", "x-02.zip/1.jpg"]


def test_a_parquet_file_elsewhere(dataset: MakeDataset) -> None:
    data = io.BytesIO()
    pq.write_table(pa.table({"image": [{"bytes": JPEG + b"1", "path": "a.jpg"}]}), data)
    with serving({"x.parquet": data.getvalue()}) as server:
        reader = ParquetReader(dataset(Url(server.url("x.parquet"))))
        (image,) = reader.scan(lambda *_: None).images
        assert reader.read(image) == JPEG + b"1"


def test_a_match_list_and_labels_elsewhere(dataset: MakeDataset, server: FileServer) -> None:
    server.files["list.csv"] = b"generated,source,similarity\ng1,s1,0.5\n"
    columns = Columns(generated=("generated",), source=("source",), similarity="similarity")
    found = MatchListReader(dataset(Url(server.url("list.csv")), columns=columns)).read_matches(
        lambda *_: None
    )
    assert [image.id for image in found.matches.source] == ["s1"]
    server.files = {"set/a.jpg": JPEG, "l.csv": b"image,identity\na.jpg,Ann\n"}
    labels = Labels(kind="csv", csv=Url(server.url("l.csv")))
    assert scan(dataset(Url(server.url("set/")), labels=labels)).images.labels == [("Ann",)]


def test_labels_that_cannot_be_had(dataset: MakeDataset, server: FileServer) -> None:
    labels = Labels(kind="csv", csv=Url(server.url("l.csv", user="user:secret", query="?token=secret")))
    found = trouble(dataset(Url(server.url("set/")), labels=labels))
    assert found[0] == "the label file of dataset 'training' was not found"
    assert found[1].startswith(f"{server.url('l.csv')} {PLACE}\n")
    server.statuses["l.csv"] = [403] * 9
    found = trouble(dataset(Url(server.url("set/")), labels=labels))
    assert found[0] == "the label file of dataset 'training' cannot be read (access denied (HTTP 403))"


class Theirs:
    """A reader of another package."""

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset

    def read(self, image: ImageRef) -> bytes:
        return f"{image.id} of {self.dataset.path!r}".encode()


def test_a_reader_of_another_package_is_given_no_url_unless_it_takes_them(
    dataset: MakeDataset, tmp_path: Path
) -> None:
    theirs = replace(dataset(Url("https://user:secret@host/x")), format="theirs")
    with pytest.raises(DatasetError) as caught:
        build_reader(Theirs, theirs, ListingStore(tmp_path))
    assert str(caught.value) == (
        "dataset 'training' is a URL, and format 'theirs' of another package reads none\n"
        f"https://host/x {PLACE}\nGive a path on this machine."
    )
    Theirs.reads_urls = True
    reader = build_reader(Theirs, theirs, ListingStore(tmp_path))
    assert reader.read(ImageRef(id="a.png", sha256="0" * 64)) == f"a.png of {theirs.path!r}".encode()
