"""Which shards are hashed when a store is opened, and which are taken for what their note says."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_store import (
    SPEC,
    arrays,
    assert_same,
    digests,
    folder_of,
    keys,
    missing,
    shards,
    templates,
    write_shard,
)

from faceleak_check.store import verified
from faceleak_check.store.shards import pack
from faceleak_check.store.templates import DiskTemplateStore
from faceleak_check.store.verified import Verified


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files count as old at once, so that no test but one has to wait for two seconds."""
    monkeypatch.setattr(verified, "_TICK_NS", 0)


def note_of(root: Path) -> Path:
    return folder_of(root) / "verified.json"


def noted(root: Path) -> set[str]:
    data: dict[str, Any] = json.loads(note_of(root).read_bytes())["data"]
    return set(data)


def alter_behind_the_note(root: Path, shard: Path) -> None:
    """Alters a byte of the templates and has the note say that this was seen: as if the disk had done it."""
    data = bytearray(shard.read_bytes())
    data[data.index(templates(1).templates.vectors.tobytes())] ^= 1
    shard.write_bytes(data)
    with Verified(root, folder_of(root)).looking_at(shard.name):
        pass
    note = Verified(root, folder_of(root))
    with note.looking_at(shard.name):
        pass
    note.save([shard.name])


def test_a_shard_that_is_noted_is_not_hashed_again(root: Path, store: DiskTemplateStore) -> None:
    store.add(digests("a"), templates(1))
    (shard,) = shards(root)
    DiskTemplateStore(root, SPEC)
    assert noted(root) == {shard.name}
    alter_behind_the_note(root, shard)

    trusting = DiskTemplateStore(root, SPEC)
    assert (trusting.damaged, missing(trusting, "a")) == ((), [])
    note_of(root).unlink()
    hashing = DiskTemplateStore(root, SPEC)
    assert (hashing.damaged, missing(hashing, "a")) == ((shard.name,), ["a"])
    assert not note_of(root).exists()


def same_bytes_again(shard: Path) -> None:
    shard.write_bytes(shard.read_bytes())


def older(shard: Path) -> None:
    os.utime(shard, (0, 0))


def another_file(shard: Path) -> None:
    data = shard.read_bytes()
    shard.unlink()
    shard.write_bytes(data)


@pytest.mark.parametrize("touch", [same_bytes_again, older, another_file])
def test_a_shard_that_was_touched_is_hashed_again_and_then_noted_anew(
    touch: Callable[[Path], None], root: Path, store: DiskTemplateStore
) -> None:
    store.add(digests("a"), templates(1))
    DiskTemplateStore(root, SPEC)
    before = note_of(root).read_bytes()
    (shard,) = shards(root)
    touch(shard)

    assert_same(DiskTemplateStore(root, SPEC).get(keys("a")), templates(1))
    after = note_of(root).read_bytes()
    assert after != before
    DiskTemplateStore(root, SPEC)
    assert note_of(root).read_bytes() == after


def test_altered_bytes_with_the_old_time_of_writing_are_found(root: Path, store: DiskTemplateStore) -> None:
    store.add(digests("a"), templates(1))
    DiskTemplateStore(root, SPEC)
    (shard,) = shards(root)
    before = shard.stat()
    data = bytearray(shard.read_bytes())
    data[-1] ^= 1
    shard.write_bytes(data)
    os.utime(shard, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert DiskTemplateStore(root, SPEC).damaged == (shard.name,)


def test_unsound_templates_are_never_noted(root: Path, store: DiskTemplateStore) -> None:
    unsound = arrays(vectors=np.full((3, 4), np.nan, np.float32))
    del unsound["digests"]
    name = write_shard(root, pack(digests("a", "b"), unsound, SPEC.sha256))
    for _ in range(2):
        assert DiskTemplateStore(root, SPEC).damaged == (name,)
    assert not note_of(root).exists()


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda note: b"",
    "torn": lambda note: note[:-9],
    "a digit": lambda note: note.replace(b"9", b"8"),
    "no numbers": lambda note: signed({"shard": ["a", "b", "c", "d"]}),
    "too few": lambda note: signed({"shard": [1, 2, 3]}),
    "truth": lambda note: signed({"shard": [True, 1, 1, 1]}),
    "no list": lambda note: signed({"shard": {"size": 1}}),
}


def signed(data: dict[str, Any]) -> bytes:
    """A note with the right digest."""
    about = json.dumps([f"templates/{SPEC.sha256[:32]}", "verified", data], sort_keys=True).encode()
    return json.dumps({"sha256": hashlib.sha256(about).hexdigest(), "data": data}).encode()


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_note_costs_time_alone(
    damage: Callable[[bytes], bytes], root: Path, store: DiskTemplateStore
) -> None:
    store.add(digests("a"), templates(1))
    (shard,) = shards(root)
    DiskTemplateStore(root, SPEC)
    alter_behind_the_note(root, shard)
    note_of(root).write_bytes(damage(note_of(root).read_bytes()))
    assert DiskTemplateStore(root, SPEC).damaged == (shard.name,)


def test_the_note_is_written_by_the_rule_that_the_damaged_ones_above_break(
    root: Path, store: DiskTemplateStore
) -> None:
    store.add(digests("a"), templates(1))
    DiskTemplateStore(root, SPEC)
    note = json.loads(note_of(root).read_bytes())
    assert note == json.loads(signed(note["data"]))


def test_two_who_write_the_note_at_once_lose_nothing_but_time(root: Path, store: DiskTemplateStore) -> None:
    one, other = (Verified(root, folder_of(root)) for _ in range(2))
    store.add(digests("a"), templates(1, seed=1))
    (first,) = shards(root)
    store.add(digests("b"), templates(1, seed=2))
    (second,) = set(shards(root)) - {first}
    for note, shard in ((one, first), (other, second)):
        with note.looking_at(shard.name):
            pass
        note.save([first.name, second.name])
    assert noted(root) == {first.name, second.name}
    other.save([])
    with other.looking_at(second.name) as is_trusted:
        assert is_trusted


def test_shards_that_are_gone_leave_the_note(root: Path, store: DiskTemplateStore) -> None:
    store.add(digests("a"), templates(1, seed=1))
    (first,) = shards(root)
    DiskTemplateStore(root, SPEC)
    first.unlink()
    DiskTemplateStore(root, SPEC).add(digests("b"), templates(1, seed=2))
    assert noted(root) == {path.name for path in shards(root)}


def test_a_shard_that_is_still_young_is_hashed_at_the_next_opening_and_then_noted(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one test that waits: two changes within one tick of the clock look like one."""
    monkeypatch.undo()
    store = DiskTemplateStore(root, SPEC)
    store.add(digests("a"), templates(1, seed=1))
    DiskTemplateStore(root, SPEC)
    assert not note_of(root).exists()
    (first,) = shards(root)
    time.sleep(2.05)
    store.add(digests("b"), templates(1, seed=2))
    assert noted(root) == {first.name}, "who wrote a shard notes it with the next one"
    time.sleep(2.05)
    DiskTemplateStore(root, SPEC)
    assert noted(root) == {path.name for path in shards(root)}


def test_what_was_written_and_then_altered_is_not_noted_by_its_writer(
    root: Path, store: DiskTemplateStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verified, "_TICK_NS", 10**18)
    store.add(digests("a"), templates(1, seed=1))
    (first,) = shards(root)
    monkeypatch.setattr(verified, "_TICK_NS", 0)
    data = bytearray(first.read_bytes())
    data[-1] ^= 1
    first.write_bytes(data)
    store.add(digests("b"), templates(1, seed=2))
    assert noted(root) == {path.name for path in shards(root)} - {first.name}
