"""Damaged archives, archives of other kinds and archives that mean harm: whole messages, and nothing hidden."""

from __future__ import annotations

import os
import pickle
import struct
import tarfile
import zlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pytest
from archive_files import JPEG, stored, tar_of, tgz_of, write_folder, zip_of
from scanned import PLACE, MakeDataset, ids, reasons, scanned, trouble_of

from faceleak_check.errors import DatasetError
from faceleak_check.policy.schema import Dataset
from faceleak_check.readers import progress
from faceleak_check.readers.archive.reader import ArchiveReader
from faceleak_check.readers.archive.trouble import ArchiveError
from faceleak_check.readers.files import FileError
from faceleak_check.records import ImageSet

Drop = Callable[[], AbstractContextManager[None]]

THREE = {name: JPEG + name.encode() * 200 for name in ("1.jpg", "2.jpg", "3.jpg")}
UNREADABLE, FOLDER = "unreadable", "folder"
CRC = "it is damaged: its bytes do not fit its checksum"
CONTRADICTION = "it is damaged: its header and the archive's directory contradict each other"


def scan(dataset: Dataset) -> ImageSet:
    return scanned(ArchiveReader, dataset)


def trouble(dataset: Dataset) -> DatasetError:
    return trouble_of(ArchiveReader, dataset)


@pytest.fixture
def archive(dataset: MakeDataset, tmp_path: Path) -> Callable[..., Dataset]:
    """A dataset that is an archive of these bytes."""

    def write(data: bytes, name: str = "faces") -> Dataset:
        (tmp_path / name).write_bytes(data)
        return dataset(tmp_path / name)

    return write


# --------------------------------------------------------------------------------------------- no archive at all


def test_nothing_there(dataset: MakeDataset, tmp_path: Path) -> None:
    error = trouble(dataset(tmp_path / "gone.zip"))
    assert error.message == "dataset 'training' was not found"
    assert error.detail == (
        f"{tmp_path}/gone.zip {PLACE}\n"
        "Nothing is there. Correct the path in the policy; a relative path starts at the policy's folder."
    )


AGAIN = "Fetch it again, or write it again from the images."
PACK = "Give the images unpacked in a folder, or packed again as .zip, .tar or .tar.gz."
TAR = "Expected a file that tar -t can list. Fetch it again, or write it again."
NO_HEADER = "is no tar archive, or is damaged: no header of a member is in it"
WRONG: dict[str, tuple[str, bytes, str, str]] = {
    "empty": ("f.zip", b"", "holds no byte", "Expected a .zip, .tar or .tar.gz file with images in it."),
    "a picture": (
        "f.jpg",
        JPEG + b"face",
        "is no archive",
        "It begins with the bytes ff d8 ff 66. Expected a .zip, .tar or .tar.gz file.",
    ),
    "xz": ("f.tar.xz", b"\xfd7zXZ\0 and so on", "is an xz file, which cannot be read", PACK),
    "bzip2": ("f.tar.bz2", b"BZh91AY", "is a bzip2 file, which cannot be read", PACK),
    "7z": ("f.7z", b"7z\xbc\xaf\x27\x1c\0", "is a 7z archive, which cannot be read", PACK),
    "RAR": ("f.rar", b"Rar!\x1a\7\1", "is a RAR archive, which cannot be read", PACK),
    "Zstandard": ("f.zst", b"\x28\xb5\x2f\xfd\0", "is a Zstandard file, which cannot be read", PACK),
    "words": ("f.tar", b"words " * 500, NO_HEADER, TAR),
    "packed words": (
        "f.tar.gz",
        zlib.compress(b"words " * 500, wbits=31),
        NO_HEADER,
        TAR,
    ),
    "packed in part": (
        "f.tar.gz",
        tgz_of(THREE)[:30],
        f"{NO_HEADER} (it is cut short)",
        TAR,
    ),
    "no packing": (
        "f.tar.gz",
        b"\x1f\x8b\x08\0\0\0\0\0\0\3" + b"\xff" * 600,
        f"{NO_HEADER} (it is damaged: its packed bytes make no sense, or do not fit their checksum)",
        TAR,
    ),
    "zip cut short": (
        "f.zip",
        zip_of(THREE)[:-30],
        "is cut short, or more was put behind its end: it does not end with a directory",
        AGAIN,
    ),
    "zip with a tail": (
        "f.zip",
        zip_of(THREE) + b"tail",
        "is cut short, or more was put behind its end: it does not end with a directory",
        AGAIN,
    ),
    "split zip": (
        "f.zip",
        zip_of(THREE)[:-18] + b"\1\0\1\0" + zip_of(THREE)[-14:],
        "is one part of a split archive",
        "Join the parts, with zip -s 0 for example.",
    ),
    "zip without its beginning": (
        "f.zip",
        b"PK\3\4" + zip_of(THREE)[100:],
        "is damaged: the directory at its end is not where it should be",
        AGAIN,
    ),
    "zip64 without its record": (
        "f.zip",
        zip_of({})[:0] + struct.pack("<4sIQI", b"PK\6\7", 0, 5, 1) + zip_of({}),
        "is damaged: the directory at its end is not where it should be",
        AGAIN,
    ),
    "no image": (
        "f.zip",
        zip_of({"a.txt": b"", "b.txt": b"", "c": b""}),
        "has no images among 3 files",
        "By suffix: 1 without suffix, 2 .txt. Expected image files such as JPEG or PNG in it.",
    ),
    "an empty zip": ("f.zip", zip_of({}), "is empty", "Expected an archive with images in it."),
    "an empty tar": ("f.tar", tar_of({}), "is empty", "Expected an archive with images in it."),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_file_that_cannot_be_read(archive: Callable[..., Dataset], tmp_path: Path, case: str) -> None:
    name, data, what, advice = WRONG[case]
    error = trouble(archive(data, name))
    assert error.message == f"dataset 'training' {what}"
    assert error.detail == f"{tmp_path}/{name} {PLACE}\n{advice}"


def test_a_closed_archive(dataset: MakeDataset, open_folder: Path, unprivileged: Drop) -> None:
    path = open_folder / "f.zip"
    path.write_bytes(zip_of(THREE))
    path.chmod(0)
    with unprivileged():
        error = trouble(dataset(path))
    assert error.message == "dataset 'training' cannot be read (Permission denied)"
    assert error.detail == (
        f"{path} {PLACE}\nGive this user the right to read it, or correct the path in the policy."
    )


def test_its_errors_may_cross_processes() -> None:
    error = pickle.loads(pickle.dumps(ArchiveError("is cut short", "Fetch it again.")))
    assert str(error) == "it is cut short. Fetch it again."


# ------------------------------------------------------------------------------------------------ damaged members


def entry(data: bytes, name: str) -> int:
    """Where the directory's entry of a member begins."""
    return data.index(name.encode(), data.index(b"PK\1\2")) - 46


def header(data: bytes, name: str) -> int:
    """Where a member's own header begins."""
    return data.index(name.encode()) - 30


def patched(data: bytes, place: int, value: bytes) -> bytes:
    return data[:place] + value + data[place + len(value) :]


def test_every_changed_byte_of_a_member_is_noticed(archive: Callable[..., Dataset]) -> None:
    data = stored({**THREE, "raw": JPEG + b"no suffix"})
    for name in ("2.jpg", "raw"):
        start = header(data, name) + 30 + len(name)
        for offset in (0, 1, 8):
            found = scan(archive(patched(data, start + offset, b"\x55")))
            assert ids(found) == [one for one in ("1.jpg", "2.jpg", "3.jpg", "raw") if one != name]
            assert reasons(found) == {name: (UNREADABLE, CRC)}


PACKED = "it is damaged: its packed bytes make no sense"
LOST = "it is damaged: its header is not where the archive's directory places it"
DAMAGED_MEMBERS = {
    "encrypted": (8, b"\1\0", "it is encrypted: give an archive without a password"),
    "method": (10, b"\x0c\0", CONTRADICTION),
    "checksum": (16, b"abcd", CRC),
    "length": (24, b"\1\1\0\0", CRC),
    "packed length": (20, b"\3\0\0\0", CRC),
    "offset": (42, b"\1\0\0\0", LOST),
    "offset behind the end": (42, b"\xf0\xff\xff\xff", LOST),
    "name": (46, b"X", CONTRADICTION),
}


@pytest.mark.parametrize("case", DAMAGED_MEMBERS)
def test_a_wrong_entry_of_the_directory_hides_no_other_member(
    archive: Callable[..., Dataset], case: str
) -> None:
    place, value, why = DAMAGED_MEMBERS[case]
    data = zip_of(THREE)
    found = scan(archive(patched(data, entry(data, "2.jpg") + place, value)))
    name = "X.jpg" if case == "name" else "2.jpg"
    assert ids(found) == ["1.jpg", "3.jpg"]
    assert reasons(found) == {name: (UNREADABLE, why)}


def test_a_packing_that_makes_no_sense(archive: Callable[..., Dataset]) -> None:
    data = zip_of(THREE)
    found = scan(archive(patched(data, header(data, "2.jpg") + 35, b"\xff" * 8)))
    assert ids(found) == ["1.jpg", "3.jpg"]
    assert reasons(found) == {"2.jpg": (UNREADABLE, PACKED)}


@pytest.mark.parametrize(
    ("method", "how"),
    [(9, "Deflate64"), (12, "bzip2"), (14, "LZMA"), (93, "Zstandard"), (95, "XZ"), (77, "method 77")],
)
def test_another_packing(archive: Callable[..., Dataset], method: int, how: str) -> None:
    data, code = zip_of(THREE), struct.pack("<H", method)
    data = patched(patched(data, entry(data, "2.jpg") + 10, code), header(data, "2.jpg") + 8, code)
    found = scan(archive(data))
    assert ids(found) == ["1.jpg", "3.jpg"]
    why = f"it is packed with {how}, which cannot be read: pack it again with Deflate"
    assert reasons(found) == {"2.jpg": (UNREADABLE, why)}


def test_a_damaged_directory_hides_nothing_else(archive: Callable[..., Dataset]) -> None:
    data = zip_of(THREE)
    found = scan(archive(patched(data, entry(data, "2.jpg"), b"XX")))
    place = entry(data, "2.jpg")
    assert ids(found) == ["1.jpg", "3.jpg"]
    assert reasons(found) == {
        f"directory at byte {place:,}": (FOLDER, "51 bytes of the archive's directory are damaged")
    }


def test_a_directory_that_counts_more_members(archive: Callable[..., Dataset]) -> None:
    data = zip_of(THREE)
    found = scan(archive(data[:-14] + b"\4\0\4\0" + data[-10:]))
    assert ids(found) == ["1.jpg", "2.jpg", "3.jpg"]
    why = "the archive's directory holds 3 entries, and its end counts 4"
    assert reasons(found) == {"directory": (FOLDER, why)}


def test_one_zip_archive_in_front_of_another(archive: Callable[..., Dataset]) -> None:
    first = stored({"hidden.jpg": JPEG})
    found = scan(archive(first + zip_of(THREE)))
    assert ids(found) == ["1.jpg", "2.jpg", "3.jpg"]
    why = f"{len(first)} bytes in front of the archive are another one: give each as a file of its own"
    assert reasons(found) == {"byte 0": (FOLDER, why)}


# ------------------------------------------------------------------------------------------------------ bombs


def test_members_that_lie_in_one_another_are_unpacked_once(archive: Callable[..., Dataset]) -> None:
    bomb = zip_of({"1.jpg": JPEG + bytes(20_000_000)})
    start = bomb.index(b"PK\1\2")
    one = bomb[start : bomb.index(b"PK\5\6")]
    directory = one * 300
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 300, 300, len(directory), start, 0)
    found = scan(archive(bomb[:start] + directory + end))
    assert ids(found) == ["1.jpg"]
    assert len(found.excluded) == 299
    assert {gone.reason for gone in found.excluded} == {"its bytes are those of other members, too"}


def test_a_member_that_is_longer_than_it_says(archive: Callable[..., Dataset]) -> None:
    data = zip_of({"1.jpg": JPEG + bytes(20_000_000), "2.jpg": JPEG})
    place = entry(data, "1.jpg") + 24
    found = scan(archive(patched(data, place, b"\x10\0\0\0")))
    assert ids(found) == ["2.jpg"]
    assert reasons(found) == {"1.jpg": (UNREADABLE, CRC)}


def test_what_is_larger_than_any_image_is_not_unpacked(archive: Callable[..., Dataset]) -> None:
    data = zip_of({"1.jpg": JPEG, "notes.txt": b"words", "2.jpg": JPEG})
    for name in ("1.jpg", "notes.txt"):
        data = patched(data, entry(data, name) + 24, b"\1\0\0\x40")
    large = tarfile.TarInfo("1.jpg")
    large.size = (1 << 30) + 1
    for found in (scan(archive(data)), scan(archive(tar_of({"2.jpg": JPEG})[:1024] + large.tobuf()))):
        assert ids(found) == ["2.jpg"]
        assert reasons(found)["1.jpg"] == (UNREADABLE, "it is larger than 1,073,741,824 bytes")


# ------------------------------------------------------------------------------------------------- damaged tars


def tar_header(name: str) -> int:
    """Where a member's header begins in the tar archive of `THREE`."""
    return sum(512 + 1024 for one in THREE if one < name)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("name", THREE)
def test_a_damaged_header_hides_its_own_member_alone(
    archive: Callable[..., Dataset], packed: bool, name: str
) -> None:
    place = tar_header(name)
    data = patched(tar_of(THREE), place + 3, b"?")
    found = scan(archive(zlib.compress(data, wbits=31) if packed else data, "f.tgz" if packed else "f.tar"))
    assert ids(found) == [one for one in THREE if one != name]
    last = name == "3.jpg"
    n_lost = 10_240 - place if last else 1536
    why = f"{n_lost:,} bytes are damaged: no header of a member is among them"
    assert reasons(found) == {f"from byte {place:,} on": (FOLDER, why)}


CUT = "it is cut short: the zeros that end a tar archive are missing"


@pytest.mark.parametrize("kept", [1536, 1536 + 512, 1536 + 900, 1536 + 512 + 1003, 3072])
def test_a_tar_archive_that_is_cut_short(archive: Callable[..., Dataset], kept: int) -> None:
    found = scan(archive(tar_of(THREE)[:kept]))
    n_whole = kept // 1536 + (kept == 1536 + 512 + 1003)
    assert ids(found) == list(THREE)[:n_whole]
    expected = {f"from byte {-(-kept // 1536) * 1536:,} on": (FOLDER, CUT)}
    if kept in {2048, 2436}:
        expected["2.jpg"] = (UNREADABLE, "it is cut short: the archive ends inside it")
    assert reasons(found) == expected


def test_a_tar_archive_that_is_cut_short_in_its_zeros(archive: Callable[..., Dataset]) -> None:
    found = scan(archive(tar_of(THREE)[: 3 * 1536 + 700]))
    assert ids(found) == list(THREE)
    why = "bytes of it were lost or added: a tar archive has a multiple of 512 bytes"
    assert reasons(found) == {"from byte 4,608 on": (FOLDER, why)}


@pytest.mark.parametrize(("n_left", "n_whole"), [(900, 1), (500, 2), (9, 3), (1, 3)])
def test_a_packed_tar_archive_that_is_cut_short(
    archive: Callable[..., Dataset], n_left: int, n_whole: int
) -> None:
    random = np.random.default_rng(0)
    members = {name: JPEG + random.bytes(700) for name in THREE}
    found = scan(archive(tgz_of(members)[:-n_left], "f.tgz"))
    assert ids(found) == list(THREE)[:n_whole]
    expected = {f"from byte {min(n_whole + 1, 3) * 1536:,} on": (FOLDER, "it is cut short")}
    if n_whole < 3:
        expected[f"{n_whole + 1}.jpg"] = (UNREADABLE, "it is cut short: the archive ends inside it")
    assert reasons(found) == expected


def test_a_packed_tar_archive_with_a_wrong_checksum(archive: Callable[..., Dataset]) -> None:
    data = tgz_of(THREE)
    found = scan(archive(patched(data, len(data) - 8, b"abcd"), "f.tgz"))
    assert ids(found) == list(THREE)
    why = "it is damaged: its packed bytes make no sense, or do not fit their checksum"
    assert reasons(found) == {"from byte 4,608 on": (FOLDER, why)}


def test_bytes_behind_a_packed_archive(archive: Callable[..., Dataset]) -> None:
    data = tgz_of(THREE)
    found = scan(archive(data + bytes(1000), "f.tgz"))
    assert (ids(found), reasons(found)) == (list(THREE), {})
    found = scan(archive(data + bytes(1000) + b"tail", "f.tgz"))
    assert ids(found) == list(THREE)
    why = f"what follows byte {len(data) + 1000:,} of the file is not packed with gzip, or is damaged"
    assert reasons(found) == {"from byte 4,608 on": (FOLDER, why)}


def test_bytes_behind_a_tar_archive(archive: Callable[..., Dataset]) -> None:
    found = scan(archive(tar_of(THREE) + b"tail"))
    assert ids(found) == list(THREE)
    why = "4 bytes are damaged: no header of a member is among them"
    assert reasons(found) == {"from byte 10,240 on": (FOLDER, why)}


def test_zeros_that_no_program_writes(archive: Callable[..., Dataset], tmp_path: Path) -> None:
    """As in a file whose whole length was laid out before it was fetched."""
    dataset = archive(tar_of(THREE)[: 2 * 1536])
    os.truncate(tmp_path / "faces", 3072 + (1 << 16))
    assert reasons(scan(dataset)) == {}
    os.truncate(tmp_path / "faces", 3072 + (1 << 16) + 512)
    found = scan(dataset)
    assert ids(found) == ["1.jpg", "2.jpg"]
    why = "it ends with 66,048 zeros, as a file does that was not fetched to its end"
    assert reasons(found) == {"from byte 3,072 on": (FOLDER, why)}


def test_a_part_in_the_middle_that_was_not_fetched(archive: Callable[..., Dataset]) -> None:
    whole = tar_of({f"{row:03d}.jpg": JPEG + bytes(1024 - len(JPEG)) for row in range(60)})
    between = whole[: 2 * 1536] + bytes(44 * 1536) + whole[46 * 1536 :]
    found = scan(archive(between))
    assert ids(found) == [f"{row:03d}.jpg" for row in (0, 1, *range(46, 60))]
    why = "67,584 zeros lie between two members, as where a part of a file was not fetched"
    assert reasons(found) == {"from byte 3,072 on": (FOLDER, why)}


def test_an_archive_of_nothing_but_zeros(dataset: MakeDataset, tmp_path: Path) -> None:
    write_folder(tmp_path / "set", {"a.tar": tar_of(THREE), "b.tar": tar_of({}), "c.tar": bytes(20_480)})
    found = scan(dataset(tmp_path / "set"))
    assert len(found.images) == 3
    why = "it ends with 20,480 zeros, as a file does that was not fetched to its end"
    assert reasons(found) == {"c.tar/from byte 0 on": (FOLDER, why)}


def test_a_damaged_extended_header(archive: Callable[..., Dataset]) -> None:
    data = tar_of({"é.jpg": JPEG, "2.jpg": JPEG})
    place = data.index(b" path=")
    found = scan(archive(patched(data, place, b"x")))
    assert ids(found) == ["2.jpg", "?.jpg"]  # what its own header calls it
    why = "an extended header is damaged: no record of a length begins at byte 0"
    assert reasons(found) == {"at byte 0": (FOLDER, why)}


@pytest.mark.parametrize(
    ("record", "why"),
    [
        (b"12 nosign!!\n", "the record at byte 0 has no '='"),
        (b"13 size=many\n", "its size is no number"),
        (b"99 path=x\n", "no record of a length begins at byte 0"),
    ],
)
def test_records_that_make_no_sense(archive: Callable[..., Dataset], record: bytes, why: str) -> None:
    extended = tarfile.TarInfo("pax")
    extended.type = tarfile.XHDTYPE
    found = scan(archive(tar_of({extended: record, "1.jpg": JPEG})))
    assert ids(found) == ["1.jpg"]
    assert reasons(found) == {"at byte 0": (FOLDER, f"an extended header is damaged: {why}")}


def test_a_length_that_no_disk_holds(archive: Callable[..., Dataset]) -> None:
    huge = tarfile.TarInfo("1.jpg")
    huge.size = 1 << 59
    found = scan(archive(tar_of({"0.jpg": JPEG})[:1024] + huge.tobuf(tarfile.GNU_FORMAT)))
    assert ids(found) == ["0.jpg"]
    assert set(reasons(found)) == {"1.jpg", f"from byte {1536 + (1 << 59):,} on"}
    huge.size = 1 << 70
    found = scan(archive(tar_of({"0.jpg": JPEG})[:1024] + huge.tobuf(tarfile.GNU_FORMAT)))
    assert list(reasons(found)) == ["from byte 1,024 on"]


def test_the_rest_of_a_file_in_another_volume(archive: Callable[..., Dataset]) -> None:
    rest = tarfile.TarInfo("1.jpg")
    rest.type = b"M"
    found = scan(archive(tar_of({rest: JPEG, "2.jpg": JPEG})))
    assert ids(found) == ["2.jpg"]
    why = "the rest of a file that begins in another volume: write the archive as one"
    assert reasons(found) == {"1.jpg": (UNREADABLE, why)}


# ------------------------------------------------------------------------------------------------------- changes


@pytest.mark.parametrize("write", [zip_of, tar_of, tgz_of])
def test_an_archive_that_changes_after_it_was_listed(
    archive: Callable[..., Dataset], tmp_path: Path, write: Callable[..., bytes]
) -> None:
    reader = ArchiveReader(archive(write({**THREE, "big.jpg": JPEG + os.urandom(30_000)})))
    images = {image.id: image for image in reader.scan(lambda *_: None).images}
    archive(write({"3.jpg": JPEG}))
    with pytest.raises(FileError) as caught:
        reader.read(images["big.jpg"])
    assert str(caught.value) in {
        "it is no longer there: the archive changed while the gate ran",
        "it is damaged: its header is not where the archive's directory places it",
    }
    (tmp_path / "faces").unlink()
    with pytest.raises(FileError) as caught:
        reader.read(images["2.jpg"])
    assert str(caught.value) == "No such file or directory"


def test_an_archive_that_changes_while_it_is_listed(
    archive: Callable[..., Dataset], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "_SECONDS_BETWEEN", 0.0)  # so that it is told of while it is listed
    dataset = archive(stored({f"{number}.jpg": JPEG for number in range(300)}))

    def write_on(*_: object) -> None:
        with (tmp_path / "faces").open("ab") as file:
            file.write(b"more")

    with pytest.raises(DatasetError) as caught:
        ArchiveReader(dataset).scan(write_on)
    assert caught.value.message == "dataset 'training' changed while it was listed"
