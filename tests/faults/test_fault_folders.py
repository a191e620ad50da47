"""Folders that cannot be written, and folders that vanish: inconclusive with a message, or no difference at all."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fault_project import SPEC, FaultProject, tree

ReadOnly = Callable[[Path], None]
STORE = f"PROJECT/store/v2/templates/{SPEC}"
STORE_ADVICE = "choose another folder with --faceleak-store DIR or FACELEAK_STORE, or free some space."


@pytest.fixture
def read_only() -> Iterator[ReadOnly]:
    """Makes a folder read-only, for root, too."""
    mounted: list[Path] = []

    def mount(folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        made = subprocess.run(
            ["mount", "--bind", folder, folder], capture_output=True, text=True, check=False
        )
        if made.returncode:
            pytest.skip(f"needs the right to mount a folder read-only: {made.stderr.strip()}")
        mounted.append(folder)
        subprocess.run(["mount", "-o", "remount,bind,ro", folder], check=True)

    yield mount
    for folder in reversed(mounted):
        subprocess.run(["umount", "--lazy", folder], check=True)


def at_open(name: str, nth: int, act: str) -> str:
    return f"import os, shutil\nat_open({name!r}, {nth}, lambda: exec({act!r}))"


def test_a_store_that_cannot_be_written(project: FaultProject, read_only: ReadOnly) -> None:
    read_only(project.path / "store")
    ran = project.gate()
    assert ran.status == 1
    assert "INCONCLUSIVE: the template store cannot be made: Read-only file system" in project.shown(ran)
    assert f"{STORE}: {STORE_ADVICE}" in project.shown(ran)
    assert project.outcome == "inconclusive"


def test_a_full_store_is_good_enough_to_read(ran: FaultProject, read_only: ReadOnly) -> None:
    before = ran.evidence()
    read_only(ran.path / "store")
    assert ran.gate().status == 1
    assert ran.evidence() == before
    refused = ran.run("faceleak", "cache", "purge", "--yes")
    assert refused.status == 2
    assert ran.shown(refused)[-2:] == [
        "faceleak: the template store cannot be written: Read-only file system",
        f"PROJECT/store: {STORE_ADVICE}",
    ]


def test_evidence_that_cannot_be_written(ran: FaultProject, read_only: ReadOnly) -> None:
    read_only(ran.path / "faceleak-evidence")
    refused = ran.gate()
    assert refused.status == 4
    assert [line for line in ran.shown(refused) if line] == [
        "ERROR: the evidence cannot be written: Read-only file system",
        "PROJECT/faceleak-evidence: choose another folder with --faceleak-evidence DIR, or free some space.",
    ]


def test_a_junit_file_that_cannot_be_written(ran: FaultProject, read_only: ReadOnly) -> None:
    """What lies there is of an earlier run, and that is said."""
    (ran.path / "reports").mkdir()
    (ran.path / "out.xml").rename(ran.path / "reports/out.xml")
    read_only(ran.path / "reports")
    failed = ran.run("pytest", "--faceleak-policy=release.yaml", "--junitxml=reports/out.xml")
    assert failed.status == 1
    lines = ran.shown(failed)
    assert lines[lines.index("ERROR: the JUnit file cannot be written: Read-only file system") + 1] == (
        "PROJECT/reports/out.xml: choose another file with --junitxml FILE, or free some space. What lies there is of "
        "an earlier run."
    )
    assert "Traceback" not in failed.output


def test_a_quarantine_of_a_folder_that_cannot_be_written(ran: FaultProject, read_only: ReadOnly) -> None:
    before = tree(ran.path / "generated")
    read_only(ran.path / "generated")
    failed = ran.run("faceleak", "quarantine", "faceleak-evidence", "--move-to=away")
    assert failed.status == 2
    assert ran.shown(failed)[-1] == (
        "faceleak: files cannot be moved to PROJECT/away: Read-only file system; 0 files were moved, and the same "
        "command moves the rest"
    )
    assert tree(ran.path / "generated") == before


VANISHING = {
    "generated set while it is embedded": ("g3.png", 2, "shutil.rmtree('generated')"),
    "generated set while it is listed": ("g3.png", 1, "shutil.rmtree('generated')"),
    "source": ("training/p05/1.png", 2, "os.rename('training', 'elsewhere')"),
    "control": ("unseen/u05/1.png", 2, "shutil.rmtree('unseen')"),
    "store": ("g3.png", 2, "shutil.rmtree('store')"),
    "store while it is listed": ("g3.png", 1, "shutil.rmtree('store')"),
    "evidence between two cases": ("unseen/u05/1.png", 2, "shutil.rmtree('faceleak-evidence')"),
    "working folder": ("g3.png", 2, "os.rename(os.getcwd(), os.getcwd() + '.moved')"),
    "all": ("unseen/u05/1.png", 2, "shutil.rmtree(os.getcwd())"),
}


@pytest.mark.parametrize("what", VANISHING)
def test_what_vanishes_never_lets_a_run_pass(project: FaultProject, what: str) -> None:
    """Without leaks: the run would pass if all stayed where it was."""
    project.without_leaks()
    name, nth, act = VANISHING[what]
    ran = project.gate(code=at_open(name, nth, act))
    assert "Traceback" not in ran.output, ran.output
    if what.startswith("store"):
        assert (ran.status, project.outcome) in ((1, "inconclusive"), (0, "pass")), ran.output
        return
    assert ran.status == 1, ran.output
    assert project.outcome != "pass", ran.output
    if what.startswith("evidence"):
        assert (
            "ERROR: the evidence is not whole: 2 of its files went away while the run was at work"
            in project.shown(ran)
        )


def test_a_command_in_a_folder_that_is_gone(ran: FaultProject) -> None:
    code = "import os, shutil; shutil.copytree('.', '../copy'); os.chdir('../copy'); shutil.rmtree('../copy')"
    failed = ran.run("faceleak", "validate", "release.yaml", code=code)
    assert (failed.status, failed.output) == (
        2,
        (
            "faceleak: the system refused a file or a service: No such file or directory\n"
            "see that what the run reads and writes stays there, and that there is room for it.\n"
        ),
    )
    shutil.rmtree(ran.path.parent / "copy", ignore_errors=True)
