from __future__ import annotations

import io
import pickle
import struct
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scanned import PLACE, MakeDataset

from faceleak_check.errors import DatasetError
from faceleak_check.policy.schema import ArrayNames, Dataset, Labels
from faceleak_check.readers.arrays import members
from faceleak_check.readers.arrays.reader import ArraysReader
from faceleak_check.records import UNSEEN_FOLDER, ImageSet

Array = npt.NDArray[Any]

SHAPES = "(n, height, width, 3) for RGB, (n, height, width) or (n, height, width, 1) for grey."
WHITE = (
    "Nobody can tell which number is white. Save whole numbers from 0 to 255: numpy.clip(255 * ARRAY + 0.5, 0, "
    "255).astype('uint8') where white is 1, numpy.clip(127.5 * ARRAY + 128, 0, 255).astype('uint8') where black is -1 "
    "and white is 1."
)
NO_PICKLES = (
    "Pickles are never opened, as opening one runs whatever its author put into it. Save a plain array of numbers: "
    "numpy.save(FILE, numpy.stack(ROWS))."
)
AGAIN = "Copy the file again, or save it again with numpy.save."
ZIP_AGAIN = "Copy the file again, or save it again with numpy.savez."


def pictures(n: int = 3, *shape: int) -> Array:
    return np.random.default_rng(1).integers(0, 256, (n, *(shape or (6, 5, 3))), dtype=np.uint8)


def npy(array: Array, **keys: Any) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array(file, array, **keys)
    return file.getvalue()


def npz(compress: bool = False, **named: Array) -> bytes:
    file = io.BytesIO()
    (np.savez_compressed if compress else np.savez)(file, **named)  # type: ignore[arg-type]
    return file.getvalue()


class Files:
    """A file in the test's folder, and the dataset that it is."""

    def __init__(self, dataset: MakeDataset, folder: Path) -> None:
        self.path = folder / "faces.npz"
        self._dataset = dataset

    def dataset(self, **names: str) -> Dataset:
        keys = ArrayNames(**names) if names else None
        labels = Labels(kind="own" if "identity" in names else "none")
        return replace(self._dataset(self.path, labels=labels), format="arrays", arrays=keys)

    def scan(self, content: bytes, /, **names: str) -> ImageSet:
        self.path.write_bytes(content)
        return ArraysReader(self.dataset(**names)).scan(lambda *_: None)

    def error(self, content: bytes, /, **names: str) -> str:
        with pytest.raises(DatasetError) as caught:
            self.scan(content, **names)
        return str(caught.value)

    def unusable(self, what: str, advice: str) -> str:
        return f"dataset 'training' cannot be used: {what}\n{self.path} {PLACE}\n{advice}"


@pytest.fixture
def files(dataset: MakeDataset, tmp_path: Path) -> Files:
    return Files(dataset, tmp_path)


# ----------------------------------------------------------------------------------------- arrays of another kind


@pytest.mark.parametrize(
    ("array", "what", "advice"),
    [
        (np.zeros((2, 6, 5, 3)), "its array holds values of type float64, expected uint8", WHITE),
        (np.zeros((2, 6, 5, 3), "<f2"), "its array holds values of type float16, expected uint8", WHITE),
        (np.zeros((2, 6, 5, 3), ">u2"), "its array holds values of type >u2, expected uint8", WHITE),
        (np.zeros((2, 6, 5), bool), "its array holds values of type bool, expected uint8", WHITE),
        (
            np.zeros((2, 6, 5), "<c8"),
            "its array holds values of type complex64, expected uint8",
            "Save the pixels: whole numbers from 0 to 255, type uint8.",
        ),
        (
            np.zeros((2, 3, 8, 9), np.uint8),
            "its array has shape (2, 3, 8, 9), with the colours before the pixels",
            f"Save ARRAY.transpose(0, 2, 3, 1); for pictures the shape is {SHAPES}",
        ),
        (
            np.zeros((2, 1, 8, 9), np.uint8),
            "its array has shape (2, 1, 8, 9), with the colours before the pixels",
            f"Save ARRAY.transpose(0, 2, 3, 1); for pictures the shape is {SHAPES}",
        ),
        (
            np.zeros((8, 9, 3), np.uint8),
            "its array has shape (8, 9, 3), that of a single picture",
            f"For one picture save ARRAY[None]; for pictures the shape is {SHAPES}",
        ),
        (
            np.zeros((2, 8, 9, 4), np.uint8),
            "its array has shape (2, 8, 9, 4), with transparency",
            f"Save the colours alone: ARRAY[..., :3]; for pictures the shape is {SHAPES}",
        ),
        (
            np.zeros((8, 9), np.uint8),
            "its array has shape (8, 9)",
            f"For pictures the shape is {SHAPES}",
        ),
        (
            np.zeros((2, 8, 9, 5), np.uint8),
            "its array has shape (2, 8, 9, 5)",
            f"For pictures the shape is {SHAPES}",
        ),
        (
            np.zeros((2, 0, 9, 3), np.uint8),
            "its array has shape (2, 0, 9, 3), with no pixels",
            f"Expected {SHAPES}",
        ),
        (np.uint8(3), "its array is a single number", "Expected an array with a row for each image."),
        (
            np.asfortranarray(pictures()),
            "its array is in Fortran order, in which a row does not lie in one place",
            "Save it in C order: numpy.save(FILE, numpy.ascontiguousarray(ARRAY)).",
        ),
        (
            np.zeros(2, [("pixels", "u1", (4, 4, 3))]),
            "its array holds records with fields of their own",
            "Save the field that is meant as an array of its own: numpy.save(FILE, ARRAY[FIELD]).",
        ),
    ],
)
def test_an_array_that_is_none_of_pictures_is_refused(
    array: Array, what: str, advice: str, files: Files
) -> None:
    assert files.error(npy(np.asanyarray(array))) == files.unusable(what, advice)


def test_a_picture_beyond_the_limit_is_refused_before_anything_is_read(files: Files) -> None:
    head = npy(np.empty((0, 20_000, 20_000, 3), np.uint8)).replace(b"(0,", b"(9,")
    assert files.error(head) == files.unusable(
        "its array has shape (9, 20000, 20000, 3), with pictures of 20,000 x 20,000 pixels; the limit is "
        "89,478,485 pixels",
        "Save smaller pictures.",
    )


def test_what_is_no_picture_is_named_in_a_file_of_several_arrays(files: Files) -> None:
    assert files.error(npz(faces=np.zeros((2, 4, 4)), n=np.arange(2)), data="faces") == files.unusable(
        "its array 'faces' holds values of type float64, expected uint8", WHITE
    )


# --------------------------------------------------------------------------------------------------- pickles


class Trap:
    """Python that runs where a pickle of it is opened."""

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return pytest.fail, ("a pickle was opened",)


def test_an_array_of_objects_is_never_opened(files: Files) -> None:
    trap = np.array([Trap(), Trap()], dtype=object)
    assert files.error(npy(trap, allow_pickle=True)) == files.unusable(
        "its array holds Python objects, which are kept as a pickle", NO_PICKLES
    )
    file = io.BytesIO()
    np.savez(file, images=pictures(2), names=trap)
    assert files.error(file.getvalue(), ids="names") == files.unusable(
        "its array 'names' holds Python objects, which are kept as a pickle", NO_PICKLES
    )


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_a_pickle_in_place_of_an_array_is_never_opened(protocol: int, files: Files) -> None:
    data = pickle.dumps(Trap(), protocol)
    assert files.error(data) == files.unusable("the file is a pickle", NO_PICKLES)


# ----------------------------------------------------------------------------------------- no arrays, wrong files


@pytest.mark.parametrize(
    ("data", "what", "advice"),
    [
        (b"", "the file is empty", AGAIN),
        (
            b"name,person\n1,2\n",
            "the file is no array of NumPy",
            "It begins with the bytes 6e 61 6d 65, expected 93 4e 55 4d (.npy) or 50 4b 03 04 (.npz).",
        ),
        (
            b"\x89PNG\r\n\x1a\n" + bytes(60),
            "the file is a PNG image",
            "For image files leave out `format: arrays`.",
        ),
        (b"\x93NUMPY", "the header of its array is damaged", AGAIN),
        (
            b"\x93NUMPY\x09\x00" + bytes(70),
            "its array has version 9 of NumPy's format, and 1 to 3 can be read",
            AGAIN,
        ),
        (b"\x93NUMPY\x01\x00\xff\xff", "the header of its array is damaged", AGAIN),
        (b"PK\x03\x04" + bytes(100), "the .npz file is cut short or damaged", ZIP_AGAIN),
        (npz(images=pictures())[:-30], "the .npz file is cut short or damaged", ZIP_AGAIN),
        (npz(), "the file holds no array of pictures or templates", "Save one with numpy.savez."),
    ],
)
def test_a_file_that_is_none_of_arrays_is_refused(data: bytes, what: str, advice: str, files: Files) -> None:
    assert files.error(data) == files.unusable(what, advice)


@pytest.mark.parametrize(
    "header",
    [
        "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 6, 5, 3)",
        "{'descr': '|u1', 'fortran_order': False}",
        "{'descr': '|u1', 'fortran_order': 0, 'shape': (2, 6, 5, 3)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (2, -6, 5, 3)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 6.0, 5, 3)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': [2, 6, 5, 3]}",
        "{'descr': 'pixels', 'fortran_order': False, 'shape': (2, 6, 5, 3)}",
        "{'descr': __import__('os'), 'fortran_order': False, 'shape': (2, 6, 5, 3)}",
        "(" * 5000,
        "",
    ],
)
def test_a_damaged_header_is_refused(header: str, files: Files) -> None:
    data = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + bytes(180)
    assert files.error(data) == files.unusable("the header of its array is damaged", AGAIN)


def test_a_file_of_several_arrays_that_were_saved_one_after_the_other_is_refused(files: Files) -> None:
    data = npy(pictures()) + npy(pictures())
    assert files.error(data) == files.unusable(
        f"after its array come {len(npy(pictures()))} bytes that belong to nothing",
        "Several arrays that were saved into one open file cannot be told apart: save each in a file of its own, or "
        "all with numpy.savez.",
    )


def test_nothing_there_and_nothing_in_it(files: Files, tmp_path: Path) -> None:
    with pytest.raises(DatasetError) as caught:
        ArraysReader(files.dataset()).scan(lambda *_: None)
    assert str(caught.value) == (
        f"dataset 'training' was not found\n{files.path} {PLACE}\n"
        "Nothing is there. Correct the path in the policy; a relative path starts at the policy's folder."
    )
    files.path.mkdir()
    (files.path / "1.png").write_bytes(b"no array")
    with pytest.raises(DatasetError) as caught:
        ArraysReader(files.dataset()).scan(lambda *_: None)
    assert str(caught.value) == (
        f"dataset 'training' has no .npy or .npz file\n{files.path} {PLACE}\n"
        "Expected one or more in this folder or in folders below it. For image files leave out `format: arrays`."
    )


def test_an_array_without_a_row_holds_no_image(files: Files) -> None:
    assert files.error(npy(pictures(0))) == (
        f"dataset 'training' is empty\n{files.path} {PLACE}\nExpected an array file with images in it."
    )


# ----------------------------------------------------------------------------------------------- several arrays


def test_an_array_must_be_named_where_there_are_several(files: Files) -> None:
    data = npz(old=pictures(), new=pictures(), names=np.array(["a", "b", "c"]))
    assert files.error(data, ids="names") == files.unusable(
        "the file holds 2 arrays, and nothing says which of them is meant",
        "Name it in the policy: `arrays: {data: old}`. The arrays in the file: 'old', 'new'.",
    )
    assert files.error(data, data="news") == files.unusable(
        "there is no array 'news' (did you mean 'new'?)", "The arrays in the file: 'old', 'new', 'names'."
    )
    assert files.error(npy(pictures()), data="new", ids="names") == files.unusable(
        "the policy names 'new', 'names', and an .npy file holds one array without a name",
        "Leave out `arrays`, or save the arrays together with numpy.savez.",
    )


@pytest.mark.parametrize(
    ("names", "what", "advice"),
    [
        (
            np.ones(3),
            "its array 'names' holds values of type float64, expected text or whole numbers",
            "Save it as such: numpy.array(LIST, dtype=str).",
        ),
        (
            np.array([b"a", b"b", b"c"]),
            "its array 'names' holds values of type |S1, expected text or whole numbers",
            "Save it as such: numpy.array(LIST, dtype=str).",
        ),
        (
            np.array(["a", "b"]),
            "its array 'names' has shape (2,), and its array 'images' has 3 rows",
            "Each row needs one value.",
        ),
        (
            np.array([["a"], ["b"], ["c"]]),
            "its array 'names' has shape (3, 1), and its array 'images' has 3 rows",
            "Each row needs one value.",
        ),
        (np.array(["a", "", "c"]), "its array 'names' has no text in row 1", "Give each row a name."),
        (
            np.array(["a", "b", "\ud800"]),
            "its array 'names' holds text that is no Unicode",
            "Save the texts again, as they were meant.",
        ),
    ],
)
def test_names_that_are_none_are_refused(names: Array, what: str, advice: str, files: Files) -> None:
    data = npz(images=pictures(), names=names)
    assert files.error(data, data="images", ids="names") == files.unusable(what, advice)


@pytest.mark.parametrize("key", ["ids", "identity"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_numbers_that_are_no_letters_are_refused(key: str, order: str, files: Files) -> None:
    names = np.array([97, 98, 0x110000], dtype=f"{order}u4").view(f"{order}U1")
    assert files.error(
        npz(images=pictures(), names=names), data="images", **{key: "names"}
    ) == files.unusable(
        "its array 'names' holds text that is no Unicode", "Save the texts again, as they were meant."
    )


def test_two_arrays_of_one_name_are_refused(files: Files) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("images.npy", npy(pictures()))
        archive.writestr("imagez.npy", npy(pictures(2)))
    assert files.error(file.getvalue().replace(b"imagez", b"images")) == files.unusable(
        "the file holds two arrays that are called 'images'", ZIP_AGAIN
    )


# --------------------------------------------------------------------------------------------------- damage


def damage(found: ImageSet) -> list[tuple[str, str]]:
    assert {gone.rule for gone in found.excluded} == {UNSEEN_FOLDER}
    return [(gone.id, gone.reason) for gone in found.excluded]


def test_of_a_file_that_is_cut_short_the_whole_rows_are_read(files: Files) -> None:
    found = files.scan(npy(pictures(10))[:-100])
    assert [image.id for image in found.images] == [f"row 0000000{row}" for row in range(8)]
    assert damage(found) == [
        ("row 00000008 and the rows after it", "the file is cut short: 8 of 10 rows are there")
    ]


def test_a_header_that_promises_too_much_reads_what_is_there(files: Files) -> None:
    data = npy(pictures(2)).replace(b"(2, 6, 5, 3), }           ", b"(200000000000, 6, 5, 3), }")
    found = files.scan(data)
    assert len(found.images) == 2
    assert damage(found) == [
        ("row 00000002 and the rows after it", "the file is cut short: 2 of 200,000,000,000 rows are there")
    ]


def flipped(data: bytes, needle: bytes) -> bytes:
    """The data with the last byte before a place changed."""
    place = data.index(needle) + len(needle)
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


def test_an_array_whose_checksum_is_wrong_is_damage(files: Files) -> None:
    batch = pictures(4)
    found = files.scan(flipped(npz(images=batch), batch.tobytes()[:60]))
    assert len(found.images) == 4
    assert damage(found) == [
        ("all rows", f"its array 'images' is damaged: its checksum is not that of its bytes. {ZIP_AGAIN}")
    ]


def test_a_compressed_array_that_is_damaged_is_refused(files: Files) -> None:
    data = npz(compress=True, images=pictures(40))
    torn = data[:900] + b"torn" + data[904:]
    assert files.error(torn) == files.unusable("its array 'images' is damaged", ZIP_AGAIN)


def test_a_compressed_array_that_is_too_large_is_refused_before_it_is_unpacked(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(members, "MOST_UNPACKED", 1000)
    assert files.error(npz(compress=True, images=pictures(20))) == files.unusable(
        "its array 'images' is compressed and takes 1,928 bytes unpacked; at most 1,000 can be",
        "Save it with numpy.savez or numpy.save, which do not compress: then it is read where it lies.",
    )


def test_an_archive_that_lies_about_sizes_is_damaged(files: Files) -> None:
    data = npz(images=pictures())
    size = struct.pack("<L", len(npy(pictures())))
    assert files.error(data.replace(size, struct.pack("<L", 1 << 30))) == files.unusable(
        "its array 'images' is damaged", ZIP_AGAIN
    )


def test_an_encrypted_array_is_refused(files: Files) -> None:
    data = bytearray(npz(images=pictures()))
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    assert files.error(bytes(data)) == files.unusable(
        "its array 'images' is encrypted", "Save it again with numpy.savez."
    )


def test_one_bad_file_of_a_folder_hides_no_other(files: Files) -> None:
    files.path.mkdir()
    np.save(files.path / "1.npy", np.zeros((2, 4, 4, 3)))
    np.save(files.path / "2.npy", pictures(2))
    (files.path / "3.npy").write_bytes(npy(pictures(3))[:-10])
    (files.path / "4.npz").write_bytes(b"PK\x03\x04")
    found = ArraysReader(files.dataset()).scan(lambda *_: None)
    assert [image.id for image in found.images] == [
        "2.npy/row 00000000",
        "2.npy/row 00000001",
        "3.npy/row 00000000",
        "3.npy/row 00000001",
    ]
    assert damage(found) == [
        ("1.npy/all rows", f"its array holds values of type float64, expected uint8. {WHITE}"),
        ("3.npy/row 00000002 and the rows after it", "the file is cut short: 2 of 3 rows are there"),
        ("4.npz/all rows", f"the .npz file is cut short or damaged. {ZIP_AGAIN}"),
    ]


def test_a_file_that_is_no_file_is_told_without_its_path(files: Files, tmp_path: Path) -> None:
    import os

    files.path.mkdir()
    np.save(files.path / "1.npy", pictures(1))
    os.mkfifo(files.path / "2.npy")
    files.path.joinpath("3.npy").symlink_to(tmp_path / "nowhere")
    found = ArraysReader(files.dataset()).scan(lambda *_: None)
    assert len(found.images) == 1
    assert damage(found) == [
        ("3.npy/", "an array file that cannot be read: No such file or directory"),
    ]


def test_a_compressed_array_whose_name_is_no_text_in_one_place_is_damaged(files: Files) -> None:
    data = npz(compress=True, images=pictures())
    local, rest = data[:64], data[64:]
    local = local.replace(b"images", b"\x86mages")
    local = local[:6] + struct.pack("<H", struct.unpack_from("<H", local, 6)[0] | 1 << 11) + local[8:]
    assert files.error(local + rest) == files.unusable("its array 'images' is damaged", ZIP_AGAIN)
