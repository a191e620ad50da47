"""Whole archives of all forms: the same images as in a folder, wherever they lie in the archive."""

from __future__ import annotations

import io
import os
import pickle
import stat
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

import pytest
from archive_files import FACES, JPEG, WRITERS, stored, tar_of, tgz_of, write_folder, zip_of
from scanned import MakeDataset, ids, reasons, scanned

from faceleak_check.policy.schema import Dataset, Labels
from faceleak_check.readers.archive.reader import ArchiveReader
from faceleak_check.readers.folder import FolderReader
from faceleak_check.readers.storage.local import LocalFile
from faceleak_check.records import ImageSet

PARENT = Labels(kind="parent_folder")


def scan(dataset: Dataset) -> ImageSet:
    return scanned(ArchiveReader, dataset)


@pytest.fixture
def archive(dataset: MakeDataset, tmp_path: Path) -> Callable[..., Dataset]:
    """A dataset that is an archive of these bytes."""

    def write(data: bytes, name: str = "faces", **keys: object) -> Dataset:
        (tmp_path / name).write_bytes(data)
        return dataset(tmp_path / name, **keys)

    return write


# ---------------------------------------------------------------------------------------------- the same as a folder


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("labels", [Labels(kind="none"), PARENT])
def test_an_archive_is_what_its_folder_is(
    dataset: MakeDataset, tmp_path: Path, name: str, labels: Labels
) -> None:
    members = {
        **FACES,
        "notes.txt": b"words",
        "cy/empty.jpg": b"",
        "ann/raw.jpg": b"\0\0\0\x0cjP  \r\n\x87\nx",
    }
    folder = write_folder(tmp_path / "folder", members)
    (tmp_path / name).write_bytes(WRITERS[name](members))
    found = scan(dataset(tmp_path / name, labels=labels))
    expected = FolderReader(dataset(folder, labels=labels)).scan(lambda *_: None)
    assert list(found.images) == list(expected.images)
    assert found.excluded == expected.excluded
    assert found.n_other_files == expected.n_other_files == {".txt": 1}
    assert found.sha256 == expected.sha256


@pytest.mark.parametrize("name", WRITERS)
def test_each_image_is_read_where_it_lies(dataset: MakeDataset, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(WRITERS[name](FACES))
    reader = ArchiveReader(dataset(tmp_path / name))
    images = reader.scan(lambda *_: None).images
    assert {image.id: reader.read(image) for image in reversed(images)} == FACES
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(reader.read, images)) == [FACES[image.id] for image in images]


@pytest.mark.parametrize("name", ["faces.zip", "faces.tar.gz"])
def test_a_part_of_it_is_read_in_another_process(dataset: MakeDataset, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(WRITERS[name](FACES))
    reader = ArchiveReader(dataset(tmp_path / name))
    images = reader.scan(lambda *_: None).images
    (tmp_path / "part").write_bytes(pickle.dumps((reader.part(images[1:3]), list(images[1:3]))))
    code = (
        "import hashlib, pickle, sys; reader, images = pickle.load(open(sys.argv[1], 'rb'));"
        "print(*[hashlib.sha256(reader.read(image)).hexdigest() for image in images])"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "part"], check=True, capture_output=True, text=True
    )
    assert answer.stdout.split() == [image.sha256 for image in images[1:3]]
    with pytest.raises(OSError) as caught:  # noqa: PT011 - the whole message is compared
        reader.part(images[1:3]).read(images[0])
    assert str(caught.value) == "it is not in the dataset"


def test_it_is_told_by_its_bytes_and_not_by_its_name(archive: Callable[..., Dataset]) -> None:
    for data in (zip_of(FACES), tar_of(FACES), tgz_of(FACES)):
        assert ids(scan(archive(data, "no-suffix"))) == sorted(FACES, key=str.encode)


# ------------------------------------------------------------------------------------------------------------ names


NAMES = {
    "../../etc/face.jpg": "etc/face.jpg",
    "/root/face.jpg": "root/face.jpg",
    "./a/./b//c.jpg": "a/b/c.jpg",
    "a/../b.jpg": "a/b.jpg",
    "..": "without name",
    "é\0.jpg": "é\N{REPLACEMENT CHARACTER}.jpg",
    "long/" * 60 + "x.jpg": "long/" * 60 + "x.jpg",
    "new\nline.jpg": "new\nline.jpg",
    "漢字/é.jpg": "漢字/é.jpg",
}


@pytest.mark.parametrize("name", NAMES)
def test_a_name_leads_nowhere(archive: Callable[..., Dataset], name: str) -> None:
    data = JPEG + b"face"
    forms = [tar_of({name: data}), tgz_of({name: data}), tar_of({name: data}, format=tarfile.GNU_FORMAT)]
    if "\0" in name:
        forms = forms[:2]  # GNU tar's names end there
    else:
        forms.append(zip_of({name: data}))
    for written in forms:
        dataset = archive(written)
        reader = ArchiveReader(dataset)
        (image,) = reader.scan(lambda *_: None).images
        assert image.id == NAMES[name]
        assert reader.read(image) == data


@pytest.mark.parametrize(
    ("written", "flag", "expected"),
    [
        ("é.jpg".encode(), 0x800, "é.jpg"),
        ("é.jpg".encode(), 0, "é.jpg"),
        (b"\x82.jpg", 0, "é.jpg"),  # code page 437
        (b"\x82.jpg", 0x800, "\udc82.jpg"),
        (b"ann\\1.jpg", 0, "ann/1.jpg"),
        (b"..\\1.jpg", 0, "1.jpg"),
        (b"x\0y.jpg", 0, "x\N{REPLACEMENT CHARACTER}y.jpg"),
    ],
)
def test_names_in_zip_archives_of_all_systems(
    archive: Callable[..., Dataset], written: bytes, flag: int, expected: str
) -> None:
    plain = b"N" * len(written)
    data = bytearray(zip_of({plain.decode(): JPEG + b"face"}))
    directory = data.rfind(b"PK\1\2")
    data[directory + 8 : directory + 10] = flag.to_bytes(2, "little")
    assert ids(scan(archive(bytes(data).replace(plain, written)))) == [expected]


def test_a_tar_name_of_any_bytes(archive: Callable[..., Dataset]) -> None:
    data = tar_of({"\udcff\udcfe.jpg": JPEG}, format=tarfile.GNU_FORMAT, errors="surrogateescape")
    assert ids(scan(archive(data))) == ["\udcff\udcfe.jpg"]


def test_a_name_that_comes_twice(archive: Callable[..., Dataset]) -> None:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        for number, name in enumerate(["a.jpg", "./a.jpg", "a.jpg"]):
            info = tarfile.TarInfo(name)
            info.size = 4
            tar.addfile(info, io.BytesIO(JPEG + bytes([number])))
    reader = ArchiveReader(archive(file.getvalue()))
    images = reader.scan(lambda *_: None).images
    assert {image.id: reader.read(image)[-1] for image in images} == {
        "a.jpg": 0,
        "a.jpg (2)": 1,
        "a.jpg (3)": 2,
    }


# ---------------------------------------------------------------------------------------------- what is in archives


def test_what_is_no_image_is_counted(archive: Callable[..., Dataset]) -> None:
    members = {
        "ann/1.jpg": JPEG,
        "ann/._1.jpg": b"\0\5\x16\7AppleDouble",
        "__MACOSX/ann/._1.jpg": b"\0\5\x16\7AppleDouble",
        "inner.zip": zip_of({"x.jpg": JPEG}),
        "inner.tar": tar_of({"x.jpg": JPEG}),
        "old.ppm.gz": b"\x1f\x8b",
        "README": b"words",
    }
    why = "an archive, which was not looked into: unpack its images, or take it out of the dataset"
    for data in (zip_of(members), stored(members), tar_of(members), tgz_of(members)):
        found = scan(archive(data))
        assert ids(found) == ["ann/1.jpg"]
        assert found.n_other_files == {"": 1, "._": 2}
        assert reasons(found) == {
            "inner.tar": ("folder", why),
            "inner.zip": ("folder", why),
            "old.ppm.gz": ("unreadable", "an image that is packed by itself: unpack it"),
        }


def special(name: str, kind: bytes) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, "ann/1.jpg"
    return info


def test_links_and_devices_of_a_tar_archive(archive: Callable[..., Dataset]) -> None:
    members: dict[str | tarfile.TarInfo, bytes] = {"ann/1.jpg": JPEG}
    for name, kind in {
        "soft": tarfile.SYMTYPE,
        "hard": tarfile.LNKTYPE,
        "char": tarfile.CHRTYPE,
        "block": tarfile.BLKTYPE,
        "pipe": tarfile.FIFOTYPE,
    }.items():
        members |= {special(f"{name}.jpg", kind): b"", special(name, kind): b""}
    members |= {special("folder.jpg", tarfile.DIRTYPE): b"", "ann/2.jpg": JPEG + b"2"}
    found = scan(archive(tar_of(members)))
    assert ids(found) == ["ann/1.jpg", "ann/2.jpg"]
    assert reasons(found) == {
        "block.jpg": ("unreadable", "a device, not a file"),
        "char.jpg": ("unreadable", "a device, not a file"),
        "hard.jpg": ("link", "a hard link inside the archive, which is not followed"),
        "pipe.jpg": ("unreadable", "a named pipe, not a file"),
        "soft.jpg": ("link", "a symbolic link inside the archive, which is not followed"),
    }
    assert found.n_other_files == {"": 5}


def test_links_of_a_zip_archive(archive: Callable[..., Dataset]) -> None:
    link = zipfile.ZipInfo("soft.jpg")
    link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    folder = zipfile.ZipInfo("folder.jpg/")
    found = scan(archive(zip_of({"1.jpg": JPEG, link: b"1.jpg", folder: b""})))
    assert ids(found) == ["1.jpg"]
    assert reasons(found) == {
        "soft.jpg": ("link", "a symbolic link inside the archive, which is not followed")
    }


def sparse(folder: Path, *options: str) -> bytes:
    """An archive that GNU tar itself has written."""
    with (folder / "holes.jpg").open("wb") as file:
        for place in range(30):
            file.seek(place << 20)
            file.write(JPEG)
    (folder / "after.jpg").write_bytes(JPEG)
    names = ["holes.jpg", "after.jpg"]
    subprocess.run(["tar", "cf", "s.tar", "--sparse", *options, *names], cwd=folder, check=True)
    return (folder / "s.tar").read_bytes()


@pytest.mark.parametrize("form", ["gnu", "0.0", "0.1", "1.0"])
def test_a_sparse_file_hides_nothing_after_it(
    archive: Callable[..., Dataset], tmp_path: Path, form: str
) -> None:
    options = ["--format=gnu"] if form == "gnu" else ["--format=pax", f"--sparse-version={form}"]
    found = scan(archive(sparse(tmp_path, *options)))
    assert ids(found) == ["after.jpg"]
    why = "a sparse file, which cannot be read: write the archive without tar's --sparse"
    assert reasons(found) == {"holes.jpg": ("unreadable", why)}


# -------------------------------------------------------------------------------------------------- odd but whole


def test_a_tar_archive_that_the_system_has_written(dataset: MakeDataset, tmp_path: Path) -> None:
    write_folder(tmp_path / "faces", FACES)
    for number, form in enumerate(["v7", "oldgnu", "gnu", "ustar", "posix"]):
        path = tmp_path / f"{number}.tgz"
        names = [f"./{name}" for name in FACES]
        subprocess.run(["tar", "czf", path, f"--format={form}", *names], cwd=tmp_path / "faces", check=True)
        assert ids(scan(dataset(path, labels=PARENT))) == sorted(FACES, key=str.encode)


def test_a_long_name_in_two_parts(archive: Callable[..., Dataset]) -> None:
    name = "folder/" * 15 + "x" * 90 + ".jpg"
    data = tar_of({name: JPEG}, format=tarfile.USTAR_FORMAT)
    assert name.encode() not in data
    assert ids(scan(archive(data))) == [name]


def test_small_members_take_few_reads(
    archive: Callable[..., Dataset], monkeypatch: pytest.MonkeyPatch
) -> None:
    members = {f"{number}.jpg": JPEG + bytes(1000) for number in range(1000)}
    places: list[int] = []
    read = LocalFile.read

    def counted(self: LocalFile, start: int, n_bytes: int) -> bytes:
        places.append(start)
        return read(self, start, n_bytes)

    monkeypatch.setattr(LocalFile, "read", counted)
    for data in (tar_of(members), stored(members)):
        places.clear()
        assert len(scan(archive(data)).images) == 1000
        assert len(places) < 30


def test_archives_one_after_the_other(archive: Callable[..., Dataset]) -> None:
    one, two = tar_of({"1.jpg": JPEG}), tar_of({"2.jpg": JPEG})
    assert ids(scan(archive(one + two))) == ["1.jpg", "2.jpg"]
    assert ids(scan(archive(tgz_of({"1.jpg": JPEG}) + tgz_of({"2.jpg": JPEG})))) == ["1.jpg", "2.jpg"]


def test_a_zip_archive_that_was_written_as_a_stream(archive: Callable[..., Dataset]) -> None:
    read, write = os.pipe()
    with os.fdopen(read, "rb") as source, os.fdopen(write, "wb") as sink:
        with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archived:
            for name, data in FACES.items():
                archived.writestr(name, data)
        sink.close()
        data = source.read()
    reader = ArchiveReader(archive(data))
    assert {image.id: reader.read(image) for image in reader.scan(lambda *_: None).images} == FACES


def test_a_zip_archive_with_large_sizes(
    archive: Callable[..., Dataset], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 1000)  # so that the writer takes the form for more than 4 GiB
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 2)
    data = stored(FACES)
    assert b"PK\6\6" in data
    reader = ArchiveReader(archive(data))
    assert {image.id: reader.read(image) for image in reader.scan(lambda *_: None).images} == FACES


def test_more_members_than_sixteen_bits_count(archive: Callable[..., Dataset]) -> None:
    one = stored({"a/": b""})
    entry, end = one[one.index(b"PK\1\2") : one.index(b"PK\5\6")], one[one.index(b"PK\5\6") :]
    faces = stored({"face.jpg": JPEG})
    n_others = 66_000
    directory = faces[faces.index(b"PK\1\2") : faces.index(b"PK\5\6")] + entry * n_others
    start = faces.index(b"PK\1\2")
    count = ((n_others + 1) % 65_536).to_bytes(2, "little")
    sizes = len(directory).to_bytes(4, "little") + start.to_bytes(4, "little")
    found = scan(archive(faces[:start] + directory + end[:8] + count * 2 + sizes + b"\0\0"))
    assert ids(found) == ["face.jpg"]
    assert found.excluded == ()


def test_a_zip_archive_behind_a_program(archive: Callable[..., Dataset]) -> None:
    reader = ArchiveReader(archive(b"#!/bin/sh\nexit\n" * 50 + zip_of(FACES, comment=b"PK\5\6 is a mark")))
    assert {image.id: reader.read(image) for image in reader.scan(lambda *_: None).images} == FACES


def test_an_image_that_is_larger_than_any_window(archive: Callable[..., Dataset]) -> None:
    large = {"large.jpg": JPEG + os.urandom(1 << 20) * 5, "small.jpg": JPEG}
    for data in (zip_of(large), stored(large), tar_of(large), tgz_of(large)):
        reader = ArchiveReader(archive(data))
        images = reader.scan(lambda *_: None).images
        assert {image.id: image.sha256 for image in images} == {
            name: sha256(face).hexdigest() for name, face in large.items()
        }
        assert {image.id: reader.read(image) for image in images} == large


def test_labels_from_a_table(dataset: MakeDataset, tmp_path: Path) -> None:
    (tmp_path / "f.tar").write_bytes(tar_of({"./1.jpg": JPEG, "./2.jpg": JPEG + b"2"}))
    (tmp_path / "people.csv").write_text("image,identity\n1.jpg,Ann\n2.jpg,Bob\n")
    found = scan(dataset(tmp_path / "f.tar", labels=Labels(kind="csv", csv=tmp_path / "people.csv")))
    assert [image.labels for image in found.images] == [("Ann",), ("Bob",)]
    assert found.n_people == 2
