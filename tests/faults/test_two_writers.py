"""Two commands at once on one store, one folder, one file: each gets what it would get alone, or is told to wait."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from fault_project import GATE, FaultProject, tree

WAITS = """\
import os, time

def wait():
    open("begun", "w").close()
    while not os.path.exists("go on"):
        time.sleep(0.01)

at_open({name!r}, {nth}, wait)
"""
QUARANTINE = ("faceleak", "quarantine", "faceleak-evidence", "--move-to=away")


def wait_until_begun(project: FaultProject) -> None:
    deadline = time.monotonic() + 60
    while not (project.path / "begun").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_second_gate_on_one_evidence_folder_is_refused(project: FaultProject) -> None:
    first = project.start(*GATE, code=WAITS.format(name="g3.png", nth=2))
    wait_until_begun(project)
    second = project.run("pytest", "--faceleak-policy=release.yaml", "--junitxml=second.xml")
    assert second.status == 4
    assert [line for line in project.shown(second) if line] == [
        "ERROR: the evidence cannot be written: another run is writing into the same folder",
        "PROJECT/faceleak-evidence: wait until it has ended, or choose another with --faceleak-evidence DIR.",
    ]
    purge = project.run("faceleak", "cache", "purge", "--yes")
    assert purge.status == 2
    assert project.shown(purge)[-1] == (
        "faceleak: a run is at work with 'fake-pixels': nothing was deleted; try again when it has ended"
    )
    project.write("go on", "")
    assert project.ended(first).status == 1
    assert project.outcome == "leak"
    assert project.gate().status == 1, "nothing is left that keeps a later run out"


def test_a_store_that_is_purged_between_two_sets_of_a_run(project: FaultProject) -> None:
    """Nobody holds it then."""
    first = project.start(*GATE, code=WAITS.format(name="unseen/u00/0.png", nth=1))
    wait_until_begun(project)
    assert project.run("faceleak", "cache", "purge", "--yes").status == 0
    project.write("go on", "")
    ran = project.ended(first)
    assert ran.status == 1
    assert "Traceback" not in ran.output
    assert project.outcome in ("leak", "inconclusive")
    project.gate()
    assert project.outcome == "leak"


WRITERS = {
    "thresholds.yaml": ("faceleak", "calibrate", "release.yaml", "--write=thresholds.yaml"),
    "training.npz": ("faceleak", "embed", "release.yaml", "training", "--write=training.npz"),
}


@pytest.mark.parametrize("file", WRITERS)
def test_two_commands_that_write_one_file(project: FaultProject, file: str) -> None:
    both = [project.start(*WRITERS[file]) for _ in range(2)]
    assert [project.ended(one).status for one in both] == [0, 0]
    data = (project.path / file).read_bytes()
    assert project.run(*WRITERS[file]).status == 0
    assert (project.path / file).read_bytes() == data
    assert list(project.path.glob(".*.tmp")) == []


def test_two_quarantines(ran: FaultProject) -> None:
    pictures = tree(ran.path / "generated")
    both = [ran.start(*QUARANTINE) for _ in range(2)]
    ended = [ran.ended(one) for one in both]
    assert all("Traceback" not in one.output for one in ended)
    assert {one.status for one in ended} <= {0, 2}
    assert ran.run(*QUARANTINE).status == 0
    away = {name: digest for name, digest in tree(ran.path / "away").items() if name.endswith(".png")}
    assert tree(ran.path / "generated") | away == pictures
    assert len(away) == 2


def test_what_is_being_written_is_not_taken_for_torn(tmp_path: Path) -> None:
    from faceleak_check.whole_files import opened_whole, remove_torn

    file = tmp_path / "thresholds.yaml"
    torn = tmp_path / f".thresholds.yaml.{'0f' * 8}.tmp"
    torn.write_text("half")
    other = tmp_path / f".other.yaml.{'0f' * 8}.tmp"
    other.write_text("of another file")
    with opened_whole(file) as opened:
        opened.write(b"whole")
        remove_torn(file)
        assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
            [other.name, Path(opened.name).name]
        )
    assert file.read_bytes() == b"whole"
    assert sorted(path.name for path in tmp_path.iterdir()) == [other.name, "thresholds.yaml"]
    with pytest.raises(FileExistsError), opened_whole(file, new=True) as opened:
        opened.write(b"another")
    assert file.read_bytes() == b"whole"
    assert sorted(path.name for path in tmp_path.iterdir()) == [other.name, "thresholds.yaml"]
