from __future__ import annotations

import base64
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from parquet_files import IMAGE, JPEG, hugging_face, images_of, page_of, write_parquet
from pyarrow.parquet import encryption
from scanned import MakeDataset, scanned, what_is_wrong

from faceleak_check.policy.schema import Dataset, Labels, ParquetColumns
from faceleak_check.readers.parquet.reader import ParquetReader
from faceleak_check.records import Exclusion, ImageSet

Drop = Callable[[], AbstractContextManager[None]]

EXPECTED = (
    "Expected a column of image files as bytes, or of structs of bytes and path as Hugging Face writes them"
)
HINT = "The key columns of the dataset says which columns to read."


def contents(n: int, size: int = 600) -> list[bytes]:
    random = np.random.default_rng(1)
    return [JPEG + random.bytes(size) for _ in range(n)]


@pytest.fixture
def parquet(dataset: MakeDataset, tmp_path: Path) -> Callable[..., Dataset]:
    """The dataset of a file or a folder in the test's folder."""

    def make(name: str = "set.parquet", **columns: str) -> Dataset:
        labels = Labels(kind="own" if "identity" in columns else "none")
        keys = ParquetColumns(**columns) if columns else None
        return replace(dataset(tmp_path / name, labels=labels), format="parquet", image_columns=keys)

    return make


Parquet = Callable[..., Dataset]


def scan(dataset: Dataset) -> ImageSet:
    return scanned(ParquetReader, dataset)


def trouble(dataset: Dataset) -> tuple[str, str]:
    return what_is_wrong(ParquetReader, dataset)


IMAGES = images_of([JPEG, JPEG + b"2"])


@pytest.mark.parametrize(
    ("table", "columns", "message", "advice"),
    [
        (
            {"image": IMAGES, "label": [1, 2]},
            {"image": "imag"},
            "has no column 'imag'",
            f"Expected 'imag' (did you mean 'image'?); found: 'image', 'label'. {HINT}",
        ),
        (
            {"image": IMAGES},
            {"image": "image", "id": "a", "identity": "b"},
            "has no columns 'a', 'b'",
            f"Expected 'a', 'b'; found: 'image'. {HINT}",
        ),
        (
            {"image": IMAGES, "mask": [b"1", b"2"]},
            {},
            "has 2 columns that may hold its images",
            (
                "Found 'image' (struct<bytes: binary, path: string>), 'mask' (binary). "
                "Name the right one with columns: {image: image}."
            ),
        ),
        (
            {"path": ["a", "b"], "n": [1, 2]},
            {},
            "has no column of images",
            f"{EXPECTED}; found 'path' (string), 'n' (int64).",
        ),
        (
            {"path": ["a", "b"]},
            {"image": "path"},
            "has text in its column 'path', where images should be",
            f"{EXPECTED}. Where the texts are paths of image files, give the folder of those with format: folder.",
        ),
        (
            {"n": [1, 2]},
            {"image": "n"},
            "has no images in its column 'n'",
            f"{EXPECTED}; found int64.",
        ),
        (
            {"images": pa.array([[], [{"bytes": JPEG, "path": "a"}]], pa.list_(IMAGE))},
            {},
            "has several images in a row of its column 'images'",
            "Write each image to a row of its own, with the id and the person of its own.",
        ),
        (
            {"images": pa.array([[], [JPEG]], pa.large_list(pa.binary())), "image": IMAGES},
            {"image": "images"},
            "has several images in a row of its column 'images'",
            "Write each image to a row of its own, with the id and the person of its own.",
        ),
        (
            {"image": IMAGES, "age": [1.5, 2.5]},
            {"identity": "age"},
            "has a column 'age' of type double",
            "Expected text or whole numbers: change the column's type, or name another column.",
        ),
        (
            {"image": IMAGES, "box": [[1], [2]]},
            {"id": "box"},
            "has a column 'box' of type list<element: int64>",
            "Expected text or whole numbers: change the column's type, or name another column.",
        ),
    ],
)
def test_columns_that_do_not_fit(
    parquet: Parquet,
    tmp_path: Path,
    table: dict[str, Any],
    columns: dict[str, str],
    message: str,
    advice: str,
) -> None:
    write_parquet(tmp_path / "set.parquet", table)
    assert trouble(parquet(**columns)) == (f"dataset 'training' {message}", advice)


def test_two_columns_of_one_name(parquet: Parquet, tmp_path: Path) -> None:
    table = pa.Table.from_arrays([IMAGES, pa.array([1, 2]), pa.array([3, 4])], ["image", "n", "n"])
    write_parquet(tmp_path / "set.parquet", table)
    assert trouble(parquet(identity="n")) == (
        "dataset 'training' has 2 columns named 'n'",
        "Give each column its own name.",
    )
    assert len(scan(parquet()).images) == 2


@pytest.mark.parametrize(
    ("who", "features", "of_all", "names"),
    [
        (["Ann", None, ""], {}, "2 of 3 images", "'0001.jpg', '0002.jpg'"),
        ([0, -1, 0], {"who": {"_type": "ClassLabel", "names": ["Ann"]}}, "1 of 3 images", "'0001.jpg'"),
        (pa.nulls(3, pa.string()), {}, "3 of 3 images", "'0000.jpg', '0001.jpg', '0002.jpg'"),
    ],
)
def test_images_of_nobody(
    parquet: Parquet, tmp_path: Path, who: Any, features: dict[str, Any], of_all: str, names: str
) -> None:
    table = pa.table({"image": images_of(contents(3)), "who": who})
    write_parquet(tmp_path / "set.parquet", hugging_face(table, features))
    assert trouble(parquet(identity="who")) == (
        f"dataset 'training' names nobody in its column 'who' for {of_all}",
        f"Without a person: {names}. Fill the column, or take these rows out.",
    )


def test_rows_without_an_image_need_no_person(parquet: Parquet, tmp_path: Path) -> None:
    images = images_of([JPEG, None])
    write_parquet(tmp_path / "set.parquet", {"image": images, "who": ["Ann", None]})
    found = scan(parquet(identity="who"))
    assert ([one.labels for one in found.images], len(found.excluded)) == ([("Ann",)], 1)


@pytest.mark.parametrize(
    ("data", "message", "advice"),
    [
        (b"", "is an empty file", "Expected a Parquet file."),
        (
            b"image,label\n",
            "is no Parquet file",
            "It begins with the bytes 69 6d 61 67, expected 50 41 52 31. Give .parquet files.",
        ),
        (
            b"P",
            "is no Parquet file",
            "It begins with the bytes 50, expected 50 41 52 31. Give .parquet files.",
        ),
        (
            b"ARROW1\0\0",
            "is an Arrow file and no Parquet file",
            "Write it with Dataset.to_parquet of Hugging Face.",
        ),
        (
            b"\xff\xff\xff\xff\x10",
            "is an Arrow stream and no Parquet file",
            "Load it with load_from_disk of Hugging Face, and write it with to_parquet.",
        ),
        (
            b"version https://git-lfs.github.com/spec/v1\n",
            "is a Git LFS pointer",
            "Fetch the file itself with git lfs pull.",
        ),
        (
            b"PARE" + bytes(40),
            "is encrypted",
            "Encrypted Parquet files cannot be read: write it again without encryption.",
        ),
        (
            b"PAR1" + bytes(40),
            "is damaged or cut short",
            (
                "The Parquet reader says: Parquet magic bytes not found in footer. Either the file is corrupted or "
                "this is not a parquet file. Write the file again."
            ),
        ),
        (
            b"PAR1",
            "is damaged or cut short",
            (
                "The Parquet reader says: Parquet file size is 4 bytes, smaller than the minimum file footer "
                "(8 bytes). Write the file again."
            ),
        ),
    ],
)
def test_other_files(parquet: Parquet, tmp_path: Path, data: bytes, message: str, advice: str) -> None:
    (tmp_path / "set.parquet").write_bytes(data)
    assert trouble(parquet()) == (f"dataset 'training' {message}", advice)


def test_nothing_there(parquet: Parquet, tmp_path: Path) -> None:
    assert trouble(parquet()) == (
        "dataset 'training' was not found",
        "Nothing is there. Correct the path in the policy; a relative path starts at the policy's folder.",
    )
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "a.csv").write_text("x")
    assert trouble(parquet("set")) == (
        "dataset 'training' has no .parquet file",
        "Expected a Parquet file or more in this folder.",
    )


def test_a_file_of_no_rows(parquet: Parquet, tmp_path: Path) -> None:
    write_parquet(tmp_path / "set.parquet", {"image": images_of([])})
    assert trouble(parquet()) == (
        "dataset 'training' is empty",
        "Expected a Parquet file with images in it.",
    )


def test_a_closed_file(parquet: Parquet, open_folder: Path, unprivileged: Drop) -> None:
    path = write_parquet(open_folder / "set.parquet", {"image": IMAGES})
    path.chmod(0)
    with unprivileged():
        assert trouble(replace(parquet(), path=path)) == (
            "dataset 'training' cannot be listed (Permission denied)",
            "Give this user the right to read it, or correct the path in the policy.",
        )


def test_a_file_that_is_missing_from_a_range(parquet: Parquet, tmp_path: Path) -> None:
    write_parquet(tmp_path / "a-0.parquet", {"image": IMAGES})
    assert trouble(parquet("a-{0..2}.parquet")) == (
        "dataset 'training' lacks 2 of its 3 files",
        "Not there: 'a-1.parquet', 'a-2.parquet'. Fetch them, or write the range of those that are there.",
    )


def test_files_that_cannot_be_read_hide_nothing_in_the_others(parquet: Parquet, tmp_path: Path) -> None:
    folder = tmp_path / "set"
    whole = write_parquet(folder / "b.parquet", {"image": IMAGES}).read_bytes()
    (folder / "a.parquet").write_bytes(whole[:-300])
    (folder / "c.parquet").write_bytes(b"")
    write_parquet(folder / "d.parquet", {"n": [1]})
    found = scan(parquet("set"))
    assert [image.id for image in found.images] == ["b.parquet/0000.jpg", "b.parquet/0001.jpg"]
    assert found.excluded == tuple(
        Exclusion(id=f"{name}/", rule="folder", reason=f"a Parquet file that cannot be read: it {reason}")
        for name, reason in {
            "a.parquet": "is damaged or cut short",
            "c.parquet": "is an empty file",
            "d.parquet": "has no column of images",
        }.items()
    )


def test_where_no_file_can_be_read_the_first_says_why(parquet: Parquet, tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "a.parquet").write_bytes(b"")
    (tmp_path / "set" / "b.parquet").write_bytes(b"PARE")
    assert trouble(parquet("set")) == ("dataset 'training' is an empty file", "Expected a Parquet file.")


PLAIN = {"use_dictionary": False, "write_statistics": False}


@pytest.mark.parametrize("checksum", [True, False])
def test_a_damaged_row_group_hides_nothing_in_the_others(
    parquet: Parquet, tmp_path: Path, checksum: bool
) -> None:
    images = contents(30)
    options = PLAIN | {"row_group_size": 10, "write_page_checksum": checksum, "compression": "zstd"}
    path = write_parquet(tmp_path / "set.parquet", {"image": images_of(images)}, **options)
    data = bytearray(path.read_bytes())
    place = page_of(path, images[15]) if checksum else page_of(path, images[10]) - 30
    data[place : place + 20] = bytes(20)
    path.write_bytes(data)
    found = scan(parquet())
    assert [image.id for image in found.images] == [f"{n:04d}.jpg" for n in [*range(10), *range(20, 30)]]
    reason = "10 rows of the row group cannot be read: they are damaged"
    assert found.excluded == (Exclusion(id="row group 1", rule="folder", reason=reason),)


def test_rows_before_the_damage_are_kept(parquet: Parquet, tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    images = [JPEG + random.bytes(2_000_000) for _ in range(10)]
    options = PLAIN | {"write_page_checksum": True, "compression": "none", "write_batch_size": 1}
    path = write_parquet(tmp_path / "set.parquet", {"image": images}, **options)
    data = bytearray(path.read_bytes())
    data[page_of(path, images[6]) + 9] ^= 1
    path.write_bytes(data)
    found = scan(parquet())
    assert [image.id for image in found.images] == [f"row {n:08d}" for n in range(4)]
    assert [gone.reason for gone in found.excluded] == [
        "6 rows of the row group cannot be read: they are damaged"
    ]


def test_damaged_paths_cost_no_image(parquet: Parquet, tmp_path: Path) -> None:
    paths = [f"a-long-name-of-a-file-{n:04d}.jpg" for n in range(10)]
    images = images_of(contents(10), paths)
    options = PLAIN | {"write_page_checksum": True, "compression": "none"}
    path = write_parquet(tmp_path / "set.parquet", {"image": images}, **options)
    data = bytearray(path.read_bytes())
    data[page_of(path, paths[5].encode())] ^= 1
    path.write_bytes(data)
    found = scan(parquet())
    assert ([image.id for image in found.images], found.excluded) == (
        [f"row {n:08d}" for n in range(10)],
        (),
    )


class _Keys(encryption.KmsClient):  # type: ignore[misc]
    def wrap_key(self, key: bytes, _: str) -> bytes:
        return base64.b64encode(key)

    def unwrap_key(self, key: bytes, _: str) -> bytes:
        return base64.b64decode(key)


def test_columns_that_are_encrypted(parquet: Parquet, tmp_path: Path) -> None:
    table = pa.table({"image": images_of(contents(5)), "bare": contents(5)})
    settings = encryption.EncryptionConfiguration(
        footer_key="footer", column_keys={"column": ["image.bytes"]}, plaintext_footer=True
    )
    factory = encryption.CryptoFactory(lambda _: _Keys())
    properties = factory.file_encryption_properties(encryption.KmsConnectionConfig(), settings)
    path = tmp_path / "set.parquet"
    with pq.ParquetWriter(path, table.schema, encryption_properties=properties) as file:
        file.write_table(table)
    found = scan(parquet(image="image"))
    assert (len(found.images), [(gone.id, gone.reason) for gone in found.excluded]) == (
        0,
        [("row group 0", "5 rows of the row group cannot be read: they are encrypted")],
    )
    assert len(scan(parquet(image="bare")).images) == 5


def test_a_file_that_changed_is_noticed_when_it_is_read(parquet: Parquet, tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "set.parquet", {"image": images_of(contents(3))})
    reader = ParquetReader(parquet())
    found = reader.scan(lambda *_: None)
    changed = "its row is no longer there: the file changed while the gate ran"
    write_parquet(path, {"image": images_of(contents(2))})
    with pytest.raises(OSError, match=f"^{re.escape(changed)}$"):
        reader.read(found.images[2])
    write_parquet(path, {"image": images_of([None] * 3)})
    with pytest.raises(OSError, match=f"^{re.escape(changed)}$"):
        reader.read(found.images[0])
    path.write_bytes(b"")
    with pytest.raises(OSError, match=f"^{re.escape(changed)}$"):
        reader.read(found.images[0])
    path.unlink()
    with pytest.raises(OSError, match=r"^No such file or directory$"):
        reader.read(found.images[0])
