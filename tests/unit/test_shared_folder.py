"""Stores that several machines share, behind URLs."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest

from faceleak_check.errors import StoreError, UsageError
from faceleak_check.policy.urls import Url
from faceleak_check.records import EmbedderSpec, FaceTemplates, Templates, digest_array
from faceleak_check.shared_folder import UrlFolder, store_root
from faceleak_check.store.roots import Root, SharedRoot, local_folder
from faceleak_check.store.templates import DiskTemplateStore

SPEC = EmbedderSpec(
    name="tiny",
    weights_sha256="ab" * 32,
    licence="MIT",
    dimension=3,
    input_size=8,
    colour_order="RGB",
    normalisation="none",
)
A, B, C = ("aa" * 32, "bb" * 32, "cc" * 32)


def templates(*seeds: int) -> FaceTemplates:
    vectors = np.stack([np.random.default_rng(seed).standard_normal(3) for seed in seeds])
    norms = np.linalg.norm(vectors, axis=1)
    rows = Templates(vectors=(vectors / norms[:, None]).astype(np.float32), norms=norms.astype(np.float32))
    return FaceTemplates(n_faces=np.ones(len(seeds), np.int64), templates=rows)


def vectors_of(store: DiskTemplateStore, *digests: str) -> Any:
    return np.asarray(store.get(digest_array(digests)).templates.vectors)


def missing(store: DiskTemplateStore, *digests: str) -> list[str]:
    absent = store.missing(digest_array(digests)).tolist()
    return [digest for digest, is_absent in zip(digests, absent, strict=True) if is_absent]


# --------------------------------------------------------------------------------------- which root is meant


@pytest.fixture(autouse=True)
def _machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache folder of its own, as on another machine."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_the_environment_names_the_store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FACELEAK_STORE", str(tmp_path / "mine"))
    assert store_root(None) == tmp_path / "mine"
    monkeypatch.setenv("FACELEAK_STORE", "s3://bucket/mine")
    assert store_root(None) == SharedRoot(shared=UrlFolder(Url("s3://bucket/mine")))


@pytest.mark.parametrize("unset", [True, False])
@pytest.mark.parametrize("asked", [None, ""])
def test_without_it_the_store_is_in_the_users_cache(
    asked: str | None, unset: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("FACELEAK_STORE", "")
    if unset:
        monkeypatch.delenv("FACELEAK_STORE")
    assert store_root(asked) == tmp_path / "cache" / "faceleak-check" / "templates"


@pytest.mark.parametrize(
    ("asked", "base", "expected"),
    [
        ("own", Path("/run"), Path("/run/own")),
        ("/own", Path("/run"), Path("/own")),
        (Path("own"), Path("/run"), Path("/run/own")),
        ("own", None, Path("own")),
    ],
)
def test_a_path_is_a_folder(asked: str | Path, base: Path | None, expected: Path) -> None:
    assert store_root(asked, base) == expected


@pytest.mark.parametrize("url", ["https://host/store", "http://host/store", "zip://store::s3://bucket/a.zip"])
def test_a_url_to_which_nothing_can_be_written_is_refused(url: str) -> None:
    with pytest.raises(UsageError) as refused:
        store_root(url)
    assert str(refused.value) == (
        f"the store cannot be {url}: expected a folder, or a URL such as s3://bucket/folder"
    )


def test_each_url_has_a_mirror_of_its_own_and_shows_no_secret(tmp_path: Path) -> None:
    roots = [store_root(url) for url in ("sftp://ann:secret@host/store", "sftp://host/store")]
    mirrors = {local_folder(root) for root in roots}
    assert len(mirrors) == 2
    assert {mirror.parent for mirror in mirrors} == {tmp_path / "cache" / "faceleak-check" / "mirrors"}
    assert "secret" not in repr(roots) + str(roots) + str(mirrors)
    assert [str(root.shared) for root in roots if isinstance(root, SharedRoot)] == ["sftp://host/store"] * 2


# ------------------------------------------------------------------------------------------------ one process


@pytest.fixture
def memory() -> Iterator[Root]:
    files = fsspec.filesystem("memory")
    yield store_root("memory://faceleak-test/store")
    if files.exists("/faceleak-test"):
        files.rm("/faceleak-test", recursive=True)


def on_another_machine(number: int, root: Root, monkeypatch: pytest.MonkeyPatch) -> DiskTemplateStore:
    monkeypatch.setenv("XDG_CACHE_HOME", f"{os.environ['XDG_CACHE_HOME']}-{number}")
    return DiskTemplateStore(pickle.loads(pickle.dumps(root)), SPEC)


def shared_files() -> list[str]:
    return sorted(fsspec.filesystem("memory").find("/faceleak-test/store"))


def test_what_one_machine_adds_another_has(memory: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    one = DiskTemplateStore(memory, SPEC)
    with one.embedding():
        one.add([A, B], templates(1, 2))
    other = on_another_machine(2, memory, monkeypatch)
    assert other.folder != one.folder
    assert missing(other, A, B, C) == [C]
    np.testing.assert_array_equal(vectors_of(other, B, A), templates(2, 1).templates.vectors)

    other.add([C], templates(3))
    assert missing(one, C) == [C]
    one.refresh()
    np.testing.assert_array_equal(vectors_of(one, C), templates(3).templates.vectors)
    names = [Path(file).name for file in shared_files()]
    assert len(names) == 3
    assert "spec.json" in names
    assert not [name for name in names if name.endswith(".tmp")]


def test_what_is_fetched_once_is_not_fetched_again(memory: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    DiskTemplateStore(memory, SPEC).add([A], templates(1))
    told: list[tuple[str, int, int]] = []
    monkeypatch.setenv("XDG_CACHE_HOME", f"{os.environ['XDG_CACHE_HOME']}-2")
    for _ in range(2):
        DiskTemplateStore(memory, SPEC, lambda *now: told.append(now))
    assert [now for now in told if now[0] == "fetching what others have embedded"] == [
        ("fetching what others have embedded", 1, 1)
    ]


def test_what_is_deleted_there_is_deleted_here(memory: Root) -> None:
    """Who purges a shared store purges the copies with it."""
    store = DiskTemplateStore(memory, SPEC)
    store.add([A], templates(1))
    store.add([B], templates(2))
    first = next(file for file in shared_files() if file.endswith(".safetensors"))
    fsspec.filesystem("memory").rm(first)
    assert len(list(store.folder.glob("*.safetensors"))) == 2
    assert len(DiskTemplateStore(memory, SPEC)) == 1
    assert len(list(store.folder.glob("*.safetensors"))) == 1
    assert len(vectors_of(store, A, B)) == 2, "what is open stays readable"


def test_a_shard_that_was_altered_there_is_never_used_and_taken_away(
    memory: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    DiskTemplateStore(memory, SPEC).add([A], templates(1))
    files = fsspec.filesystem("memory")
    (shard,) = shared_files()
    data = bytearray(files.cat_file(shard))
    data[-1] ^= 1
    files.pipe_file(shard, bytes(data))

    other = on_another_machine(2, memory, monkeypatch)
    waiting = on_another_machine(3, memory, monkeypatch)
    assert (other.damaged, missing(other, A)) == ((Path(shard).name,), [A])
    with other.embedding():
        assert not files.exists(shard)
        other.add([A], templates(1))
    assert files.exists(shard)
    waiting.refresh()
    assert missing(waiting, A) == []
    fourth = on_another_machine(4, memory, monkeypatch)
    assert (fourth.damaged, missing(fourth, A)) == ((), [])


def test_foreign_files_beside_the_shards_are_left_alone(memory: Root) -> None:
    store = DiskTemplateStore(memory, SPEC)
    store.add([A], templates(1))
    files = fsspec.filesystem("memory")
    (shard,) = shared_files()
    files.pipe_file(shard.rpartition("/")[0] + "/notes.txt", b"mine")
    files.pipe_file(shard.rpartition("/")[0] + "/inner/notes.txt", b"mine")
    with store.embedding():
        store.refresh()
    assert (len(store), store.damaged) == (1, ())
    assert sum("notes.txt" in file for file in shared_files()) == 2


def test_only_the_owner_may_look_at_the_copy(memory: Root) -> None:
    store = DiskTemplateStore(memory, SPEC)
    store.add([A], templates(1))
    assert {path.stat().st_mode & 0o777 for path in store.folder.iterdir()} == {0o600}
    assert store.folder.stat().st_mode & 0o777 == 0o700


# -------------------------------------------------------------------------------------------------- trouble


def test_a_storage_that_nobody_knows_is_a_store_error() -> None:
    with pytest.raises(StoreError) as refused:
        DiskTemplateStore(store_root("nowhere://bucket/store"), SPEC)
    assert str(refused.value) == (
        "the shared template store cannot be read: no storage is known by nowhere://\n"
        "nowhere://bucket/store: Expected s3://, gs://, hf://, https:// or another that fsspec knows."
    )


@pytest.mark.skipif(
    find_spec("s3fs") is not None, reason="s3fs is installed here, and its absence is looked at"
)
def test_a_storage_whose_package_is_not_there_is_a_store_error() -> None:
    with pytest.raises(StoreError) as refused:
        DiskTemplateStore(store_root("s3://key:secret@bucket/store"), SPEC)
    assert str(refused.value) == (
        "the shared template store cannot be read: s3:// needs a package that is not installed\n"
        "s3://bucket/store: Install it with: pip install 'faceleak-check[remote]'."
    )


def test_offline_no_storage_of_another_machine_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACELEAK_OFFLINE", "1")
    with pytest.raises(StoreError) as refused:
        DiskTemplateStore(store_root("sftp://ann:secret@host.invalid/store"), SPEC)
    assert str(refused.value) == (
        "the shared template store cannot be read: it lies on another machine, and the network may not be used\n"
        "sftp://host.invalid/store: Take --faceleak-offline or FACELEAK_OFFLINE away, or give a path on this machine."
    )


def test_a_storage_that_cannot_be_written_is_a_store_error_and_nothing_is_kept(tmp_path: Path) -> None:
    """A file in the way: what every storage of files refuses."""
    (tmp_path / "shared").write_bytes(b"")
    root = store_root(f"local://{tmp_path}/shared")
    store = DiskTemplateStore(root, SPEC)
    with pytest.raises(StoreError) as refused:
        store.add([A], templates(1))
    assert str(refused.value) == (
        "the shared template store cannot be written: not found\n"
        f"local://{tmp_path}/shared: Choose another store with --faceleak-store or FACELEAK_STORE."
    )
    assert (len(store), list(store.folder.glob("*.safetensors"))) == (0, [])


# -------------------------------------------------------------------------------------- several processes

WRITER = """
import os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import test_shared_folder as t
me = int(sys.argv[3])
os.environ["XDG_CACHE_HOME"] = f"{sys.argv[4]}/{me}"
store = t.DiskTemplateStore(t.store_root(sys.argv[2]), t.SPEC)
for turn in range(8):
    store.add([f"{me}{turn}" * 32], t.templates(10 * me + turn))
"""


def test_machines_write_to_one_store_at_once(tmp_path: Path) -> None:
    """Three processes with caches of their own stand for three machines."""
    url = f"local://{tmp_path}/shared"
    command = [sys.executable, "-c", WRITER, str(Path(__file__).parent), url]
    writers = [
        subprocess.Popen([*command, str(me), str(tmp_path)], stderr=subprocess.PIPE, text=True)
        for me in range(3)
    ]
    assert [writer.communicate(timeout=60)[1] for writer in writers] == [""] * 3
    store = DiskTemplateStore(store_root(url), SPEC)
    assert (len(store), store.damaged) == (24, ())
    for me in range(3):
        for turn in range(8):
            found = vectors_of(store, f"{me}{turn}" * 32)
            np.testing.assert_array_equal(found, templates(10 * me + turn).templates.vectors)
