"""Several archives as one dataset, and the small files beside images that name people."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from archive_files import JPEG, tar_of, tgz_of, write_folder, zip_of
from scanned import PLACE, MakeDataset, ids, reasons, scanned, trouble_of

from faceleak_check.errors import DatasetError
from faceleak_check.policy.schema import Dataset, Labels
from faceleak_check.readers.archive.reader import ArchiveReader
from faceleak_check.records import ImageSet

NO_TAR = (
    "is no tar archive, or is damaged: no header of a member is in it. "
    "Expected a file that tar -t can list. Fetch it again, or write it again."
)
CUT = (
    "is cut short, or more was put behind its end: it does not end with a directory. "
    "Fetch it again, or write it again from the images."
)
CLS = Labels(kind="sidecar", sidecar="cls")
IDENTITY = Labels(kind="sidecar", sidecar="json", key="identity")


def scan(dataset: Dataset) -> ImageSet:
    return scanned(ArchiveReader, dataset)


def trouble(dataset: Dataset) -> DatasetError:
    return trouble_of(ArchiveReader, dataset)


def shard(number: int) -> bytes:
    return tar_of({f"{number}-{row}.jpg": JPEG + bytes([number, row]) for row in range(2)})


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    """A folder with three shards and what lies beside them."""
    members = {f"s-{number:03d}.tar": shard(number) for number in range(3)}
    return write_folder(
        tmp_path / "shards", {**members, "README.md": b"words", "deep/s-004.tgz": tgz_of({"x.jpg": JPEG})}
    )


ALL = [f"s-{number:03d}.tar/{number}-{row}.jpg" for number in range(3) for row in range(2)]


# ------------------------------------------------------------------------------------------------ folders of archives


def test_all_archives_of_a_folder_are_read(dataset: MakeDataset, shards: Path) -> None:
    reader = ArchiveReader(dataset(shards))
    found = reader.scan(lambda *_: None)
    assert ids(found) == ["deep/s-004.tgz/x.jpg", *ALL]
    assert found.n_other_files == {".md": 1}
    assert reader.read(found.images[2])[-2:] == b"\0\1"
    assert reader.part(found.images[4:6]).read(found.images[5])[-2:] == b"\2\0"


def test_a_damaged_archive_hides_no_other(dataset: MakeDataset, shards: Path) -> None:
    (shards / "s-001.tar").write_bytes(b"words" * 500)
    (shards / "z.zip").write_bytes(zip_of({"1.jpg": JPEG})[:-5])
    (shards / "._s-000.tar").write_bytes(b"\0\5\x16\7AppleDouble")
    found = scan(dataset(shards))
    assert ids(found) == ["deep/s-004.tgz/x.jpg", *ALL[:2], *ALL[4:]]
    assert found.n_other_files == {".md": 1, "._": 1}
    assert reasons(found) == {
        "s-001.tar/": (
            "folder",
            f"an archive that cannot be read: it {NO_TAR}",
        ),
        "z.zip/": (
            "folder",
            f"an archive that cannot be read: it {CUT}",
        ),
    }


def test_archives_of_another_kind_among_them(dataset: MakeDataset, shards: Path) -> None:
    for name in ("a.7z", "b.tar.xz", "c.RAR", "d.tar.zst"):
        (shards / name).write_bytes(b"")
    error = trouble(dataset(shards))
    assert error.message == "dataset 'training' holds 4 archives of a kind that cannot be read"
    assert error.detail == (
        f"{shards} {PLACE}\nThey are 'a.7z', 'b.tar.xz', 'c.RAR' and 1 more. "
        "Give the images unpacked in a folder, or packed again as .zip, .tar or .tar.gz."
    )


def test_images_beside_archives(dataset: MakeDataset, shards: Path) -> None:
    (shards / "preview.jpg").write_bytes(JPEG)
    error = trouble(dataset(shards))
    assert error.message == "dataset 'training' holds 1 image beside its archives"
    assert error.detail == (
        f"{shards} {PLACE}\nNot in an archive: 'preview.jpg'. "
        "Put them into an archive, too, or into a folder of their own."
    )


def test_a_folder_without_archives(dataset: MakeDataset, faces: Path) -> None:
    (faces / "1.jpg").write_bytes(JPEG)
    error = trouble(dataset(faces))
    assert error.message == "dataset 'training' has no archive"
    assert error.detail == f"{faces} {PLACE}\nExpected .zip, .tar, .tar.gz or .tgz files in this folder."


# ----------------------------------------------------------------------------------------------------------- braces


@pytest.mark.parametrize(
    "pattern", ["s-{000..002}.tar", "s-00{0,1,2}.tar", "s-0{0{0..1},02}.tar", "s-{002..000}.tar"]
)
def test_a_range_of_shards(dataset: MakeDataset, shards: Path, pattern: str) -> None:
    found = scan(dataset(shards / pattern))
    assert ids(found) == ALL
    assert found.n_other_files == {}


def test_a_range_of_folders(dataset: MakeDataset, shards: Path) -> None:
    found = scan(dataset(shards.parent / "shards/{deep/s-004.tgz,s-001.tar}"))
    assert ids(found) == ["deep/s-004.tgz/x.jpg", *ALL[2:4]]


def test_a_part_of_a_range(dataset: MakeDataset, shards: Path) -> None:
    reader = ArchiveReader(dataset(shards / "s-{000..002}.tar"))
    images = reader.scan(lambda *_: None).images
    part = reader.part(images[3:5])
    assert [part.read(image)[-2:] for image in images[3:5]] == [b"\1\1", b"\2\0"]


def test_a_name_with_braces_that_mean_nothing(dataset: MakeDataset, tmp_path: Path) -> None:
    path = tmp_path / "{old}" / "faces{1}.tar"
    path.parent.mkdir()
    path.write_bytes(shard(1))
    assert ids(scan(dataset(path))) == ["1-0.jpg", "1-1.jpg"]


def test_missing_shards(dataset: MakeDataset, shards: Path) -> None:
    error = trouble(dataset(shards / "s-{000..006}.tar"))
    assert error.message == "dataset 'training' lacks 4 of its 7 archives"
    assert error.detail == (
        f"{shards}/s-{{000..006}}.tar {PLACE}\nNot there: 's-003.tar', 's-004.tar', 's-005.tar' and 1 more. "
        "Fetch them, or write the range of those that are there."
    )


def test_a_range_without_end(dataset: MakeDataset, shards: Path) -> None:
    error = trouble(dataset(shards / "s-{0..9999999999}.tar"))
    assert error.message == (
        "dataset 'training' is named by a path with braces that cannot be used: it stands for more than 1,000,000 paths"
    )
    assert error.detail == (
        f"{shards}/s-{{0..9999999999}}.tar {PLACE}\n"
        "Write a range of the files that are there, such as {000..127}."
    )


# --------------------------------------------------------------------------------------------------------- sidecars


def sample(person: Any = "Ann", **members: bytes) -> dict[str, bytes]:
    return {
        "a/000.jpg": JPEG + b"0",
        "a/000.cls": f" {person}\n".encode(),
        "a/000.json": json.dumps({"identity": person, "age": 30}).encode(),
        **{name.replace("_", "."): data for name, data in members.items()},
    }


@pytest.mark.parametrize("labels", [CLS, IDENTITY])
@pytest.mark.parametrize("write", [zip_of, tar_of, tgz_of])
def test_a_sidecar_names_the_person(
    dataset: MakeDataset, tmp_path: Path, labels: Labels, write: Callable[..., bytes]
) -> None:
    # a list before its images, after them, and for several images
    members = {
        "b.001.json": json.dumps({"identity": 7}).encode(),
        **sample(),
        "b.cls": b"\xef\xbb\xbfB\xc3\xa9a",
        "b.seg.png": b"\x89PNG\r\n\x1a\n",
        "b.jpg": JPEG + b"b",
        "b.json": json.dumps({"identity": "Béa"}).encode(),
        "b.empty.jpg": b"",
        "unused.cls": b"\xff",
        "unused.json": b"{",
    }
    (tmp_path / "f").write_bytes(write(members))
    found = scan(dataset(tmp_path / "f", labels=labels))
    assert {image.id: image.labels for image in found.images} == {
        "a/000.jpg": ("Ann",),
        "b.jpg": ("Béa",),
        "b.seg.png": ("Béa",),
    }
    assert found.n_people == 2
    assert found.n_other_files == ({".json": 4} if labels is CLS else {".cls": 3, ".json": 1})


def test_a_number_names_a_person(dataset: MakeDataset, tmp_path: Path) -> None:
    (tmp_path / "f.tar").write_bytes(tar_of(sample(1234567890123456789012)))
    (image,) = scan(dataset(tmp_path / "f.tar", labels=IDENTITY)).images
    assert image.labels == ("1234567890123456789012",)


def test_a_sidecar_is_beside_its_image_and_not_in_another_shard(dataset: MakeDataset, tmp_path: Path) -> None:
    for number, person in enumerate([b"Ann", b"Bob"]):
        (tmp_path / f"{number}.tar").write_bytes(tar_of({"1.jpg": JPEG + person, "1.cls": person}))
    found = scan(dataset(tmp_path / "{0..1}.tar", labels=CLS))
    assert {image.id: image.labels for image in found.images} == {
        "0.tar/1.jpg": ("Ann",),
        "1.tar/1.jpg": ("Bob",),
    }
    (tmp_path / "1.tar").write_bytes(tar_of({"1.jpg": JPEG}))
    error = trouble(dataset(tmp_path / "{0..1}.tar", labels=CLS))
    assert error.message == "dataset 'training' has no .cls file beside 1 of 2 images"


def test_images_without_sidecar(dataset: MakeDataset, tmp_path: Path) -> None:
    members = {f"{row}.jpg": JPEG + bytes([row]) for row in range(5)}
    (tmp_path / "f.tar").write_bytes(tar_of({**members, **sample()}))
    error = trouble(dataset(tmp_path / "f.tar", labels=CLS))
    assert error.message == "dataset 'training' has no .cls file beside 5 of 6 images"
    assert error.detail == (
        f"{tmp_path}/f.tar {PLACE}\nWithout one: '0.jpg', '1.jpg', '2.jpg' and 2 more. Add them, or name the people in "
        "another way under labels."
    )


def test_an_image_is_no_sidecar(dataset: MakeDataset, tmp_path: Path) -> None:
    (tmp_path / "f.tar").write_bytes(tar_of({"1.jpg": JPEG, "1.png": JPEG}))
    error = trouble(dataset(tmp_path / "f.tar", labels=Labels(kind="sidecar", sidecar="png")))
    assert error.message == "dataset 'training' has no .png file beside 2 of 2 images"


def test_an_image_with_the_name_of_a_sidecar_is_an_image(dataset: MakeDataset, tmp_path: Path) -> None:
    (tmp_path / "f.tar").write_bytes(
        tar_of({**sample(), "hidden.cls": JPEG + b"2", "hidden.txt.cls": b"Bob"})
    )
    error = trouble(dataset(tmp_path / "f.tar", labels=CLS))
    assert error.message == "dataset 'training' has no .cls file beside 1 of 2 images"


WRONG: dict[str, tuple[Labels, bytes, str]] = {
    "no text": (CLS, b"\xff\xfe", "is not UTF-8 text"),
    "empty": (CLS, b" \n", "names nobody: it is empty"),
    "lines": (CLS, b"Ann\nBob\n", "has more than one line, expected the name of one person"),
    "long": (CLS, b"x" * (1 << 20) + b"y", "has 1,048,577 bytes, and the limit is 1,048,576"),
    "no JSON": (IDENTITY, b"{", "is no JSON"),
    "deep JSON": (IDENTITY, b"[" * 100_000, "is no JSON"),
    "a list": (IDENTITY, b"[1]", "holds no mapping, so it has no key 'identity'"),
    "no key": (IDENTITY, b'{"age": 3}', "has no key 'identity'; it has: 'age'"),
    "nothing": (IDENTITY, b"{}", "has no key 'identity'; it has: none"),
    "other keys": (
        IDENTITY,
        json.dumps(dict.fromkeys("abcdefg\n")).encode(),
        "has no key 'identity'; it has: 'a', 'b', 'c', 'd', 'e', ...",
    ),
    "no person": (IDENTITY, b'{"identity": null}', "has no text or whole number under 'identity'"),
    "a truth": (IDENTITY, b'{"identity": true}', "has no text or whole number under 'identity'"),
    "an empty name": (IDENTITY, b'{"identity": " "}', "has an empty 'identity'"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_sidecar(dataset: MakeDataset, tmp_path: Path, case: str) -> None:
    labels, data, why = WRONG[case]
    (tmp_path / "f.tar").write_bytes(tar_of({**sample(), f"a/000.{labels.sidecar}": data}))
    error = trouble(dataset(tmp_path / "f.tar", labels=labels))
    assert error.message == (
        f"dataset 'training' has 1 .{labels.sidecar} file that cannot tell who is in an image"
    )
    assert error.detail == (
        f"{tmp_path}/f.tar {PLACE}\n'a/000.{labels.sidecar}' {why}. Correct it, and all like it."
    )


def test_a_damaged_sidecar(dataset: MakeDataset, tmp_path: Path) -> None:
    data = zip_of(sample())
    place = data.index(b"a/000.cls", data.index(b"PK\1\2")) - 46 + 16
    (tmp_path / "f.zip").write_bytes(data[:place] + b"abcd" + data[place + 4 :])
    error = trouble(dataset(tmp_path / "f.zip", labels=CLS))
    assert error.detail == (
        f"{tmp_path}/f.zip {PLACE}\n'a/000.cls' cannot be read: it is damaged: its bytes do not fit its checksum. "
        "Correct it, and all like it."
    )
