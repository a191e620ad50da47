from __future__ import annotations

import hashlib
import pickle
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import lmdb
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lmdb_files import JPEG, NEW, OLD, write_lmdb
from scanned import MakeDataset

from faceleak_check.policy.schema import Dataset, Labels
from faceleak_check.readers.lmdb.reader import LmdbReader
from faceleak_check.records import ImageRef, ImageSet

OWN = Labels(kind="own")
SIZES = (1, 100, 2000, 2020, 2030, 2040, 4060, 4096, 5000, 70_000)
"""Values up to half a page lie in the leaf, the others in pages of their own."""


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def contents(n: int, seed: int = 1) -> list[bytes]:
    random = np.random.default_rng(seed)
    return [JPEG + random.bytes(SIZES[number % len(SIZES)]) for number in range(n)]


@pytest.fixture
def environment(dataset: MakeDataset, tmp_path: Path) -> Callable[..., Dataset]:
    """The dataset of an environment in the test's folder."""

    def make(name: str = "set", labels: Labels | None = None) -> Dataset:
        return replace(dataset(tmp_path / name, labels=labels or Labels(kind="none")), format="lmdb")

    return make


Environment = Callable[..., Dataset]


def scanned(dataset: Dataset) -> tuple[LmdbReader, ImageSet]:
    reader = LmdbReader(dataset)
    found = reader.scan(lambda *_: None)
    for image in found.images:
        assert sha256(reader.read(image)) == image.sha256
    return reader, found


@pytest.mark.parametrize("library", [OLD, NEW])
@pytest.mark.parametrize("subdir", [True, False])
@pytest.mark.parametrize("n", [1, 3, 50, 1000])
def test_keys_are_ids(environment: Environment, tmp_path: Path, library: int, subdir: bool, n: int) -> None:
    images = {f"{number:05d}.jpg": image for number, image in enumerate(contents(n))}
    entries = {key.encode(): image for key, image in images.items()}
    write_lmdb(tmp_path / "set", entries, library=library, subdir=subdir)
    _, found = scanned(environment())
    assert found == ImageSet(
        name="training", images=tuple(ImageRef(id=name, sha256=sha256(one)) for name, one in images.items())
    )


def test_keys_that_are_no_text_are_shown_in_digits(environment: Environment, tmp_path: Path) -> None:
    keys = [b"\x00\x00\x00\x07", b"a\nb", b"caf\xe9", "é/1.jpg".encode()]
    write_lmdb(tmp_path / "set", dict(zip(keys, contents(4), strict=True)))
    _, found = scanned(environment())
    assert [image.id for image in found.images] == ["0x00000007", "0x610a62", "caf\udce9", "é/1.jpg"]


@pytest.mark.parametrize("library", [OLD, NEW])
def test_what_was_taken_out_or_written_over_is_not_there(
    environment: Environment, tmp_path: Path, library: int
) -> None:
    entries = {f"{number:05d}".encode(): image for number, image in enumerate(contents(400))}
    write_lmdb(tmp_path / "set", entries, library=library)
    with lmdb.open(str(tmp_path / "set"), map_size=1 << 28, lib_version=library) as written:
        for step in (3, 7, 11):
            with written.begin(write=True) as transaction:
                for key in list(entries)[::step]:
                    transaction.delete(key)
                    del entries[key]
                for key in list(entries)[1::step]:
                    entries[key] = JPEG + entries[key][::-1]
                    transaction.put(key, entries[key])
    _, found = scanned(environment())
    assert {image.id.encode(): image.sha256 for image in found.images} == {
        key: sha256(image) for key, image in entries.items()
    }


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    entries=st.dictionaries(
        st.binary(min_size=1, max_size=60), st.binary(max_size=9000), min_size=1, max_size=60
    ),
    library=st.sampled_from([OLD, NEW]),
)
def test_all_entries_are_those_of_the_library(
    dataset: MakeDataset,
    tmp_path_factory: pytest.TempPathFactory,
    entries: Mapping[bytes, bytes],
    library: int,
) -> None:
    path = tmp_path_factory.mktemp("set")
    images = {key: JPEG + value for key, value in entries.items()}
    write_lmdb(path, images, library=library)
    _, found = scanned(replace(dataset(path), format="lmdb"))
    assert sorted(image.sha256 for image in found.images) == sorted(map(sha256, images.values()))
    assert found.excluded == ()


@pytest.mark.parametrize("library", [OLD, NEW])
def test_databases_with_names_are_read_too(environment: Environment, tmp_path: Path, library: int) -> None:
    first, second, third = contents(3)
    databases = {"train": {b"1": second}, "val": {b"1": third}}
    write_lmdb(tmp_path / "set", {b"1": first}, library=library, databases=databases)
    _, found = scanned(environment())
    assert {image.id: image.sha256 for image in found.images} == {
        "1": sha256(first),
        "train/1": sha256(second),
        "val/1": sha256(third),
    }


def pairs(n: int) -> dict[bytes, bytes]:
    """Images and labels as the tools of text recognition write them."""
    entries = {b"num-samples": str(n).encode()}
    for number, image in enumerate(contents(n), 1):
        entries[b"image-%09d" % number] = image
        entries[b"label-%09d" % number] = f"person {number // 2}".encode()
    return entries


@pytest.mark.parametrize("labels", [OWN, Labels(kind="none")])
def test_pairs_of_images_and_labels(environment: Environment, tmp_path: Path, labels: Labels) -> None:
    write_lmdb(tmp_path / "set", pairs(3))
    _, found = scanned(environment(labels=labels))
    people = ["person 0", "person 1", "person 1"] if labels == OWN else [None] * 3
    assert [(image.id, image.labels) for image in found.images] == [
        (f"image-00000000{n}", (person,) if person else ()) for n, person in enumerate(people, 1)
    ]
    assert (found.excluded, found.n_other_files) == ((), {"label": 3, "num-samples": 1})


def test_folders_in_keys_may_be_people(environment: Environment, tmp_path: Path) -> None:
    keys = (b"ann/1.jpg", b"bob/1.jpg", b"bob/2.jpg")
    write_lmdb(tmp_path / "set", dict(zip(keys, contents(3), strict=True)))
    _, found = scanned(environment(labels=Labels(kind="parent_folder")))
    assert [image.labels for image in found.images] == [("ann",), ("bob",), ("bob",)]


def test_labels_of_a_table(environment: Environment, tmp_path: Path) -> None:
    write_lmdb(tmp_path / "set", dict(zip((b"a", b"b"), contents(2), strict=True)))
    (tmp_path / "labels.csv").write_text("image,identity\na,Ann\nb,Bob\n")
    _, found = scanned(environment(labels=Labels(kind="csv", csv=tmp_path / "labels.csv")))
    assert [image.labels for image in found.images] == [("Ann",), ("Bob",)]


@pytest.mark.parametrize("key", [b"__len__", b"__keys__", b"num-samples", b"nSamples", b"length"])
def test_counts_and_lists_of_keys_are_no_images(environment: Environment, tmp_path: Path, key: bytes) -> None:
    write_lmdb(tmp_path / "set", {b"1": JPEG, key: b"\x80\x04K\x05."})
    _, found = scanned(environment())
    assert (len(found.images), found.excluded, found.n_other_files) == (1, (), {key.decode(): 1})


def test_an_image_counts_under_any_key(environment: Environment, tmp_path: Path) -> None:
    write_lmdb(tmp_path / "set", {b"label-000000001": JPEG, b"__len__": JPEG + b"2"})
    _, found = scanned(environment())
    assert [image.id for image in found.images] == ["__len__", "label-000000001"]


def test_a_folder_of_environments_is_one_set(environment: Environment, tmp_path: Path) -> None:
    first, second, third = contents(3)
    write_lmdb(tmp_path / "set" / "b", {b"1": first})
    write_lmdb(tmp_path / "set" / "a.lmdb", {b"1": second})
    write_lmdb(tmp_path / "set" / "c.mdb", {b"1": third}, subdir=False)
    _, found = scanned(environment())
    assert [(image.id, image.sha256) for image in found.images] == [
        ("a.lmdb/data.mdb/1", sha256(second)),
        ("b/data.mdb/1", sha256(first)),
        ("c.mdb/1", sha256(third)),
    ]
    assert found.excluded == ()


def test_it_may_be_open_elsewhere(environment: Environment, tmp_path: Path) -> None:
    path = write_lmdb(tmp_path / "set", {b"1": JPEG})
    with lmdb.open(str(path), readonly=True):
        before = {one.name: one.stat().st_mtime_ns for one in path.iterdir()}
        first, found = scanned(environment())
        second, again = scanned(environment())
        assert found == again
        assert first.read(found.images[0]) == second.read(found.images[0]) == JPEG
        assert {one.name: one.stat().st_mtime_ns for one in path.iterdir()} == before


def test_many_threads_read_at_once(environment: Environment, tmp_path: Path) -> None:
    images = contents(200)
    write_lmdb(tmp_path / "set", {b"%04d" % number: image for number, image in enumerate(images)})
    reader, found = scanned(environment())
    start = threading.Barrier(6)

    def read_all(thread: int) -> bool:
        start.wait()
        order = np.random.default_rng(thread).permutation(200)
        return all(reader.read(found.images[n]) == images[n] for n in order)

    with ThreadPoolExecutor(6) as threads:
        assert all(threads.map(read_all, range(6)))


def test_a_part_reads_alike_in_another_process(environment: Environment, tmp_path: Path) -> None:
    images = contents(50)
    write_lmdb(tmp_path / "set", {b"%04d" % number: image for number, image in enumerate(images)})
    reader, found = scanned(environment())
    sent = pickle.dumps(reader.part(found.images[7:9]))
    assert len(sent) < 5000
    part = pickle.loads(sent)
    assert [part.read(image) for image in found.images[7:9]] == images[7:9]


def test_progress_ends_with_all_images(environment: Environment, tmp_path: Path) -> None:
    write_lmdb(tmp_path / "set", pairs(3))
    calls: list[tuple[str, int, int]] = []
    LmdbReader(environment()).scan(lambda *call: calls.append(call))
    assert calls == [("listing training", 3, 3)]
