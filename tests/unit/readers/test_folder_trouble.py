from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from scanned import PLACE, MakeDataset

from faceleak_check.errors import DatasetError
from faceleak_check.policy.schema import Dataset
from faceleak_check.readers.folder import FolderReader

Drop = Callable[[], AbstractContextManager[None]]

MATCHES = "For a list of precomputed matches write format: matches; for images give their folder."
PARQUET = (
    "For images in Parquet files write format: parquet; for a list of precomputed matches format: matches."
)
ARCHIVE = "For images in zip and tar archives write format: archive."
EXPECTED = "Expected image files such as JPEG or PNG in this folder or in folders below it."
NOTHING_THERE = (
    "Nothing is there. Correct the path in the policy; a relative path starts at the policy's folder."
)


def trouble(dataset: Dataset) -> DatasetError:
    with pytest.raises(DatasetError) as caught:
        FolderReader(dataset).scan(lambda *_: None)
    return caught.value


def test_a_missing_folder(dataset: MakeDataset, tmp_path: Path) -> None:
    error = trouble(dataset(tmp_path / "nowhere"))
    assert error.message == "dataset 'training' was not found"
    assert error.detail == f"{tmp_path}/nowhere {PLACE}\n{NOTHING_THERE}"


def test_a_broken_link(dataset: MakeDataset, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("nowhere")
    error = trouble(dataset(tmp_path / "link"))
    assert error.message == "dataset 'training' was not found"
    assert error.detail == f"{tmp_path}/link {PLACE}\n{NOTHING_THERE}"


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("list.csv", MATCHES),
        ("list.PARQUET", PARQUET),
        ("faces.npz", "For arrays of images or of templates write format: arrays."),
        ("data.mdb", "For images in an LMDB file write format: lmdb."),
        ("faces.zip", ARCHIVE),
        ("faces.tar.gz", ARCHIVE),
        ("train.rec", "For records of InsightFace or MXNet write format: recordio."),
        ("face.jpg", "Give the folder that the images are in."),
        ("faces", "Give the folder that the images are in."),
    ],
)
def test_a_file_in_place_of_a_folder(dataset: MakeDataset, tmp_path: Path, name: str, advice: str) -> None:
    (tmp_path / name).write_bytes(b"")
    error = trouble(dataset(tmp_path / name))
    assert error.message == "dataset 'training' is a file, expected a folder"
    assert error.detail == f"{tmp_path}/{name} {PLACE}\n{advice}"


def test_a_closed_folder(dataset: MakeDataset, open_folder: Path, unprivileged: Drop) -> None:
    open_folder.chmod(0)
    with unprivileged():
        error = trouble(dataset(open_folder))
    assert error.message == "dataset 'training' cannot be listed (Permission denied)"
    assert error.detail == (
        f"{open_folder} {PLACE}\nGive this user the right to read it, or correct the path in the policy."
    )


def test_an_empty_folder(dataset: MakeDataset, faces: Path) -> None:
    (faces / "sub" / "sub").mkdir(parents=True)
    error = trouble(dataset())
    assert error.message == "dataset 'training' is empty"
    assert error.detail == f"{faces} {PLACE}\nThe folder holds no file. {EXPECTED}"


def test_a_folder_without_images(dataset: MakeDataset, faces: Path) -> None:
    for name in ("a.txt", "b.TXT", "model.pt", "README"):
        (faces / name).write_bytes(b"text")
    error = trouble(dataset())
    assert error.message == "dataset 'training' has no images among 4 files"
    assert error.detail == f"{faces} {PLACE}\nBy suffix: 1 without suffix, 1 .pt, 2 .txt. {EXPECTED}"


def test_a_path_cannot_upset_the_terminal(dataset: MakeDataset, tmp_path: Path) -> None:
    error = trouble(dataset(tmp_path / "\x1b[31mred\nline\udce9é"))
    assert error.detail == f"{tmp_path}/\\x1b[31mred\\nline\\udce9é {PLACE}\n{NOTHING_THERE}"
