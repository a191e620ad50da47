from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import pytest
from scanned import PLACE, MakeDataset

from faceleak_check.errors import DatasetError
from faceleak_check.kept_arrays import Arrays
from faceleak_check.policy.schema import ArrayNames, Labels, TemplateOrigin
from faceleak_check.readers.arrays.rows import ArrayRows, arrays_in
from faceleak_check.readers.arrays.templates import TemplateReader
from faceleak_check.readers.files import FileError
from faceleak_check.readers.storage.local import LocalStorage
from faceleak_check.records import ImageSet, Rows, Templates

Array = npt.NDArray[Any]

ORIGIN = TemplateOrigin(embedder="adaface-ir101", sha256="ab" * 32)


def embeddings(n: int, dimension: int = 16, *, seed: int = 1) -> Array:
    return np.random.default_rng(seed).normal(size=(n, dimension)).astype(np.float32)


def unit(rows: Array) -> Array:
    lengths = np.sqrt((rows.astype(np.float64) ** 2).sum(axis=1, keepdims=True))
    return np.asarray((rows / lengths).astype(np.float32))


def nothing(stage: str, done: int, total: int) -> None:
    """Nobody is told."""


class Kept:
    """What a store would keep."""

    def __init__(self) -> None:
        self.known: dict[str, Arrays] = {}

    def recall(self, key: str) -> Arrays | None:
        return self.known.get(key)

    def keep(self, key: str, columns: Arrays) -> None:
        self.known[key] = columns


class Sets:
    """A file in the test's folder as a set of templates."""

    def __init__(self, dataset: MakeDataset, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "templates.npz"
        self.n_scratch = 0
        self.told: list[str] = []
        self._dataset = dataset

    def reader(self, kept: Kept | None = None, labels: Labels | None = None, **names: str) -> TemplateReader:
        labels = labels or Labels(kind="own" if "identity" in names else "none")
        dataset = replace(
            self._dataset(self.path, labels=labels),
            format="arrays",
            arrays=ArrayNames(**names) if names else None,
            templates=ORIGIN,
        )
        reader = TemplateReader(dataset)
        if kept is not None:
            reader.remember(kept)
        return reader

    def scan(self, **keys: Any) -> ImageSet:
        return self.reader(**keys).scan(nothing)

    def error(self, **keys: Any) -> str:
        with pytest.raises(DatasetError) as caught:
            self.scan(**keys)
        return str(caught.value)

    def unusable(self, what: str, advice: str) -> str:
        return f"dataset 'training' cannot be used: {what}\n{self.path} {PLACE}\n{advice}"

    def both(self, **keys: Any) -> tuple[ImageSet, Templates]:
        reader = self.reader(**keys)
        return reader.scan(nothing), reader.templates(self.scratch, self._tell)

    def scratch(self) -> BinaryIO:
        self.n_scratch += 1
        return (self.folder / f"scratch {self.n_scratch}").open("w+b")

    def _tell(self, stage: str, done: int, total: int) -> None:
        self.told.append(f"{stage} {done}/{total}")


@pytest.fixture
def sets(dataset: MakeDataset, tmp_path: Path) -> Sets:
    return Sets(dataset, tmp_path)


def save(path: Path, array: Array) -> None:
    with path.open("wb") as file:
        np.save(file, array)


# ------------------------------------------------------------------------------------------------------ the rows


@pytest.mark.parametrize("kind", ["<f2", "<f4", "<f8", ">f4", ">f8"])
def test_rows_are_scaled_and_their_lengths_kept(kind: str, sets: Sets) -> None:
    saved = (3 * embeddings(5)).astype(kind)
    save(sets.path, saved)
    found, templates = sets.both()
    single = saved.astype("<f4")
    assert found.images.contents == [hashlib.sha256(row.tobytes()).hexdigest() for row in single]
    assert np.abs(np.asarray(templates.vectors) - unit(single)).max() < 1e-7
    assert np.abs(templates.norms - np.linalg.norm(single, axis=1)).max() < 1e-5
    assert isinstance(templates.vectors, Rows)
    assert sets.n_scratch == 1
    assert sets.told == ["scaling training 5/5"]
    assert [image.id for image in found.images] == [f"row 0000000{row}" for row in range(5)]


@pytest.mark.parametrize("save_them", [np.save, lambda path, rows: np.savez(path, faces=rows)])
def test_rows_of_length_one_stay_where_they_lie(save_them: Callable[..., None], sets: Sets) -> None:
    rows = unit(embeddings(300))
    with sets.path.open("wb") as file:
        save_them(file, rows)
    _, templates = sets.both()
    assert (templates.vectors[:] == rows).all()
    assert sets.n_scratch == 0
    assert np.abs(templates.norms - 1).max() < 1e-6


def test_a_compressed_array_is_scaled_in_a_file_of_its_own(sets: Sets) -> None:
    rows = unit(embeddings(30))
    np.savez_compressed(sets.path, rows)
    found, templates = sets.both()
    assert np.abs(np.asarray(templates.vectors) - rows).max() < 1e-7
    assert found.images.contents == [hashlib.sha256(row.tobytes()).hexdigest() for row in rows]
    assert sets.n_scratch == 1


def test_what_was_scaled_outlives_its_file(sets: Sets) -> None:
    save(sets.path, 2 * embeddings(4))
    _, templates = sets.both()
    (sets.folder / "scratch 1").unlink()
    sets.path.unlink()
    assert np.abs(np.asarray(templates.vectors) - unit(embeddings(4))).max() < 1e-7


def test_rows_without_a_direction_are_left_out_and_counted(sets: Sets) -> None:
    rows = unit(embeddings(7))
    rows[1], rows[3, 2], rows[4, 0], rows[5] = 0, np.nan, np.inf, 1e-39
    save(sets.path, rows)
    found, templates = sets.both()
    assert [image.id for image in found.images] == ["row 00000000", "row 00000002", "row 00000006"]
    assert (np.asarray(templates.vectors) == rows[[0, 2, 6]]).all()
    assert len(templates.norms) == 3
    assert sets.n_scratch == 0
    assert [(gone.id, gone.rule, gone.reason) for gone in found.excluded] == [
        ("row 00000001", "unreadable", "its template is all zeros"),
        ("row 00000003", "unreadable", "its template holds numbers that are not finite"),
        ("row 00000004", "unreadable", "its template holds numbers that are not finite"),
        ("row 00000005", "unreadable", "its template is all zeros"),
    ]
    assert found.excluded[0].sha256 == hashlib.sha256(bytes(64)).hexdigest()


def test_numbers_beyond_32_bits_are_not_finite(sets: Sets) -> None:
    rows = embeddings(3).astype(np.float64)
    rows[1, 3] = 1e300
    rows[2] = 3e38  # each fits, their length does not
    save(sets.path, rows)
    found, templates = sets.both()
    assert [image.id for image in found.images] == ["row 00000000"]
    assert [gone.reason for gone in found.excluded] == ["its template holds numbers that are not finite"] * 2
    assert np.abs(np.asarray(templates.vectors) - unit(rows[:1].astype("<f4"))).max() < 1e-7


def test_there_are_no_pictures(sets: Sets) -> None:
    save(sets.path, embeddings(3))
    reader = sets.reader()
    found = reader.scan(nothing)
    assert reader.part(found.images) is reader
    with pytest.raises(OSError, match=r"^it is a template, and its picture is not here$"):
        reader.read(found.images[0])


# -------------------------------------------------------------------------------------------- names and people


def test_rows_come_in_the_order_of_their_names(sets: Sets) -> None:
    rows = unit(embeddings(4))
    rows[2] = 0
    np.savez(
        sets.path,
        rows=rows,
        ids=np.array(["zoë/2", "ann", "lost", "ann/1"]),
        who=np.array(["zoë", "", "nobody", "ann"]),
    )
    found, templates = sets.both(data="rows", ids="ids", identity="who")
    assert [(image.id, image.labels) for image in found.images] == [
        ("ann", ()),
        ("ann/1", ("ann",)),
        ("zoë/2", ("zoë",)),
    ]
    assert (np.asarray(templates.vectors) == rows[[1, 3, 0]]).all()
    assert found.images.contents == [hashlib.sha256(rows[row].tobytes()).hexdigest() for row in (1, 3, 0)]
    assert [gone.id for gone in found.excluded] == ["lost"]


def test_whole_numbers_are_names(sets: Sets) -> None:
    np.savez(
        sets.path, rows=embeddings(3), ids=np.array([30, 4, -1], ">i4"), who=np.array(["1", "1", "0"], ">U9")
    )
    found = sets.scan(ids="ids", identity="who")
    assert [(image.id, image.labels) for image in found.images] == [
        ("-1", ("0",)),
        ("30", ("1",)),
        ("4", ("1",)),
    ]


def test_names_of_many_lengths_are_told_apart(sets: Sets) -> None:
    names = [f"{'x' * (n % 90)}{n}" for n in range(3000)]
    np.savez(sets.path, rows=embeddings(3000, 4), ids=np.array(names))
    found = sets.scan(ids="ids")
    assert [image.id for image in found.images] == sorted(names)


@pytest.mark.parametrize(
    ("ids", "what", "advice"),
    [
        (
            ["a", "b", "a"],
            "its array 'ids' gives rows 0 and 2 one name",
            "Give each row a name of its own; `arrays: {identity: ...}` names people.",
        ),
        (["a", "", "b"], "its array 'ids' has no text in row 1", "Give each row a name."),
        (
            ["a", "\udce9", "b"],
            "its array 'ids' holds text that is no Unicode",
            "Save the texts again, as they were meant.",
        ),
    ],
)
def test_names_that_are_none_are_refused(ids: list[str], what: str, advice: str, sets: Sets) -> None:
    np.savez(sets.path, rows=embeddings(3), ids=np.array(ids))
    assert sets.error(ids="ids") == sets.unusable(what, advice)


def test_people_must_be_unicode(sets: Sets) -> None:
    np.savez(sets.path, rows=embeddings(3), who=np.array(["a", "\udce9", "b"]))
    assert sets.error(identity="who") == sets.unusable(
        "its array 'who' holds text that is no Unicode", "Save the texts again, as they were meant."
    )


def test_a_table_names_people_by_row(sets: Sets) -> None:
    save(sets.path, embeddings(2))
    table = sets.folder / "labels.csv"
    table.write_text("image,identity\nrow 00000000,ann\nrow 00000001,bob\n")
    assert sets.scan(labels=Labels(kind="csv", csv=table)).images.labels == [("ann",), ("bob",)]
    table.write_text("image,identity\nrow 00000000,ann\n")
    assert sets.error(labels=Labels(kind="csv", csv=table)) == (
        f"the label file of dataset 'training' has no row for 1 of 2 images\n{table} {PLACE}\n"
        "Without a row: 'row 00000001'. Add rows for them."
    )


# ------------------------------------------------------------------------------------------------ several files


def test_a_folder_of_files_is_one_set(sets: Sets) -> None:
    sets.path.mkdir()
    lying, scaled, named = unit(embeddings(3, seed=2)), 5 * embeddings(2, seed=3), 3 * embeddings(2, seed=4)
    np.savez(sets.path / "3.npz", rows=named, ids=np.array(["b", "a"]))
    np.savez(sets.path / "1.npz", rows=scaled, ids=np.array(["x", "y"]))
    np.savez(sets.path / "2.npz", rows=lying, ids=np.array(["p", "q", "r"]))
    found, templates = sets.both(ids="ids")
    assert [image.id for image in found.images] == [
        *("1.npz/x", "1.npz/y", "2.npz/p", "2.npz/q", "2.npz/r", "3.npz/a", "3.npz/b")
    ]
    expected = np.concatenate([unit(scaled), lying, unit(named)[::-1]])
    assert np.abs(np.asarray(templates.vectors) - expected).max() < 1e-7
    assert sets.n_scratch == 1


def test_a_wrong_file_hides_no_other(sets: Sets) -> None:
    sets.path.mkdir()
    save(sets.path / "1.npy", np.zeros((2, 4, 4, 3), np.uint8))
    save(sets.path / "2.npy", embeddings(2))
    save(sets.path / "3.npy", embeddings(2, 8))
    save(sets.path / "4.npy", np.ones((3, 16), np.int8))
    (sets.path / "5.npy").symlink_to("nowhere")
    found, templates = sets.both()
    assert [image.id for image in found.images] == ["2.npy/row 00000000", "2.npy/row 00000001"]
    assert len(templates) == 2
    assert {gone.rule for gone in found.excluded} == {"folder"}
    assert [(gone.id, gone.reason) for gone in found.excluded] == [
        (
            "1.npy/all rows",
            (
                "its array has shape (2, 4, 4, 3), expected (n, dimension): a template in each row. For pictures leave "
                "out `templates`."
            ),
        ),
        (
            "3.npy/all rows",
            (
                "its templates have 8 numbers, and those of '2.npy' 16. Templates of different lengths cannot be "
                "compared: make a dataset of each."
            ),
        ),
        (
            "4.npy/all rows",
            (
                "its array holds values of type int8, expected float16, float32 or float64. Save the templates as they "
                "left the network: ARRAY.astype('float32')."
            ),
        ),
        ("5.npy/all rows", "an array file that cannot be read: No such file or directory"),
    ]


def test_a_folder_with_one_file_is_that_file(sets: Sets) -> None:
    sets.path.mkdir()
    save(sets.path / "1.npy", embeddings(1))
    found, templates = sets.both()
    assert [image.id for image in found.images] == ["row 00000000"]
    assert len(templates) == 1
    save(sets.path / "1.npy", np.ones(3))
    assert sets.error() == sets.unusable(
        "its array has shape (3,), expected (n, dimension): a template in each row",
        "For pictures leave out `templates`.",
    )


# ---------------------------------------------------------------------------------------------------- trouble


def test_of_a_file_that_is_cut_short_the_whole_rows_are_compared(sets: Sets) -> None:
    np.savez(sets.folder / "a.npz", rows=embeddings(3))
    save(sets.path, unit(embeddings(6)))
    sets.path.write_bytes(sets.path.read_bytes()[:-70])
    found, templates = sets.both()
    assert (np.asarray(templates.vectors) == unit(embeddings(6))[:4]).all()
    assert [(gone.id, gone.rule, gone.reason) for gone in found.excluded] == [
        ("row 00000004 and the rows after it", "folder", "the file is cut short: 4 of 6 rows are there")
    ]


def test_named_rows_that_are_not_all_there(sets: Sets) -> None:
    rows = unit(embeddings(3))
    np.savez(sets.path, rows=rows, ids=np.array(["c", "b", "a"]))
    with zipfile.ZipFile(sets.path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members["rows.npy"] = members["rows.npy"][:-1]
    with zipfile.ZipFile(sets.path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    found, templates = sets.both(ids="ids")
    assert [image.id for image in found.images] == ["b", "c"]
    assert (np.asarray(templates.vectors) == rows[[1, 0]]).all()
    assert [gone.reason for gone in found.excluded] == ["the file is cut short: 2 of 3 rows are there"]


def test_a_file_that_changes_while_it_is_listed_is_refused(
    sets: Sets, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(sets.path, embeddings(3))
    monkeypatch.setattr("faceleak_check.readers.progress._SECONDS_BETWEEN", -1)
    with pytest.raises(DatasetError) as caught:
        sets.reader().scan(lambda *_: os.utime(sets.path, (1, 1)))
    assert str(caught.value) == (
        f"dataset 'training' changed while it was listed\n{sets.path} {PLACE}\n"
        "Wait until it is written, then run again."
    )


@pytest.mark.parametrize("n_bytes", [100, 250])
def test_a_file_that_becomes_shorter_while_it_is_read_is_told(n_bytes: int, sets: Sets) -> None:
    save(sets.path, embeddings(3))
    with LocalStorage(sets.path).open() as file:
        rows = ArrayRows(file, arrays_in(file).place(file, ""))
        os.truncate(sets.path, n_bytes)
        with pytest.raises(FileError, match=r"^the file became shorter while it was read$"):
            rows.rows(0, 3)


def test_nothing_there_and_nothing_in_it(sets: Sets) -> None:
    assert sets.error() == (
        f"dataset 'training' was not found\n{sets.path} {PLACE}\n"
        "Nothing is there. Correct the path in the policy; a relative path starts at the policy's folder."
    )
    save(sets.path, embeddings(0))
    assert sets.error() == (
        f"dataset 'training' is empty\n{sets.path} {PLACE}\nExpected an array with a template in each row."
    )


def test_a_wrong_checksum_is_told(sets: Sets) -> None:
    rows = embeddings(40)
    np.savez(sets.path, rows)
    data = bytearray(sets.path.read_bytes())
    data[bytes(data).index(rows.tobytes()) + 77] ^= 1
    sets.path.write_bytes(data)
    assert sets.error() == sets.unusable(
        "its array 'arr_0' is damaged: its checksum is not that of its bytes",
        "Copy the file again, or save it again with numpy.savez.",
    )


@pytest.mark.parametrize("scale", [1, 2])
def test_a_file_that_changes_after_it_was_listed_is_refused(scale: int, sets: Sets) -> None:
    save(sets.path, scale * unit(embeddings(3)))
    reader = sets.reader()
    reader.scan(nothing)
    save(sets.path, scale * unit(embeddings(3, seed=9)))
    with pytest.raises(DatasetError) as caught:
        reader.templates(sets.scratch, nothing)
    assert str(caught.value) == (
        f"dataset 'training' changed while the gate ran\n{sets.path} {PLACE}\n"
        "Wait until it is written, then run again."
    )
    sets.path.unlink()
    with pytest.raises(DatasetError) as caught:
        reader.templates(sets.scratch, nothing)
    assert str(caught.value) == (
        f"dataset 'training' cannot be read (No such file or directory)\n{sets.path} {PLACE}\n"
        "Give this user the right to read it, or correct the path in the policy."
    )


# ---------------------------------------------------------------------------------------- what is kept of a file


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if every file had been written long ago."""
    monkeypatch.setattr("faceleak_check.readers.storage.local.SETTLED_NS", -1)


def test_what_was_worked_out_is_kept_until_the_file_changes(
    sets: Sets, settled: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = Kept()
    save(sets.path, unit(embeddings(3)))
    first = sets.scan(kept=kept)
    with monkeypatch.context() as patched:
        patched.setattr("faceleak_check.readers.arrays.listed.row_facts", None)
        assert sets.scan(kept=kept).images == first.images
    stat = sets.path.stat()
    save(sets.path, unit(embeddings(3, seed=9)))
    os.utime(sets.path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert sets.scan(kept=kept).images != first.images
    assert len(kept.known) == 1


def test_two_arrays_of_one_file_are_kept_apart(sets: Sets, settled: None) -> None:
    kept = Kept()
    np.savez(sets.path, one=unit(embeddings(3)), other=unit(embeddings(3, seed=9)))
    one, other = sets.scan(kept=kept, data="one"), sets.scan(kept=kept, data="other")
    assert one.images != other.images
    assert (one.n_other_files, len(kept.known)) == ({".npy": 1}, 2)


def test_of_a_file_that_was_written_just_now_nothing_is_kept(sets: Sets) -> None:
    kept = Kept()
    save(sets.path, unit(embeddings(3)))
    sets.scan(kept=kept)
    assert kept.known == {}


def test_listing_tells_how_far_it_is(sets: Sets, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[str, int, int]] = []
    sets.path.mkdir()
    for name in ("1.npy", "2.npy"):
        save(sets.path / name, unit(embeddings(3)))
    monkeypatch.setattr("faceleak_check.readers.progress._SECONDS_BETWEEN", -1)
    sets.reader().scan(lambda *what: told.append(what))
    assert told[-3:] == [("listing training", 3, 0), ("listing training", 6, 0), ("listing training", 6, 6)]
