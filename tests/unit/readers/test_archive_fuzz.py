"""Archives with a few bytes changed, lost or added: nothing is lost without a word, and nothing crashes or hangs."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from archive_files import FACES, JPEG, tar_of, tgz_of, zip_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scanned import MakeDataset

from faceleak_check.errors import DatasetError
from faceleak_check.readers.archive.reader import ArchiveReader
from faceleak_check.readers.files import FileError

MEMBERS = {
    "read.me": b"words",
    **FACES,
    "long/" + "name" * 40 + ".jpg": JPEG + b"last",
    "zeros.jpg": bytes(3000),
}
IMAGES = {hashlib.sha256(data).hexdigest() for name, data in MEMBERS.items() if name != "read.me"}
WHOLE = {"f.zip": zip_of(MEMBERS), "f.tar": tar_of(MEMBERS), "f.tgz": tgz_of(MEMBERS)}

places = st.integers(0, 1 << 20)
changes = st.lists(
    st.one_of(
        st.tuples(st.just("change"), places, st.integers(0, 255)),
        st.tuples(st.just("flip"), places, st.sampled_from([1 << bit for bit in range(8)])),
        st.tuples(st.just("lose"), places, st.integers(1, 127)),
        st.tuples(st.just("add"), places, st.integers(1, 127)),
        st.tuples(st.just("cut"), places, st.just(0)),
    ),
    min_size=1,
    max_size=4,
)


def changed(data: bytes, steps: list[tuple[str, int, int]]) -> bytes:
    file = bytearray(data)
    for what, somewhere, value in steps:
        place = somewhere % max(1, len(file))
        if what == "change":
            file[place : place + 1] = bytes([value])
        elif what == "flip" and file:
            file[place] ^= value
        elif what == "lose":
            del file[place : place + value]
        elif what == "add":
            file[place:place] = b"PK\1\2"[:value] + bytes(max(0, value - 4))
        elif what == "cut":
            del file[place:]
    return bytes(file)


@pytest.mark.parametrize("name", WHOLE)
@given(steps=changes)
@settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_changed_bytes(
    dataset: MakeDataset, tmp_path: Path, name: str, steps: list[tuple[str, int, int]]
) -> None:
    path = tmp_path / name
    path.write_bytes(changed(WHOLE[name], steps))
    reader = ArchiveReader(dataset(path))
    try:
        found = reader.scan(lambda *_: None)
    except DatasetError:
        return
    contents = {image.sha256 for image in found.images}
    if not found.excluded and name != "f.tar":  # nothing in a tar archive tells whether a picture has changed
        assert contents >= IMAGES
    assert found.excluded or len(found.images) >= len(IMAGES)
    for image in found.images:
        try:
            data = reader.read(image)
        except FileError:
            continue
        assert hashlib.sha256(data).hexdigest() == image.sha256
