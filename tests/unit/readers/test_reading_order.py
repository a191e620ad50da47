from __future__ import annotations

import io
import tarfile
from pathlib import Path

import numpy as np
import pytest

from faceleak_check.image_sets import in_reading_order
from faceleak_check.policy.schema import Dataset, Labels
from faceleak_check.readers.archive.reader import ArchiveReader
from faceleak_check.readers.folder import FolderReader
from faceleak_check.records import ImageList
from faceleak_check.silence import silent


def dataset(path: Path, form: str) -> Dataset:
    return Dataset(
        name="set", path=path, format=form, labels=Labels(kind="none"), columns=None, line=1, column=1
    )


def ppm(shade: int) -> bytes:
    return b"P6\n1 1\n255\n" + bytes([shade] * 3)


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    """Two archives whose members lie in another order than that of their names."""
    for shard, names in (("b.tar.gz", "zxy"), ("a.tar.gz", "qpr")):
        with tarfile.open(tmp_path / shard, "w:gz") as archive:
            for name in names:
                member = tarfile.TarInfo(f"{name}.ppm")
                data = ppm(ord(name))
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))
    return tmp_path


def test_images_are_read_as_they_lie_in_their_files(shards: Path) -> None:
    reader = ArchiveReader(dataset(shards, "archive"))
    images = reader.scan(silent).images
    ids = [f"a.tar.gz/{name}.ppm" for name in "pqr"] + [f"b.tar.gz/{name}.ppm" for name in "xyz"]
    assert [image.id for image in images] == ids
    as_they_lie = [f"a.tar.gz/{name}.ppm" for name in "qpr"] + [f"b.tar.gz/{name}.ppm" for name in "zxy"]
    assert [image.id for image in in_reading_order(reader, images)] == as_they_lie
    some = images.taken(np.array([5, 0, 1]))
    assert [image.id[-5] for image in in_reading_order(reader, some)] == ["q", "p", "z"]
    assert [reader.read(image) for image in in_reading_order(reader, images)] == [
        ppm(ord(n)) for n in "qprzxy"
    ]


def test_images_of_another_list_keep_their_order(shards: Path) -> None:
    reader = ArchiveReader(dataset(shards, "archive"))
    others = ImageList.of(list(reader.scan(silent).images)[:2])
    assert in_reading_order(reader, others) == others


def test_a_reader_that_knows_no_order_keeps_that_of_the_ids(tmp_path: Path) -> None:
    for name in "ba":
        (tmp_path / f"{name}.ppm").write_bytes(ppm(ord(name)))
    reader = FolderReader(dataset(tmp_path, "folder"))
    images = reader.scan(silent).images
    assert in_reading_order(reader, images) is images
