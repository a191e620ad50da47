"""The same pictures in every form that a dataset may have."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from archive_files import tar_of, tgz_of, write_folder, zip_of
from lmdb_files import write_lmdb
from parquet_files import images_of, write_parquet
from PIL import Image
from recordio_files import insightface_records

Pictures = Mapping[str, bytes]
"""Picture files by name; the folder in the name is the person."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Written:
    """How a policy names a set that was written.

    Attributes:
        path: Its file or folder, relative to where it was written; may have braces.
        keys: Its other keys, as they stand in a policy.
    """

    path: str
    keys: str

    @property
    def names_people(self) -> bool:
        """Whether the keys say who is in the pictures."""
        return "labels" in self.keys or "identity" in self.keys or "recordio" in self.keys


def people_of(pictures: Pictures) -> list[str]:
    """The person in each."""
    return [name.split("/")[0] for name in pictures]


def _folder(root: Path, pictures: Pictures) -> Written:
    write_folder(root / "set", pictures)
    return Written(path="set", keys="labels: parent_folder")


def _archive(name: str, pack: Callable[[Pictures], bytes]) -> Callable[[Path, Pictures], Written]:
    def write(root: Path, pictures: Pictures) -> Written:
        (root / name).write_bytes(pack(pictures))
        return Written(path=name, keys="format: archive, labels: parent_folder")

    return write


def _webdataset(root: Path, pictures: Pictures) -> Written:
    shards: list[dict[str, bytes]] = [{}, {}]
    for number, (name, data) in enumerate(pictures.items()):
        person, _, file = name.partition("/")
        shards[number % 2] |= {
            f"{number:06d}.{file.partition('.')[2]}": data,
            f"{number:06d}.cls": person.encode(),
        }
    for number, members in enumerate(shards):
        (root / f"shard-{number:03d}.tar").write_bytes(tar_of(members, format=tarfile.USTAR_FORMAT))
    return Written(path="shard-{000..001}.tar", keys="format: archive, labels: {sidecar: cls}")


def _recordio(root: Path, pictures: Pictures) -> Written:
    people: dict[str, list[bytes]] = {}
    for name, data in pictures.items():
        people.setdefault(name.split("/")[0], []).append(data)
    insightface_records(dict(enumerate(people.values()))).write(root / "records")
    return Written(path="records", keys="format: recordio")


def _hugging_face(root: Path, pictures: Pictures) -> Written:
    table = pa.table({"image": images_of([*pictures.values()], [*pictures]), "person": people_of(pictures)})
    write_parquet(root / "hub" / "train.parquet", table, row_group_size=3)
    return Written(path="hub", keys="format: parquet, columns: {image: image, identity: person}")


def _bytes_column(root: Path, pictures: Pictures) -> Written:
    table = {"name": [*pictures], "jpg": [*pictures.values()], "person": people_of(pictures)}
    write_parquet(root / "bytes.parquet", table, compression="zstd", use_dictionary=False)
    return Written(path="bytes.parquet", keys="format: parquet, columns: {id: name, identity: person}")


def _lmdb(root: Path, pictures: Pictures) -> Written:
    write_lmdb(root / "lmdb", {name.encode(): data for name, data in pictures.items()})
    return Written(path="lmdb", keys="format: lmdb, labels: parent_folder")


def _lmdb_pairs(root: Path, pictures: Pictures) -> Written:
    entries = {b"num-samples": b"%d" % len(pictures)}
    for number, (name, data) in enumerate(pictures.items(), 1):
        entries |= {b"image-%09d" % number: data, b"label-%09d" % number: name.split("/")[0].encode()}
    write_lmdb(root / "pairs.lmdb", entries, subdir=False)
    return Written(path="pairs.lmdb", keys="format: lmdb, labels: own")


def _npy(root: Path, pictures: Pictures) -> Written:
    np.save(root / "pixels.npy", _pixels(pictures))
    return Written(path="pixels.npy", keys="format: arrays")


def _npz(root: Path, pictures: Pictures) -> Written:
    arrays = {"pixels": _pixels(pictures), "name": [*pictures], "who": people_of(pictures)}
    np.savez(root / "pixels.npz", **arrays)
    return Written(path="pixels.npz", keys="format: arrays, arrays: {data: pixels, ids: name, identity: who}")


def _pixels(pictures: Pictures) -> Any:
    return np.stack([np.asarray(Image.open(io.BytesIO(data))) for data in pictures.values()])


WRITERS: Mapping[str, Callable[[Path, Pictures], Written]] = {
    "folder": _folder,
    "zip": _archive("set.zip", zip_of),
    "tar": _archive("set.tar", tar_of),
    "tar.gz": _archive("set.tar.gz", tgz_of),
    "webdataset": _webdataset,
    "recordio": _recordio,
    "parquet structs": _hugging_face,
    "parquet bytes": _bytes_column,
    "lmdb": _lmdb,
    "lmdb pairs": _lmdb_pairs,
}
"""What writes picture files in a form of its own."""

WRITERS_OF_PIXELS = {**WRITERS, "npy": _npy, "npz": _npz}
"""The same for binary PPM files of one size, which are the pixels themselves."""
