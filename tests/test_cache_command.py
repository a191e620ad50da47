"""``faceleak cache``: what the store holds, whether it is whole, and how it is deleted."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import fsspec
import numpy as np
import pytest

from faceleak_check.cli import main
from faceleak_check.records import EmbedderSpec, FaceTemplates, ScreenSpec, Templates
from faceleak_check.shared_folder import store_root
from faceleak_check.store.listings import ListingStore
from faceleak_check.store.notes import NoteStore
from faceleak_check.store.roots import Root, local_folder
from faceleak_check.store.templates import DiskTemplateStore
from faceleak_check.store.values import DiskValueStore

SPEC = EmbedderSpec(
    name="dlib-resnet",
    weights_sha256="55533b28a958" + "0" * 52,
    licence="CC0-1.0",
    dimension=128,
    input_size=150,
    colour_order="RGB",
    normalisation="dlib",
    alignment="mtcnn (facenet-pytorch 2.5.3, min face 20, thresholds 0.6 0.7 0.7): five points to dlib-150",
)
HASH = replace(SPEC, name="phash", alignment="none")
SCREEN = ScreenSpec(
    method="clip",
    model="ViT-B-32",
    weights_sha256="ab" * 32,
    licence="MIT",
    question="a photograph of a child",
    preprocessing="none",
)
Faceleak = Callable[..., tuple[int, str, str]]


def digests(*names: object) -> list[str]:
    return [hashlib.sha256(str(name).encode()).hexdigest() for name in names]


def found(*n_faces: int) -> FaceTemplates:
    n = sum(n_faces)
    rows = Templates(vectors=np.eye(128, dtype=np.float32)[:n], norms=np.ones(n, np.float32))
    faces = np.full((n, 15), 0.5, np.float32)
    return FaceTemplates(n_faces=np.array(n_faces, np.int64), templates=rows, faces=faces)


@pytest.fixture
def faceleak(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Faceleak:
    """Runs ``faceleak cache`` in this process, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("FACELEAK_STORE", "store")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["faceleak", "cache", *arguments])
        with pytest.raises(SystemExit) as left:
            main()
        written = capsys.readouterr()
        return int(left.value.code or 0), written.out, written.err

    return run


def fill(root: Root) -> None:
    store = DiskTemplateStore(root, SPEC)
    with store.embedding():
        store.add(digests("a", "b", "c"), found(2, 0, 1))
    store.add(digests("d"), found(1))
    DiskTemplateStore(root, HASH).add(digests("a"), found(2))
    DiskValueStore(root, SCREEN).add(digests("a", "b"), np.array([0.5, 0.1]))


@pytest.fixture
def store(faceleak: Faceleak, tmp_path: Path) -> Path:
    """A store with everything that a store may hold, and with what it may not."""
    root = tmp_path / "store"
    fill(root)
    NoteStore(root).put("surveys", "ab" * 32, {"n": 1})
    ListingStore(root).keep("cd" * 32, {"sizes": np.arange(3)})
    old = root / "v1" / ("ef" * 16)
    old.mkdir(parents=True)
    (old / f"{'01' * 32}.safetensors").write_bytes(b"templates of the first format")
    return root


def add_foreign(root: Path) -> list[Path]:
    """Files and links that are not ours, in every folder where somebody may put them."""
    (elsewhere := root.with_name("elsewhere")).mkdir()
    (elsewhere / f"{'ab' * 32}.safetensors").write_bytes(b"somebody's model")
    spec = folder_of(root, "templates", SPEC.sha256)
    foreign = [root / "holiday\n.jpg", root / "v2/notes.txt", spec / "model.safetensors", spec / ".hidden"]
    for path in foreign:
        path.write_bytes(b"mine")
    links = [root / "v3", root / "v2/listings" / ("ab" * 32), root / "v2/templates" / ("cd" * 16)]
    for link in links:
        link.symlink_to(elsewhere)
    file_link = spec / f"{'ef' * 32}.safetensors"
    file_link.symlink_to(elsewhere / f"{'ab' * 32}.safetensors")
    return [*foreign, *links, file_link]


def folder_of(root: Path, kind: str, sha256: str) -> Path:
    return root / "v2" / kind / sha256[:32]


def files_in(root: Path) -> set[Path]:
    return {path for path in root.rglob("*") if not path.is_dir() or path.is_symlink()}


def without_sizes(text: str) -> str:
    return re.sub(r"[\d.]+ k?B$", lambda size: "SIZE".rjust(len(size[0])), text, flags=re.MULTILINE)


# ---------------------------------------------------------------------------------------------------- info


def test_info_of_a_store_that_is_not_there_makes_none(faceleak: Faceleak, tmp_path: Path) -> None:
    assert faceleak("info") == (0, "store: store\nNothing is kept.\n", "")
    assert list(tmp_path.iterdir()) == []


INFO = f"""\
store: store
11 files,   SIZE

templates
  dlib-resnet                     4 images          4 faces       SIZE
      spec {SPEC.sha256[:12]}, weights 55533b28a958, 2 shards, fp32 on cpu
      mtcnn (facenet-pytorch 2.5.3, min face 20, thresholds 0.6 0.7 0.7): five
      points to dlib-150
  phash                            1 image          2 faces       SIZE
      spec {HASH.sha256[:12]}, weights 55533b28a958, 1 shard, fp32 on cpu
      none

screens
  clip                            2 images                        SIZE
      spec {SCREEN.sha256[:12]}, weights abababababab, 1 shard, fp32 on cpu
      a photograph of a child

besides
  v1                                1 file                        SIZE
      written by another version of faceleak-check, and not read by this one
  listings                          1 file                        SIZE
  surveys                           1 file                        SIZE
"""


def test_info_tells_what_is_kept(faceleak: Faceleak, store: Path) -> None:
    status, output, errors = faceleak("info")
    assert (status, without_sizes(output), errors) == (0, INFO, "")
    assert max(map(len, output.splitlines())) <= 80


def test_info_names_what_is_not_ours_and_counts_none_of_it(faceleak: Faceleak, store: Path) -> None:
    _, before, _ = faceleak("info")
    foreign = add_foreign(store)
    _, output, _ = faceleak("info")
    names = sorted(str(path.relative_to(store)).replace("\n", "\\n") for path in foreign)
    known, _, others = output.partition("\nnot ours, and left alone: ")
    assert known == before
    assert sorted(line.strip() for line in others.splitlines()[1:]) == names


def test_a_damaged_spec_and_shard_are_no_trouble(faceleak: Faceleak, store: Path) -> None:
    folder = folder_of(store, "screens", SCREEN.sha256)
    (folder / "spec.json").write_bytes(b"{}")
    (shard,) = folder.glob("*.safetensors")
    shard.write_bytes(b"torn")
    _, output, _ = faceleak("info")
    lines = without_sizes(output).splitlines()
    place = lines.index("screens")
    assert lines[place + 1 : place + 4] == [
        "  unknown                         0 images                         SIZE",
        f"      spec {SCREEN.sha256[:12]}, weights none, 1 shard, its spec is lost",
        "",
    ]


# -------------------------------------------------------------------------------------------------- verify


def test_a_whole_store_is_verified(faceleak: Faceleak, store: Path) -> None:
    assert faceleak("verify") == (0, "4 shards hashed, none of them damaged.\n", "")


def damaged_as_by_a_disk(root: Path) -> Path:
    """Alters a shard and has the note say that all is as it was; returns the shard."""
    folder = folder_of(root, "templates", SPEC.sha256)
    shard = max(folder.glob("*.safetensors"), key=lambda path: path.stat().st_size)
    data = bytearray(shard.read_bytes())
    data[-1] ^= 1
    shard.write_bytes(data)
    found = {path.name: path.stat() for path in folder.glob("*.safetensors")}
    stamps = {
        name: [one.st_size, one.st_mtime_ns, one.st_ctime_ns, one.st_ino] for name, one in found.items()
    }
    NoteStore(root).put(f"templates/{folder.name}", "verified", stamps)
    return shard


def test_what_a_disk_has_altered_is_found_named_and_computed_again(faceleak: Faceleak, store: Path) -> None:
    shard = damaged_as_by_a_disk(store)
    assert DiskTemplateStore(store, SPEC).damaged == (), "times and size say that nothing has changed"
    told = (
        f"damaged: {shard.relative_to(store)}\n"
        "Damaged: 1 of 4 shards. The next run that needs their images computes\n"
        "them again and takes the damaged files away; nothing else is to be done.\n"
    )
    assert faceleak("verify") == (1, told, "")
    again = DiskTemplateStore(store, SPEC)
    assert again.damaged == (shard.name,)
    with again.embedding():
        assert not shard.exists()
        again.add(digests("a", "b", "c"), found(2, 0, 1))
    assert faceleak("verify") == (0, "4 shards hashed, none of them damaged.\n", "")


def test_shards_of_a_lost_spec_and_unsound_ones(faceleak: Faceleak, store: Path) -> None:
    folder = folder_of(store, "templates", SPEC.sha256)
    (folder / "spec.json").unlink()
    assert faceleak("verify")[0] == 0
    (first, _) = sorted(folder.glob("*.safetensors"))
    other = folder_of(store, "screens", SCREEN.sha256) / first.name
    other.write_bytes(first.read_bytes())
    status, output, _ = faceleak("verify")
    assert (status, output.splitlines()[0]) == (1, f"damaged: {other.relative_to(store)}")


# --------------------------------------------------------------------------------------------------- purge


def answer(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    reading, writing = os.pipe()
    os.write(writing, text.encode())
    os.close(writing)
    monkeypatch.setattr("sys.stdin", os.fdopen(reading, encoding="utf-8"))


@pytest.mark.parametrize("text", ["n\n", "\n", ""])
def test_nothing_is_deleted_without_a_yes(
    text: str, faceleak: Faceleak, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = files_in(store)
    answer(monkeypatch, text)
    status, output, errors = faceleak("purge")
    sys.stdin.close()
    assert (status, "Aborted." in errors) == (1, True)
    assert without_sizes(output.replace("Delete for good? [y/N]: ", "")).splitlines()[0] == "store: store"
    assert files_in(store) == before


def test_a_yes_deletes_everything_of_ours(
    faceleak: Faceleak, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(monkeypatch, "y\n")
    status, output, errors = faceleak("purge")
    sys.stdin.close()
    assert (status, errors) == (0, "")
    output = re.sub(r"[\d.]+ kB", "SIZE", output).replace("Delete for good? [y/N]: ", "")
    assert output == ("store: store\nto delete: 11 files, SIZE: clip, dlib-resnet, phash\nDeleted.\n")
    assert list(store.iterdir()) == []
    assert faceleak("purge") == (0, "There is nothing to delete.\n", "")


def test_what_is_not_ours_is_named_and_left(faceleak: Faceleak, store: Path) -> None:
    foreign = add_foreign(store)
    status, output, _ = faceleak("purge", "--yes")
    assert (status, "not ours, and left alone: 8" in output) == (0, True)
    assert files_in(store) == set(foreign)
    assert [path.name for path in store.with_name("elsewhere").iterdir()] == [f"{'ab' * 32}.safetensors"]


@pytest.mark.parametrize("meant", ["dlib-resnet", SPEC.sha256[:12], SPEC.sha256[:32]])
def test_one_embedders_templates_alone(meant: str, faceleak: Faceleak, store: Path) -> None:
    before = files_in(store)
    status, output, _ = faceleak("purge", "--spec", meant, "--yes")
    folder = folder_of(store, "templates", SPEC.sha256)
    assert (status, output.splitlines()[-1], folder.exists()) == (0, "Deleted.", False)
    assert files_in(store) == {path for path in before if folder not in path.parents}


def test_a_spec_that_is_not_there_is_an_error_with_a_suggestion(faceleak: Faceleak, store: Path) -> None:
    before = files_in(store)
    told = (
        "faceleak: nothing is kept of 'dlib-resnt' (did you mean 'dlib-resnet'?); there are: clip, dlib-resnet, "
        "phash\n"
    )
    assert faceleak("purge", "--spec", "dlib-resnt", "--yes") == (2, "", told)
    assert faceleak("purge", "--spec", SPEC.sha256[:7], "--yes")[0] == 2
    assert files_in(store) == before


def test_a_spec_of_an_empty_store(faceleak: Faceleak) -> None:
    expected = "faceleak: nothing is kept of 'clip'; there is nothing at all\n"
    assert faceleak("purge", "--spec", "clip", "--yes") == (2, "", expected)


def test_only_what_is_old(faceleak: Faceleak, store: Path) -> None:
    folder = folder_of(store, "templates", SPEC.sha256)
    first, second = sorted(folder.glob("*.safetensors"))
    screens = folder_of(store, "screens", SCREEN.sha256)
    (survey,) = (store / "v2/surveys").iterdir()
    for path in (first, survey, *screens.iterdir()):
        os.utime(path, (time.time() - 31 * 24 * 3600,) * 2)
    status, _, _ = faceleak("purge", "--older-than", "30", "--yes")
    assert status == 0
    assert (first.exists(), second.exists(), survey.exists(), screens.exists()) == (False, True, False, False)
    assert (folder / "spec.json").exists()
    assert len(DiskTemplateStore(store, SPEC)) in (1, 3)
    assert (store / "v2/listings").exists()
    assert faceleak("purge", "--older-than", "30", "--yes")[1] == "There is nothing to delete.\n"


HOLDER = """
import sys, test_cache_command as t
with t.DiskTemplateStore(t.Path(sys.argv[1]), t.SPEC).embedding():
    print("held", flush=True)
    sys.stdin.read()
"""


@contextlib.contextmanager
def another_run(store: Path) -> Iterator[None]:
    """A process that embeds with `SPEC`."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(store)],
        cwd=Path(__file__).parent,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        yield


def test_while_a_run_is_at_work_nothing_is_deleted(faceleak: Faceleak, store: Path) -> None:
    before = files_in(store)
    with another_run(store):
        assert faceleak("info")[0] == faceleak("verify")[0] == 0
        status, _, errors = faceleak("purge", "--yes")
        assert (status, errors) == (
            2,
            "faceleak: a run is at work with 'dlib-resnet': nothing was deleted; try again when it has ended\n",
        )
        assert before <= files_in(store)
        assert faceleak("purge", "--spec", "phash", "--yes")[0] == 0, "nobody is at work with this one"
    assert faceleak("purge", "--yes")[0] == 0
    assert list(store.iterdir()) == []


def test_who_has_a_store_open_keeps_its_templates(faceleak: Faceleak, store: Path) -> None:
    opened = DiskTemplateStore(store, SPEC)
    kept = opened.get(np.frombuffer(bytes.fromhex("".join(digests("a"))), np.uint8).reshape(1, 32))
    assert faceleak("purge", "--yes")[0] == 0
    np.testing.assert_array_equal(kept.templates.vectors, found(2).templates.vectors)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may look into every folder")
def test_a_store_that_cannot_be_read(faceleak: Faceleak, store: Path) -> None:
    store.chmod(0)
    try:
        status, _, errors = faceleak("info")
    finally:
        store.chmod(stat.S_IRWXU)
    assert (status, errors.splitlines()[0]) == (
        2,
        "faceleak: the template store cannot be read: Permission denied",
    )


def test_a_file_in_the_place_of_the_store(faceleak: Faceleak, tmp_path: Path) -> None:
    (tmp_path / "store").write_bytes(b"")
    told = (
        "faceleak: the template store cannot be read: Not a directory\n"
        "store: choose another folder with --faceleak-store DIR or FACELEAK_STORE, or free some space.\n"
    )
    assert faceleak("info") == (2, "", told)


# -------------------------------------------------------------------------------------------- shared stores


@pytest.fixture
def shared(faceleak: Faceleak) -> Iterator[str]:
    url = "memory://faceleak-cache/store"
    fill(store_root(url))
    yield url
    with contextlib.suppress(FileNotFoundError):
        fsspec.filesystem("memory").rm("/faceleak-cache", recursive=True)


def shared_names() -> list[str]:
    try:
        return sorted(fsspec.filesystem("memory").find("/faceleak-cache"))
    except FileNotFoundError:
        return []


def test_a_shared_store_is_shown_by_this_machines_copy(faceleak: Faceleak, shared: str) -> None:
    _, output, _ = faceleak("info", "--store", shared)
    lines = output.splitlines()
    assert lines[:2] == [f"store: {shared}", f"copy of this machine: {local_folder(store_root(shared))}"]
    assert "  dlib-resnet                     4 images          4 faces" in output
    status, output, _ = faceleak("verify", "--store", shared)
    assert (status, output) == (0, "4 shards hashed, none of them damaged.\n")


@pytest.mark.parametrize("has_copy", [True, False])
def test_a_shared_store_is_purged_on_all_machines(has_copy: bool, faceleak: Faceleak, shared: str) -> None:
    files = fsspec.filesystem("memory")
    files.pipe_file("/faceleak-cache/store/v2/notes.txt", b"mine")
    copy = local_folder(store_root(shared))
    if not has_copy:
        shutil.rmtree(copy)
    status, output, _ = faceleak("purge", "--store", shared, "--yes", "--spec", "dlib-resnet")
    assert (status, output.splitlines()[-1]) == (0, "Deleted.")
    assert not [name for name in shared_names() if SPEC.sha256[:32] in name]
    assert [name for name in shared_names() if SCREEN.sha256[:32] in name]
    assert faceleak("purge", "--store", shared, "--yes")[0] == 0
    assert shared_names() == ["/faceleak-cache/store/v2/notes.txt"]
    assert not copy.exists() or list(copy.iterdir()) == []


def test_nobody_knows_how_old_shared_files_are(faceleak: Faceleak, shared: str) -> None:
    assert faceleak("purge", "--store", shared, "--yes", "--older-than", "3") == (
        2,
        "",
        "faceleak: --older-than: when a file of a shared store was written is not known; leave it out\n",
    )
