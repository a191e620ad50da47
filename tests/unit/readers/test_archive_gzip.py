"""Any place of what a gzip file holds, at the cost of one spacing, and within a budget of memory."""

from __future__ import annotations

import gzip
import os
import pickle
import zlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from faceleak_check.readers.archive.gzip_place import SEGMENT
from faceleak_check.readers.archive.gzip_stream import GzipStream, Segments, Unpacked
from faceleak_check.readers.archive.gzip_streams import GzipStreams
from faceleak_check.readers.files import FileError

RANDOM = np.random.default_rng(3)
CONTENT = b"".join(RANDOM.bytes(900) + bytes(RANDOM.integers(0, 3000)) for _ in range(8000))  # some 19 MB
PACKED = gzip.compress(CONTENT, 1, mtime=0)


class Kept:
    """Bytes in memory as an open file that counts what is read of it."""

    def __init__(self, data: bytes, identity: str = "one") -> None:
        self.data, self.n_bytes, self.identity, self.is_settled = data, len(data), identity, True
        self.n_read = 0
        self.fails = False

    def read(self, start: int, n_bytes: int) -> bytes:
        if self.fails:
            raise FileError("Input/output error")
        part = self.data[start : start + n_bytes]
        self.n_read += len(part)
        return part


def stream(n_places: int = 1000, n_segments: int = 2) -> GzipStream:
    return GzipStream(Segments(n_segments), n_places)


def test_what_is_read_in_order_is_unpacked_once() -> None:
    file = Kept(PACKED)
    unpacked = Unpacked(file, stream())
    step = 123_457
    parts = [unpacked.read(start, step) for start in range(0, len(CONTENT) + step, step)]
    assert b"".join(parts) == CONTENT
    assert unpacked.why_it_ends() == ""
    assert file.n_read < 1.3 * len(PACKED)


@pytest.mark.parametrize("n_places", [0, 2, 1000])
def test_any_place_is_found_again(n_places: int) -> None:
    file = Kept(PACKED)
    unpacked = Unpacked(file, stream(n_places))
    for start in RANDOM.integers(0, len(CONTENT), 25).tolist():
        n_bytes = int(RANDOM.integers(0, 3 * SEGMENT))
        assert unpacked.read(start, n_bytes) == CONTENT[start : start + n_bytes]


def test_a_place_costs_one_spacing_of_unpacking() -> None:
    file = Kept(PACKED)
    unpacked = Unpacked(file, stream())
    unpacked.read(len(CONTENT) - 1, 1)
    file.n_read = 0
    for number in range(3, 18, 4):
        assert unpacked.read(number * SEGMENT, 9) == CONTENT[number * SEGMENT :][:9]
    assert file.n_read < 4 * 5 * SEGMENT


def test_places_are_never_more_than_allowed() -> None:
    one = stream(n_places=3)
    Unpacked(Kept(PACKED), one).read(len(CONTENT), 1)
    assert sorted(one._places) == [8, 16]
    Unpacked(Kept(PACKED), one).read(5 * SEGMENT, 1)
    assert sorted(one._places) == [8, 16]


def test_several_threads_read_at_once() -> None:
    unpacked = Unpacked(Kept(PACKED), stream(n_segments=16))
    starts: Sequence[int] = RANDOM.integers(0, len(CONTENT), 100).tolist()
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda start: unpacked.read(start, 5000), starts))
    assert found == [CONTENT[start : start + 5000] for start in starts]


def test_a_file_of_many_gzip_members() -> None:
    data = b"".join(gzip.compress(CONTENT[start : start + 70_000]) for start in range(0, 5_000_000, 70_000))
    unpacked = Unpacked(Kept(data + bytes(40_000)), stream())
    assert unpacked.read(0, 6_000_000) == CONTENT[:5_040_000]
    assert unpacked.read(3_000_000, 50) == CONTENT[3_000_000:3_000_050]
    assert unpacked.why_it_ends() == ""


DAMAGED = "it is damaged: its packed bytes make no sense, or do not fit their checksum"


@pytest.mark.parametrize("place", [30, 1 << 20, len(PACKED) // 2])
def test_what_lies_before_the_damage_can_be_had(place: int) -> None:
    engine = zlib.decompressobj(31)
    n_before = len(engine.decompress(PACKED[: place - 1]))
    data = PACKED[:place] + b"\xff\0\xff\0" * 4 + PACKED[place + 16 :]
    unpacked = Unpacked(Kept(data), stream())
    found = unpacked.read(0, 2 * len(CONTENT))
    assert len(found) >= n_before
    assert found[:n_before] == CONTENT[:n_before]
    assert unpacked.why_it_ends() == DAMAGED
    assert unpacked.read(0, 1000) == CONTENT[:1000] or n_before < 1000
    assert unpacked.read(len(found), 1) == b""


def test_a_wrong_checksum_loses_nothing() -> None:
    data = PACKED[:-8] + b"abcd" + PACKED[-4:]
    unpacked = Unpacked(Kept(data), stream())
    assert unpacked.read(0, len(CONTENT) + 1) == CONTENT
    assert unpacked.why_it_ends() == DAMAGED


def test_a_file_that_cannot_be_read_for_a_while() -> None:
    file = Kept(PACKED)
    unpacked = Unpacked(file, stream())
    assert unpacked.read(0, SEGMENT) == CONTENT[:SEGMENT]
    file.fails = True
    with pytest.raises(FileError, match="Input/output error"):
        unpacked.read(0, 9 * SEGMENT)
    file.fails = False
    assert unpacked.read(0, 9 * SEGMENT) == CONTENT[: 9 * SEGMENT]
    assert unpacked.why_it_ends() == ""


def test_another_file_of_the_same_name_is_unpacked_anew() -> None:
    streams = GzipStreams(1)
    assert streams.unpacked(Kept(PACKED), "a").read(0, 50) == CONTENT[:50]
    other = Kept(gzip.compress(b"other"), identity="two")
    assert streams.unpacked(other, "a").read(0, 50) == b"other"


def test_many_files_share_one_budget() -> None:
    streams = GzipStreams(2000)
    for number in range(40):
        file = Kept(PACKED[: 9 * SEGMENT])
        streams.unpacked(file, str(number)).read(SEGMENT * (number % 9), 10)
    known = [one for _, one in streams._known.values()]
    assert sum(len(one._places) for one in known) == 0
    assert sum(one._here is not None for one in known) == 32


def test_in_another_process_it_begins_anew() -> None:
    streams = GzipStreams(7)
    streams.unpacked(Kept(PACKED), "a").read(0, 50)
    again: GzipStreams = pickle.loads(pickle.dumps(streams))
    assert again._n_files == 7
    assert again.unpacked(Kept(PACKED), "a").read(15 * SEGMENT, 50) == CONTENT[15 * SEGMENT :][:50]


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """A thousand places and sixteen segments are the most, and each place takes what zlib's window takes."""
    one = stream(n_places=1000, n_segments=16)
    Unpacked(Kept(PACKED), one).read(len(CONTENT), 1)
    before = _resident()
    copies = [place.copy() for place in list(one._places.values()) * (1000 // len(one._places))]
    each = (_resident() - before) / len(copies)
    assert each < 57_000
    del copies


def _resident() -> int:
    with Path("/proc/self/statm").open() as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")
