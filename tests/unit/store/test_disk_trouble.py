from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tiny_store import (
    ADVICE,
    SPEC,
    digests,
    folder_of,
    missing,
    run_python,
    shards,
    templates,
)

from faceleak_check.errors import StoreError
from faceleak_check.store.folders import FORMAT
from faceleak_check.store.templates import DiskTemplateStore


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs /proc, where nobody can make a folder")
def test_a_root_that_cannot_be_made_is_a_store_error() -> None:
    root = Path("/proc/faceleak")
    with pytest.raises(StoreError) as refused:
        DiskTemplateStore(root, SPEC)
    assert refused.value.message == "the template store cannot be made: No such file or directory"
    assert refused.value.detail == f"{folder_of(root)}: {ADVICE}"


@pytest.mark.parametrize("place", ["root", "version", "kind", "spec", "above"])
def test_a_file_in_the_place_of_a_folder_is_a_store_error(place: str, root: Path, tmp_path: Path) -> None:
    file = {
        "root": root,
        "version": root / FORMAT,
        "kind": root / FORMAT / "templates",
        "spec": folder_of(root),
        "above": tmp_path / "file",
    }[place]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"")
    asked = tmp_path / "file" / "store" if place == "above" else root
    words = "Not a directory" if place == "above" else "File exists"
    with pytest.raises(StoreError) as refused:
        DiskTemplateStore(asked, SPEC)
    assert str(refused.value) == (f"the template store cannot be made: {words}\n{folder_of(asked)}: {ADVICE}")


def test_a_store_that_goes_away_is_a_store_error(root: Path, store: DiskTemplateStore) -> None:
    root.rename(root.with_name("elsewhere"))
    for verb, act in {
        "read": store.refresh,
        "written": lambda: store.add(digests("a"), templates(1)),
    }.items():
        with pytest.raises(StoreError) as refused:
            act()
        assert str(refused.value) == (
            f"the template store cannot be {verb}: No such file or directory\n{folder_of(root)}: {ADVICE}"
        )
    assert missing(store, "a") == ["a"]


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import tiny_store as t
from faceleak_check.errors import StoreError
store = t.DiskTemplateStore(Path(sys.argv[2]), t.SPEC)
store.add(t.digests("a"), t.templates(1))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
try:
    store.add(t.digests(*range(1000)), t.templates(1000))
except StoreError as error:
    print(error)
print(len(store))
"""


def test_a_file_that_cannot_grow_is_a_store_error_and_leaves_nothing_behind(root: Path) -> None:
    ran = run_python(FULL_DISK, Path(__file__).parent, root)
    folder = folder_of(root)
    assert ran.stdout == f"the template store cannot be written: File too large\n{folder}: {ADVICE}\n1\n", (
        ran.stderr
    )
    (shard,) = shards(root)
    assert sorted(path.name for path in folder.iterdir()) == sorted(["spec.json", shard.name])


def in_a_mount(root: Path, mount: str, code: str) -> str:
    """Runs code in a name space of its own, after a shell command that mounts something on the store."""
    python = f'{sys.executable} -c "$1" {Path(__file__).parent} "$2"'
    command = [
        "unshare",
        "--map-root-user",
        "--mount",
        "sh",
        "-c",
        f"set -e; {mount}; {python}",
        "sh",
        code,
        str(root),
    ]
    try:
        ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    except FileNotFoundError:
        pytest.skip("needs the command `unshare`, which is not there")
    if "unshare" in ran.stderr or "mount" in ran.stderr:
        pytest.skip(f"this system lets nobody mount: {ran.stderr.strip()}")
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


NO_SPACE = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import tiny_store as t
from faceleak_check.errors import StoreError
root = Path(sys.argv[2])
store = t.DiskTemplateStore(root, t.SPEC)
store.add(t.digests("a"), t.templates(1))
try:
    store.add(t.digests(*range(10_000)), t.templates(10_000))
except StoreError as error:
    print(error)
print(len(store), len(t.DiskTemplateStore(root, t.SPEC)), len(list(store.folder.iterdir())))
"""


def test_a_full_disk_is_a_store_error_and_leaves_nothing_behind(root: Path) -> None:
    root.mkdir()
    printed = in_a_mount(root, 'mount -t tmpfs -o size=64k none "$2"', NO_SPACE)
    message = f"the template store cannot be written: No space left on device\n{folder_of(root)}: {ADVICE}\n"
    assert printed == f"{message}1 1 2\n"


READ_ONLY = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import tiny_store as t
from faceleak_check.errors import StoreError
store = t.DiskTemplateStore(Path(sys.argv[2]), t.SPEC)
with store.embedding():
    t.assert_same(store.get(t.keys("a", "b")), t.templates(2))
    try:
        store.add(t.digests("c"), t.templates(1))
    except StoreError as error:
        print(error)
"""


def test_a_read_only_store_gives_what_it_has_and_refuses_more(root: Path, store: DiskTemplateStore) -> None:
    store.add(digests("a", "b"), templates(2))
    bind = 'mount --bind "$2" "$2"; mount -o remount,bind,ro "$2"'
    printed = in_a_mount(root, bind, READ_ONLY)
    assert printed == (
        f"the template store cannot be written: Read-only file system\n{folder_of(root)}: {ADVICE}\n"
    )
