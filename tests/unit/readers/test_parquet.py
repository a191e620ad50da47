from __future__ import annotations

import hashlib
import pickle
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from parquet_files import IMAGE, JPEG, hugging_face, images_of, write_parquet
from scanned import MakeDataset

from faceleak_check.policy.schema import Dataset, Labels, ParquetColumns
from faceleak_check.readers.parquet.reader import ParquetReader
from faceleak_check.records import Exclusion, ImageRef, ImageSet

ONLY_PATH = (
    "its row holds no image, but at most the path of one: embed the image files when you write the set"
)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def contents(n: int, size: int = 40, seed: int = 1) -> list[bytes]:
    random = np.random.default_rng(seed)
    return [JPEG + random.bytes(int(random.integers(1, size))) for _ in range(n)]


@pytest.fixture
def parquet(dataset: MakeDataset, tmp_path: Path) -> Callable[..., Dataset]:
    """The dataset of a file, a folder or a pattern in the test's folder."""

    def make(name: str = "set.parquet", labels: Labels | None = None, **columns: str) -> Dataset:
        labels = labels or Labels(kind="own" if "identity" in columns else "none")
        keys = ParquetColumns(**columns) if columns else None
        return replace(dataset(tmp_path / name, labels=labels), format="parquet", image_columns=keys)

    return make


Parquet = Callable[..., Dataset]


def scanned(dataset: Dataset) -> tuple[ParquetReader, ImageSet]:
    reader = ParquetReader(dataset)
    found = reader.scan(lambda *_: None)
    for image in found.images:
        assert sha256(reader.read(image)) == image.sha256
    return reader, found


def test_a_hugging_face_set(parquet: Parquet, tmp_path: Path) -> None:
    images = contents(3)
    table = pa.table({"image": images_of(images), "label": [1, 0, 1]})
    features = {
        "image": {"_type": "Image"},
        "label": {"_type": "ClassLabel", "names": ["Ann", "Bob"]},
    }
    write_parquet(tmp_path / "set.parquet", hugging_face(table, features))
    _, found = scanned(parquet(identity="label"))
    assert found == ImageSet(
        name="training",
        images=tuple(
            ImageRef(id=f"000{n}.jpg", sha256=sha256(image), labels=(person,))
            for n, (image, person) in enumerate(zip(images, ["Bob", "Ann", "Bob"], strict=True))
        ),
    )
    _, unlabelled = scanned(parquet())
    assert [image.labels for image in unlabelled.images] == [(), (), ()]


@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary(), pa.struct([("bytes", pa.large_binary())])])
def test_a_column_of_bytes(parquet: Parquet, tmp_path: Path, kind: Any) -> None:
    images = contents(3)
    rows = [{"bytes": image} for image in images] if pa.types.is_struct(kind) else images
    write_parquet(tmp_path / "set.parquet", {"n": [5, 6, 7], "picture": pa.array(rows, kind)})
    _, found = scanned(parquet())
    assert [(image.id, image.sha256) for image in found.images] == [
        (f"row 0000000{n}", sha256(image)) for n, image in enumerate(images)
    ]


@pytest.mark.parametrize("paths", [["a.jpg", "a.jpg", "b.jpg"], ["a.jpg", None, "b.jpg"], ["a", "", "b"]])
def test_rows_are_numbered_where_paths_do_not_tell_them_apart(
    parquet: Parquet, tmp_path: Path, paths: list[str | None]
) -> None:
    write_parquet(tmp_path / "set.parquet", {"image": images_of(contents(3), paths)}, row_group_size=2)
    _, found = scanned(parquet())
    assert [image.id for image in found.images] == ["row 00000000", "row 00000001", "row 00000002"]


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        (["c", "a", "b"], ["a", "b", "c"]),
        ([30, 1, 2], ["1", "2", "30"]),
        (["a", None, "a"], ["a", "a (2)", "row 00000001"]),
        (pa.array(["x", "y", "x"]).dictionary_encode(), ["x", "x (2)", "y"]),
        (["", "é/1.jpg", "\x1b"], ["\x1b", "row 00000000", "é/1.jpg"]),
    ],
)
def test_ids_of_a_column(parquet: Parquet, tmp_path: Path, ids: Any, expected: list[str]) -> None:
    write_parquet(tmp_path / "set.parquet", {"image": images_of(contents(3)), "name": ids})
    _, found = scanned(parquet(id="name"))
    assert [image.id for image in found.images] == expected


def test_text_that_is_not_utf8_stays_what_it_is(parquet: Parquet, tmp_path: Path) -> None:
    names = pa.array([b"caf\xe9", b"b"]).view(pa.string())
    write_parquet(tmp_path / "set.parquet", {"image": images_of(contents(2)), "name": names, "who": names})
    _, found = scanned(parquet(id="name", identity="who"))
    assert [(image.id, image.labels) for image in found.images] == [
        ("b", ("b",)),
        ("caf\udce9", ("caf\udce9",)),
    ]


@pytest.mark.parametrize(
    ("people", "expected"),
    [
        (["Ann", "Bob", "Ann"], ["Ann", "Bob", "Ann"]),
        ([7, 0, 7], ["7", "0", "7"]),
        (pa.array(["x", "y", "x"]).dictionary_encode(), ["x", "y", "x"]),
        (pa.array([1, 2, 3], pa.uint8()), ["1", "2", "3"]),
    ],
)
def test_people_of_a_column(parquet: Parquet, tmp_path: Path, people: Any, expected: list[str]) -> None:
    write_parquet(tmp_path / "set.parquet", {"image": images_of(contents(3)), "who": people})
    _, found = scanned(parquet(identity="who"))
    assert [image.labels for image in found.images] == [(person,) for person in expected]


def test_a_number_without_a_name_of_its_own_is_the_person(parquet: Parquet, tmp_path: Path) -> None:
    table = pa.table({"image": images_of(contents(2)), "label": [1, 9]})
    features = {"label": {"_type": "ClassLabel", "names": ["Ann", "Bob"]}}
    write_parquet(tmp_path / "set.parquet", hugging_face(table, features))
    _, found = scanned(parquet(identity="label"))
    assert [image.labels for image in found.images] == [("Bob",), ("9",)]


def test_the_column_that_is_said_to_hold_images_is_taken(parquet: Parquet, tmp_path: Path) -> None:
    table = pa.table({"mask": images_of(contents(2, seed=2)), "image": images_of(contents(2))})
    write_parquet(tmp_path / "set.parquet", hugging_face(table, {"image": {"_type": "Image"}, "mask": {}}))
    _, found = scanned(parquet())
    assert [image.sha256 for image in found.images] == [sha256(image) for image in contents(2)]
    _, other = scanned(parquet(image="mask"))
    assert [image.sha256 for image in other.images] == [sha256(image) for image in contents(2, seed=2)]


@pytest.mark.parametrize(
    "written",
    ["{", "[]", '{"info": 5}', '{"info": {"features": []}}', '{"info": {"features": {"image": []}}}'],
)
def test_what_hugging_face_did_not_write_is_passed_over(
    parquet: Parquet, tmp_path: Path, written: str
) -> None:
    table = pa.table({"image": images_of(contents(2)), "label": [0, 1]})
    write_parquet(tmp_path / "set.parquet", table.replace_schema_metadata({"huggingface": written}))
    _, found = scanned(parquet(identity="label"))
    assert [image.labels for image in found.images] == [("0",), ("1",)]


def test_rows_without_an_image_are_counted(parquet: Parquet, tmp_path: Path) -> None:
    image, other = contents(2)
    rows = [{"bytes": image, "path": "a"}, None, {"bytes": None, "path": "b"}, {"bytes": b"", "path": "c"}]
    write_parquet(
        tmp_path / "set.parquet", {"image": pa.array(rows, IMAGE), "bare": [image, None, b"", other]}
    )
    _, found = scanned(parquet(image="image"))
    assert [one.id for one in found.images] == ["row 00000000"]
    assert found.excluded == (
        Exclusion(id="row 00000001", rule="unreadable", reason=ONLY_PATH),
        Exclusion(id="row 00000002", rule="unreadable", reason=ONLY_PATH),
        Exclusion(id="row 00000003", rule="unreadable", reason="the file is empty", sha256=sha256(b"")),
    )
    _, bare = scanned(parquet(image="bare"))
    assert [one.id for one in bare.images] == ["row 00000000", "row 00000003"]
    assert bare.excluded[0] == Exclusion(
        id="row 00000001", rule="unreadable", reason="its row holds no image"
    )


def test_labels_of_a_table(parquet: Parquet, tmp_path: Path) -> None:
    write_parquet(tmp_path / "set.parquet", {"image": images_of(contents(2))})
    (tmp_path / "labels.csv").write_text("image,identity\n0000.jpg,Ann\n0001.jpg,Bob\n")
    _, found = scanned(parquet(labels=Labels(kind="csv", csv=tmp_path / "labels.csv")))
    assert [image.labels for image in found.images] == [("Ann",), ("Bob",)]


def test_a_folder_of_files_is_one_set(parquet: Parquet, tmp_path: Path) -> None:
    images = contents(5)
    write_parquet(tmp_path / "set" / "b.parquet", {"image": images_of(images[:2])})
    write_parquet(tmp_path / "set" / "a" / "x.PARQUET", {"image": images_of(images[2:4])})
    write_parquet(tmp_path / "set" / "c.parquet", {"picture": images_of(images[4:])})
    write_parquet(tmp_path / "set" / "none.parquet", {"image": images_of([])})
    (tmp_path / "set" / "README.md").write_text("no rows")
    _, found = scanned(parquet("set"))
    assert [image.id for image in found.images] == [
        "a/x.PARQUET/0000.jpg",
        "a/x.PARQUET/0001.jpg",
        "b.parquet/0000.jpg",
        "b.parquet/0001.jpg",
        "c.parquet/0000.jpg",
    ]
    assert found.excluded == ()


def test_a_path_with_braces(parquet: Parquet, tmp_path: Path) -> None:
    for number in range(3):
        images = images_of(contents(1, seed=number))
        write_parquet(tmp_path / f"train-{number:05d}-of-00003.parquet", {"image": images})
    _, found = scanned(parquet("train-{00001..00002}-of-00003.parquet"))
    assert [image.id for image in found.images] == [
        "train-00001-of-00003.parquet/0000.jpg",
        "train-00002-of-00003.parquet/0000.jpg",
    ]


@pytest.mark.parametrize("compression", ["none", "snappy", "zstd", "gzip", "brotli", "lz4"])
@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_however_it_was_written(parquet: Parquet, tmp_path: Path, compression: str, version: str) -> None:
    images = contents(50, 3000) + [contents(1)[0]] * 20
    options = {"compression": compression, "data_page_version": version, "data_page_size": 1000}
    write_parquet(
        tmp_path / "set.parquet",
        {"image": images_of(images)},
        row_group_size=16,
        write_batch_size=3,
        **options,
    )
    _, found = scanned(parquet())
    assert [image.sha256 for image in found.images] == [sha256(image) for image in images]


@pytest.fixture
def large(tmp_path: Path) -> list[bytes]:
    """A set of two row groups of 24 MB, and so of several windows each."""
    random = np.random.default_rng(7)
    images = [JPEG + random.bytes(400_000) for _ in range(120)]
    write_parquet(tmp_path / "set.parquet", {"image": images_of(images)}, row_group_size=60)
    return images


def test_rows_are_read_in_any_order(parquet: Parquet, large: Sequence[bytes]) -> None:
    reader = ParquetReader(parquet())
    found = reader.scan(lambda *_: None)
    for n in [119, 0, 59, 60, 3, 118, *np.random.default_rng(3).permutation(120)[:20].tolist()]:
        assert reader.read(found.images[n]) == large[n]


class _CountingFile:
    def __init__(self, file: Any) -> None:
        self._file = file
        self.n_bytes, self.identity, self.n_bytes_read = file.n_bytes, file.identity, 0

    def read(self, start: int, n_bytes: int) -> bytes:
        data: bytes = self._file.read(start, n_bytes)
        self.n_bytes_read += len(data)
        return data


class _CountingReader(ParquetReader):
    n_bytes_read = 0

    def _read(self, file: Any, name: str, place: Any) -> bytes:
        counting = _CountingFile(file)
        data = super()._read(counting, name, place)  # type: ignore[arg-type]
        self.n_bytes_read += counting.n_bytes_read
        return data


def test_rows_are_decoded_once_as_long_as_they_are_read_in_order(
    parquet: Parquet, large: Sequence[bytes]
) -> None:
    reader = _CountingReader(parquet())
    for image in reader.scan(lambda *_: None).images:
        reader.read(image)
    assert sum(map(len, large)) < reader.n_bytes_read < 1.01 * sum(map(len, large)) + 2_000_000


def test_many_threads_read_at_once(parquet: Parquet, large: Sequence[bytes]) -> None:
    reader = ParquetReader(parquet())
    found = reader.scan(lambda *_: None)
    start = threading.Barrier(6)

    def read_some(thread: int) -> bool:
        start.wait()
        return all(reader.read(found.images[n]) == large[n] for n in range(thread, 120, 6))

    with ThreadPoolExecutor(6) as threads:
        assert all(threads.map(read_some, range(6)))


def test_a_part_reads_alike_in_another_process(parquet: Parquet, large: Sequence[bytes]) -> None:
    reader = ParquetReader(parquet())
    found = reader.scan(lambda *_: None)
    reader.read(found.images[70])
    sent = pickle.dumps(reader.part(found.images[70:73]))
    assert len(sent) < 5000
    part = pickle.loads(sent)
    assert [part.read(image) for image in found.images[70:73]] == large[70:73]


def test_only_the_columns_that_are_wanted_are_read(parquet: Parquet, tmp_path: Path) -> None:
    other = [np.random.default_rng(n).bytes(300_000) for n in range(10)]
    write_parquet(tmp_path / "set.parquet", {"other": other, "image": images_of(contents(10))})
    path = tmp_path / "set.parquet"
    damaged = bytearray(path.read_bytes())
    damaged[1000:2_900_000] = bytes(len(damaged[1000:2_900_000]))
    path.write_bytes(damaged)
    assert pq.read_metadata(path).num_rows == 10
    _, found = scanned(parquet(image="image"))
    assert len(found.images) == 10


def test_progress_ends_with_all_images(parquet: Parquet, tmp_path: Path) -> None:
    write_parquet(tmp_path / "set.parquet", {"image": images_of(contents(3))})
    calls: list[tuple[str, int, int]] = []
    ParquetReader(parquet()).scan(lambda *call: calls.append(call))
    assert calls == [("listing training", 3, 3)]
