"""The same pictures in every form that the gate reads."""

from __future__ import annotations

import io
import struct
import tarfile
import zipfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

__all__ = ["FORMATS", "write_recordio"]

Writer = Callable[[Path, Sequence[bytes]], str]

_N_SHARDS = 4
_RECORD_MARK = bytes.fromhex("0a23d7ce")


def _name(row: int) -> str:
    return f"{row:07}.jpg"


def write_folder(root: Path, files: Sequence[bytes]) -> str:
    (root / "folder").mkdir()
    for row, data in enumerate(files):
        (root / "folder" / _name(row)).write_bytes(data)
    return "{path: folder}"


def write_zip(root: Path, files: Sequence[bytes]) -> str:
    with zipfile.ZipFile(root / "faces.zip", "w") as archive:
        for row, data in enumerate(files):
            archive.writestr(_name(row), data)
    return "{path: faces.zip, format: archive}"


def write_tar(root: Path, files: Sequence[bytes]) -> str:
    _tar(root / "faces.tar", "w", enumerate(files))
    return "{path: faces.tar, format: archive}"


def write_tar_gz(root: Path, files: Sequence[bytes]) -> str:
    _tar(root / "faces.tar.gz", "w:gz", enumerate(files))
    return "{path: faces.tar.gz, format: archive}"


def write_webdataset(root: Path, files: Sequence[bytes]) -> str:
    (root / "shards").mkdir()
    numbered = list(enumerate(files))
    for shard in range(_N_SHARDS):
        _tar(root / "shards" / f"faces-{shard:06}.tar", "w", numbered[shard::_N_SHARDS])
    return f'{{path: "shards/faces-{{000000..{_N_SHARDS - 1:06}}}.tar", format: archive}}'


def _tar(path: Path, mode: str, files: Iterable[tuple[int, bytes]]) -> None:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for row, data in files:
            member = tarfile.TarInfo(_name(row))
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))


def write_recordio(root: Path, files: Iterable[bytes]) -> str:
    """As MXNet's im2rec writes them; one file after the other, so that there may be a million."""
    place = 0
    with (
        (root / "train.rec").open("wb") as records,
        (root / "train.idx").open("w", encoding="ascii") as index,
    ):
        for number, data in enumerate(files):
            index.write(f"{number}\t{place}\n")
            body = struct.pack("<IfQQ", 0, float(number // 50), number, 0) + data
            aligned = [at for at in _places(body, _RECORD_MARK) if not at % 4]
            assert not aligned, "a record with a mark in it would have to be cut"
            place += records.write(_RECORD_MARK + struct.pack("<I", len(body)) + body + bytes(-len(body) % 4))
    return "{path: train.rec, format: recordio}"


def _places(data: bytes, wanted: bytes) -> Iterable[int]:
    at = data.find(wanted)
    while at >= 0:
        yield at
        at = data.find(wanted, at + 1)


def write_parquet(root: Path, files: Sequence[bytes]) -> str:
    """As Hugging Face's datasets are: a struct of bytes and path."""
    import pyarrow as pa
    from pyarrow import parquet

    images = [{"bytes": data, "path": _name(row)} for row, data in enumerate(files)]
    parquet.write_table(pa.table({"image": images}), root / "faces.parquet", row_group_size=1000)
    return "{path: faces.parquet, format: parquet}"


def write_lmdb(root: Path, files: Sequence[bytes]) -> str:
    import lmdb

    size = 2 * sum(map(len, files)) + (16 << 20)
    with (
        lmdb.open(str(root / "faces.lmdb"), map_size=size) as environment,
        environment.begin(write=True) as new,
    ):
        for row, data in enumerate(files):
            new.put(_name(row).encode(), data)
    return "{path: faces.lmdb, format: lmdb}"


def write_npy(root: Path, files: Sequence[bytes]) -> str:
    """The pixels themselves: nothing is left to decode."""
    pixels = [np.asarray(Image.open(io.BytesIO(data)).convert("RGB")) for data in files]
    np.save(root / "faces.npy", np.stack(pixels))
    return "{path: faces.npy, format: arrays}"


FORMATS: dict[str, tuple[str, Writer]] = {
    "folder": ("folder", write_folder),
    "zip": ("archive", write_zip),
    "tar": ("archive", write_tar),
    "tar.gz": ("archive", write_tar_gz),
    f"WebDataset, {_N_SHARDS} shards": ("archive", write_webdataset),
    "RecordIO": ("recordio", write_recordio),
    "Parquet": ("parquet", write_parquet),
    "LMDB": ("lmdb", write_lmdb),
    "npy": ("arrays", write_npy),
}
"""By what it is called in the table: the reader's name in a policy, and what writes it and tells a policy's keys."""
