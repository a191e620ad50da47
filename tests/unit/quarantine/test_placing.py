"""Moving one file, also to another disk."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from faceleak_check.errors import UsageError
from faceleak_check.quarantine.placing import Move, is_there, put


@pytest.fixture
def another_disk(tmp_path: Path) -> Iterator[Path]:
    memory = Path("/dev/shm")
    if not memory.is_dir() or memory.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("needs /dev/shm on another device than the temporary folder, which it is not here")
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        yield Path(folder)


def move(folder: Path, to: Path, content: bytes = b"a picture") -> Move:
    old = folder / "old.png"
    old.write_bytes(content)
    os.utime(old, (1_000_000_000, 1_000_000_000))
    return Move(
        dataset="g", id="old.png", sha256=hashlib.sha256(content).hexdigest(), old=old, new=to / "new.png"
    )


def test_on_the_same_disk_it_is_the_same_file(tmp_path: Path) -> None:
    one = move(tmp_path, tmp_path)
    inode = one.old.stat().st_ino
    assert not is_there(one)
    assert put(one)
    assert is_there(one)
    assert one.new.stat().st_ino == inode
    assert not put(one)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new.png"]


def test_to_another_disk_it_is_copied_whole(tmp_path: Path, another_disk: Path) -> None:
    one = move(tmp_path, another_disk)
    assert put(one)
    assert one.new.read_bytes() == b"a picture"
    assert one.new.stat().st_mtime == 1_000_000_000
    assert [path.name for path in another_disk.iterdir()] == ["new.png"]
    assert list(tmp_path.iterdir()) == []


def test_on_another_disk_nothing_is_overwritten_either(tmp_path: Path, another_disk: Path) -> None:
    one = move(tmp_path, another_disk)
    one.new.write_bytes(b"somebody else's")
    with pytest.raises(UsageError):
        put(one)
    assert (one.old.read_bytes(), one.new.read_bytes()) == (b"a picture", b"somebody else's")


def test_a_file_that_changed_stays_where_it_is(tmp_path: Path) -> None:
    one = move(tmp_path, tmp_path)
    one.old.write_bytes(b"another picture")
    with pytest.raises(UsageError) as raised:
        put(one)
    assert str(raised.value) == f"{one.old} was changed after the run; run the policy again"
    assert not one.new.exists()


def test_a_file_that_went_away(tmp_path: Path) -> None:
    one = move(tmp_path, tmp_path)
    one.old.unlink()
    with pytest.raises(UsageError) as raised:
        put(one)
    assert str(raised.value) == f"{one.old} went away; run the policy again"


def test_a_link_is_no_file_that_lies_there(tmp_path: Path) -> None:
    one = move(tmp_path, tmp_path)
    one.new.symlink_to(one.old)
    with pytest.raises(UsageError) as raised:
        put(one)
    assert str(raised.value) == (
        f"another file lies at {one.new} already, and nothing is overwritten; choose an empty folder"
    )
    assert one.old.is_file()
