from __future__ import annotations

import json
import os
import resource
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from faceleak_check.errors import StoreError
from faceleak_check.store.notes import NoteStore

KEY, OTHER_KEY = "ab" * 32, "cd" * 32
NOTE = {"align": "mtcnn", "share": 0.1 + 0.2, "n": 3, "why": "Gesichter ü", "sampled": [1, 2.5, None, True]}
ADVICE = "choose another folder with --faceleak-store DIR or FACELEAK_STORE, or free some space."


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def notes(root: Path) -> NoteStore:
    return NoteStore(root)


@pytest.fixture
def file(root: Path, notes: NoteStore) -> Path:
    notes.put("surveys", KEY, NOTE)
    return root / "v2" / "surveys" / f"{KEY}.json"


def test_a_note_is_given_back_as_it_was(root: Path, file: Path) -> None:
    assert NoteStore(root).get("surveys", KEY) == NOTE
    assert json.loads(file.read_bytes())["data"] == NOTE


def test_what_was_not_noted_is_absent_and_asking_writes_nothing(root: Path, notes: NoteStore) -> None:
    assert notes.get("surveys", KEY) is None
    assert not root.exists()


def test_a_later_note_takes_the_place_of_an_earlier_one(notes: NoteStore, file: Path) -> None:
    notes.put("surveys", KEY, {"align": "none"})
    assert notes.get("surveys", KEY) == {"align": "none"}
    assert list(file.parent.iterdir()) == [file]


def test_kinds_and_keys_are_apart(notes: NoteStore, file: Path) -> None:
    notes.put("surveys", OTHER_KEY, {"n": 1})
    notes.put("walks", KEY, {"n": 2})
    assert notes.get("surveys", KEY) == NOTE
    assert (notes.get("surveys", OTHER_KEY), notes.get("walks", KEY)) == ({"n": 1}, {"n": 2})
    assert notes.get("walks", OTHER_KEY) is None


def test_only_the_owner_may_look(root: Path) -> None:
    before = os.umask(0)
    try:
        NoteStore(root).put("surveys", KEY, NOTE)
    finally:
        os.umask(before)
    modes = {
        path.relative_to(root).as_posix(): stat.S_IMODE(path.stat().st_mode)
        for path in [root, *root.rglob("*")]
    }
    assert modes == {".": 0o700, "v2": 0o700, "v2/surveys": 0o700, f"v2/surveys/{KEY}.json": 0o600}


def write(data: bytes) -> Callable[[Path], object]:
    return lambda file: file.write_bytes(data)


def alter_a_figure(file: Path) -> None:
    data = file.read_bytes()
    assert data.count(b'"n": 3') == 1
    file.write_bytes(data.replace(b'"n": 3', b'"n": 4'))


def replace_by_a_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def replace_by_a_pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


def replace_by_a_dangling_link(file: Path) -> None:
    file.unlink()
    file.symlink_to("nowhere")


@pytest.mark.parametrize(
    "damage",
    [
        write(b""),
        write(b"no JSON"),
        write(b"\xff\xfe\x00"),
        write(b"[" * 100_000),
        write(b"[]"),
        write(b'{"align": "none"}'),
        write(b'{"data": {"align": "none"}}'),
        write(b'{"data": [], "sha256": ""}'),
        lambda file: file.write_bytes(file.read_bytes()[:-3]),
        alter_a_figure,
        replace_by_a_folder,
        replace_by_a_pipe,
        replace_by_a_dangling_link,
    ],
)
def test_a_damaged_or_foreign_file_counts_as_absent(
    damage: Callable[[Path], Any], notes: NoteStore, file: Path
) -> None:
    damage(file)
    assert notes.get("surveys", KEY) is None


def test_a_note_under_another_name_counts_as_absent(notes: NoteStore, file: Path) -> None:
    file.with_name(f"{OTHER_KEY}.json").write_bytes(file.read_bytes())
    assert notes.get("surveys", OTHER_KEY) is None


def test_a_damaged_note_can_be_written_again(notes: NoteStore, file: Path) -> None:
    file.write_bytes(b"torn")
    notes.put("surveys", KEY, NOTE)
    assert notes.get("surveys", KEY) == NOTE


@pytest.mark.parametrize("place", ["", "v2", "v2/surveys"])
def test_a_file_in_the_place_of_a_folder_is_a_store_error(place: str, root: Path, notes: NoteStore) -> None:
    (root / place).parent.mkdir(parents=True, exist_ok=True)
    (root / place).write_bytes(b"")
    with pytest.raises(StoreError) as refused:
        notes.put("surveys", KEY, NOTE)
    assert str(refused.value) == (
        f"the template store cannot be written: File exists\n{root / 'v2' / 'surveys'}: {ADVICE}"
    )
    assert notes.get("surveys", KEY) is None


def test_a_folder_in_the_place_of_a_note_is_a_store_error_and_leaves_nothing_behind(
    notes: NoteStore, file: Path
) -> None:
    replace_by_a_folder(file)
    with pytest.raises(StoreError) as refused:
        notes.put("surveys", KEY, NOTE)
    assert (
        str(refused.value) == f"the template store cannot be written: Is a directory\n{file.parent}: {ADVICE}"
    )
    assert list(file.parent.iterdir()) == [file]


def test_a_note_that_cannot_be_read_is_a_store_error(notes: NoteStore, file: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (1, hard))
    try:
        with pytest.raises(StoreError) as refused:
            notes.get("surveys", KEY)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert str(refused.value) == (
        f"the template store cannot be read: Too many open files\n{file.parent}: {ADVICE}"
    )
