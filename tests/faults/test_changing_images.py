"""A set that changes while the gate runs: an image between two reads, or the folder itself. Never silent, never a hang.

The change comes just before a file is opened for the nth time: for the first when it is listed, and for the second when
it is embedded.
"""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pytest
from fault_project import FaultProject

CHANGES = {
    "another picture": "shutil.copyfile('training/p05/1.png', file)",
    "another picture of that length": "open(file, 'r+b').write(b'x')",
    "cut short": "os.truncate(file, 100)",
    "grown": "open(file, 'ab').write(b'x' * 100)",
    "gone": "os.unlink(file)",
    "a link to elsewhere": "os.unlink(file); os.symlink('/etc/hostname', file)",
    "a link to another picture": "os.unlink(file); os.symlink('g0.png', file)",
    "a folder": "os.unlink(file); os.mkdir(file)",
    "a named pipe": "os.unlink(file); os.mkfifo(file)",
    "renamed": "os.rename(file, 'generated/other.png')",
}
WHAT = {
    "gone": "1 removed",
    "a folder": "1 removed",
    "a named pipe": "1 removed",
    "renamed": "1 added, 1 removed",
}
NOT_THE_SAME = "INCONCLUSIVE: 'generated' did not stay as it was listed: "


@pytest.fixture
def project(project: FaultProject) -> FaultProject:
    """One picture leaks; a verdict without it would be a pass."""
    (project.path / "generated/more/leak1.png").unlink()
    project.one_check(keys="exclusions: {at_most: 90%}\n")
    return project


def at_open(name: str, nth: int, act: str) -> str:
    """Code that acts at the nth opening of a file."""
    head = "import os, shutil\nfile = 'generated/leak0.png'\n"
    return f"{head}at_open({name!r}, {nth}, lambda: exec({act!r}, globals()))"


@pytest.mark.parametrize("change", CHANGES)
def test_an_image_that_changes_between_listing_and_reading(project: FaultProject, change: str) -> None:
    ran = project.gate(code=at_open("leak0.png", 2, CHANGES[change]))
    assert ran.status == 1, ran.output
    lines = project.shown(ran)
    assert NOT_THE_SAME + WHAT.get(change, "1 changed") in lines
    assert "The first is 'leak0.png'. Wait until nothing is written into the folder, then run again." in lines
    assert project.outcome == "inconclusive"
    assert "Traceback" not in ran.output
    assert "leak0" not in (project.path / "out.xml").read_text(encoding="utf-8")


def test_an_image_that_changes_while_it_is_listed(project: FaultProject, long: bool) -> None:
    """Also where all else is in the store, so that nothing is embedded after it: renamed, it would be released."""
    picture = (project.path / "generated/leak0.png").read_bytes()
    for change in CHANGES if long else ("a named pipe", "renamed"):
        for store_is_full in (False, True):
            for left in project.path.glob("generated/*"):
                if left.name in ("leak0.png", "other.png"):
                    left.rmdir() if left.is_dir() else left.unlink()
            (project.path / "generated/leak0.png").write_bytes(picture)
            if store_is_full:
                assert project.gate().status == 1
                assert project.outcome == "leak"
                os.utime(project.path / "generated/leak0.png", (0, 0))
            ran = project.gate(code=at_open("leak0.png", 1, CHANGES[change]))
            assert ran.status == 1, ran.output
            assert NOT_THE_SAME + WHAT.get(change, "1 changed") in project.shown(ran)
            assert project.outcome == "inconclusive", change
            assert "Traceback" not in ran.output


def test_an_image_that_is_added_while_others_are_embedded(project: FaultProject) -> None:
    """A generator is still at work: what it adds would be released without ever having been looked at."""
    (project.path / "generated/leak0.png").unlink()
    ran = project.gate(
        code=at_open("g3.png", 2, "shutil.copyfile('training/p05/1.png', 'generated/new.png')")
    )
    assert ran.status == 1
    lines = project.shown(ran)
    assert lines[lines.index(NOT_THE_SAME + "1 added") + 1 :][:2] == [
        "PROJECT/generated (see datasets.generated at line 4, column 3 of the policy)",
        "The first is 'new.png'. Wait until nothing is written into the folder, then run again.",
    ]
    assert project.gate().status == 1
    assert project.outcome == "leak"


def test_what_is_no_image_may_come_and_go(project: FaultProject) -> None:
    ran = project.gate(code=at_open("g3.png", 2, "open('generated/notes.txt', 'w').close()"))
    assert project.outcome == "leak", ran.output


def test_a_source_image_that_goes_away(project: FaultProject) -> None:
    """Its leak would be gone with it."""
    ran = project.gate(code=at_open("p05/1.png", 2, "os.unlink('training/p00/1.png')"))
    assert ran.status == 1
    assert NOT_THE_SAME.replace("generated", "training") + "1 removed" in project.shown(ran)
    assert project.outcome == "inconclusive"


def test_an_archive_that_is_written_to(project: FaultProject) -> None:
    policy = (project.path / "release.yaml").read_text(encoding="utf-8")
    project.write("release.yaml", policy.replace("{path: generated}", "{path: set.zip, format: archive}"))
    with zipfile.ZipFile(project.path / "set.zip", "w") as archive:
        for picture in sorted((project.path / "generated").glob("g*.png")):
            archive.write(picture, picture.name)
    act = "import zipfile; zipfile.ZipFile('set.zip', 'a').write('training/p05/1.png', 'new.png')"
    ran = project.gate(code=at_open("embedding.lock", 1, act))
    assert ran.status == 1, ran.output
    assert "INCONCLUSIVE: dataset 'generated' changed while the gate ran" in project.shown(ran)
    assert project.outcome == "inconclusive"


def test_a_link_to_an_image_that_is_turned_elsewhere(project: FaultProject, tmp_path: Path) -> None:
    (project.path / "generated/link.png").symlink_to("leak0.png")
    turned = "os.unlink('generated/link.png'); os.symlink('g0.png', 'generated/link.png')"
    ran = project.gate(code=at_open("leak0.png", 2, turned))
    assert project.outcome == "leak", ran.output
