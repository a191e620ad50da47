"""A disk that is full: the verdict is inconclusive, the message says which disk, and with room the next run is right.

The disk is a real one of a few kilobytes, in memory; making it takes the right to mount. Where that is not given the
same is tried with errors at every step that would change a file.
"""

from __future__ import annotations

import errno
import os
import random
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fault_project import GATE, SPEC, FaultProject, tree, write_pictures

SEED = 7
Disk = Callable[[Path, int], Path]
NO_SPACE = "No space left on device"
STORE_ADVICE = "choose another folder with --faceleak-store DIR or FACELEAK_STORE, or free some space."
MOVE = ("faceleak", "quarantine", "faceleak-evidence", "--move-to=disk/away")


@pytest.fixture
def disk() -> Iterator[Disk]:
    """Mounts a disk of some kilobytes on a folder."""
    mounted: list[Path] = []

    def mount(folder: Path, kilobytes: int) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        made = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k,mode=700", "tmpfs", folder],
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode:
            pytest.skip(f"needs the right to mount a small disk: {made.stderr.strip()}")
        mounted.append(folder)
        return folder

    yield mount
    for folder in reversed(mounted):
        subprocess.run(["umount", "--lazy", folder], check=True)


def fill(folder: Path) -> None:
    """Leaves no byte free."""
    descriptor = os.open(folder / "filler", os.O_WRONLY | os.O_CREAT)
    try:
        while True:
            os.write(descriptor, b"x" * 4096)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
    finally:
        os.close(descriptor)


def make_room(folder: Path) -> None:
    (folder / "filler").unlink()


def require_next_run_right(project: FaultProject) -> None:
    project.gate()
    assert project.outcome == "leak"


def test_the_store(project: FaultProject, disk: Disk) -> None:
    place = disk(project.path / "store", 64)
    fill(place)
    ran = project.gate()
    assert ran.status == 1
    lines = project.shown(ran)
    assert f"INCONCLUSIVE: the template store cannot be made: {NO_SPACE}" in lines
    folder = f"PROJECT/store/v2/templates/{SPEC}"
    assert f"{folder}: {STORE_ADVICE}" in lines
    assert "Traceback" not in ran.output
    assert project.outcome == "inconclusive"
    assert f"the template store cannot be made: {NO_SPACE}" in (project.path / "out.xml").read_text()
    make_room(place)
    require_next_run_right(project)


def test_the_store_in_the_middle_of_a_shard(project: FaultProject, disk: Disk) -> None:
    """The folders and the spec still fit; the templates of 60 pictures do not."""
    write_pictures(project.path / "generated", [f"many{n:03}.png" for n in range(60)], seed=SEED)
    place = disk(project.path / "store", 48)
    ran = project.gate()
    assert ran.status == 1
    assert f"INCONCLUSIVE: the template store cannot be written: {NO_SPACE}" in project.shown(ran)
    assert "Traceback" not in ran.output
    assert project.outcome == "inconclusive"
    assert list(place.rglob("*.tmp")) == []
    assert "none of them damaged" in project.run("faceleak", "cache", "verify").output
    subprocess.run(["mount", "-o", "remount,size=8m", place], check=True)
    require_next_run_right(project)


def test_the_evidence_folder(project: FaultProject, disk: Disk) -> None:
    place = disk(project.path / "faceleak-evidence", 64)
    fill(place)
    ran = project.gate()
    assert ran.status == 4
    assert [line for line in project.shown(ran) if line] == [
        f"ERROR: the evidence cannot be written: {NO_SPACE}",
        "PROJECT/faceleak-evidence: choose another folder with --faceleak-evidence DIR, or free some space.",
    ]
    assert not (project.path / "store").exists(), "no work is done in vain"
    make_room(place)
    subprocess.run(["mount", "-o", "remount,size=8m", place], check=True)
    require_next_run_right(project)


def test_the_evidence_folder_has_room_for_the_pairs_alone(project: FaultProject, disk: Disk) -> None:
    project.without_leaks()
    project.one_check()
    disk(project.path / "faceleak-evidence", 20)
    ran = project.gate()
    assert ran.status == 1
    lines = project.shown(ran)
    assert f"ERROR: the evidence cannot be written: {NO_SPACE}" in lines
    assert "Traceback" not in ran.output
    assert project.outcome == ""
    assert not (project.path / "faceleak-evidence/statement.json").exists()
    assert '<error message="collection failure">the evidence cannot be written' in (
        project.path / "out.xml"
    ).read_text(encoding="utf-8")


def test_the_junit_file(project: FaultProject, disk: Disk) -> None:
    project.without_leaks()
    project.one_check()
    place = disk(project.path / "reports", 64)
    (place / "out.xml").touch()
    fill(place)
    ran = project.run("pytest", "--faceleak-policy=release.yaml", "--junitxml=reports/out.xml")
    assert ran.status == 1
    lines = project.shown(ran)
    assert lines[lines.index(f"ERROR: the JUnit file cannot be written: {NO_SPACE}") + 1] == (
        "PROJECT/reports/out.xml: choose another file with --junitxml FILE, or free some space."
    )
    assert "Traceback" not in ran.output
    assert "  PASS         leak_count[generated-vs-training]      0  <= 0" in lines
    assert not (place / "out.xml").exists()
    make_room(place)
    ran = project.run("pytest", "--faceleak-policy=release.yaml", "--junitxml=reports/out.xml")
    assert ran.status == 0


WRITERS = {
    "thresholds": (
        ("faceleak", "calibrate", "release.yaml", "--write=disk/t.yaml"),
        "faceleak: disk/t.yaml cannot be written: No space left on device; choose another file, or free some space",
    ),
    "templates": (
        ("faceleak", "embed", "release.yaml", "training", "--write=disk/t.npz"),
        "faceleak: disk/t.npz cannot be written: No space left on device; choose another file, or free some space",
    ),
    "list of files": (
        ("faceleak", "quarantine", "faceleak-evidence", "--write=disk/list.txt"),
        "faceleak: disk/list.txt cannot be written: No space left on device; choose another file, or free some space",
    ),
    "page": (
        ("faceleak", "report", "faceleak-evidence", "--write=disk/page.html"),
        (
            "disk/page.html: free some space, or write it elsewhere: faceleak report faceleak-evidence/evidence.json "
            "--write FILE"
        ),
    ),
    "policy": (
        ("faceleak", "init", "disk/new.yaml"),
        (
            "faceleak: 'disk/new.yaml' cannot be written: No space left on device; name another file, or free some "
            "space"
        ),
    ),
    "demo": (
        ("faceleak", "demo", "disk/demo"),
        "faceleak: disk/demo cannot be written: No space left on device; name another folder, or free some space",
    ),
}


@pytest.mark.parametrize(
    "what",
    [pytest.param(name, marks=pytest.mark.needs("demo")) if name == "demo" else name for name in WRITERS],
)
def test_a_file_that_the_user_names(ran: FaultProject, disk: Disk, what: str) -> None:
    command, expected = WRITERS[what]
    place = disk(ran.path / "disk", 16)
    fill(place)
    failed = ran.run(*command)
    assert failed.status == 2, failed.output
    assert ran.shown(failed)[-1] == expected
    assert "Traceback" not in failed.output
    make_room(place)
    assert [name for name in tree(place) if not name.startswith("demo/")] == []


def test_the_quarantine(ran: FaultProject, disk: Disk) -> None:
    """The folders of the quarantine still fit; nothing is lost, and with room the same command moves the rest."""
    pictures = tree(ran.path / "generated")
    place = disk(ran.path / "disk", 24)
    (ran.path / "big.png").write_bytes(random.Random(SEED).randbytes(4096 * 4))
    shutil.move(ran.path / "big.png", place / "filler")
    failed = ran.run(*MOVE)
    assert failed.status == 2, failed.output
    assert ran.shown(failed)[-1].startswith(
        "faceleak: files cannot be moved to PROJECT/disk/away: No space left on device; "
    )
    assert ran.shown(failed)[-1].endswith(", and the same command moves the rest")
    kept = tree(ran.path / "generated") | tree(place / "away")
    assert all(kept[name] == digest for name, digest in pictures.items())
    make_room(place)
    assert ran.run(*MOVE).status == 0
    assert not any(name.endswith(".tmp") for name in tree(place))
    assert len(tree(ran.path / "generated")) == len(pictures) - 2


def test_standard_output(ran: FaultProject) -> None:
    """What a command found is not told, so it did not end well."""
    code = "import os; os.dup2(os.open('/dev/full', os.O_WRONLY), 1)"
    failed = ran.run("faceleak", "verify", "faceleak-evidence", "--generated=generated", code=code)
    assert (failed.status, failed.output) == (
        2,
        (
            "faceleak: the system refused a file or a service: No space left on device\n"
            "see that what the run reads and writes stays there, and that there is room for it.\n"
        ),
    )


def test_models(tmp_path: Path, disk: Disk) -> None:
    from http_files import serving

    from faceleak_check.model_files.sources import AtUrl, Unreachable

    data = random.Random(SEED).randbytes(1 << 18)
    place = disk(tmp_path / "models", 64)
    with serving({"weights.pt": data}) as server:
        source = AtUrl(url=server.url("weights.pt"), folder=place)
        with pytest.raises(Unreachable) as refused:
            source.fetch(10)
        assert str(refused.value) == "the download failed (No space left on device)"
        assert (source.find(), tree(place)) == (None, {})
        subprocess.run(["mount", "-o", "remount,size=8m", place], check=True)
        assert source.fetch(10).read_bytes() == data


def test_errors_at_any_step(project: FaultProject, pristine: Any, tmp_path: Path, long: bool) -> None:
    """No disk is needed for this: from some step on the system refuses every change of a file."""
    n_steps = project.gate().n_steps
    moments = random.Random(SEED)
    steps = range(1, n_steps + 1) if long else [moments.randint(20, n_steps - 10) for _ in range(2)]
    for step in steps:
        project = pristine.copied(tmp_path / "project")
        number = (errno.ENOSPC, errno.EDQUOT, errno.EIO)[step % 3]
        refused = project.gate(step=step, error=number, lasts=True)
        assert refused.status in (1, 4), step
        assert "Traceback" not in refused.output, refused.output
        assert "INTERNALERROR" not in refused.output, refused.output
        if (
            os.strerror(number) not in refused.output
        ):  # the very last steps, with which a whole run takes leave
            assert step > n_steps - 3, step
            require_all_written(project)
        assert project.outcome in ("", "inconclusive", "leak")
        if step % 8 == 0 or not long:
            assert project.gate().status == 1
            assert project.outcome == "leak"


def test_errors_that_would_let_a_run_pass_do_not(
    project: FaultProject, pristine: Any, tmp_path: Path, long: bool
) -> None:
    """Without leaks: whatever cannot be written, the run is no success, but for what is kept to save time alone."""
    project.without_leaks()
    n_steps = project.gate().n_steps
    moments = random.Random(SEED)
    steps = range(1, n_steps + 1) if long else [moments.randint(1, n_steps) for _ in range(2)]
    for step in steps:
        project = pristine.copied(tmp_path / "project")
        project.without_leaks()
        refused = project.run(*GATE, step=step, error=errno.ENOSPC)
        assert "Traceback" not in refused.output, refused.output
        if refused.status == 0:
            assert project.outcome == "pass"
            require_all_written(project)


def require_all_written(project: FaultProject) -> None:
    """All that a whole run leaves is there."""
    files = ("evidence.json", "report.html", "statement.json")
    assert [name for name in files if not (project.path / "faceleak-evidence" / name).is_file()] == []
    assert (project.path / "out.xml").is_file()
