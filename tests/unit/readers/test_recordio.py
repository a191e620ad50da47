from __future__ import annotations

import hashlib
import os
import struct
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from recordio_files import MARK, RecordFile, insightface_records, jpeg, packed, part, plain_records
from scanned import MakeDataset, scanned

from faceleak_check.api import check
from faceleak_check.embedders.fake_pixels import FakePixels
from faceleak_check.embedding import EmbeddedSets
from faceleak_check.executors.local import LocalExecutor
from faceleak_check.image_sets import EmbeddedSet
from faceleak_check.policy.schema import Dataset, EmbedderChoice, Labels
from faceleak_check.readers.decode import decode
from faceleak_check.readers.recordio.reader import RecordIoReader
from faceleak_check.records import ImageRef, ImageSet, Outcome


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def scan(dataset: Dataset) -> ImageSet:
    return scanned(RecordIoReader, dataset)


@pytest.fixture
def photographs(lfw_faces: Sequence[npt.NDArray[np.uint8]]) -> list[bytes]:
    return [jpeg(face) for face in lfw_faces[:12]]


@pytest.mark.parametrize("index", [True, False])
@pytest.mark.parametrize("by_file", [True, False])
def test_insightface_sets_hold_their_images_and_not_their_header(
    dataset: MakeDataset, tmp_path: Path, photographs: list[bytes], index: bool, by_file: bool
) -> None:
    people = {0: photographs[:3], 1: photographs[3:4], 85741: photographs[4:9]}
    path = insightface_records(people).write(tmp_path / "set", index=index)
    people_of = ["0"] * 3 + ["1"] + ["85741"] * 5
    assert scan(dataset(path if by_file else path.parent)) == ImageSet(
        name="training",
        images=tuple(
            ImageRef(id=f"{number:08d}", sha256=sha256(image), labels=(person,))
            for number, (image, person) in enumerate(zip(photographs, people_of, strict=False), 1)
        ),
    )


@pytest.mark.parametrize("index", [True, False])
def test_plain_sets_are_numbered_from_0(
    dataset: MakeDataset, tmp_path: Path, photographs: list[bytes], index: bool
) -> None:
    plain_records(photographs, labels=[float(n // 4) for n in range(12)]).write(tmp_path, index=index)
    found = scan(dataset(tmp_path))
    assert [(image.id, image.labels) for image in found.images] == [
        (f"{n:08d}", (str(n // 4),)) for n in range(12)
    ]
    assert [image.sha256 for image in found.images] == [sha256(image) for image in photographs]
    assert found.excluded == ()


@pytest.mark.parametrize("header_first", [True, False])
def test_the_header_may_stand_anywhere(dataset: MakeDataset, tmp_path: Path, header_first: bool) -> None:
    file = RecordFile()
    images = [(1, 0.0, b"one"), (2, 0.0, b"two")]
    rest = [(0, (3.0, 4.0), b""), (3, (1.0, 3.0), b"")]
    for number, label, image in rest + images if header_first else images + rest:
        file.add(number, label, image)
    file.write(tmp_path)
    found = scan(dataset(tmp_path))
    assert [image.id for image in found.images] == ["00000001", "00000002"]
    assert found.excluded == ()


def test_a_header_hides_no_image(dataset: MakeDataset, tmp_path: Path) -> None:
    file = RecordFile()
    file.add(0, (2.0, 9.0), b"")
    file.add(1, 0.0, b"one")
    file.add(2, (1.0, 2.0), b"among the people")
    file.add(9, 0.0, b"after all")
    file.write(tmp_path)
    assert [image.id for image in scan(dataset(tmp_path)).images] == ["00000001", "00000002", "00000009"]


@pytest.mark.parametrize(
    ("label", "labels"),
    [
        (7.0, ("7",)),
        (0.0, ("0",)),
        (-0.0, ("0",)),
        ((5.0, 1.0), ("5",)),
        ((6.0,), ("6",)),
        ((8.0, 0.1, 0.2, 0.3), ("8",)),
        (16_777_216.0, ("16777216",)),
        (-1.0, ()),
        (0.5, ()),
        (float("nan"), ()),
        (float("inf"), ()),
    ],
)
def test_a_label_is_a_persons_number_or_nobody(
    dataset: MakeDataset, tmp_path: Path, label: float | tuple[float, ...], labels: tuple[str, ...]
) -> None:
    file = RecordFile()
    file.add(1, label, b"face")
    file.add(2, 1.0, b"another")
    file.add(3, 2.0, b"a third")
    file.write(tmp_path)
    image, another, _ = scan(dataset(tmp_path)).images
    assert image == ImageRef(id="00000001", sha256=sha256(b"face"), labels=labels)
    assert another.labels == ("1",)


@pytest.mark.parametrize("label", [0.0, 7.0])
def test_one_label_for_everything_names_nobody(dataset: MakeDataset, tmp_path: Path, label: float) -> None:
    """DCFace's tools give every record the label 0."""
    plain_records([b"one", b"two", b"three"], labels=[label] * 3).write(tmp_path)
    found = scan(dataset(tmp_path))
    assert [image.labels for image in found.images] == [()] * 3
    assert found.n_people is None


@pytest.mark.parametrize(
    "image",
    [
        b"x" * 4 + MARK,
        b"x" * 8 + MARK + b"y",
        MARK + MARK + b"z" * 9,
        b"a" + MARK + b"bc",
        MARK * 50,
        b"abcd" + MARK + struct.pack("<I", 4) + b"abcd" + MARK,
    ],
)
@pytest.mark.parametrize("index", [True, False])
def test_a_mark_inside_an_image_is_put_back(
    dataset: MakeDataset, tmp_path: Path, image: bytes, index: bool
) -> None:
    plain_records([b"before", image, b"after"]).write(tmp_path, index=index)
    reader = RecordIoReader(dataset(tmp_path))
    found = reader.scan(lambda *_: None)
    assert [reader.read(one) for one in found.images] == [b"before", image, b"after"]
    assert [one.sha256 for one in found.images] == [sha256(one) for one in (b"before", image, b"after")]
    assert found.excluded == ()


def test_a_mark_where_the_writer_of_the_file_did_not_take_it_out(
    dataset: MakeDataset, tmp_path: Path
) -> None:
    images = [b"abcd" + MARK + bytes(12), b"abcd" + MARK + bytes(13)]
    data = b"".join(part(0, packed(number, 0, image)) for number, image in enumerate(images))
    (tmp_path / "train.rec").write_bytes(data[:-3])  # without the padding of the last one
    reader = RecordIoReader(dataset(tmp_path))
    found = reader.scan(lambda *_: None)
    assert [reader.read(one) for one in found.images] == images
    assert found.excluded == ()


def test_the_last_record_may_lack_its_padding(dataset: MakeDataset, tmp_path: Path) -> None:
    path = plain_records([b"one", b"seven__"]).write(tmp_path)
    os.truncate(path, path.stat().st_size - 1)
    reader = RecordIoReader(dataset(tmp_path))
    found = reader.scan(lambda *_: None)
    assert [reader.read(one) for one in found.images] == [b"one", b"seven__"]
    assert found.excluded == ()


def test_records_of_all_sizes_are_read_whole(dataset: MakeDataset, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    images = [random.bytes(n) for n in (1, 5_000_000, 65_500, 65_536, 1, 4_194_304, 3_000_000, 3_000_000, 7)]
    plain_records(images).write(tmp_path)
    reader = RecordIoReader(dataset(tmp_path))
    found = reader.scan(lambda *_: None)
    assert [reader.read(one) for one in found.images] == images
    assert [one.sha256 for one in found.images] == [sha256(one) for one in images]


def test_a_record_that_the_index_leaves_out_is_an_image(dataset: MakeDataset, tmp_path: Path) -> None:
    file = plain_records([b"zero", b"one", b"two"])
    place = file.places.pop(1)[1]
    file.write(tmp_path)
    found = scan(dataset(tmp_path))
    assert [image.id for image in found.images] == ["00000000", "00000002", f"at byte {place}"]
    assert found.images[2].sha256 == sha256(b"one")


def test_the_index_names_the_records_whatever_number_they_hold(dataset: MakeDataset, tmp_path: Path) -> None:
    file = RecordFile()
    for image in (b"zero", b"one"):
        file.add(0, 0.0, image)
    file.places = [(70, file.places[0][1]), (3, file.places[1][1])]
    file.write(tmp_path)
    assert [(image.id, image.sha256) for image in scan(dataset(tmp_path)).images] == [
        ("00000003", sha256(b"one")),
        ("00000070", sha256(b"zero")),
    ]


@pytest.mark.parametrize("index", [True, False])
def test_records_with_one_number_have_names_of_their_own(
    dataset: MakeDataset, tmp_path: Path, index: bool
) -> None:
    file = RecordFile()
    for image in (b"first", b"second", b"third"):
        file.add(5, 0.0, image)
    file.write(tmp_path, index=index)
    reader = RecordIoReader(dataset(tmp_path))
    found = reader.scan(lambda *_: None)
    assert {image.id: reader.read(image) for image in found.images} == {
        "00000005": b"first",
        f"00000005 at byte {file.places[1][1]}": b"second",
        f"00000005 at byte {file.places[2][1]}": b"third",
    }


@pytest.mark.parametrize("number", [1 << 63, (1 << 64) - 1])
def test_a_number_that_is_too_large_is_none(dataset: MakeDataset, tmp_path: Path, number: int) -> None:
    file = RecordFile()
    file.add(number, 0.0, b"face")
    file.write(tmp_path, index=False)
    assert [image.id for image in scan(dataset(tmp_path)).images] == ["at byte 0"]


def test_the_only_rec_file_of_a_folder_is_the_dataset(dataset: MakeDataset, tmp_path: Path) -> None:
    plain_records([b"face"]).write(tmp_path, name="dcface")
    assert len(scan(dataset(tmp_path)).images) == 1


def test_what_lies_beside_the_records_is_counted(dataset: MakeDataset, tmp_path: Path) -> None:
    plain_records([b"one", b"two"]).write(tmp_path)
    for name in ("property", "lfw.bin", "._train.rec", "deep/notes.txt", "deep/more.rec", "deep/rest.zip"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    found = scan(dataset(tmp_path))
    assert (len(found.images), found.n_other_files) == (2, {"": 1, ".bin": 1, ".rec": 1, ".txt": 1})
    assert [(gone.id, gone.rule) for gone in found.excluded] == [
        ("deep/more.rec", "folder"),
        ("deep/rest.zip", "folder"),
    ]
    assert scan(dataset(tmp_path / "train.rec")).excluded == ()


def test_the_files_may_be_links(dataset: MakeDataset, tmp_path: Path) -> None:
    path = plain_records([b"one", b"two"]).write(tmp_path / "blobs")
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "train.rec").symlink_to(path)
    (tmp_path / "set" / "train.idx").symlink_to(path.with_suffix(".idx"))
    reader = RecordIoReader(dataset(tmp_path / "set"))
    found = reader.scan(lambda *_: None)
    assert [reader.read(image) for image in found.images] == [b"one", b"two"]


def test_progress_ends_with_all_images(dataset: MakeDataset, tmp_path: Path) -> None:
    insightface_records({0: [b"one", b"two"], 1: [b"three"]}).write(tmp_path)
    calls: list[tuple[str, int, int]] = []
    RecordIoReader(dataset(tmp_path)).scan(lambda *call: calls.append(call))
    assert calls == [("listing training", 3, 3)]


def test_many_threads_read_at_once(dataset: MakeDataset, tmp_path: Path) -> None:
    images = [bytes([n % 251]) * (n * 37 % 20_000 + 1) for n in range(300)]
    plain_records(images).write(tmp_path)
    reader = RecordIoReader(dataset(tmp_path))
    found = reader.scan(lambda *_: None)
    start = threading.Barrier(8)

    def read_all(thread: int) -> bool:
        start.wait()
        order = np.random.default_rng(thread).permutation(300)
        return all(reader.read(found.images[n]) == images[n] for n in order)

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(read_all, range(8)))


def test_a_set_is_the_same_wherever_it_lies(dataset: MakeDataset, tmp_path: Path) -> None:
    for name in ("here", "there"):
        insightface_records({3: [b"one", b"two"]}).write(tmp_path / name)
    here, there = (scan(dataset(tmp_path / name)) for name in ("here", "there"))
    assert here == there
    assert (here.sha256, here.labels_sha256) == (there.sha256, there.labels_sha256)


@pytest.fixture
def embed(tmp_path: Path) -> Callable[[Dataset, str], EmbeddedSet]:
    def run(dataset: Dataset, store: str) -> EmbeddedSet:
        choice = EmbedderChoice(name="fake-pixels")
        sets = EmbeddedSets(tmp_path / store, LocalExecutor(decode, 2), lambda *_: None, [])
        return sets.embed(dataset, choice, FakePixels(choice))

    return run


def _of_format(name: str, path: Path, labels: Labels) -> Dataset:
    return Dataset(name="training", path=path, format=name, labels=labels, columns=None, line=6, column=13)


def test_faces_have_the_same_digests_and_templates_as_in_a_folder(
    embed: Callable[[Dataset, str], EmbeddedSet], tmp_path: Path, photographs: list[bytes]
) -> None:
    insightface_records({0: photographs[:5], 1: photographs[5:]}).write(tmp_path / "records")
    for number, image in enumerate(photographs, 1):
        path = tmp_path / "files" / str(int(number > 5)) / f"{number:08d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(image)
    records = embed(_of_format("recordio", tmp_path / "records", Labels(kind="own")), "store-1")
    files = embed(_of_format("folder", tmp_path / "files", Labels(kind="parent_folder")), "store-2")
    assert [image.sha256 for image in records.images] == [image.sha256 for image in files.images]
    assert [image.labels for image in records.images] == [image.labels for image in files.images]
    assert np.array_equal(records.templates.templates.vectors, files.templates.templates.vectors)
    assert len(records.images) == 12


def test_what_is_no_image_or_has_changed_is_counted_when_it_is_decoded(
    embed: Callable[[Dataset, str], EmbeddedSet], tmp_path: Path, photographs: list[bytes]
) -> None:
    images = [photographs[0], b"<!doctype html>", photographs[1][:900], photographs[2]]
    file = plain_records(images)
    file.data[file.places[3][1]] ^= 1
    file.write(tmp_path / "records")
    found = embed(_of_format("recordio", tmp_path / "records", Labels(kind="own")), "store")
    place = file.places[3][1]
    assert [image.id for image in found.images] == ["00000000"]
    assert {gone.id: (gone.rule, gone.reason) for gone in found.summary.excluded} == {
        "00000001": ("unreadable", "an HTML page, not an image"),
        "00000002": ("unreadable", "the JPEG file is cut short"),
        "00000003": ("unreadable", f"the record at byte {place:,} is damaged: its mark is wrong"),
    }
    counts = found.summary.counts
    assert (counts.n_seen, counts.n_embedded, counts.n_unreadable) == (4, 1, 3)


def test_the_gate_finds_the_same_leaks_as_in_a_folder(tmp_path: Path, photographs: list[bytes]) -> None:
    insightface_records({0: photographs[:5], 1: photographs[5:9]}).write(tmp_path / "records")
    files = {f"files/{int(n > 5)}/{n}.jpg": image for n, image in enumerate(photographs[:9], 1)}
    files |= {f"generated/{n}.jpg": photographs[n] for n in (2, 3, 7, 10, 11)}
    for name, image in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(image)

    def leaks(training: str) -> list[tuple[str, str, tuple[str, ...]]]:
        policy = (
            "version: 1\nname: gate\nembedder: {name: fake-pixels}\n"
            f"datasets:\n  generated: {{path: generated}}\n  training: {training}\n"
            "checks:\n  - identity_exposure:\n"
            "      {generated: generated, source: training, threshold: {cosine: 0.99999}, at_most: 0}\n"
        )
        (tmp_path / "gate.yaml").write_text(policy)
        (verdict,) = check(tmp_path / "gate.yaml").verdicts
        assert verdict.measurement is not None
        assert (verdict.outcome, verdict.measurement.value) == (Outcome.LEAK, 2)
        return sorted(
            (pair.generated.id, pair.source.sha256, pair.source.labels) for pair in verdict.measurement.pairs
        )

    assert leaks("{path: records, format: recordio}") == leaks("{path: files, labels: parent_folder}")
