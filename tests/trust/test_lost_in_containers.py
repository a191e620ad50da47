"""Archives, records, tables and arrays: nothing in a large file, and nothing beside one, is passed over."""

from __future__ import annotations

import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from archive_files import tar_of, tgz_of, zip_of
from every_format import WRITERS_OF_PIXELS
from http_files import serving
from lmdb_files import write_lmdb
from parquet_files import images_of, write_parquet
from planting import judged, leaks, left_out, person, saved, source, stranger, strangers, write, write_source
from recordio_files import plain_records

from faceleak_check import Outcome
from faceleak_check.records import Verdict

ARCHIVE = "path: {}, format: archive"


def archived(root: Path, data: bytes, name: str = "set.tar") -> Verdict:
    write_source(root)
    write(root, {name: data})
    return judged(root, generated=ARCHIVE.format(name))


@pytest.mark.parametrize("form", WRITERS_OF_PIXELS)
@pytest.mark.parametrize("role", ["generated", "training"])
def test_a_leak_in_any_form_of_dataset_is_found(tmp_path: Path, form: str, role: str) -> None:
    """The last picture of the set, whichever side it is."""
    write_source(tmp_path)
    write(
        tmp_path / "generated", strangers() | {"copy.png": saved(stranger(99))} if role == "training" else {}
    )
    pictures = {f"p{n}/{n}.ppm": saved(stranger(10 + n), "PPM") for n in range(6)}
    whom = source(7) if role == "generated" else stranger(99)
    written = WRITERS_OF_PIXELS[form](tmp_path, pictures | {"zz/last.ppm": saved(whom, "PPM")})
    found = leaks(judged(tmp_path, **{role: f"path: '{written.path}', {written.keys}"}))
    assert len(found) == 1
    assert [*found.values()] == [person(7)] if role == "generated" else [*found] == ["copy.png"]


@pytest.mark.parametrize("pack", [zip_of, tar_of, tgz_of])
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_leak_with_the_name_of_another_member_is_found(tmp_path: Path, pack: Callable[..., bytes]) -> None:
    """Whoever unpacks the archive gets the last one; whoever reads it may get any."""
    names = [
        zipfile.ZipInfo("a.png"),
        zipfile.ZipInfo("a.png"),
        zipfile.ZipInfo("./a.png"),
        zipfile.ZipInfo("/a.png"),
    ]
    members = {
        (name if pack is zip_of else tarfile.TarInfo(name.filename)): saved(source(n))
        for n, name in enumerate(names)
    }
    assert leaks(archived(tmp_path, pack(members))) == {
        "a.png": person(0),
        "a.png (2)": person(1),
        "a.png (3)": person(2),
        "a.png (4)": person(3),
    }


def test_a_leak_in_an_unusual_place_of_an_archive_is_found(tmp_path: Path) -> None:
    names = [
        "../out.png",
        "/etc/face.png",
        ".hidden/face.png",
        "__MACOSX/._face.png",
        "no suffix",
        "a\\b.png",
    ]
    found = leaks(
        archived(tmp_path, zip_of({name: saved(source(n)) for n, name in enumerate(names)}), "set.zip")
    )
    assert found == {
        "out.png": person(0),
        "etc/face.png": person(1),
        ".hidden/face.png": person(2),
        "__MACOSX/._face.png": person(3),
        "no suffix": person(4),
        "a/b.png": person(5),
    }


@pytest.mark.parametrize("inner", ["rest.zip", "deep/rest.tar", "rest.tgz", "rest.7z", "clip.mp4"])
@pytest.mark.parametrize("pack", [zip_of, tar_of, tgz_of])
def test_an_archive_inside_an_archive_is_no_pass(
    tmp_path: Path, pack: Callable[..., bytes], inner: str
) -> None:
    verdict = archived(tmp_path, pack(strangers() | {inner: zip_of({"leak.png": saved(source(0))})}))
    assert {name: rule for name, (rule, _) in left_out(verdict).items()} == {inner: "folder"}


def test_links_inside_an_archive_are_counted(tmp_path: Path) -> None:
    link = tarfile.TarInfo("leak.png")
    link.type, link.linkname = tarfile.SYMTYPE, "/data/real.png"
    verdict = archived(tmp_path, tar_of({**strangers(), link: b""}))
    assert {name: rule for name, (rule, _) in left_out(verdict).items()} == {"leak.png": "link"}


def damaged_zip() -> bytes:
    """A picture without checksums of its own: what is changed in it is another picture."""
    data = bytearray(zip_of(strangers() | {"leak.bmp": saved(source(0), "BMP")}, zipfile.ZIP_STORED))
    data[data.index(b"leak.bmp") + 1500] ^= 1
    return bytes(data)


def encrypted_zip() -> bytes:
    data = bytearray(zip_of(strangers() | {"leak.png": saved(source(0))}))
    for mark, place in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        data[data.rindex(mark) + place] |= 1
    return bytes(data)


def zip_with_a_short_directory() -> bytes:
    data = bytearray(zip_of(strangers() | {"leak.png": saved(source(0))}))
    end = data.rindex(b"PK\5\6")
    last = data.rindex(b"PK\1\2")
    gone = end - last
    size, start = struct.unpack_from("<2I", data, end + 12)
    struct.pack_into("<2I", data, end + 12, size - gone, start)
    del data[last:end]
    return bytes(data)


def members_and_leak() -> dict[str, bytes]:
    return strangers() | {"z.png": saved(source(0))}


def tar_with_a_hole() -> bytes:
    """As a download in parts leaves it when one of them was not fetched."""
    lost = {f"z{n:02}.bmp": saved(source(n), "BMP") for n in range(20)}
    whole = tar_of(strangers() | lost | {"~.png": saved(stranger(8))})
    start, end = whole.index(b"z00.bmp"), whole.index(b"~.png")
    return whole[:start] + bytes(end - start) + whole[end:]


TORN: dict[str, tuple[str, Callable[[], bytes]]] = {
    "a member that is damaged": ("zip", damaged_zip),
    "a member with a password": ("zip", encrypted_zip),
    "a directory that lacks an entry": ("zip", zip_with_a_short_directory),
    "another archive in front": ("zip", lambda: zip_of({"leak.png": saved(source(0))}) + zip_of(strangers())),
    "a cut": ("tar", lambda: tar_of(members_and_leak())[: tar_of(members_and_leak()).index(b"z.png")]),
    "a cut inside the packing": ("tgz", lambda: tgz_of(members_and_leak())[:500]),
    "a hole of zeros": ("tar", tar_with_a_hole),
    "zeros in place of the rest": (
        "tar",
        lambda: tar_of(members_and_leak())[: tar_of(members_and_leak()).index(b"z.png")] + bytes(80 * 1024),
    ),
    "a header that is damaged": (
        "tar",
        lambda: tar_of(members_and_leak()).replace(b"z.png", b"y.png", 1),
    ),
    "bytes behind it": ("tar", lambda: tar_of(strangers()) + tar_of({"z.png": saved(source(0))})[1:]),
}


@pytest.mark.parametrize("how", TORN)
def test_an_archive_that_lost_something_is_no_pass(tmp_path: Path, how: str) -> None:
    suffix, data = TORN[how]
    verdict = archived(tmp_path, data(), f"set.{suffix}")
    assert left_out(verdict)
    assert verdict.outcome is Outcome.INCONCLUSIVE


def test_an_archive_behind_another_is_read(tmp_path: Path) -> None:
    data = tar_of(strangers()) + tar_of({"second.png": saved(source(0))})
    assert leaks(archived(tmp_path, data)) == {"second.png": person(0)}


# ------------------------------------------------------------------------------------------------------------- shards


def shards(root: Path, last: bytes) -> None:
    write_source(root)
    files = {f"s-{n}.tar": tar_of({f"{n}.png": saved(stranger(n))}) for n in range(3)}
    write(root / "shards", files | {"s-3.tar": last})


def test_a_leak_with_the_name_of_a_member_of_another_shard_is_found(tmp_path: Path) -> None:
    shards(tmp_path, tar_of({"0.png": saved(source(5)), "1.png": saved(source(6))}))
    for path in ("shards", "'shards/s-{0..3}.tar'"):
        assert leaks(judged(tmp_path, generated=ARCHIVE.format(path))) == {
            "s-3.tar/0.png": person(5),
            "s-3.tar/1.png": person(6),
        }


@pytest.mark.parametrize("last", [b"", bytes(30_720), b"words" * 300, tar_of({"x.png": b"1"})[:700]])
def test_a_shard_that_is_empty_or_none_is_no_pass(tmp_path: Path, last: bytes) -> None:
    shards(tmp_path, last)
    assert left_out(judged(tmp_path, generated=ARCHIVE.format("shards")))


def test_a_shard_that_is_missing_is_no_pass(tmp_path: Path) -> None:
    shards(tmp_path, tar_of(strangers()))
    verdict = judged(tmp_path, generated=ARCHIVE.format("'shards/s-{0..4}.tar'"))
    assert (verdict.outcome, verdict.reasons) == (
        Outcome.INCONCLUSIVE,
        ("dataset 'generated' lacks 1 of its 5 archives",),
    )


def test_a_shard_in_a_folder_that_is_a_link_is_no_pass(tmp_path: Path) -> None:
    shards(tmp_path, tar_of(strangers()))
    write(tmp_path / "more", {"s-4.tar": tar_of({"leak.png": saved(source(0))})})
    (tmp_path / "shards" / "more").symlink_to("../more")
    verdict = judged(tmp_path, generated=ARCHIVE.format("shards"))
    assert (verdict.outcome, verdict.reasons) == (
        Outcome.INCONCLUSIVE,
        (
            "dataset 'generated' cannot be listed (it holds a symbolic link to a folder, which is not followed)",
        ),
    )


# ------------------------------------------------------------------------------------------- beside the large files


def _tar(folder: Path) -> str:
    write(folder, {"set.tar": tar_of(strangers())})
    return "archive"


def _parquet(folder: Path) -> str:
    write_parquet(folder / "set.parquet", {"image": images_of([saved(stranger(1))])})
    return "parquet"


def _lmdb(folder: Path) -> str:
    write_lmdb(folder, {b"1": saved(stranger(1))})
    return "lmdb"


def _arrays(folder: Path) -> str:
    folder.mkdir()
    np.save(folder / "set.npy", np.stack([stranger(1), stranger(2)]))
    return "arrays"


def _records(folder: Path) -> str:
    plain_records([saved(stranger(1))]).write(folder)
    return "recordio"


FORMATS = {"archive": _tar, "parquet": _parquet, "lmdb": _lmdb, "arrays": _arrays, "recordio": _records}


@pytest.mark.parametrize("form", FORMATS)
def test_an_image_beside_the_large_files_is_no_pass(tmp_path: Path, form: str) -> None:
    write_source(tmp_path)
    kind = FORMATS[form](tmp_path / "set")
    assert judged(tmp_path, generated=f"path: set, format: {kind}").outcome is Outcome.PASS
    write(tmp_path / "set", {"deep/leak.png": saved(source(0))})
    verdict = judged(tmp_path, generated=f"path: set, format: {kind}")
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert verdict.reasons[0].startswith("dataset 'generated' holds 1 image beside its ")


@pytest.mark.parametrize("form", [form for form in FORMATS if form != "archive"])
def test_an_archive_beside_the_large_files_is_no_pass(tmp_path: Path, form: str) -> None:
    write_source(tmp_path)
    kind = FORMATS[form](tmp_path / "set")
    write(tmp_path / "set", {"rest.zip": zip_of({"leak.png": saved(source(0))})})
    assert left_out(judged(tmp_path, generated=f"path: set, format: {kind}")).keys() == {"rest.zip"}


def test_more_records_beside_the_usual_ones_are_no_pass(tmp_path: Path) -> None:
    write_source(tmp_path)
    plain_records([saved(stranger(1))]).write(tmp_path / "set")
    plain_records([saved(source(1))]).write(tmp_path / "set", name="extra")
    verdict = judged(tmp_path, generated="path: set, format: recordio")
    assert (verdict.outcome, verdict.reasons) == (
        Outcome.INCONCLUSIVE,
        ("dataset 'generated' has 2 .rec files, and only one can be read at a time",),
    )


# ------------------------------------------------------------------------------------------- records, tables and keys


def test_a_record_that_no_index_names_is_read(tmp_path: Path) -> None:
    write_source(tmp_path)
    records = plain_records([saved(stranger(1)), saved(source(3))])
    records.write(tmp_path / "set")
    (tmp_path / "set" / "train.idx").write_text("0\t0\n", encoding="ascii")
    assert [*leaks(judged(tmp_path, generated="path: set, format: recordio")).values()] == [person(3)]


def test_a_record_that_the_index_names_and_that_is_gone_is_counted(tmp_path: Path) -> None:
    write_source(tmp_path)
    records = plain_records([saved(stranger(1)), saved(stranger(2)), saved(source(3))])
    path = records.write(tmp_path / "set")
    path.write_bytes(path.read_bytes()[: records.places[2][1]])
    assert left_out(judged(tmp_path, generated="path: set, format: recordio"))


def test_a_row_without_an_image_is_counted(tmp_path: Path) -> None:
    """As where only the path of the file was written."""
    write_source(tmp_path)
    column = images_of([saved(stranger(1)), None], ["a.png", "leak.png"])
    write_parquet(tmp_path / "set.parquet", {"image": column})
    assert left_out(judged(tmp_path, generated="path: set.parquet, format: parquet")).keys() == {"leak.png"}


def test_rows_of_the_same_name_are_all_read(tmp_path: Path) -> None:
    write_source(tmp_path)
    column = images_of([saved(stranger(1)), saved(source(2)), saved(source(3))], ["a.png"] * 3)
    write_parquet(tmp_path / "set.parquet", {"image": column})
    found = leaks(judged(tmp_path, generated="path: set.parquet, format: parquet"))
    assert sorted(found.values()) == [person(2), person(3)]


def test_two_columns_of_images_are_never_taken_for_one(tmp_path: Path) -> None:
    write_source(tmp_path)
    columns = {"image": images_of([saved(stranger(1))]), "other": pa.array([saved(source(0))], pa.binary())}
    write_parquet(tmp_path / "set.parquet", columns)
    verdict = judged(tmp_path, generated="path: set.parquet, format: parquet")
    assert (verdict.outcome, verdict.reasons) == (
        Outcome.INCONCLUSIVE,
        ("dataset 'generated' has 2 columns that may hold its images",),
    )


def test_a_row_group_that_is_damaged_is_no_pass(tmp_path: Path) -> None:
    write_source(tmp_path)
    path = tmp_path / "set.parquet"
    pictures = [saved(stranger(row)) for row in range(4)]
    write_parquet(
        path, {"image": images_of(pictures)}, row_group_size=2, compression="none", use_dictionary=False
    )
    data = bytearray(path.read_bytes())
    place = pq.ParquetFile(path).metadata.row_group(1).column(0).data_page_offset
    data[place : place + 8] = b"\xff" * 8
    path.write_bytes(data)
    assert left_out(judged(tmp_path, generated="path: set.parquet, format: parquet"))


def test_a_value_that_is_no_image_file_is_counted(tmp_path: Path) -> None:
    """Raw pixels and pickles may show anybody."""
    write_source(tmp_path)
    write_lmdb(tmp_path / "set", {b"1": saved(stranger(1)), b"2": source(0).tobytes(), b"3": b"\x80\4]."})
    assert left_out(judged(tmp_path, generated="path: set, format: lmdb")).keys() == {"2", "3"}


def test_a_leak_under_the_key_of_a_label_is_found(tmp_path: Path) -> None:
    write_source(tmp_path)
    write_lmdb(tmp_path / "set", {b"image-1": saved(stranger(1)), b"label-2": saved(source(2))})
    assert leaks(judged(tmp_path, generated="path: set, format: lmdb")) == {"label-2": person(2)}


def test_rows_that_are_cut_off_are_no_pass(tmp_path: Path) -> None:
    write_source(tmp_path)
    np.save(tmp_path / "set.npy", np.stack([stranger(1), stranger(2), source(3)]))
    data = (tmp_path / "set.npy").read_bytes()
    (tmp_path / "set.npy").write_bytes(data[:-10])
    assert left_out(judged(tmp_path, generated="path: set.npy, format: arrays")).keys() == {
        "row 00000002 and the rows after it"
    }


def test_a_sidecar_that_is_an_image_is_no_pass(tmp_path: Path) -> None:
    members = {"1.png": saved(stranger(1)), "1.cls": b"Ann", "hidden.cls": saved(source(0))}
    write_source(tmp_path)
    write(tmp_path, {"set.tar": tar_of(members)})
    verdict = judged(tmp_path, generated="path: set.tar, format: archive, labels: {sidecar: cls}")
    assert (verdict.outcome, verdict.reasons) == (
        Outcome.INCONCLUSIVE,
        ("dataset 'generated' has no .cls file beside 1 of 2 images",),
    )


# ----------------------------------------------------------------------------------------------------------- URLs


def test_a_leak_anywhere_below_a_url_is_found(tmp_path: Path) -> None:
    write_source(tmp_path)
    files = {f"set/{name}": data for name, data in strangers().items()}
    with serving(files | {"set/a/b/c/leak.png": saved(source(4)), "set/Leak": saved(source(5))}) as server:
        found = leaks(judged(tmp_path, generated=f"path: '{server.url('set/')}'"))
    assert found == {"Leak": person(5), "a/b/c/leak.png": person(4)}


def test_folders_of_a_server_without_end_are_no_pass(tmp_path: Path) -> None:
    write_source(tmp_path)
    deep = "set/" + "d/" * 66 + "leak.png"
    with serving({"set/1.png": saved(stranger(1)), deep: saved(source(0))}) as server:
        verdict = judged(tmp_path, generated=f"path: '{server.url('set/')}'")
    assert (verdict.outcome, verdict.reasons) == (
        Outcome.INCONCLUSIVE,
        ("dataset 'generated' cannot be listed (its folders lie more than 64 deep in each other)",),
    )


def test_a_file_that_a_server_does_not_hand_out_is_counted(tmp_path: Path) -> None:
    write_source(tmp_path)
    with serving({"set/1.png": saved(stranger(1)), "set/leak.png": saved(source(0))}) as server:
        server.statuses["set/leak.png"] = [403] * 9
        assert left_out(judged(tmp_path, generated=f"path: '{server.url('set/')}'")).keys() == {"leak.png"}
