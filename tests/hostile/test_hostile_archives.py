"""Somebody hands over a dataset that is packed: an archive, a table, arrays, a list of matches."""

from __future__ import annotations

import io
import os
import pickle
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from attacks import Attack
from gate_project import Project
from PIL import Image
from witness import MEMORY, Witness, commands, peak

import faceleak_check.readers.archive.reader
import faceleak_check.readers.arrays.reader
import faceleak_check.readers.lmdb.reader
import faceleak_check.readers.parquet.reader
import faceleak_check.readers.recordio.reader  # noqa: F401


class Code:
    """Makes the mark as soon as it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self._mark = mark

    def __reduce__(self) -> tuple[object, ...]:
        return os.system, (f"touch {self._mark}",)


def picture(seed: int) -> bytes:
    file = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


NOTHING = "nothing is left to compare in 'generated'"
ANSWERS = {
    "bomb.mdb": ("inconclusive", "dataset 'generated' is no LMDB data file"),
    "bomb.rec": ("inconclusive", "the index of dataset 'generated' does not fit its records"),
    **dict.fromkeys(
        ("bomb.parquet", "bomb.tar.gz", "bomb.zip", "huge.npy", "lying.zip", "overlap.zip"),
        ("inconclusive", NOTHING),
    ),
    "climb.npz": ("pass", "0 of 2 generated images leak"),
    "climb.tar": ("leak", "1 of 5 generated images leaks"),
    "climb.zip": ("leak", "1 of 4 generated images leaks"),
    "deep.npy": ("inconclusive", "dataset 'generated' cannot be used: the header of its array is damaged"),
    "many.npy": ("inconclusive", "dataset 'generated' cannot be used: the header of its array is damaged"),
    "object.npy": (
        "inconclusive",
        "dataset 'generated' cannot be used: its array holds Python objects, which are kept as a pickle",
    ),
    "pickle.npy": ("inconclusive", "dataset 'generated' cannot be used: the file is a pickle"),
    "pipe.zip": ("inconclusive", "dataset 'generated' cannot be read (not a regular file)"),
    "zero.zip": ("inconclusive", "dataset 'generated' cannot be read (not a regular file)"),
}
"""Pictures with names that climb are looked at, under harmless names; the copies among them are found."""

CLIMBING = (
    "../../outside/owned",
    "/tmp/owned.png",
    "..\\..\\outside\\owned.png",
    "a/../../../outside/owned.png",
)


def climbing_zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for n, name in enumerate(CLIMBING):
            archive.writestr(name, picture(n))


def climbing_tar(path: Path, outside: Path) -> None:
    """Names that climb, links to a secret and to a folder outside, and a file below that link."""
    with tarfile.open(path, "w") as archive:
        for n, name in enumerate(CLIMBING):
            add(archive, tarfile.TarInfo(name), picture(n))
        for kind, name in ((tarfile.SYMTYPE, "soft.png"), (tarfile.LNKTYPE, "hard.png")):
            one = tarfile.TarInfo(name)
            one.type, one.linkname = kind, str(outside / "secret.txt")
            archive.addfile(one)
        folder = tarfile.TarInfo("folder")
        folder.type, folder.linkname = tarfile.SYMTYPE, str(outside)
        archive.addfile(folder)
        add(archive, tarfile.TarInfo("folder/owned"), picture(9))
        for kind, name in ((tarfile.CHRTYPE, "zero.png"), (tarfile.FIFOTYPE, "pipe.png")):
            one = tarfile.TarInfo(name)
            one.type, one.devmajor, one.devminor = kind, 1, 5
            archive.addfile(one)


def add(archive: tarfile.TarFile, one: tarfile.TarInfo, data: bytes) -> None:
    one.size = len(data)
    archive.addfile(one, io.BytesIO(data))


def zeros(n_megabytes: int) -> bytes:
    """Packed zeros, as many as one likes: blocks that stand for themselves, so that they need not be packed anew."""
    engine = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    block = engine.compress(bytes(1 << 20)) + engine.flush(zlib.Z_FULL_FLUSH)
    return block * n_megabytes + b"\x03\0"


def bomb_zip(path: Path, *, says: int) -> None:
    """A member of four gigabytes, which says that it is as long as it says."""
    with zipfile.ZipFile(path, "w") as archive:
        packed = zeros(4096)
        archive.writestr("a.png", packed)
        one = archive.filelist[0]
        one.compress_type, one.file_size = zipfile.ZIP_DEFLATED, says
    data = bytearray(path.read_bytes())
    data[8:10] = struct.pack("<H", zipfile.ZIP_DEFLATED)
    path.write_bytes(bytes(data))


def overlapping_zip(path: Path) -> None:
    """Two hundred members that are one and the same packed megabyte (D. Fifield's bomb, in short)."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.png", bytes(1 << 20))
        archive.filelist += archive.filelist * 200


def bomb_tar(path: Path) -> None:
    """A member of 256 megabytes, as ``.tar.gz``."""
    one = tarfile.TarInfo("a.png")
    one.size = 256 << 20
    head = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = head.compress(one.tobuf()) + head.flush(zlib.Z_FULL_FLUSH) + zeros(256)
    path.write_bytes(
        b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + packed + bytes(4) + struct.pack("<I", (256 << 20) + 512)
    )


def bomb_parquet(path: Path) -> None:
    """One picture of 16 megabytes, 60 times: the file holds it once."""
    value = pa.array([bytes(16 << 20)], pa.binary())
    index = pa.array(np.zeros(60, np.int32))
    table = pa.table({"image": pa.DictionaryArray.from_arrays(index, value)})
    pq.write_table(table, path, compression="zstd", store_schema=False)


def npy(path: Path, shape: str, kind: str = "|u1", data: bytes = b"") -> None:
    text = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    path.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode() + data)


def climbing_npz(path: Path) -> None:
    np.savez(path, **{"../../outside/owned": np.zeros((2, 8, 8, 3), np.uint8)})


def record(path: Path) -> None:
    """A record that says that it has half a gigabyte."""
    path.write_bytes(struct.pack("<II", 0xCED7230A, (1 << 29) - 1) + bytes(64))
    path.with_suffix(".idx").write_text("0\t0\n1\t99999999999999\n")


def test_packed_sets_that_climb_or_fill_the_memory(
    project: Project, attack: Attack, witness: Witness
) -> None:
    folder = project.path / "attacks"
    folder.mkdir()
    climbing_zip(folder / "climb.zip")
    climbing_tar(folder / "climb.tar", witness.outside)
    bomb_zip(folder / "bomb.zip", says=3 << 30)
    bomb_zip(folder / "lying.zip", says=1000)
    overlapping_zip(folder / "overlap.zip")
    bomb_tar(folder / "bomb.tar.gz")
    bomb_parquet(folder / "bomb.parquet")
    npy(folder / "huge.npy", f"({1 << 60}, 8, 8, 3)")
    npy(folder / "many.npy", "(" + "1, " * 3000 + ")")
    npy(folder / "deep.npy", "(" * 9000 + ")" * 9000)
    np.save(folder / "object.npy", np.array([Code(witness.mark)], dtype=object), allow_pickle=True)
    (folder / "pickle.npy").write_bytes(pickle.dumps(Code(witness.mark)))
    climbing_npz(folder / "climb.npz")
    record(folder / "bomb.rec")
    (folder / "bomb.mdb").write_bytes(os.urandom(1 << 16))
    os.mkfifo(folder / "pipe.zip")
    (folder / "zero.zip").symlink_to("/dev/zero")
    formats = {
        "zip": "archive",
        "gz": "archive",
        "tar": "archive",
        "rec": "recordio",
        "mdb": "lmdb",
        "parquet": "parquet",
    }
    names = sorted(path.name for path in folder.iterdir() if path.suffix != ".idx")
    attacks = {
        name: f"datasets: {{generated: {{path: {name}, format: {formats.get(name.rpartition('.')[2], 'arrays')}}}, "
        "training: {path: ../training}}\nembedder: {name: fake-pixels}"
        for name in names
    }
    with peak() as grown:
        attacked = attack(attacks)
    assert {
        name: (outcome, told.partition(";")[0]) for name, (outcome, told) in attacked.answers.items()
    } == ANSWERS
    assert commands(attacked.output) == set()
    witness.assert_unharmed(attacked.output)
    assert grown[0] < 4 * MEMORY
    assert attacked.code == 1


def test_a_list_of_matches_whose_names_fill_the_memory(
    project: Project, attack: Attack, witness: Witness
) -> None:
    """A name of four megabytes, ten thousand times: the file holds it once."""
    index = pa.array(np.zeros(10_000, np.int32))
    names = pa.DictionaryArray.from_arrays(index, pa.array(["x" * (4 << 20)]))
    table = pa.table({"generated": names, "source": names, "similarity": pa.array(np.zeros(10_000))})
    (project.path / "attacks").mkdir()
    pq.write_table(table, project.path / "attacks" / "names.parquet", compression="zstd", store_schema=False)
    project.write(
        "attacks/list.yaml",
        "version: 1\nname: list\ndatasets: {list: {path: names.parquet, format: matches, columns: "
        "{generated: generated, source: source, similarity: similarity}}}\n"
        "checks: [leak_count: {matches: list, threshold: {cosine: 0.5}, at_most: 0}]\n",
    )
    with peak() as grown:
        attacked = attack({})
    assert attacked.answers == {
        "list": (
            "inconclusive",
            "the match list of dataset 'list' has a text of 4,194,304 bytes in column 'generated'",
        )
    }
    witness.assert_unharmed(attacked.output)
    assert grown[0] < MEMORY
