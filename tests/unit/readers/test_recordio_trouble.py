from __future__ import annotations

import hashlib
import os
import struct
import tracemalloc
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import pytest
from recordio_files import MARK, RecordFile, insightface_records, packed, part, plain_records, record
from scanned import PLACE, MakeDataset, ids, scanned, trouble_of

from faceleak_check.errors import DatasetError
from faceleak_check.policy.schema import Dataset
from faceleak_check.readers.recordio.reader import RecordIoReader
from faceleak_check.records import ImageSet

Drop = Callable[[], AbstractContextManager[None]]

IMAGES = [b"the zeroth", b"the first", b"the second", b"the third", b"the fourth"]
LATER = "Put the index of this .rec file in its place, or take it away: the records are then read without it."
AGAIN = "Write it again, or take it away: the records are then read without it."


def scan(dataset: Dataset) -> ImageSet:
    return scanned(RecordIoReader, dataset)


def trouble(dataset: Dataset) -> DatasetError:
    return trouble_of(RecordIoReader, dataset)


def reasons(found: ImageSet) -> dict[str, str]:
    assert {gone.rule for gone in found.excluded} <= {"unreadable"}
    return {gone.id: gone.reason for gone in found.excluded}


def damaged(place: int, why: str) -> str:
    return f"the record at byte {place:,} is damaged: {why}"


def five() -> RecordFile:
    return plain_records(IMAGES)


# ------------------------------------------------------------------------------ one damaged record in the middle


@pytest.mark.parametrize("index", [True, False])
@pytest.mark.parametrize(
    ("at", "value", "why"),
    [
        (0, b"\0\0\0\0", "its mark is wrong"),
        (4, struct.pack("<I", 3 << 29 | 33), "its beginning is missing"),
        (4, struct.pack("<I", 2 << 29 | 33), "its beginning is missing"),
        (4, struct.pack("<I", 1 << 29 | 33), "its end is missing"),
        (4, struct.pack("<I", 7 << 29 | 33), "it is of an unknown kind 7"),
        (4, struct.pack("<I", 50), "another record begins inside it, so its length is wrong"),
        (4, struct.pack("<I", 90), "another record begins inside it, so its length is wrong"),
        (
            4,
            struct.pack("<I", (1 << 29) - 1),
            "it should hold 536,870,911 bytes, and the file ends after 124",
        ),
        (8, struct.pack("<I", 3), "it should hold 3 labels, and 9 bytes are left for them"),
        (
            8,
            struct.pack("<I", 0xFFFFFFFF),
            "it should hold 4,294,967,295 labels, and 9 bytes are left for them",
        ),
    ],
)
@pytest.mark.parametrize("row", [0, 1, 2])
def test_a_damaged_record_hides_no_other(
    dataset: MakeDataset, tmp_path: Path, index: bool, at: int, value: bytes, why: str, row: int
) -> None:
    file = plain_records([b"nine byte"] * 5)
    place = file.places[row][1]
    file.data[place + at : place + at + 4] = value
    file.write(tmp_path, index=index)
    found = scan(dataset(tmp_path))
    left = len(file.data) - place - 8
    assert ids(found) == [f"{n:08d}" for n in range(5) if n != row]
    assert reasons(found) == {f"{row:08d}": damaged(place, why.replace("after 124", f"after {left}"))}


@pytest.mark.parametrize("index", [True, False])
def test_a_length_that_happens_to_end_where_another_record_begins(
    dataset: MakeDataset, tmp_path: Path, index: bool
) -> None:
    file = plain_records([b"x" * 64] * 5)
    place = file.places[1][1]
    file.data[place + 4] = file.places[3][1] - place - 8
    file.write(tmp_path, index=index)
    found = scan(dataset(tmp_path))
    assert ids(found) == ["00000000", "00000002", "00000003", "00000004"]
    why = "another record begins inside it, so its length is wrong"
    assert reasons(found) == {"00000001": damaged(place, why)}


def test_a_length_that_is_too_short_leaves_bytes_that_belong_to_nothing(
    dataset: MakeDataset, tmp_path: Path
) -> None:
    file = plain_records([b"x" * 60] * 3)
    file.data[file.places[1][1] + 4] = 40
    file.write(tmp_path)
    found = scan(dataset(tmp_path))
    gap = file.places[1][1] + 48
    assert ids(found) == ["00000000", "00000001", "00000002"]
    assert reasons(found) == {f"at byte {gap}": damaged(gap, "its mark is wrong")}


@pytest.mark.parametrize("index", [True, False])
def test_neighbouring_records_may_be_damaged(dataset: MakeDataset, tmp_path: Path, index: bool) -> None:
    file = five()
    for row in (1, 2):
        file.data[file.places[row][1]] ^= 1
    file.write(tmp_path, index=index)
    found = scan(dataset(tmp_path))
    assert ids(found) == ["00000000", "00000003", "00000004"]
    first, second = (file.places[row][1] for row in (1, 2))
    assert reasons(found) == (
        {
            "00000001": damaged(first, "its mark is wrong"),
            "00000002": damaged(second, "its mark is wrong"),
        }
        if index
        # without an index nothing tells how many there were
        else {f"at byte {first}": damaged(first, "its mark is wrong")}
    )


@pytest.mark.parametrize("index", [True, False])
def test_a_record_between_two_damaged_ones_is_found(
    dataset: MakeDataset, tmp_path: Path, index: bool
) -> None:
    file = five()
    for row in (1, 3):
        file.data[file.places[row][1]] ^= 1
    file.write(tmp_path, index=index)
    found = scan(dataset(tmp_path))
    assert ids(found) == ["00000000", "00000002", "00000004"]
    assert reasons(found) == {
        f"{row:08d}": damaged(file.places[row][1], "its mark is wrong") for row in (1, 3)
    }


@pytest.mark.parametrize("n_lost", [1, 2, 3, 4, 5])
def test_lost_bytes_do_not_hide_what_follows(dataset: MakeDataset, tmp_path: Path, n_lost: int) -> None:
    file = five()
    place = file.places[1][1]
    del file.data[place + 34 : place + 34 + n_lost]
    file.write(tmp_path, index=False)
    found = scan(dataset(tmp_path))
    assert ids(found) == ["00000000", "00000002", "00000003", "00000004"]
    assert reasons(found) == {
        "00000001": damaged(place, "another record begins inside it, so its length is wrong")
    }


@pytest.mark.parametrize("index", [True, False])
def test_the_parts_of_a_record_belong_together(dataset: MakeDataset, tmp_path: Path, index: bool) -> None:
    file = RecordFile()
    file.add(0, 0.0, b"before")
    for number in (1, 2):
        file.places.append((number, len(file.data)))
        file.data += part(1, packed(number, 0.0, b"half")) + (part(3, b"end.") if number == 2 else b"")
    file.add(3, 0.0, b"after")
    file.places.append((4, len(file.data)))
    file.data += part(1, packed(4, 0.0, b"half"))
    file.write(tmp_path, index=index)
    found = scan(dataset(tmp_path))
    assert ids(found) == ["00000000", "00000002", "00000003"]
    assert reasons(found) == {
        "00000001": damaged(file.places[1][1], "its end is missing"),
        ("00000004" if index else f"at byte {file.places[4][1]}"): damaged(
            file.places[4][1], "its end is missing"
        ),
    }


@pytest.mark.parametrize("n_bytes", range(0, 24, 4))
def test_a_record_without_room_for_its_header(dataset: MakeDataset, tmp_path: Path, n_bytes: int) -> None:
    file = five()
    file.places.append((5, len(file.data)))
    file.data += record(bytes(n_bytes))
    place = file.places[5][1]
    file.write(tmp_path)
    found = scan(dataset(tmp_path))
    assert len(found.images) == 5
    assert reasons(found) == {
        "00000005": damaged(place, f"its {n_bytes} bytes are too few for a header of 24")
    }


def test_a_record_without_image_is_no_image_unless_a_header_says_what_it_is(
    dataset: MakeDataset, tmp_path: Path
) -> None:
    file = RecordFile()
    file.add(0, 0.0, b"face")
    file.add(1, 4.0, b"")
    file.add(2, (1.0, 2.0), b"")
    file.write(tmp_path)
    found = scan(dataset(tmp_path))
    assert ids(found) == ["00000000"]
    assert reasons(found) == {
        f"{number:08d}": f"the record at byte {place:,} holds no image" for number, place in file.places[1:]
    }


def test_an_empty_image_of_an_insightface_set(dataset: MakeDataset, tmp_path: Path) -> None:
    file = insightface_records({0: [b"one", b""], 1: [b"three"]})
    file.write(tmp_path)
    found = scan(dataset(tmp_path))
    assert ids(found) == ["00000001", "00000003"]
    assert reasons(found) == {"00000002": f"the record at byte {file.places[1][1]:,} holds no image"}


# ------------------------------------------------------------------------------------------------- cut short


@pytest.mark.parametrize("index", [True, False])
@pytest.mark.parametrize("kept", range(1, 44))
def test_a_file_that_is_cut_short_inside_a_record(
    dataset: MakeDataset, tmp_path: Path, index: bool, kept: int
) -> None:
    file = five()
    path = file.write(tmp_path, index=index)
    place = file.places[4][1]
    os.truncate(path, place + kept)
    found = scan(dataset(tmp_path))
    if kept < 8:
        why = "the file ends inside it"
    elif kept < 8 + 34:
        why = f"it should hold 34 bytes, and the file ends after {kept - 8}"
    else:
        why = ""
    assert len(found.images) == 4 + (not why)
    name = "00000004" if index else f"at byte {place}"
    assert reasons(found) == ({name: damaged(place, why)} if why else {})


def test_what_the_index_places_after_the_end_is_counted(dataset: MakeDataset, tmp_path: Path) -> None:
    file = five()
    path = file.write(tmp_path)
    place, last = file.places[3][1], file.places[4][1]
    os.truncate(path, place)
    found = scan(dataset(tmp_path))
    assert ids(found) == ["00000000", "00000001", "00000002"]
    assert reasons(found) == {
        "00000003": f"the index places it at byte {place:,}, and the file ends at byte {place:,}",
        "00000004": f"the index places it at byte {last:,}, and the file ends at byte {place:,}",
    }


def test_what_the_header_counts_and_no_record_is_is_counted(dataset: MakeDataset, tmp_path: Path) -> None:
    file = insightface_records({0: [b"one", b"two", b"three", b"four"]})
    start, end = file.places[1][1], file.places[3][1]
    del file.data[start:end]
    file.write(tmp_path, index=False)
    found = scan(dataset(tmp_path))
    assert ids(found) == ["00000001", "00000004"]
    missing = "the header record counts it, and no record has its number"
    assert reasons(found) == {"00000002": missing, "00000003": missing}


def test_a_header_that_counts_far_more_than_there_is(dataset: MakeDataset, tmp_path: Path) -> None:
    file = RecordFile()
    file.add(0, (490_624.0, 501_196.0), b"")
    file.add(1, 0.0, b"face")
    path = file.write(tmp_path)
    error = trouble(dataset(tmp_path))
    assert error.message == "dataset 'training' lacks 490,622 images: its header record counts 490,623"
    assert error.detail == f"{path} {PLACE}\nThe file is cut short or damaged: fetch it again."


@pytest.mark.parametrize(
    "limits",
    [(float("nan"), 3.0), (2.0, float("inf")), (float("inf"), float("inf")), (-5.0, 3.0), (3.0, 2.0)],
)
def test_a_header_that_makes_no_sense_is_no_header(
    dataset: MakeDataset, tmp_path: Path, limits: tuple[float, float]
) -> None:
    file = RecordFile()
    file.add(0, limits, b"")
    file.add(1, 0.0, b"face")
    file.write(tmp_path)
    found = scan(dataset(tmp_path))
    assert ids(found) == ["00000001"]
    assert reasons(found) == {"00000000": "the record at byte 0 holds no image"}


# ------------------------------------------------------------------------------------------------- the index


def test_an_index_that_points_nowhere(dataset: MakeDataset, tmp_path: Path) -> None:
    file = five()
    inside = file.places[2][1] + 4
    file.places += [(9, inside), (8, 10_000), (8, 20_000), (3, 30_000)]
    file.write(tmp_path)
    found = scan(dataset(tmp_path))
    n_bytes = len(file.data)
    assert ids(found) == [f"{n:08d}" for n in range(5)]
    assert reasons(found) == {
        "00000009": f"the index places it at byte {inside}, where no record begins",
        "00000008": f"the index places it at byte 10,000, and the file ends at byte {n_bytes}",
        "00000008 at byte 20000": f"the index places it at byte 20,000, and the file ends at byte {n_bytes}",
        "00000003 at byte 30000": f"the index places it at byte 30,000, and the file ends at byte {n_bytes}",
    }


def test_an_index_that_gives_one_record_two_numbers(dataset: MakeDataset, tmp_path: Path) -> None:
    file = five()
    place = file.places[2][1]
    file.places += [(7, place), (2, place)]
    file.write(tmp_path)
    found = scan(dataset(tmp_path))
    assert ids(found) == [f"{n:08d}" for n in range(5)]
    assert reasons(found) == {"00000007": f"the index places it at byte {place}, as it does record 2"}


def test_an_index_of_another_file(dataset: MakeDataset, tmp_path: Path) -> None:
    path = five().write(tmp_path)
    other = plain_records([b"a face of another length", *[b"and one more"] * 5])
    path.with_suffix(".idx").write_text("".join(f"{n}\t{place}\n" for n, place in other.places))
    error = trouble(dataset(tmp_path))
    assert error.message == "the index of dataset 'training' does not fit its records"
    assert error.detail == (
        f"{path.with_suffix('.idx')} {PLACE}\n"
        f"Of its 6 places, 1 is the beginning of a whole record of train.rec. {LATER}"
    )


def test_an_index_all_of_whose_places_lie_after_the_end(dataset: MakeDataset, tmp_path: Path) -> None:
    path = five().write(tmp_path)
    path.with_suffix(".idx").write_text("0\t5000\n1\t6000\n")
    error = trouble(dataset(tmp_path))
    assert error.message == "the index of dataset 'training' does not fit its records"
    assert error.detail == (
        f"{path.with_suffix('.idx')} {PLACE}\n"
        f"Of its 2 places, 0 are the beginning of a whole record of train.rec. {LATER}"
    )


@pytest.mark.parametrize(
    ("line", "as_shown"),
    [
        (b"1", "1"),
        (b"1\t-4", "1\\t-4"),
        (b"-1\t4", "-1\\t4"),
        (b"one\t4", "one\\t4"),
        (b"1\t4\t5", "1\\t4\\t5"),
        (b"1\t9999999999999999999", "1\\t9999999999999999999"),
        (b"\xff\xfe\x1b[31m", "\\udcff\\udcfe\\x1b[31m"),
        (b"x" * 1000, "x" * 60),
    ],
)
def test_a_line_that_is_none_of_an_index(
    dataset: MakeDataset, tmp_path: Path, line: bytes, as_shown: str
) -> None:
    path = five().write(tmp_path)
    index = path.with_suffix(".idx")
    index.write_bytes(b"0\t0\n\n" + line + b"\n")
    error = trouble(dataset(tmp_path))
    assert error.message == "the index of dataset 'training' is wrong in line 3"
    assert error.detail == (
        f"{index} {PLACE}\nLine 3 is '{as_shown}', expected the number of a record, a tab, and the byte that it "
        f"begins at. {AGAIN}"
    )


def test_an_empty_index(dataset: MakeDataset, tmp_path: Path) -> None:
    path = five().write(tmp_path)
    path.with_suffix(".idx").write_bytes(b"\n")
    error = trouble(dataset(tmp_path))
    assert error.message == "the index of dataset 'training' is empty"
    assert error.detail == f"{path.with_suffix('.idx')} {PLACE}\n{AGAIN}"


def test_an_index_that_is_a_broken_link(dataset: MakeDataset, tmp_path: Path) -> None:
    path = five().write(tmp_path, index=False)
    path.with_suffix(".idx").symlink_to("nowhere")
    error = trouble(dataset(tmp_path))
    assert error.message == "the index of dataset 'training' was not found"


@pytest.mark.parametrize("shift", [1, 2, 3])
def test_a_place_inside_a_mark_hides_no_record(dataset: MakeDataset, tmp_path: Path, shift: int) -> None:
    file = five()
    file.data[file.places[1][1]] ^= 1
    place = file.places[2][1]
    file.places[2] = (9, place + shift)
    file.write(tmp_path)
    found = scan(dataset(tmp_path))
    assert ids(found) == ["00000000", "00000003", "00000004", f"at byte {place}"]
    assert reasons(found) == {
        "00000001": damaged(file.places[1][1], "its mark is wrong"),
        "00000009": f"the index places it at byte {place + shift}, where no record begins",
    }


# ------------------------------------------------------------------------------------------------- hostile files


def _peak_bytes(dataset: Dataset) -> tuple[ImageSet, int]:
    tracemalloc.start()
    try:
        return scan(dataset), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("kind", [0, 1, 2, 3])
def test_a_length_takes_no_more_memory_than_the_file(dataset: MakeDataset, tmp_path: Path, kind: int) -> None:
    head = MARK + struct.pack("<I", kind << 29 | (1 << 29) - 1)
    scan(dataset(five().write(tmp_path / "warm")))
    (tmp_path / "train.rec").write_bytes(part(0, packed(0, 0, b"face")) + head + b"face")
    found, peak = _peak_bytes(dataset(tmp_path / "train.rec"))
    assert (len(found.images), len(found.excluded)) == (1, 1)
    assert peak < 1_000_000


def test_the_set_is_never_in_memory(dataset: MakeDataset, tmp_path: Path) -> None:
    scan(dataset(five().write(tmp_path / "warm")))
    plain_records([os.urandom(1_000_000)] * 30).write(tmp_path)
    found, peak = _peak_bytes(dataset(tmp_path))
    assert len(found.images) == 30
    assert peak < 15_000_000


def test_many_empty_parts_take_no_more_memory_than_the_file(dataset: MakeDataset, tmp_path: Path) -> None:
    scan(dataset(five().write(tmp_path / "warm")))
    n = 20_000
    data = part(1, packed(0, 0, b"")) + part(2, b"") * n + part(3, b"")
    (tmp_path / "train.rec").write_bytes(data)
    found, peak = _peak_bytes(dataset(tmp_path))
    assert found.images[0].sha256 == hashlib.sha256(MARK * (n + 1)).hexdigest()
    assert peak < 4 * len(data)


def test_a_file_of_marks_alone_is_read_to_its_end(dataset: MakeDataset, tmp_path: Path) -> None:
    (tmp_path / "train.rec").write_bytes(part(0, packed(0, 0, b"face")) + MARK * 20_000)
    found = scan(dataset(tmp_path))
    assert ids(found) == ["00000000"]
    # MARK as a length is of the unknown kind 6
    assert reasons(found) == {"at byte 36": damaged(36, "it is of an unknown kind 6")}


def test_zeros_after_the_last_record_are_told(dataset: MakeDataset, tmp_path: Path) -> None:
    path = plain_records([b"face"]).write(tmp_path)
    with path.open("ab") as file:
        file.write(bytes(5_000_000))
    assert reasons(scan(dataset(tmp_path))) == {"at byte 36": damaged(36, "its mark is wrong")}


# ------------------------------------------------------------------------------------------------- other files


def test_nothing_there(dataset: MakeDataset, tmp_path: Path) -> None:
    error = trouble(dataset(tmp_path / "train.rec"))
    assert error.message == "dataset 'training' was not found"
    assert error.detail == (
        f"{tmp_path}/train.rec {PLACE}\n"
        "Nothing is there. Correct the path in the policy; a relative path starts at the policy's folder."
    )


def test_a_folder_without_records(dataset: MakeDataset, tmp_path: Path) -> None:
    (tmp_path / "face.jpg").write_bytes(b"")
    error = trouble(dataset(tmp_path))
    assert error.message == "dataset 'training' has no .rec file"
    assert error.detail == (
        f"{tmp_path} {PLACE}\nExpected train.rec in this folder, or the path of another .rec file. "
        "For image files leave out format: recordio."
    )


def test_the_records_lie_one_folder_below(dataset: MakeDataset, tmp_path: Path) -> None:
    five().write(tmp_path / "faces_webface_112x112")
    error = trouble(dataset(tmp_path))
    assert error.message == "dataset 'training' has no .rec file"
    assert error.detail == f"{tmp_path} {PLACE}\nThere is one in 'faces_webface_112x112': give that folder."


def test_several_files_of_records(dataset: MakeDataset, tmp_path: Path) -> None:
    for name in "abcd":
        five().write(tmp_path, name=name)
    error = trouble(dataset(tmp_path))
    assert error.message == "dataset 'training' has 4 .rec files, and only one can be read at a time"
    assert error.detail == (
        f"{tmp_path} {PLACE}\nFound 'a.rec', 'b.rec', 'c.rec' and 1 more. Give the path of one of them; each is a "
        "dataset of its own."
    )


@pytest.mark.parametrize("other", ["val.rec", "train.REC"])
def test_the_usual_file_hides_no_other(dataset: MakeDataset, tmp_path: Path, other: str) -> None:
    five().write(tmp_path)
    (tmp_path / other).write_bytes((tmp_path / "train.rec").read_bytes())
    error = trouble(dataset(tmp_path))
    assert error.message == "dataset 'training' has 2 .rec files, and only one can be read at a time"


@pytest.mark.parametrize("suffix", [".idx", ".lst", ".tsv", ".txt"])
def test_a_file_beside_the_records(dataset: MakeDataset, tmp_path: Path, suffix: str) -> None:
    path = five().write(tmp_path).with_suffix(suffix)
    path.touch()
    error = trouble(dataset(path))
    assert error.message == f"dataset 'training' is a {suffix} file, expected the .rec file"
    assert error.detail == f"{path} {PLACE}\nGive the .rec file that it belongs to, or the folder of both."


@pytest.mark.parametrize(
    ("data", "first"),
    [
        (b"version https://git-lfs.github.com/spec/v1\n", "76 65 72 73"),
        (b"PK\3\4" + bytes(5_000_000), "50 4b 03 04"),
        (b"{}", "7b 7d"),
    ],
)
def test_a_file_of_another_kind(dataset: MakeDataset, tmp_path: Path, data: bytes, first: str) -> None:
    path = tmp_path / "train.rec"
    path.write_bytes(data)
    error = trouble(dataset(tmp_path))
    assert error.message == "dataset 'training' is no RecordIO file"
    assert error.detail == (
        f"{path} {PLACE}\nIt begins with the bytes {first}, expected 0a 23 d7 ce. Give a .rec file of MXNet or "
        "InsightFace."
    )


def test_an_empty_file(dataset: MakeDataset, tmp_path: Path) -> None:
    (tmp_path / "train.rec").touch()
    error = trouble(dataset(tmp_path))
    assert error.message == "dataset 'training' is empty"
    assert error.detail == f"{tmp_path}/train.rec {PLACE}\nIts .rec file holds no byte."


def test_a_file_with_a_header_alone(dataset: MakeDataset, tmp_path: Path) -> None:
    file = RecordFile()
    file.add(0, (1.0, 1.0), b"")
    path = file.write(tmp_path)
    error = trouble(dataset(tmp_path))
    assert error.message == "dataset 'training' has no images"
    assert error.detail == f"{path} {PLACE}\nNone of its records holds one."


def test_a_file_of_nothing_but_damaged_records_is_no_empty_one(dataset: MakeDataset, tmp_path: Path) -> None:
    (tmp_path / "train.rec").write_bytes(record(packed(0, 0, b"face"))[:-4])
    found = scan(dataset(tmp_path))
    assert found.images == ()
    assert reasons(found) == {"at byte 0": damaged(0, "it should hold 28 bytes, and the file ends after 24")}


def test_a_pipe_is_not_waited_for(dataset: MakeDataset, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "train.rec")
    error = trouble(dataset(tmp_path))
    assert error.message == "dataset 'training' cannot be read (not a regular file)"


def test_closed_files(dataset: MakeDataset, open_folder: Path, unprivileged: Drop) -> None:
    path = five().write(open_folder)
    path.chmod(0)
    with unprivileged():
        error = trouble(dataset(open_folder))
    assert error.message == "dataset 'training' cannot be read (Permission denied)"
    assert error.detail == (
        f"{path} {PLACE}\nGive this user the right to read it, or correct the path in the policy."
    )


def test_a_closed_folder(dataset: MakeDataset, open_folder: Path, unprivileged: Drop) -> None:
    open_folder.chmod(0)
    with unprivileged():
        error = trouble(dataset(open_folder))
    assert error.message == "dataset 'training' cannot be listed (Permission denied)"


# ------------------------------------------------------------------------------------------------- changes


def test_a_file_that_changes_while_it_is_listed(dataset: MakeDataset, tmp_path: Path) -> None:
    path = plain_records([b"face"] * 30_000).write(tmp_path)  # enough for progress to be told

    def write_on(*_: object) -> None:
        with path.open("ab") as file:
            file.write(b"more")

    reader = RecordIoReader(dataset(tmp_path))
    with pytest.raises(DatasetError) as caught:
        reader.scan(write_on)
    assert caught.value.message == "dataset 'training' changed while it was listed"
    assert caught.value.detail == f"{path} {PLACE}\nWait until it is written, then run again."


def test_a_file_that_changes_after_it_was_listed(dataset: MakeDataset, tmp_path: Path) -> None:
    path = five().write(tmp_path)
    reader = RecordIoReader(dataset(tmp_path))
    found = reader.scan(lambda *_: None)
    plain_records([b"a face of another length, much longer", *IMAGES[1:]]).write(tmp_path)
    with pytest.raises(OSError) as caught:  # noqa: PT011 - the whole message is compared
        reader.read(found.images[2])
    assert str(caught.value) == "its record is no longer there: the file changed while the gate ran"
    path.unlink()
    with pytest.raises(OSError) as caught:  # noqa: PT011
        reader.read(found.images[2])
    assert str(caught.value) == "No such file or directory"


@pytest.mark.parametrize("name", ["", "00000001 and more", "at byte 36", "\udcff"])
def test_what_was_not_listed_is_not_read(dataset: MakeDataset, tmp_path: Path, name: str) -> None:
    five().write(tmp_path)
    reader = RecordIoReader(dataset(tmp_path))
    (image, *_) = reader.scan(lambda *_: None).images
    with pytest.raises(OSError) as caught:  # noqa: PT011 - the whole message is compared
        reader.read(replace(image, id=name))
    assert str(caught.value) == "it is not in the dataset"
