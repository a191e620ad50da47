from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from scanned import PLACE, MakeDataset

from faceleak_check.errors import DatasetError
from faceleak_check.policy.schema import Dataset, Labels
from faceleak_check.readers.folder import FolderReader

SUBJECT = "the label file of dataset 'training'"
PARENT = Labels(kind="parent_folder")


@pytest.fixture
def labels(tmp_path: Path, faces: Path) -> Callable[..., Labels]:
    """Three images, one of them empty, and a label file of the given bytes."""
    for name in ("ann/1.jpg", "ann/2.jpg", "bob/é.jpg"):
        (faces / name).parent.mkdir(exist_ok=True)
        (faces / name).write_bytes(b"\xff\xd8\xff" + name.encode())
    (faces / "bob" / "empty.jpg").write_bytes(b"")

    def write(table: str | bytes, **columns: str) -> Labels:
        data = table.encode() if isinstance(table, str) else table
        (tmp_path / "labels.csv").write_bytes(data)
        return Labels(kind="csv", csv=tmp_path / "labels.csv", **columns)

    return write


def people(dataset: Dataset) -> dict[str, tuple[str, ...]]:
    return {image.id: image.labels for image in FolderReader(dataset).scan(lambda *_: None).images}


def trouble(dataset: Dataset) -> DatasetError:
    with pytest.raises(DatasetError) as caught:
        FolderReader(dataset).scan(lambda *_: None)
    return caught.value


def test_without_labels_nobody_is_named(dataset: MakeDataset, labels: Callable[..., Labels]) -> None:
    assert people(dataset()) == {"ann/1.jpg": (), "ann/2.jpg": (), "bob/é.jpg": ()}


def test_the_own_folder_names_the_person(
    dataset: MakeDataset, faces: Path, labels: Callable[..., Labels]
) -> None:
    (faces / "group" / "cy").mkdir(parents=True)
    (faces / "group" / "cy" / "1.jpg").symlink_to("../../ann/1.jpg")
    assert people(dataset(labels=PARENT)) == {
        "ann/1.jpg": ("ann",),
        "ann/2.jpg": ("ann",),
        "bob/é.jpg": ("bob",),
        "group/cy/1.jpg": ("cy",),
    }


def test_images_outside_any_folder(dataset: MakeDataset, faces: Path, labels: Callable[..., Labels]) -> None:
    for n in range(5):
        (faces / f"stray{n}.jpg").write_bytes(b"\xff\xd8\xff")
    error = trouble(dataset(labels=PARENT))
    assert error.message == (
        "dataset 'training' has labels: parent_folder, and 5 images outside any person's folder"
    )
    assert error.detail == (
        f"{faces} {PLACE}\nDirectly in the dataset's folder: 'stray0.jpg', 'stray1.jpg', 'stray2.jpg' and 2 more. "
        "Move each into a folder named after the person, or write labels: none."
    )


GOOD = 'image,identity\nann/1.jpg,Ann\nann/2.jpg,Ann\nbob/é.jpg,"Bob, the ""2nd"""\n'
NAMED = {"ann/1.jpg": ("Ann",), "ann/2.jpg": ("Ann",), "bob/é.jpg": ('Bob, the "2nd"',)}


@pytest.mark.parametrize(
    "table",
    [
        GOOD,
        "\ufeff" + GOOD,
        GOOD.replace("\n", "\r\n"),
        GOOD.rstrip(),
        "\n\n" + GOOD.replace("\n", "\n\n"),
        GOOD.replace(".jpg,", ".jpg;").replace("image,", "image;"),
        GOOD.replace(".jpg,", ".jpg\t").replace("image,", "image\t"),
        GOOD + "ann/1.jpg,Ann\nelsewhere.jpg,Cy\nbob/empty.jpg,Bob\n",
        '"image","identity"\n' + GOOD.partition("\n")[2],
    ],
    ids=[
        "plain",
        "BOM",
        "CRLF",
        "no last newline",
        "blank lines",
        "semicolon",
        "tab",
        "more rows",
        "quoted header",
    ],
)
def test_a_table_names_the_people(dataset: MakeDataset, labels: Callable[..., Labels], table: str) -> None:
    assert people(dataset(labels=labels(table))) == NAMED


def test_columns_of_other_names(dataset: MakeDataset, labels: Callable[..., Labels]) -> None:
    table = "who,age,file\nAnn,30,ann/1.jpg\nAnn,31,ann/2.jpg\nBob,8,bob/é.jpg\n"
    assert people(dataset(labels=labels(table, image="file", identity="who"))) == {
        "ann/1.jpg": ("Ann",),
        "ann/2.jpg": ("Ann",),
        "bob/é.jpg": ("Bob",),
    }


QUOTES = "Put fields that hold quotes or separators in double quotes, and double the quotes inside."
COLUMNS_HINT = "The keys image and identity of labels name the two columns to read."
WRONG: dict[str, tuple[str | bytes, str, str]] = {
    "empty": ("", "is empty", "Expected a header row and at least one row below it."),
    "header only": ("image,identity\n", "has no rows", "Expected one row for each image."),
    "no such column": (
        "image,identiti\nann/1.jpg,Ann\n",
        "has no column 'identity'",
        f"Expected 'identity' (did you mean 'identiti'?); found: 'image', 'identiti'. {COLUMNS_HINT}",
    ),
    "no header": (
        "ann/1.jpg,Ann\nann/2.jpg,Ann\n",
        "has no columns 'image', 'identity'",
        f"Expected 'image', 'identity'; found: 'ann/1.jpg', 'Ann'. {COLUMNS_HINT}",
    ),
    "a column twice": (
        "image,identity,identity\nann/1.jpg,Ann,Bob\n",
        "has 2 columns named 'identity'",
        "Give each column its own name.",
    ),
    "short row": (
        "image,identity\nann/1.jpg,Ann\nann/2.jpg\n",
        "is wrong in row 3",
        "Row 3 has 1 field, expected 2.",
    ),
    "nobody": ("image,identity\nann/1.jpg,\n", "is wrong in row 2", "Row 2 has no identity."),
    "nothing": ("image,identity\n,Ann\n", "is wrong in row 2", "Row 2 has no image."),
    "contradiction": (
        GOOD + "ann/1.jpg,Bob\n",
        "names two people for one image in row 5",
        "'ann/1.jpg' is 'Ann' in an earlier row and 'Bob' in this one. Keep the right one.",
    ),
    "missing images": (
        "image,identity\nbob/é.jpg,Bob\n",
        "has no row for 2 of 3 images",
        "Without a row: 'ann/1.jpg', 'ann/2.jpg'. Add rows for them.",
    ),
    "other paths": (
        "image,identity\nfaces\\ann\\1.jpg,Ann\n/data/é.jpg,Bob\n",
        "names none of its 3 images",
        (
            "It names 'faces\\ann\\1.jpg', '/data/é.jpg'; the images are 'ann/1.jpg', 'ann/2.jpg', 'bob/é.jpg'. "
            "Write paths relative to the dataset's folder, with / between folders."
        ),
    ),
    "Latin-1": (
        GOOD.encode("latin-1"),
        "is not UTF-8 text",
        "Expected a CSV file in UTF-8.",
    ),
    "UTF-16": (GOOD.encode("utf-16"), "is UTF-16 text", "Expected UTF-8: save it as 'CSV UTF-8'."),
    "stray quote": (
        'image,identity\n"ann/1.jpg,Ann\n"ann/2.jpg,Ann\n',
        "is no proper CSV at line 3",
        f"The parser says: ',' expected after '\"'. {QUOTES}",
    ),
    "open quote": (
        'image,identity\nann/1.jpg,"Ann\nann/2.jpg,Ann\n',
        "is no proper CSV at line 3",
        f"The parser says: unexpected end of data. {QUOTES}",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_table(
    dataset: MakeDataset, labels: Callable[..., Labels], tmp_path: Path, case: str
) -> None:
    table, message, advice = WRONG[case]
    error = trouble(dataset(labels=labels(table)))
    assert error.message == f"{SUBJECT} {message}"
    assert error.detail == f"{tmp_path}/labels.csv {PLACE}\n{advice}"


def test_a_missing_table(dataset: MakeDataset, labels: Callable[..., Labels], tmp_path: Path) -> None:
    error = trouble(dataset(labels=Labels(kind="csv", csv=tmp_path / "nowhere.csv")))
    assert error.message == f"{SUBJECT} was not found"
    assert error.detail == (
        f"{tmp_path}/nowhere.csv {PLACE}\nNothing is there. Correct the path in the policy; a relative path "
        "starts at the policy's folder."
    )
