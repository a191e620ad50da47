from __future__ import annotations

import dataclasses
import os
import stat
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from http_files import FileServer, serving
from recordio_files import insightface_records
from scanned import MakeDataset

from faceleak_check.api import check
from faceleak_check.policy.schema import Dataset, Labels
from faceleak_check.policy.urls import Url
from faceleak_check.readers.archive.reader import ArchiveReader
from faceleak_check.readers.files import FileError
from faceleak_check.readers.folder import FolderReader
from faceleak_check.readers.folders import local
from faceleak_check.readers.folders.elsewhere import RemoteFolder
from faceleak_check.readers.folders.local import LocalFolder
from faceleak_check.readers.listings.packed import Watched
from faceleak_check.readers.packed.listing import PackedListing
from faceleak_check.readers.packed.member import Damage, Member, Other
from faceleak_check.readers.packed.reader import PackedReader
from faceleak_check.readers.parquet.reader import ParquetReader
from faceleak_check.readers.recordio.reader import RecordIoReader
from faceleak_check.readers.recordio.window import OpenRecords
from faceleak_check.readers.storage import local as local_storage
from faceleak_check.readers.storage.protocol import OpenFile
from faceleak_check.records import ImageSet
from faceleak_check.store.listings import ListingStore

Scan = Callable[..., ImageSet]

JPEG, PNG = b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n"
TREE = {
    b"a/1.jpg": JPEG + b"1",
    b"a/2.jpg": JPEG + b"2",
    b"a.b/broken.jpg": b"",
    b"latin-1 \xe9 \n.png": PNG,
    b"notes.txt": b"text",
    b"b/raw.heic": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
}
SETTLED = 0.05
POLICY = """\
version: 1
name: gate
datasets:
  generated: {path: generated}
  training: {path: training}
embedder: {name: fake-pixels}
checks:
  - leak_count: {generated: generated, source: training, threshold: {cosine: 0.99}, at_most: 0}
"""


@pytest.fixture(autouse=True)
def _settled_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files count as settled after a twentieth of a second, which a test can wait for."""
    for module in (local, local_storage):
        monkeypatch.setattr(module, "SETTLED_NS", int(SETTLED * 1e9))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder whose files are settled."""
    for name, data in TREE.items():
        path = Path(os.fsdecode(os.fsencode(tmp_path / "set") + b"/" + name))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    time.sleep(SETTLED)
    return tmp_path / "set"


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The files of folders that were read so far."""
    names: list[bytes] = []
    for kind in (LocalFolder, RemoteFolder):
        monkeypatch.setattr(kind, "inspect", noting(names, kind.inspect))
    return names


def noting(names: list[bytes], inspect: Callable[..., object]) -> Callable[..., object]:
    def noted(self: object, walked: local.Walked, row: int) -> object:
        names.append(walked.names[row])
        return inspect(self, walked, row)

    return noted


@pytest.fixture
def scan(tmp_path: Path, dataset: MakeDataset, read: list[bytes]) -> Scan:
    """Scans a folder with the store of the run before."""

    def run(path: Path | Url, **keys: object) -> ImageSet:
        read.clear()
        reader = FolderReader(dataset(path, **keys))
        reader.remember(ListingStore(tmp_path / "store"))
        return reader.scan(lambda *_: None)

    return run


def fresh(dataset: Dataset) -> ImageSet:
    """What one finds who remembers nothing."""
    return FolderReader(dataset).scan(lambda *_: None)


def kept_files(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "store").rglob("*.safetensors"))


def rewritten(path: Path, data: bytes) -> None:
    """Writes other bytes of the same length, and puts the time of modification back."""
    before = path.stat()
    with path.open("r+b") as file:
        file.write(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = path.stat()
    assert (after.st_ino, after.st_size, after.st_mtime_ns) == (
        before.st_ino,
        before.st_size,
        before.st_mtime_ns,
    )


def test_nothing_is_read_twice(scan: Scan, dataset: MakeDataset, folder: Path, read: list[bytes]) -> None:
    first = scan(folder)
    assert sorted(read) == sorted(TREE)
    second = scan(folder)
    assert read == []
    assert first == second == fresh(dataset(folder))
    assert (len(first.images), len(first.excluded), first.n_other_files) == (3, 2, {".txt": 1})


def test_a_second_run_of_a_policy_lists_and_looks_no_more(
    tmp_path: Path, write_set: Callable[..., Path], read: list[bytes]
) -> None:
    write_set(tmp_path / "generated", [f"{n}.png" for n in range(4)], seed=1)
    write_set(tmp_path / "training", [f"{n}.png" for n in range(4)], seed=2)
    (tmp_path / "p.yaml").write_text(POLICY, encoding="utf-8")
    time.sleep(SETTLED)
    first = check(tmp_path / "p.yaml", store=tmp_path / "store")
    assert first.passed
    assert len(read) == 8
    read.clear()
    assert check(tmp_path / "p.yaml", store=tmp_path / "store").verdicts == first.verdicts
    assert read == []


def test_labels_and_names_of_datasets_are_found_anew(scan: Scan, folder: Path, read: list[bytes]) -> None:
    scan(folder)
    (folder / os.fsdecode(b"latin-1 \xe9 \n.png")).unlink()
    found = scan(folder, labels=Labels(kind="parent_folder"))
    assert read == []
    assert found.images.labels == [("a",), ("a",)]


def test_an_altered_file_is_read_though_length_and_time_are_the_same(
    scan: Scan, dataset: MakeDataset, folder: Path, read: list[bytes]
) -> None:
    before = scan(folder)
    rewritten(folder / "a/1.jpg", JPEG + b"X")
    after = scan(folder)
    assert read == [b"a/1.jpg"]
    assert after == fresh(dataset(folder)) != before


def test_a_file_that_another_was_moved_over_is_read(
    scan: Scan, dataset: MakeDataset, folder: Path, read: list[bytes]
) -> None:
    scan(folder)
    other = folder / "a/other"
    other.write_bytes(JPEG + b"X")
    was = (folder / "a/1.jpg").stat()
    os.utime(other, ns=(was.st_atime_ns, was.st_mtime_ns))
    other.replace(folder / "a/1.jpg")
    assert scan(folder) == fresh(dataset(folder))
    assert read[:1] == [b"a/1.jpg"]


def test_a_file_that_was_just_written_is_read_again(
    scan: Scan, dataset: MakeDataset, folder: Path, read: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    settled = max(file.stat().st_ctime_ns for file in folder.rglob("*")) + local.SETTLED_NS
    monkeypatch.setattr(time, "time_ns", lambda: settled)
    scan(folder)
    (folder / "a/3.jpg").write_bytes(JPEG + b"3")
    for _ in range(2):  # another write might give it the same times, as long as they are so young
        found = scan(folder)
        assert read == [b"a/3.jpg"]
    assert found == fresh(dataset(folder))


def test_git_s_two_seconds_are_kept() -> None:
    # in another process: here the tests have made them fewer
    text = "from faceleak_check.readers.storage.local import SETTLED_NS; print(SETTLED_NS)"
    told = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True).stdout
    assert told == "2000000000\n"


def test_a_file_of_the_future_is_read_again(scan: Scan, folder: Path, read: list[bytes]) -> None:
    later = time.time() + 3600
    os.utime(folder / "a/1.jpg", (later, later))
    scan(folder)
    scan(folder)
    assert read == [b"a/1.jpg"]


def test_only_what_is_new_is_read(scan: Scan, dataset: MakeDataset, folder: Path, read: list[bytes]) -> None:
    scan(folder)
    (folder / "a/0.jpg").write_bytes(JPEG + b"0")
    (folder / "z.jpg").write_bytes(JPEG + b"z")
    (folder / "a/2.jpg").unlink()
    (folder / "b").rename(folder / "c")
    found = scan(folder)
    assert sorted(read) == [b"a/0.jpg", b"c/raw.heic", b"z.jpg"]
    assert found == fresh(dataset(folder))
    time.sleep(SETTLED)
    scan(folder)
    scan(folder)
    assert read == []


def test_a_link_is_read_every_time(scan: Scan, dataset: MakeDataset, folder: Path, read: list[bytes]) -> None:
    (folder / "link.jpg").symlink_to("a/1.jpg")
    (folder / "broken-link.jpg").symlink_to("nowhere.jpg")
    time.sleep(SETTLED)
    scan(folder)
    scan(folder)
    assert sorted(read) == [b"broken-link.jpg", b"link.jpg"]
    rewritten(folder / "a/1.jpg", JPEG + b"X")
    assert scan(folder) == fresh(dataset(folder))


def test_what_could_not_be_opened_is_tried_again(
    scan: Scan, folder: Path, read: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    from faceleak_check.readers import files

    monkeypatch.setattr(files, "MAX_FILE_BYTES", 4)
    lost = scan(folder)
    assert "it is larger than 4 bytes" in [gone for one in lost.excluded if (gone := one.reason[-25:])]
    monkeypatch.undo()
    assert len(scan(folder).images) == 3


@pytest.mark.parametrize("damage", ["cut", "flipped", "foreign", "empty", "text"])
def test_a_damaged_listing_is_passed_over_and_made_anew(
    scan: Scan, tmp_path: Path, folder: Path, read: list[bytes], damage: str
) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "1.jpg").write_bytes(JPEG)
    whole = scan(folder)
    (kept,) = kept_files(tmp_path)
    data = kept.read_bytes()
    if damage == "foreign":
        time.sleep(SETTLED)
        scan(tmp_path / "other")
        (other,) = set(kept_files(tmp_path)) - {kept}
        kept.write_bytes(other.read_bytes())
    else:
        place = len(data) - 20
        kinds = {"cut": data[:-9], "empty": b"", "text": b"no listing at all"}
        flipped = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
        kept.write_bytes(kinds.get(damage, flipped))
    assert scan(folder) == whole
    assert sorted(read) == sorted(TREE)
    assert scan(folder) == whole
    assert read == []


def test_listings_are_private(scan: Scan, tmp_path: Path, folder: Path) -> None:
    scan(folder)
    (kept,) = kept_files(tmp_path)
    assert kept.parent.name == "listings"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert {stat.S_IMODE(one.stat().st_mode) for one in (kept.parent, *kept.parents[1:3])} == {0o700}


def test_an_unchanged_listing_is_not_written_again(scan: Scan, tmp_path: Path, folder: Path) -> None:
    scan(folder)
    (kept,) = kept_files(tmp_path)
    before = kept.stat()
    scan(folder)
    assert (kept.stat().st_ino, kept.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_store_that_cannot_be_written_hinders_nobody(
    scan: Scan, tmp_path: Path, folder: Path, read: list[bytes]
) -> None:
    (tmp_path / "store").write_bytes(b"a file where a folder should be")
    assert scan(folder) == scan(folder)
    assert sorted(read) == sorted(TREE)


def test_members_of_an_archive_elsewhere_are_known_by_their_checksums(
    scan: Scan, folder: Path, read: list[bytes]
) -> None:
    memory = fsspec.filesystem("memory")
    try:
        for last in (b"1", b"2"):
            with zipfile.ZipFile(folder / "x.zip", "w") as archive:
                archive.writestr("a.jpg", JPEG + b"a")
                archive.writestr("b.jpg", JPEG + last)
            memory.pipe("/x.zip", (folder / "x.zip").read_bytes())
            scan(Url("zip://::memory://x.zip"))
            assert read == ([b"a.jpg", b"b.jpg"] if last == b"1" else [b"b.jpg"])
            scan(Url("zip://::memory://x.zip"))
            assert read == []
    finally:
        memory.store.clear()


def test_files_without_a_version_are_read_every_time(scan: Scan, read: list[bytes]) -> None:
    with serving({"set/a.jpg": JPEG}) as server:
        scan(Url(server.url("set/")))
        scan(Url(server.url("set/")))
    assert read == [b"a.jpg"]


# Large files


def zip_of(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many bytes were read from large files while they were listed."""
    lengths: list[int] = []

    def noted(self: Watched, start: int, n_bytes: int) -> bytes:
        lengths.append(n_bytes)
        return original(self, start, n_bytes)

    original = Watched.read
    monkeypatch.setattr(Watched, "read", noted)
    records = OpenRecords._read

    def read_records(self: OpenRecords, start: int, n_bytes: int) -> bytes:
        lengths.append(n_bytes)
        return records(self, start, n_bytes)

    monkeypatch.setattr(OpenRecords, "_read", read_records)
    return lengths


def listed(tmp_path: Path, reader: PackedReader | RecordIoReader) -> ImageSet:
    reader.remember(ListingStore(tmp_path / "store"))
    return reader.scan(lambda *_: None)


@pytest.fixture(params=["archive", "archives", "parquet", "recordio"])
def make(
    request: pytest.FixtureRequest, tmp_path: Path, dataset: MakeDataset
) -> Callable[[], PackedReader | RecordIoReader]:
    """Makes a reader of large files of some format."""
    path = tmp_path / "set"
    path.mkdir()
    images = {"a/1.jpg": JPEG + b"1", "b/2 é.jpg": JPEG + b"2", "b/0.jpg": b"", "x.txt": b"text"}
    kind, labels = ArchiveReader, Labels(kind="none")
    if request.param == "archive":
        path = zip_of(path / "x.zip", images)
    elif request.param == "archives":
        zip_of(path / "x.zip", images)
        zip_of(path / "y.zip", {"1.jpg": JPEG + b"3"})
    elif request.param == "parquet":
        kind = ParquetReader
        rows = [{"bytes": data, "path": name} for name, data in images.items()]
        pq.write_table(pa.table({"image": rows}), path / "x.parquet")
    else:
        kind, labels = RecordIoReader, Labels(kind="own")
        insightface_records({0: [JPEG + b"1", JPEG + b"2"], 1: [JPEG + b"3", b""]}).write(path)
    time.sleep(SETTLED)
    return lambda: kind(dataset(path, labels=labels))


def test_large_files_are_read_once(
    make: Callable[[], PackedReader | RecordIoReader], tmp_path: Path, reads: list[int]
) -> None:
    first = listed(tmp_path, make())
    assert reads
    reads.clear()
    reader = make()
    second = listed(tmp_path, reader)
    assert reads == []
    assert first == second == make().scan(lambda *_: None)
    part = reader.part(list(second.images))
    for image in second.images:
        assert reader.read(image) == part.read(image)


def test_an_altered_large_file_is_read_though_length_and_time_are_the_same(
    make: Callable[[], PackedReader | RecordIoReader], tmp_path: Path
) -> None:
    listed(tmp_path, make())
    (path, *_) = sorted(file for file in (tmp_path / "set").rglob("*") if file.suffix != ".idx")
    data = path.read_bytes()
    rewritten(path, data.replace(JPEG + b"1", JPEG + b"X"))
    again = make().scan(lambda *_: None)
    assert listed(tmp_path, make()) == again


def test_a_large_file_that_was_just_written_is_read_again(
    make: Callable[[], PackedReader | RecordIoReader],
    tmp_path: Path,
    reads: list[int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(local_storage, "SETTLED_NS", 10**18)
    listed(tmp_path, make())
    reads.clear()
    listed(tmp_path, make())
    assert reads
    assert kept_files(tmp_path) == []


def test_another_way_to_read_is_another_listing(
    tmp_path: Path, dataset: MakeDataset, reads: list[int]
) -> None:
    path = zip_of(tmp_path / "x.zip", {"a/1.jpg": JPEG})
    time.sleep(SETTLED)
    listed(tmp_path, ArchiveReader(dataset(path)))
    listed(tmp_path, ArchiveReader(dataclasses.replace(dataset(path), labels=Labels(kind="parent_folder"))))
    assert len(kept_files(tmp_path)) == 2


def test_the_file_beside_the_archives_are_counted_anew(tmp_path: Path, dataset: MakeDataset) -> None:
    (tmp_path / "set").mkdir()
    for name in ("x.zip", "y.zip"):
        zip_of(tmp_path / "set" / name, {"1.jpg": JPEG + name.encode()})
    time.sleep(SETTLED)
    assert listed(tmp_path, ArchiveReader(dataset(tmp_path / "set"))).n_other_files == {}
    (tmp_path / "set" / "notes.txt").write_bytes(b"text")
    assert listed(tmp_path, ArchiveReader(dataset(tmp_path / "set"))).n_other_files == {".txt": 1}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[FileServer]:
    files = {
        f"{n}.zip": zip_of(tmp_path / "x.zip", {"1.jpg": JPEG + bytes([n])}).read_bytes() for n in range(2)
    }
    with serving(files) as server:
        yield server


def shards(
    server: FileServer, dataset: MakeDataset, kind: type[ArchiveReader] = ArchiveReader
) -> ArchiveReader:
    return kind(dataset(Url(f"http://127.0.0.1:{server.port}/{{0..1}}.zip")))


def test_archives_elsewhere_are_known_by_their_tags(
    tmp_path: Path, dataset: MakeDataset, server: FileServer, reads: list[int]
) -> None:
    first = listed(tmp_path, shards(server, dataset))
    assert reads
    reads.clear()
    assert listed(tmp_path, shards(server, dataset)) == first
    assert reads == []
    server.files["1.zip"] = server.files["0.zip"]
    assert listed(tmp_path, shards(server, dataset)) != first
    server.tags = False
    reads.clear()
    listed(tmp_path, shards(server, dataset))
    assert reads


class Patient(ArchiveReader):
    """Goes on where a part of a file cannot be read."""

    __module__ = "faceleak_check.readers.patient"

    def _walk(self, file: OpenFile) -> Iterator[Member | Other | Damage]:
        try:
            yield from super()._walk(file)
        except FileError as error:
            yield Damage(name="the rest", reason=str(error))


@pytest.mark.parametrize("kind", [ArchiveReader, Patient])
def test_what_could_not_be_read_is_not_remembered(
    tmp_path: Path,
    dataset: MakeDataset,
    server: FileServer,
    monkeypatch: pytest.MonkeyPatch,
    kind: type[ArchiveReader],
) -> None:
    whole = listed(tmp_path, shards(server, dataset, kind))
    (kept,) = kept_files(tmp_path)
    kept.unlink()
    read = Watched.read

    def broken(self: Watched, start: int, n_bytes: int) -> bytes:
        self._file = Broken()
        return read(self, start, n_bytes)

    monkeypatch.setattr(Watched, "read", broken)
    lost = listed(tmp_path, shards(server, dataset, kind))
    assert "the connection was lost" in lost.excluded[0].reason
    monkeypatch.undo()
    assert kept_files(tmp_path) == []
    assert listed(tmp_path, shards(server, dataset, kind)) == whole
    assert len(kept_files(tmp_path)) == 1


class Broken:
    """A file whose server went away."""

    n_bytes, identity, is_settled = 0, "", True

    def read(self, start: int, n_bytes: int) -> bytes:
        raise FileError("the connection was lost")


def test_readers_of_other_packages_read_every_time(
    tmp_path: Path, dataset: MakeDataset, reads: list[int]
) -> None:
    class Theirs(ArchiveReader):
        """A reader whose rules nobody here knows."""

    path = zip_of(tmp_path / "x.zip", {"1.jpg": JPEG})
    time.sleep(SETTLED)
    for _ in range(2):
        reads.clear()
        listed(tmp_path, Theirs(dataset(path)))
        assert reads


def test_a_listing_knows_all_of_its_columns() -> None:
    """One that is added must be kept as well: see readers/listings/packed.py."""
    assert {field.name for field in dataclasses.fields(PackedListing)} == {
        "ids",
        "paths",
        "digests",
        "files",
        "places",
        "people",
        "excluded",
        "n_other_files",
    }


def test_a_key_holds_for_one_version_of_the_readers(tmp_path: Path) -> None:
    from faceleak_check.readers.listings.keys import key_of

    assert key_of("/set", ["folder"]) == key_of("/set", ["folder"])
    assert len({key_of("/set", ["folder"]), key_of("/set2", ["folder"]), key_of("/set", ["archive"])}) == 3


def test_columns_come_back_as_they_were(tmp_path: Path) -> None:
    store = ListingStore(tmp_path)
    columns = {"names": np.zeros(0, np.uint8), "marks": np.arange(10).reshape(2, 5)[:, ::2]}
    store.keep("ab", columns)
    found = store.recall("ab")
    assert found is not None
    assert {name: column.tolist() for name, column in found.items()} == {
        "names": [],
        "marks": [[0, 2, 4], [5, 7, 9]],
    }
    assert store.recall("cd") is None
