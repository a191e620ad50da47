from __future__ import annotations

import os
import pickle
import re
import struct
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from lmdb_files import JPEG, NEW, OLD, data_of, write_lmdb
from scanned import MakeDataset, scanned, what_is_wrong

from faceleak_check.policy.schema import Dataset, Labels
from faceleak_check.readers.lmdb.reader import LmdbReader
from faceleak_check.records import Exclusion, ImageSet

Drop = Callable[[], AbstractContextManager[None]]

PAGE = 4096
COPY = "Copy it with mdb_dump and mdb_load."


def contents(n: int, size: int = 3000) -> dict[bytes, bytes]:
    random = np.random.default_rng(1)
    return {b"%04d" % number: JPEG + random.bytes(size) for number in range(n)}


@pytest.fixture
def environment(dataset: MakeDataset, tmp_path: Path) -> Callable[..., Dataset]:
    """The dataset of an environment in the test's folder."""

    def make(name: str = "set", labels: str = "none") -> Dataset:
        return replace(dataset(tmp_path / name, labels=Labels(kind=labels)), format="lmdb")

    return make


Environment = Callable[..., Dataset]


def scan(dataset: Dataset) -> ImageSet:
    return scanned(LmdbReader, dataset)


def trouble(dataset: Dataset) -> tuple[str, str]:
    return what_is_wrong(LmdbReader, dataset)


def unreadable(name: str, reason: str) -> Exclusion:
    return Exclusion(id=name, rule="unreadable", reason=reason)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (
            pickle.dumps((JPEG, 5), protocol=4),
            (
                "not an image of a format that can be read (JPEG, PNG, WebP, BMP, TIFF, GIF, AVIF, PNM); it is a "
                "Python pickle, and those are never loaded: store the image files themselves"
            ),
        ),
        (b"12345", "text, not an image; it begins with the bytes 31 32 33 34 35"),
        (
            bytes(range(7, 40)),
            (
                "not an image of a format that can be read (JPEG, PNG, WebP, BMP, TIFF, GIF, AVIF, PNM); it begins "
                "with the bytes 07 08 09 0a 0b 0c 0d 0e"
            ),
        ),
    ],
)
def test_values_that_nobody_knows_are_counted(
    environment: Environment, tmp_path: Path, value: bytes, reason: str
) -> None:
    write_lmdb(tmp_path / "set", {b"1": JPEG, b"2": value})
    found = scan(environment())
    assert [image.id for image in found.images] == ["1"]
    assert (found.excluded, found.n_other_files) == ((unreadable("2", reason),), {})


def test_images_of_other_formats_and_empty_values_are_counted(
    environment: Environment, tmp_path: Path
) -> None:
    write_lmdb(tmp_path / "set", {b"1": JPEG, b"2": b"", b"3": b"8BPS" + bytes(20)})
    assert [(gone.id, gone.reason) for gone in scan(environment()).excluded] == [
        ("2", "the file is empty"),
        ("3", "a PSD image, a format that cannot be read: save it as PNG or JPEG"),
    ]


@pytest.mark.parametrize("library", [OLD, NEW])
def test_several_values_of_one_key_are_no_image(
    environment: Environment, tmp_path: Path, library: int
) -> None:
    write_lmdb(tmp_path / "set", {b"1": JPEG}, library=library, several=True)
    found = scan(environment())
    reason = "its value cannot be read: its key has several, as no image has"
    assert (len(found.images), found.excluded) == (0, (unreadable("several/1", reason),))


def test_images_without_a_label(environment: Environment, tmp_path: Path) -> None:
    entries = {b"image-000000001": JPEG, b"label-000000001": b"Ann", b"image-000000002": JPEG, b"3": JPEG}
    write_lmdb(tmp_path / "set", entries)
    assert trouble(environment(labels="own")) == (
        "dataset 'training' has no label for 2 of 3 images",
        (
            "Without one: '3', 'image-000000002'. labels: own looks for label-000000001 beside image-000000001; where "
            "the file has no such pairs, write labels: {csv: labels.csv} with the keys as images."
        ),
    )


@pytest.mark.parametrize("library", [OLD, NEW])
def test_an_environment_without_entries(environment: Environment, tmp_path: Path, library: int) -> None:
    write_lmdb(tmp_path / "set", {}, library=library)
    assert trouble(environment()) == (
        "dataset 'training' is empty",
        "Expected an LMDB file with images in it.",
    )


def test_an_environment_without_images(environment: Environment, tmp_path: Path) -> None:
    write_lmdb(tmp_path / "set", {b"__len__": b"0", b"label-1": b"x"})
    assert trouble(environment()) == (
        "dataset 'training' has no images among 2 files",
        "By suffix: 1 __len__, 1 label. Expected image files such as JPEG or PNG in it.",
    )


def test_nothing_there(environment: Environment, tmp_path: Path) -> None:
    assert trouble(environment()) == (
        "dataset 'training' was not found",
        "Nothing is there. Correct the path in the policy; a relative path starts at the policy's folder.",
    )
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "lock.mdb").write_bytes(b"x")
    assert trouble(environment()) == (
        "dataset 'training' has no LMDB file",
        "Expected data.mdb in this folder, or the path of another LMDB file.",
    )


def head(place: int, version: int, order: str = "<") -> bytes:
    return bytes(place) + struct.pack(f"{order}II", 0xBEEFC0DE, version) + bytes(8192)


@pytest.mark.parametrize(
    ("data", "message", "advice"),
    [
        (b"", "is an empty file", "Expected the data.mdb of an LMDB environment."),
        (
            b"SQLite format 3\0" * 300,
            "is no LMDB data file",
            (
                "It begins with the bytes 53 51 4c 69, without LMDB's mark. Give the data.mdb of an environment, or "
                "the folder that it lies in."
            ),
        ),
        (
            head(16, 999),
            "has version 999 of LMDB's layout",
            f"Versions 1 (of LMDB 0.9) and 3 (of LMDB 1.0) can be read. {COPY}",
        ),
        (
            head(24, 2),
            "has version 2 of LMDB's layout",
            f"Versions 1 (of LMDB 0.9) and 3 (of LMDB 1.0) can be read. {COPY}",
        ),
        (
            head(12, 1),
            "was written on another kind of machine",
            f"LMDB files of 64-bit little-endian machines can be read. {COPY}",
        ),
        (
            head(16, 1, ">"),
            "was written on another kind of machine",
            f"LMDB files of 64-bit little-endian machines can be read. {COPY}",
        ),
        (
            head(16, 1),
            "is damaged or cut short",
            "Its page at byte 0 does not describe it. Write it again.",
        ),
        (head(16, 1)[:60], "is damaged or cut short", "It ends at byte 60. Write it again."),
    ],
)
def test_other_files(
    environment: Environment, tmp_path: Path, data: bytes, message: str, advice: str
) -> None:
    (tmp_path / "set").write_bytes(data)
    assert trouble(environment()) == (f"dataset 'training' {message}", advice)


def test_a_closed_file(environment: Environment, open_folder: Path, unprivileged: Drop) -> None:
    write_lmdb(open_folder, contents(1))
    (open_folder / "data.mdb").chmod(0)
    with unprivileged():
        assert trouble(replace(environment(), path=open_folder)) == (
            "dataset 'training' cannot be listed (Permission denied)",
            "Give this user the right to read it, or correct the path in the policy.",
        )


@pytest.mark.parametrize("library", [OLD, NEW])
@pytest.mark.parametrize("size", [900, 3000])
def test_a_file_that_is_cut_short(environment: Environment, tmp_path: Path, library: int, size: int) -> None:
    file = data_of(write_lmdb(tmp_path / "set", contents(300, size), library=library))
    data = file.read_bytes()
    for n_bytes in (len(data) - 1, len(data) - 5 * PAGE, len(data) // 2 + 100, 3 * PAGE, 2 * PAGE):
        file.write_bytes(data[:n_bytes])
        found = scan(environment())
        beyond = [gone for gone in found.excluded if gone.rule == "folder"]
        lost = [gone for gone in found.excluded if gone.rule == "unreadable"]
        assert len(beyond) == 1 or len(found.images) + len(lost) == 300
        assert lost or beyond or n_bytes == len(data) - 1  # the last byte belongs to no value
        reason = f"the file is cut short: it ends at byte {n_bytes:,}, and its index leads further"
        assert {(gone.id, gone.reason) for gone in beyond} <= {(f"from byte {n_bytes:,} on", reason)}
        reason = f"its value cannot be read: the file ends before it does, at byte {n_bytes:,}"
        assert {gone.reason for gone in lost} <= {reason}


def pages_of_leaves(data: bytes) -> list[int]:
    """The leaves of an environment whose every page is in use."""
    flags = [struct.unpack_from("<H", data, place + 10)[0] for place in range(0, len(data), PAGE)]
    return [number for number, flag in enumerate(flags) if flag == 2 and number > 1]


def branches_of(data: bytes) -> list[int]:
    """Where its branches begin."""
    return [
        place
        for place in range(2 * PAGE, len(data), PAGE)
        if struct.unpack_from("<H", data, place + 10)[0] == 1
    ]


def test_a_damaged_page_hides_nothing_in_the_others(environment: Environment, tmp_path: Path) -> None:
    file = data_of(write_lmdb(tmp_path / "set", {key: image[:900] for key, image in contents(200).items()}))
    data = bytearray(file.read_bytes())
    *_, leaf, _ = pages_of_leaves(data)
    data[leaf * PAGE + 10] = 0x77
    file.write_bytes(data)
    found = scan(environment())
    assert 190 < len(found.images) < 200
    reason = f"page {leaf} is damaged: it is no page of a tree"
    assert found.excluded == (Exclusion(id=f"page {leaf}", rule="folder", reason=reason),)


@pytest.mark.parametrize(
    ("byte", "reason"), [(0, "it has the number of another page"), (10, "the page is another one")]
)
def test_a_damaged_value_hides_nothing_in_the_others(
    environment: Environment, tmp_path: Path, byte: int, reason: str
) -> None:
    images = contents(50)
    file = data_of(write_lmdb(tmp_path / "set", images))
    data = bytearray(file.read_bytes())
    data[data.find(images[b"0007"]) - 16 + byte] ^= 0x0F
    file.write_bytes(data)
    found = scan(environment())
    assert len(found.images) == 49
    assert found.excluded == (unreadable("0007", f"its value cannot be read: {reason}"),)


@pytest.mark.parametrize("place", [0, 6])
def test_an_entry_that_is_too_long_hides_nothing_before_it(
    environment: Environment, tmp_path: Path, place: int
) -> None:
    file = data_of(write_lmdb(tmp_path / "set", contents(10, 50)))
    data = bytearray(file.read_bytes())
    (leaf,) = pages_of_leaves(data)
    (node,) = struct.unpack_from("<H", data, leaf * PAGE + 16 + 2 * 7)
    struct.pack_into("<H", data, leaf * PAGE + node + place, 5000)
    file.write_bytes(data)
    found = scan(environment())
    assert [image.id for image in found.images] == [f"{n:04d}" for n in range(7)]
    reason = f"page {leaf} is damaged: an entry reaches beyond its end"
    assert found.excluded == (Exclusion(id=f"page {leaf}", rule="folder", reason=reason),)


def test_a_value_that_is_larger_than_any_image(environment: Environment, tmp_path: Path) -> None:
    file = data_of(write_lmdb(tmp_path / "set", contents(10)))
    data = bytearray(file.read_bytes())
    (leaf,) = pages_of_leaves(data)
    (node,) = struct.unpack_from("<H", data, leaf * PAGE + 16)
    struct.pack_into("<HH", data, leaf * PAGE + node, 1, 1 << 14)
    file.write_bytes(data)
    os.truncate(file, 2 << 30)
    found = scan(environment())
    reason = "its value cannot be read: it is larger than 1,073,741,824 bytes"
    assert (len(found.images), found.excluded) == (9, (unreadable("0000", reason),))


def test_pages_far_into_a_file_are_found(environment: Environment, tmp_path: Path) -> None:
    file = data_of(write_lmdb(tmp_path / "set", contents(200, 50)))
    data = bytearray(file.read_bytes())
    (branch,) = branches_of(data)
    (node,) = struct.unpack_from("<H", data, branch + 16)
    (near,) = struct.unpack_from("<H", data, branch + node)
    far, page = 0x1_0000 + near, bytearray(data[near * PAGE : (near + 1) * PAGE])
    struct.pack_into("<HH", data, branch + node, near, 1)
    struct.pack_into("<Q", page, 0, far)
    data[near * PAGE : (near + 1) * PAGE] = bytes(PAGE)
    with file.open("r+b") as sparse:
        sparse.write(data)
        sparse.seek(far * PAGE)
        sparse.write(page)
    found = scan(environment())
    assert (len(found.images), found.excluded) == (200, ())


def test_a_tree_that_leads_in_circles_ends(environment: Environment, tmp_path: Path) -> None:
    file = data_of(write_lmdb(tmp_path / "set", contents(2000, 50)))
    data = bytearray(file.read_bytes())
    (branch,) = branches_of(data)
    first, second = struct.unpack_from("<HH", data, branch + 16)
    data[branch + second : branch + second + 4] = data[branch + first : branch + first + 4]
    file.write_bytes(data)
    found = scan(environment())
    (gone,) = found.excluded
    assert re.fullmatch(r"page \d+ is damaged: the index leads to it twice", gone.reason)
    assert gone.rule == "folder"
    assert 1900 < len(found.images) < 2000


def test_entries_that_are_counted_and_not_found_are_told(environment: Environment, tmp_path: Path) -> None:
    file = data_of(write_lmdb(tmp_path / "set", contents(10, 50)))
    data = bytearray(file.read_bytes())
    (leaf,) = pages_of_leaves(data)
    (lower,) = struct.unpack_from("<H", data, leaf * PAGE + 12)
    struct.pack_into("<H", data, leaf * PAGE + 12, lower - 4)
    file.write_bytes(data)
    found = scan(environment())
    assert len(found.images) == 8
    reason = "the index is damaged: it counts 10 entries, and 8 were found"
    assert found.excluded == (Exclusion(id="its index", rule="folder", reason=reason),)


def test_an_environment_that_cannot_be_read_hides_no_other(environment: Environment, tmp_path: Path) -> None:
    write_lmdb(tmp_path / "set" / "a", {b"1": JPEG})
    (tmp_path / "set" / "b.mdb").write_bytes(b"no environment")
    found = scan(environment())
    assert [image.id for image in found.images] == ["a/data.mdb/1"]
    reason = "an LMDB file that cannot be read: it is no LMDB data file"
    assert found.excluded == (Exclusion(id="b.mdb/", rule="folder", reason=reason),)


def test_a_file_that_changed_is_noticed_when_it_is_read(environment: Environment, tmp_path: Path) -> None:
    file = data_of(write_lmdb(tmp_path / "set", contents(5)))
    reader = LmdbReader(environment())
    found = reader.scan(lambda *_: None)
    file.write_bytes(file.read_bytes()[: 4 * PAGE])
    changed = "its value is no longer there: the file changed while the gate ran"
    with pytest.raises(OSError, match=f"^{re.escape(changed)}$"):
        reader.read(found.images[4])


def _meta_numbers(file: Path, page: int) -> tuple[int, int]:
    """Last page and transaction of one of the two pages that describe a file of LMDB 0.9."""
    last_page, transaction = struct.unpack_from("<QQ", file.read_bytes(), page * PAGE + 136)
    return last_page, transaction


def _write_number(file: Path, place: int, form: str, number: int) -> None:
    data = bytearray(file.read_bytes())
    struct.pack_into(form, data, place, number)
    file.write_bytes(data)


@pytest.mark.parametrize(
    ("page", "place", "number", "found"),
    [
        (0, 144, 0, "Its page at byte 0 contradicts itself"),
        (0, 144, 6, "Its two beginnings, of transactions 6 and 1, do not follow each other"),
        (1, 144, 3, "Its two beginnings, of transactions 2 and 3, do not follow each other"),
        (0, 136, 0, "Its page at byte 0 contradicts itself"),
        (0, 120, 0, "Its page at byte 0 contradicts itself"),
    ],
)
def test_a_damaged_beginning_does_not_lead_to_an_older_state(
    environment: Environment, tmp_path: Path, page: int, place: int, number: int, found: str
) -> None:
    for n in (2, 4):
        write_lmdb(tmp_path / "set", contents(n))
    file = data_of(tmp_path / "set")
    (last, second), (_, first) = _meta_numbers(file, 0), _meta_numbers(file, 1)
    assert (first, second) == (1, 2)
    assert last > 1
    _write_number(file, page * PAGE + place, "<Q", number)
    assert trouble(environment()) == (
        "dataset 'training' is damaged or cut short",
        f"{found}. Write it again.",
    )


def test_an_entry_in_the_place_of_another_is_damage(environment: Environment, tmp_path: Path) -> None:
    write_lmdb(tmp_path / "set", contents(4, 100))
    file = data_of(tmp_path / "set")
    data = file.read_bytes()
    (root,) = struct.unpack_from("<Q", data, PAGE + 128)
    (first,) = struct.unpack_from("<H", data, root * PAGE + 16)
    _write_number(file, root * PAGE + 18, "<H", first)
    found = scan(environment())
    assert list(found.images) == []
    reason = f"page {root} is damaged: two of its entries lie in one place"
    assert [gone.reason for gone in found.excluded] == [reason]


def test_a_value_in_the_pages_of_another_is_damage(environment: Environment, tmp_path: Path) -> None:
    write_lmdb(tmp_path / "set", contents(4))
    file = data_of(tmp_path / "set")
    data = file.read_bytes()
    (root,) = struct.unpack_from("<Q", data, PAGE + 128)
    first, second = (root * PAGE + place for place in struct.unpack_from("<2H", data, root * PAGE + 16))
    (page,) = struct.unpack_from("<Q", data, first + 12)
    _write_number(file, second + 12, "<Q", page)
    found = scan(environment())
    assert [image.id for image in found.images] == ["0000"]
    reason = f"page {root} is damaged: the value of an entry lies in a page that is taken already"
    assert [gone.reason for gone in found.excluded] == [reason]
