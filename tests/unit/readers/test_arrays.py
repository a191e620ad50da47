from __future__ import annotations

import hashlib
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from scanned import MakeDataset

from faceleak_check.policy.schema import ArrayNames, Dataset, Labels
from faceleak_check.readers.arrays.reader import ArraysReader
from faceleak_check.readers.decode import decode
from faceleak_check.readers.folder import FolderReader
from faceleak_check.records import ImageRef, ImageSet

Array = npt.NDArray[Any]
OWN = Labels(kind="own")


def pictures(n: int, *shape: int, seed: int = 1) -> Array:
    return np.random.default_rng(seed).integers(0, 256, (n, *(shape or (6, 5, 3))), dtype=np.uint8)


def scanned(dataset: Dataset) -> tuple[ArraysReader, ImageSet]:
    reader = ArraysReader(dataset)
    return reader, reader.scan(lambda *_: None)


@pytest.fixture
def arrays(dataset: MakeDataset, tmp_path: Path) -> Callable[..., Dataset]:
    """The dataset of a file in the test's folder."""

    def make(name: str, labels: Labels | None = None, **names: str) -> Dataset:
        keys = ArrayNames(**names) if names else None
        labels = labels or (OWN if "identity" in names else Labels(kind="none"))
        return replace(dataset(tmp_path / name, labels=labels), format="arrays", arrays=keys)

    return make


Arrays = Callable[..., Dataset]


# ------------------------------------------------------------------------------------------------- the pictures


@pytest.mark.parametrize("shape", [(6, 5, 3), (6, 5, 1), (6, 5), (3, 3, 3), (2, 7)])
def test_pictures_are_those_of_a_folder_of_ppm_files(
    shape: tuple[int, ...], arrays: Arrays, dataset: MakeDataset, tmp_path: Path
) -> None:
    batch = pictures(4, *shape)
    np.save(tmp_path / "batch.npy", batch)
    folder = tmp_path / "folder"
    folder.mkdir()
    for row, pixels in enumerate(batch):
        Image.fromarray(pixels.reshape(pixels.shape[:2] if shape[2:] == (1,) else shape)).save(
            folder / f"{row}.ppm"
        )
    reader, found = scanned(arrays("batch.npy"))
    in_folder = FolderReader(dataset(folder)).scan(lambda *_: None)
    assert found.images.contents == in_folder.images.contents
    assert [image.id for image in found.images] == [f"row 0000000{row}" for row in range(4)]
    for image, pixels in zip(found.images, batch, strict=True):
        grey_or_colour = pixels.reshape(*shape[:2], -1)
        assert (decode(reader.read(image)) == grey_or_colour).all()


def save_npy(path: Path, **named: Array) -> None:
    np.save(path, named["images"])


def save_npz(path: Path, **named: Array) -> None:
    np.savez(path, **named)  # type: ignore[arg-type]


def save_compressed(path: Path, **named: Array) -> None:
    np.savez_compressed(path, **named)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "save"), [("a.npy", save_npy), ("a.npz", save_npz), ("a.npz", save_compressed)]
)
def test_the_file_does_not_matter(
    name: str, save: Callable[..., None], arrays: Arrays, tmp_path: Path
) -> None:
    batch = pictures(700, 30, 30, 3)
    save(tmp_path / name, images=batch)
    reader, found = scanned(arrays(name))
    expected = [b"P6\n30 30\n255\n" + pixels.tobytes() for pixels in batch]
    assert found.images.contents == [hashlib.sha256(data).hexdigest() for data in expected]
    assert [reader.read(image) for image in found.images] == expected
    assert found.excluded == ()
    assert found.n_other_files == {}


@pytest.mark.parametrize("save", [save_npz, save_compressed])
def test_arrays_name_rows_and_people(save: Callable[..., None], arrays: Arrays, tmp_path: Path) -> None:
    save(
        tmp_path / "a.npz",
        images=pictures(3),
        names=np.array(["zoë/2", "ann/1", "bob/1"]),
        people=np.array(["zoë", "ann", ""]),
        quality=np.ones(3),
    )
    reader, found = scanned(arrays("a.npz", data="images", ids="names", identity="people"))
    assert [(image.id, image.labels) for image in found.images] == [
        ("ann/1", ("ann",)),
        ("bob/1", ()),
        ("zoë/2", ("zoë",)),
    ]
    assert decode(reader.read(found.images[2])).tolist() == pictures(3)[0].tolist()
    assert found.n_other_files == {".npy": 1}


def test_the_array_that_is_left_is_that_of_the_pictures(arrays: Arrays, tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", images=pictures(2), who=np.array([7, 40]), number=np.array([3, -1], ">i8"))
    _, found = scanned(arrays("a.npz", ids="number", identity="who"))
    assert list(found.images) == [
        ImageRef(id="-1", sha256=found.images[0].sha256, labels=("40",)),
        ImageRef(id="3", sha256=found.images[1].sha256, labels=("7",)),
    ]


def test_ids_that_are_paths_lie_in_peoples_folders(arrays: Arrays, tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", images=pictures(2), names=np.array(["ann/1.png", "bob/1.png"]))
    _, found = scanned(arrays("a.npz", Labels(kind="parent_folder"), ids="names"))
    assert found.images.labels == [("ann",), ("bob",)]


def test_a_table_names_people_by_row(arrays: Arrays, tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", pictures(2))
    table = tmp_path / "labels.csv"
    table.write_text("image,identity\nrow 00000000,ann\nrow 00000001,bob\n")
    _, found = scanned(arrays("a.npy", Labels(kind="csv", csv=table)))
    assert found.images.labels == [("ann",), ("bob",)]


def test_a_folder_of_arrays_is_read_in_order(arrays: Arrays, tmp_path: Path) -> None:
    folder = tmp_path / "batches"
    (folder / "more").mkdir(parents=True)
    np.save(folder / "batch 10.npy", pictures(1, seed=2))
    np.save(folder / "batch 09.npy", pictures(2, seed=3))
    np.savez(folder / "more" / "last.npz", pictures(1, 9, 9))
    (folder / "notes.txt").write_text("no array")
    reader, found = scanned(arrays("batches"))
    assert [image.id for image in found.images] == [
        "batch 09.npy/row 00000000",
        "batch 09.npy/row 00000001",
        "batch 10.npy/row 00000000",
        "more/last.npz/row 00000000",
    ]
    assert decode(reader.read(found.images[2])).tolist() == pictures(1, seed=2)[0].tolist()
    assert decode(reader.read(found.images[3]))[..., 0].tolist() == pictures(1, 9, 9)[0].tolist()


def test_a_file_without_a_row_among_others_adds_none(arrays: Arrays, tmp_path: Path) -> None:
    (tmp_path / "batches").mkdir()
    np.save(tmp_path / "batches" / "1.npy", pictures(0))
    np.save(tmp_path / "batches" / "2.npy", pictures(2))
    _, found = scanned(arrays("batches"))
    assert [image.id for image in found.images] == ["2.npy/row 00000000", "2.npy/row 00000001"]


def test_names_do_not_tell_what_a_file_is(arrays: Arrays, tmp_path: Path) -> None:
    with (tmp_path / "data.bin").open("wb") as file:
        np.savez(file, pictures(2))
    _, found = scanned(arrays("data.bin"))
    assert len(found.images) == 2


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_every_version_of_the_format_is_read(
    version: tuple[int, int], arrays: Arrays, tmp_path: Path
) -> None:
    with (tmp_path / "a.npy").open("wb") as file:
        np.lib.format.write_array(file, pictures(2), version=version)
    assert len(scanned(arrays("a.npy"))[1].images) == 2


def test_a_header_that_python_2_wrote_is_read(arrays: Arrays, tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", pictures(2))
    data = (tmp_path / "a.npy").read_bytes()
    (tmp_path / "a.npy").write_bytes(data.replace(b"(2, 6, 5, 3), }    ", b"(2L, 6L, 5L, 3L), }"))
    assert len(scanned(arrays("a.npy"))[1].images) == 2


def test_another_process_reads_its_part(arrays: Arrays, tmp_path: Path) -> None:
    batch = pictures(400, 20, 20, 3)
    np.savez_compressed(tmp_path / "a.npz", batch)
    reader, found = scanned(arrays("a.npz"))
    reader.read(found.images[0])
    sent = pickle.dumps(reader.part(found.images[7:9]))
    assert len(sent) < 3000
    arrived: ArraysReader = pickle.loads(sent)
    assert arrived.read(found.images[8]) == b"P6\n20 20\n255\n" + batch[8].tobytes()
    with pytest.raises(OSError, match=r"^it is not in the dataset$"):
        arrived.read(found.images[9])


def test_a_file_that_is_replaced_by_another_is_not_read_as_the_old_one(
    arrays: Arrays, tmp_path: Path
) -> None:
    np.save(tmp_path / "a.npy", pictures(3))
    reader, found = scanned(arrays("a.npy"))
    reader.read(found.images[0])
    np.save(tmp_path / "a.npy", pictures(2, 9, 9, seed=5))
    assert reader.read(found.images[1]) == b"P5\n9 9\n255\n" + pictures(2, 9, 9, seed=5)[1].tobytes()
    with pytest.raises(OSError, match=r"^the file became shorter while the gate ran$"):
        reader.read(found.images[2])
    np.save(tmp_path / "a.npy", np.ones(3))
    with pytest.raises(OSError, match=r"^the file changed while the gate ran$"):
        reader.read(found.images[2])
    (tmp_path / "a.npy").unlink()
    with pytest.raises(OSError, match=r"^No such file or directory$"):
        reader.read(found.images[0])
