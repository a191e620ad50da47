"""Shards as files: what is read of them, what is mapped, and headers that lie."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load
from tiny_store import SPEC, arrays, assert_same, digests, found_faces, keys, shards, templates, write_shard

from faceleak_check.records import Rows
from faceleak_check.store.shards import is_shard, open_shard, pack, shard_name
from faceleak_check.store.templates import DiskTemplateStore


def kept() -> dict[str, Any]:
    return {name: array for name, array in arrays().items() if name != "digests"}


def written(folder: Path, data: bytes) -> Path:
    path = folder / shard_name(data)
    path.write_bytes(data)
    return path


def test_a_shard_is_what_safetensors_reads_of_it(tmp_path: Path) -> None:
    data = pack(digests("a", "b"), kept(), "ab" * 32)
    shard, expected = open_shard(written(tmp_path, data)), load(data)
    np.testing.assert_array_equal(shard.digests, expected.pop("digests"), strict=True)
    assert shard.arrays.keys() == expected.keys()
    for name, array in shard.arrays.items():
        np.testing.assert_array_equal(array, expected[name], strict=True)
        assert not array.flags.writeable
        assert array.flags.aligned


def test_no_file_stays_open_and_a_removed_one_stays_readable(tmp_path: Path) -> None:
    path = written(tmp_path, pack(digests("a", "b"), kept(), "ab" * 32))
    before = len(list(Path("/dev/fd").iterdir()))
    opened = [open_shard(path) for _ in range(50)]
    assert len(list(Path("/dev/fd").iterdir())) == before
    path.unlink()
    path.write_bytes(b"another file")
    for shard in opened:
        np.testing.assert_array_equal(shard.arrays["vectors"], kept()["vectors"])


def test_a_folder_whose_name_is_no_text(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"gr\xfcn")
    folder.mkdir()
    assert len(open_shard(written(folder, pack(digests("a", "b"), kept(), "ab" * 32))).digests) == 2


HEADERS: dict[str, Any] = {
    "no table": [],
    "a number": 3,
    "pairs": [["digests", 1]],
    "an array that is a number": {"digests": 3},
    "no offsets": {"digests": {"dtype": "U8", "shape": [2, 32]}},
    "three offsets": {"digests": {"dtype": "U8", "shape": [2, 32], "data_offsets": [0, 64, 64]}},
    "offsets of truth": {"digests": {"dtype": "U8", "shape": [1], "data_offsets": [False, True]}},
    "offsets below 0": {"digests": {"dtype": "U8", "shape": [2, 32], "data_offsets": [-64, 0]}},
    "past the end": {"digests": {"dtype": "U8", "shape": [2, 64], "data_offsets": [0, 128]}},
    "turned offsets": {"digests": {"dtype": "U8", "shape": [0, 32], "data_offsets": [64, 0]}},
    "another size": {"digests": {"dtype": "U8", "shape": [2, 31], "data_offsets": [0, 64]}},
    "a shape below 0": {"digests": {"dtype": "U8", "shape": [-2, -32], "data_offsets": [0, 64]}},
    "a huge shape": {"digests": {"dtype": "U8", "shape": [0, 2**70], "data_offsets": [0, 0]}},
    "many dimensions": {"digests": {"dtype": "U8", "shape": [1] * 100, "data_offsets": [0, 1]}},
    "text for a shape": {"digests": {"dtype": "U8", "shape": "ab", "data_offsets": [0, 64]}},
    "an unknown type": {"digests": {"dtype": "C128", "shape": [2, 32], "data_offsets": [0, 64]}},
    "a type that is a list": {"digests": {"dtype": [], "shape": [2, 32], "data_offsets": [0, 64]}},
    "no digests": {"others": {"dtype": "U8", "shape": [2, 32], "data_offsets": [0, 64]}},
}


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS)
def test_a_header_that_lies_is_a_damaged_shard(header: Any, root: Path, store: DiskTemplateStore) -> None:
    text = json.dumps(header).encode()
    name = write_shard(root, len(text).to_bytes(8, "little") + text + bytes(64))
    assert DiskTemplateStore(root, SPEC).damaged == (name,)


@pytest.mark.parametrize(
    "data",
    [b"", b"\x01", b"\xff" * 8, b"\xff" * 80, bytes(8), b"\x02\0\0\0\0\0\0\0{}", b"\x03\0\0\0\0\0\0\0{}"],
)
def test_bytes_without_a_header_are_a_damaged_shard(
    data: bytes, root: Path, store: DiskTemplateStore
) -> None:
    name = write_shard(root, data)
    assert DiskTemplateStore(root, SPEC).damaged == (name,)


def test_a_header_of_a_hundred_thousand_brackets_is_a_damaged_shard(
    root: Path, store: DiskTemplateStore
) -> None:
    text = b"[" * 100_000
    name = write_shard(root, len(text).to_bytes(8, "little") + text)
    assert DiskTemplateStore(root, SPEC).damaged == (name,)


WHOLE = pack(digests("a", "b"), kept(), "ab" * 32)


@given(at=st.integers(0, len(WHOLE) - 1), to=st.integers(0, 255), cut=st.integers(0, len(WHOLE)))
def test_a_trusted_shard_of_any_bytes_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, at: int, to: int, cut: int
) -> None:
    """What was hashed once is read by its header alone, and that must end well whatever is there now."""
    data = bytearray(WHOLE)
    data[at] = to
    path = tmp_path_factory.getbasetemp() / "any.safetensors"
    path.write_bytes(data[: cut or None])
    with contextlib.suppress(ValueError):
        shard = open_shard(path, is_trusted=True)
        assert all(array.copy().shape == array.shape for array in (shard.digests, *shard.arrays.values()))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (f"{'0' * 64}.safetensors", True),
        (f"{'0' * 63}.safetensors", False),
        (f"{'G' * 64}.safetensors", False),
        (f"{'A' * 64}.safetensors", False),
        ("0" * 64, False),
        ("model.safetensors", False),
    ],
)
def test_what_is_named_like_a_shard(name: str, expected: bool) -> None:
    assert is_shard(name) is expected


# ------------------------------------------------------------------------------------------------- memory

N_LARGE, WIDE = 40_000, 512

LARGE = """
import resource, sys
from dataclasses import replace
from pathlib import Path
import numpy as np
sys.path.insert(0, sys.argv[1])
import tiny_store as t
from faceleak_check.records import Digests

def own_memory():
    fields = dict(line.split(":", 1) for line in open("/proc/self/status"))
    return int(fields["RssAnon"].split()[0]) / 1024, int(fields["RssFile"].split()[0]) / 1024

spec = replace(t.SPEC, dimension=512)
t.DiskTemplateStore(Path(sys.argv[2]) / "empty", spec).get(t.keys())
before = own_memory()
store = t.DiskTemplateStore(Path(sys.argv[2]), spec)
digests = np.load(Path(sys.argv[2]) / "digests.npy")
assert not store.missing(digests).any()
found = store.get(digests[::-1])
after = own_memory()
print(*(round(one - other) for one, other in zip(after, before)))
print(type(found.templates.vectors).__name__, found.templates.vectors.shape)
"""


@pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="needs /proc, which tells what is in memory"
)
def test_opening_reads_no_template(root: Path) -> None:
    """80 MB of templates in ten shards: only digests and lengths, 3 MB, come into memory."""
    spec = _wide_spec()
    store = DiskTemplateStore(root, spec)
    names = np.random.default_rng(0).integers(0, 256, (N_LARGE, 32), dtype=np.uint8)
    one = np.eye(WIDE, dtype=np.float32)[np.zeros(N_LARGE // 10, np.int64)]
    for start in range(0, N_LARGE, len(one)):
        hexes = [name.tobytes().hex() for name in names[start : start + len(one)]]
        part = templates(len(one))
        rows = type(part.templates)(vectors=one, norms=part.templates.norms)
        store.add(hexes, type(part)(n_faces=part.n_faces, templates=rows))
    np.save(root / "digests.npy", names)
    command = [sys.executable, "-c", LARGE, str(Path(__file__).parent), str(root)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr
    memory, kind = ran.stdout.splitlines()
    private, of_files = map(int, memory.split())
    assert private < 30, "MB; the templates alone are 80"
    assert of_files < 20, "MB of the shards that are mapped and looked at"
    assert kind == f"Rows ({N_LARGE}, {WIDE})"


def _wide_spec() -> Any:
    from dataclasses import replace

    return replace(SPEC, dimension=WIDE)


def test_rows_come_from_the_shards_and_not_from_what_was_added(root: Path, store: DiskTemplateStore) -> None:
    """Who adds a million templates need not keep them."""
    found = found_faces(2, 1)
    expected = found_faces(2, 1)
    store.add(digests("a", "b"), found)
    vectors = found.templates.vectors
    assert isinstance(vectors, np.ndarray)
    vectors[:] = 0
    assert_same(store.get(keys("a", "b")), expected)
    assert isinstance(store.get(keys("a")).templates.vectors, Rows)
    assert len(shards(root)) == 1
