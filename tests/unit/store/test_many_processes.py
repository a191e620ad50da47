from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
import time
from pathlib import Path

from tiny_store import (
    SPEC,
    assert_same,
    digests,
    keys,
    missing,
    picked,
    templates,
)

from faceleak_check.store.templates import DiskTemplateStore


def test_two_stores_see_each_others_shards_after_refresh(root: Path, store: DiskTemplateStore) -> None:
    other = DiskTemplateStore(root, SPEC)
    store.add(digests("a"), templates(1, seed=1))
    other.add(digests("b"), templates(1, seed=2))
    assert (missing(store, "b"), missing(other, "a")) == (["b"], ["a"])

    with store.embedding():
        assert missing(store, "a", "b") == []
    other.refresh()

    assert_same(other.get(keys("a")), templates(1, seed=1))
    assert_same(store.get(keys("b")), templates(1, seed=2))


WRITER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import tiny_store as t
root, me = Path(sys.argv[2]), int(sys.argv[3])
store = t.DiskTemplateStore(root, t.SPEC)
for turn in range(20):
    own = [digest for digest in t.digests((me, turn), "shared")]
    store.add(own[:1], t.templates(1, seed=100 * me + turn))
    with store.embedding():
        if t.missing(store, "shared"):
            store.add(own[1:], t.templates(1, seed=7))
            print("embedded the shared image")
"""


def test_many_processes_write_at_once_and_do_no_work_twice(root: Path) -> None:
    here = str(Path(__file__).parent)
    command = [sys.executable, "-c", WRITER, here, str(root)]
    writers = [
        subprocess.Popen([*command, str(me)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for me in range(4)
    ]
    output = [writer.communicate(timeout=60) for writer in writers]

    assert [errors for _, errors in output] == [""] * 4
    assert "".join(printed for printed, _ in output) == "embedded the shared image\n"
    store = DiskTemplateStore(root, SPEC)
    assert (len(store), store.damaged) == (4 * 20 + 1, ())
    for me in range(4):
        for turn in range(20):
            assert_same(store.get(keys((me, turn))), templates(1, seed=100 * me + turn))
    assert [path.name for path in store.folder.iterdir() if path.suffix == ".tmp"] == []


HOLDER = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import tiny_store as t
with t.DiskTemplateStore(Path(sys.argv[2]), t.SPEC).embedding():
    print("held", flush=True)
    time.sleep(60)
"""


def test_one_process_embeds_at_a_time_and_a_killed_one_leaves_no_lock(
    root: Path, store: DiskTemplateStore
) -> None:
    entered = threading.Event()

    def enter() -> None:
        with store.embedding():
            entered.set()

    waiting = threading.Thread(target=enter, daemon=True)
    command = [sys.executable, "-c", HOLDER, str(Path(__file__).parent), str(root)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        waiting.start()
        assert not entered.wait(0.3)
        holder.kill()
    assert entered.wait(10)
    waiting.join()


def test_stale_temporaries_are_removed_and_young_ones_kept(store: DiskTemplateStore) -> None:
    stale, young = store.folder / ".1.a.tmp", store.folder / ".2.b.tmp"
    for path in (stale, young):
        path.write_bytes(b"torn")
    day = 24 * 3600
    os.utime(stale, (time.time() - day - 60,) * 2)
    os.utime(young, (time.time() - day + 60,) * 2)

    with store.embedding():
        assert (stale.exists(), young.exists()) == (False, True)


def test_who_waits_for_another_run_is_told_so(root: Path) -> None:
    told: list[tuple[str, int, int]] = []
    heard = threading.Event()

    def progress(stage: str, done: int, total: int) -> None:
        told.append((stage, done, total))
        heard.set()

    store = DiskTemplateStore(root, SPEC, progress)

    def enter() -> None:
        with store.embedding():
            told.append(("entered", 0, 0))

    waiting = threading.Thread(target=enter, daemon=True)
    with DiskTemplateStore(root, SPEC).embedding():
        waiting.start()
        assert heard.wait(10)
    waiting.join(10)
    assert set(told[:-1]) == {("waiting for another run that works on the same images", 0, 0)}
    assert told[-1] == ("entered", 0, 0)


def test_without_locks_both_work_and_the_answer_is_the_same(root: Path, store: DiskTemplateStore) -> None:
    """A folder where the lock should be is a lock that nobody can have, as on file systems without locks."""
    (store.folder / "embedding.lock").mkdir()
    other = DiskTemplateStore(root, SPEC)
    with store.embedding(), other.embedding():
        assert missing(store, "a", "b") == missing(other, "a", "b") == ["a", "b"]
        store.add(digests("a", "b"), templates(2))
        other.add(digests("b"), picked(templates(2), 1))
    for opened in (store, other, DiskTemplateStore(root, SPEC)):
        with opened.embedding():
            assert_same(opened.get(keys("b", "a")), picked(templates(2), 1, 0))
            assert len(opened) == 2


def test_a_store_is_pickled_as_where_it_is(root: Path, store: DiskTemplateStore) -> None:
    """Workers on other machines open it for themselves; its templates would fill their memory."""
    store.add(digests(*range(1000)), templates(1000))
    pickled = pickle.dumps(store)
    assert len(pickled) < 2000
    elsewhere = pickle.loads(pickled)
    elsewhere.refresh()
    assert_same(elsewhere.get(keys(7)), picked(templates(1000), 7))
