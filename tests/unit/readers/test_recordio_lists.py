from __future__ import annotations

from pathlib import Path

import pytest
from recordio_files import RecordFile, insightface_records, plain_records
from scanned import PLACE, MakeDataset, scanned, trouble_of

from faceleak_check.errors import DatasetError
from faceleak_check.policy.schema import Dataset
from faceleak_check.readers.recordio.reader import RecordIoReader
from faceleak_check.records import ImageSet

BY_NUMBER = "take it away: images are then named by number."


def scan(dataset: Dataset) -> ImageSet:
    return scanned(RecordIoReader, dataset)


def trouble(dataset: Dataset) -> DatasetError:
    return trouble_of(RecordIoReader, dataset)


def names(found: ImageSet) -> dict[str, tuple[str, ...]]:
    return {image.id: image.labels for image in found.images}


def reasons(found: ImageSet) -> dict[str, str]:
    return {gone.id: gone.reason for gone in found.excluded}


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """Three records of people 5, 5 and 7."""
    return plain_records([b"zero", b"one", b"two"], labels=[5.0, 5.0, 7.0]).write(tmp_path)


def write_list(records: Path, lines: list[str], suffix: str = ".lst") -> Path:
    path = records.with_suffix(suffix)
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8", errors="surrogateescape")
    return path


def test_mxnets_list_has_the_path_last(dataset: MakeDataset, plain: Path) -> None:
    write_list(plain, ["2\t7.000000\tb/3.jpg", "0\t5.000000\ta/1.jpg", "1\t5.000000\ta/2.jpg"])
    assert names(scan(dataset(plain))) == {"a/1.jpg": ("5",), "a/2.jpg": ("5",), "b/3.jpg": ("7",)}


def test_mxnets_list_may_hold_several_labels(dataset: MakeDataset, plain: Path) -> None:
    write_list(plain, ["0\t5\t0.1\t0.2\ta/1.jpg", "1\t5\t1\t2\ta/2.jpg", "2\t7\t0\t0\tb/3.jpg"])
    assert list(names(scan(dataset(plain)))) == ["a/1.jpg", "a/2.jpg", "b/3.jpg"]


def test_the_list_of_adafaces_tools_has_the_path_in_the_middle(dataset: MakeDataset, plain: Path) -> None:
    write_list(plain, ["0\ta/1.jpg\t5", "1\ta/2.jpg\t5", "2\tb/3.jpg\t7"], ".tsv")
    assert list(names(scan(dataset(plain)))) == ["a/1.jpg", "a/2.jpg", "b/3.jpg"]


def dcface_records(
    folder: Path, paths: list[str], labels: list[float] | None = None, *, name: str = "file"
) -> Path:
    """As DCFace's tools write them: ``file.rec`` with labels 0, and ``list.txt``."""
    images = [f"image {number}".encode() for number in range(len(paths))]
    path = plain_records(images, labels=labels or [0.0] * len(paths)).write(folder, name=name)
    lines = [f"{number}\t{path}\n" for number, path in enumerate(paths)]
    (folder / "list.txt").write_text("".join(lines), encoding="utf-8")
    return path


@pytest.mark.parametrize("index", [True, False])
def test_dcfaces_list_tells_people_by_their_folders(
    dataset: MakeDataset, tmp_path: Path, index: bool
) -> None:
    path = dcface_records(tmp_path, ["0/0.jpg", "0/1.jpg", "12/0.jpg"])
    if not index:
        path.with_suffix(".idx").unlink()
    found = scan(dataset(tmp_path))
    assert names(found) == {"0/0.jpg": ("0",), "0/1.jpg": ("0",), "12/0.jpg": ("12",)}
    assert found.n_people == 2


def test_the_folder_next_to_the_file_is_the_person(dataset: MakeDataset, tmp_path: Path) -> None:
    dcface_records(tmp_path, ["set/ann/0.jpg", "set/ben/0.jpg", "alone.jpg"])
    assert names(scan(dataset(tmp_path))) == {
        "alone.jpg": (),
        "set/ann/0.jpg": ("ann",),
        "set/ben/0.jpg": ("ben",),
    }


@pytest.mark.parametrize("paths", [["0.jpg", "1.jpg"], ["images/0.jpg", "images/1.jpg"]])
def test_one_folder_for_everything_names_nobody(
    dataset: MakeDataset, tmp_path: Path, paths: list[str]
) -> None:
    dcface_records(tmp_path, paths)
    assert names(scan(dataset(tmp_path))) == dict.fromkeys(paths, ())


def test_labels_that_differ_count_more_than_folders(dataset: MakeDataset, tmp_path: Path) -> None:
    dcface_records(tmp_path, ["a/0.jpg", "b/0.jpg", "c/0.jpg"], [5.0, 5.0, 7.0])
    assert names(scan(dataset(tmp_path))) == {"a/0.jpg": ("5",), "b/0.jpg": ("5",), "c/0.jpg": ("7",)}


def test_folders_are_no_people_where_the_list_has_labels(dataset: MakeDataset, plain: Path) -> None:
    """A list may well say that all are one: the folders may be of anything."""
    plain_records([b"zero", b"one"], labels=[0.0, 0.0]).write(plain.parent)
    write_list(plain, ["0\t0\t00000/0.png", "1\t0\t01000/1.png"])
    assert names(scan(dataset(plain))) == {"00000/0.png": (), "01000/1.png": ()}


def test_only_the_first_record_of_a_number_is_the_listed_person(dataset: MakeDataset, tmp_path: Path) -> None:
    file = RecordFile()
    for number, image in ((0, b"first"), (0, b"second"), (1, b"third")):
        file.add(number, 0.0, image)
    file.write(tmp_path, name="file", index=False)
    (tmp_path / "list.txt").write_text("0\ta/0.jpg\n1\tb/0.jpg\n", encoding="ascii")
    second = f"00000000 at byte {file.places[1][1]}"
    assert names(scan(dataset(tmp_path))) == {second: (), "a/0.jpg": ("a",), "b/0.jpg": ("b",)}


def test_a_list_txt_beside_records_of_another_name_is_not_theirs(
    dataset: MakeDataset, tmp_path: Path
) -> None:
    dcface_records(tmp_path, ["a/0.jpg", "b/0.jpg"], name="train")
    assert names(scan(dataset(tmp_path))) == {"00000000": (), "00000001": ()}


def test_what_dcfaces_list_names_and_is_not_there_is_counted(dataset: MakeDataset, tmp_path: Path) -> None:
    dcface_records(tmp_path, ["a/0.jpg", "b/0.jpg"])
    with (tmp_path / "list.txt").open("a", encoding="ascii") as file:
        file.write("2\tc/0.jpg\n")
    found = scan(dataset(tmp_path))
    assert names(found) == {"a/0.jpg": ("a",), "b/0.jpg": ("b",)}
    assert reasons(found) == {"c/0.jpg": "the list names it, and no record has its number"}


@pytest.mark.parametrize("index", [True, False])
def test_insightfaces_list_is_numbered_by_its_lines(
    dataset: MakeDataset, tmp_path: Path, index: bool
) -> None:
    path = insightface_records({0: [b"one", b"two"], 1: [b"three"]}).write(tmp_path, index=index)
    root = "/raid5data/dplearn/CASIA-WebFace"
    landmarks = "\t".join(["1"] * 14)
    write_list(
        path,
        [
            f"1\t{root}/0000045/001.jpg\t0",
            f"0\t{root}/0000045/002.jpg\t0",  # not aligned and without landmarks: not packed
            f"0\t{root}/0000045/003.jpg\t0\t{landmarks}",
            f"1\t{root}/0000099/001.jpg\t1",
        ],
    )
    found = scan(dataset(path))
    assert names(found) == {"0000045/001.jpg": ("0",), "0000045/003.jpg": ("0",), "0000099/001.jpg": ("1",)}
    assert found.excluded == ()


def test_absolute_paths_lose_the_folder_that_they_share(dataset: MakeDataset, plain: Path) -> None:
    write_list(
        plain, ["0\t5\t/home/me/set-1/a.jpg", "1\t5\t/home/me/set-1/b.jpg", "2\t7\t/home/me/set-2/a.jpg"]
    )
    assert list(names(scan(dataset(plain)))) == ["set-1/a.jpg", "set-1/b.jpg", "set-2/a.jpg"]


def test_a_path_may_be_no_unicode(dataset: MakeDataset, plain: Path) -> None:
    write_list(plain, ["0\t5\té 1.jpg", "1\t5\t\udce9.jpg", "2\t7\tb.jpg"])
    reader = RecordIoReader(dataset(plain))
    found = reader.scan(lambda *_: None)
    # in the order of their bytes: \xe9 after \xc3\xa9
    assert [image.id for image in found.images] == ["b.jpg", "é 1.jpg", "\udce9.jpg"]
    assert [reader.read(image) for image in found.images] == [b"two", b"zero", b"one"]


def test_a_path_that_is_listed_twice_names_no_image(dataset: MakeDataset, plain: Path) -> None:
    write_list(plain, ["0\t5\tface.jpg", "1\t5\tface.jpg", "2\t7\tother.jpg"])
    assert list(names(scan(dataset(plain)))) == ["00000000", "00000001", "other.jpg"]


@pytest.mark.parametrize("path", ["00000001", "00000001 at byte 36", "at byte 36"])
def test_a_path_like_a_name_of_ours_names_no_image(dataset: MakeDataset, plain: Path, path: str) -> None:
    write_list(plain, [f"0\t{path}\t5", "2\tother.jpg\t7"])
    assert list(names(scan(dataset(plain)))) == ["00000000", "00000001", "other.jpg"]


def test_records_that_are_not_listed_have_their_numbers(dataset: MakeDataset, plain: Path) -> None:
    write_list(plain, ["1\t5\tface.jpg"])
    assert list(names(scan(dataset(plain)))) == ["00000000", "00000002", "face.jpg"]


def test_what_is_listed_and_not_there_is_counted(dataset: MakeDataset, plain: Path) -> None:
    write_list(plain, ["0\t5\ta.jpg", "1\t5\tb.jpg", "2\t7\tc.jpg", "3\t7\td.jpg"])
    found = scan(dataset(plain))
    assert list(names(found)) == ["a.jpg", "b.jpg", "c.jpg"]
    assert reasons(found) == {"d.jpg": "the list names it, and no record has its number"}


@pytest.mark.parametrize("index", [True, False])
def test_a_damaged_record_is_counted_once_under_its_path(
    dataset: MakeDataset, tmp_path: Path, index: bool
) -> None:
    file = insightface_records({0: [b"one", b"two", b"three"]})
    place = file.places[1][1]
    file.data[place] ^= 1
    path = file.write(tmp_path, index=index)
    write_list(path, ["1\ta/1.jpg\t0", "1\ta/2.jpg\t0", "1\ta/3.jpg\t0"])
    found = scan(dataset(path))
    assert list(names(found)) == ["a/1.jpg", "a/3.jpg"]
    assert reasons(found) == {"a/2.jpg": f"the record at byte {place} is damaged: its mark is wrong"}


def test_a_second_record_of_one_number_has_not_its_path(dataset: MakeDataset, tmp_path: Path) -> None:
    file = RecordFile()
    file.add(4, 5.0, b"first")
    file.add(4, 6.0, b"second")
    path = file.write(tmp_path)
    write_list(path, ["4\t5\tface.jpg"])
    assert names(scan(dataset(path))) == {
        f"00000004 at byte {file.places[1][1]}": ("6",),
        "face.jpg": ("5",),
    }


def test_a_list_of_other_people(dataset: MakeDataset, plain: Path) -> None:
    path = write_list(plain, ["0\t5\ta.jpg", "1\t6\tb.jpg", "2\t8\tc.jpg"])
    error = trouble(dataset(plain))
    assert error.message == (
        "the list of dataset 'training' names other people than its records for 2 of 3 images"
    )
    assert error.detail == (
        f"{path} {PLACE}\nThe first is record 1: 6 in the list and 5 in the record. Put the list of this .rec file "
        f"in its place, or {BY_NUMBER}"
    )


def test_a_list_of_other_numbers(dataset: MakeDataset, plain: Path) -> None:
    path = write_list(plain, ["10\t5\ta.jpg", "11\t6\tb.jpg"])
    error = trouble(dataset(plain))
    assert error.message == "the list of dataset 'training' names none of its records"
    assert error.detail == f"{path} {PLACE}\nPut the list of this .rec file in its place, or {BY_NUMBER}"


def test_a_list_without_lines(dataset: MakeDataset, plain: Path) -> None:
    path = write_list(plain, ["", ""])
    error = trouble(dataset(plain))
    assert error.message == "the list of dataset 'training' is empty"
    assert error.detail == f"{path} {PLACE}\nWrite it again, or {BY_NUMBER}"


@pytest.mark.parametrize(
    ("line", "as_shown"),
    [
        ("face.jpg", "face.jpg"),
        ("face.jpg\t0", "face.jpg\\t0"),
        ("-1\t0\tface.jpg", "-1\\t0\\tface.jpg"),
        ("²\t0\tface.jpg", "²\\t0\\tface.jpg"),
        ("1" * 5000 + "\t0\tface.jpg", "1" * 60),
        ("1\t0\t ", "1\\t0\\t "),
        ("idx\tpath\tlabel", "idx\\tpath\\tlabel"),
        ("7", "7"),
    ],
)
def test_a_line_that_is_none_of_a_list(dataset: MakeDataset, plain: Path, line: str, as_shown: str) -> None:
    path = write_list(plain, ["0\t5\ta.jpg", line])
    error = trouble(dataset(plain))
    assert error.message == "the list of dataset 'training' is wrong in line 2"
    assert error.detail == (
        f"{path} {PLACE}\nLine 2 is '{as_shown}', expected the number of a record, its labels and a path, with tabs "
        f"between them. Write it again, or {BY_NUMBER}"
    )


def test_a_number_that_is_listed_twice(dataset: MakeDataset, plain: Path) -> None:
    path = write_list(plain, ["0\t5\ta.jpg", "2\t5\tb.jpg", "02\t7\tc.jpg"])
    error = trouble(dataset(plain))
    assert error.message == "the list of dataset 'training' has the number 2 twice"
    assert error.detail == (
        f"{path} {PLACE}\nExpected one line for each record. Take it away to have images named by number."
    )


def test_a_list_that_is_a_folder(dataset: MakeDataset, plain: Path) -> None:
    plain.with_suffix(".lst").mkdir()
    assert trouble(dataset(plain)).message == "the list of dataset 'training' is a folder"
