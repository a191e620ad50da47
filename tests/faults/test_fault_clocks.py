"""Clocks that go back, files from the past and from the future, and days that end while a run is at work."""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil

import pytest
from fault_project import FaultProject

from faceleak_check.records import ImageRef

PAST, FUTURE = 0, 4_102_444_800
WAIVER = """\
version: 1
waivers:
  - {{generated: {digest}, source: {digest}, reason: x, owner: y, date: 2020-01-01, expires: {expires}}}
"""
BACK = "import time; now = time.time, time.time_ns\n{body}"
YEARS_BACK = BACK.format(body="time.time = lambda: now[0]() - 1e9; time.time_ns = lambda: now[1]() - 10**18")
EVERY_LOOK_BACK = """\
import datetime, itertools
import faceleak_check.session
hours = itertools.count()

class GoingBack(datetime.datetime):
    @classmethod
    def now(cls, zone=None):
        return datetime.datetime.now(zone) - datetime.timedelta(hours=30 * next(hours))

faceleak_check.session.datetime = GoingBack
"""


@pytest.mark.parametrize("when", [PAST, FUTURE])
def test_files_from_the_past_and_from_the_future(project: FaultProject, when: int) -> None:
    """What changes in them is seen, with the same length and the same time of modification, too."""
    project.one_check()
    for name in ("leak0.png", "more/leak1.png"):
        shutil.copyfile(project.path / "unseen/u00/1.png", project.path / "generated" / name)
    for path in project.path.glob("*/**/*.png"):
        os.utime(path, (when, when))
    assert project.gate().status == 0
    hide_a_leak(project)
    assert project.gate().status == 1
    assert project.outcome == "leak"


def hide_a_leak(project: FaultProject) -> None:
    """Writes a leak into an image, and puts its length and its times back."""
    file, leak = project.path / "generated/g0.png", project.path / "training/p07/1.png"
    before, data = file.stat(), leak.read_bytes()
    size = max(before.st_size, len(data))
    file.write_bytes(data.ljust(size, b"\0"))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert file.stat().st_mtime_ns == before.st_mtime_ns


def test_an_image_that_is_rewritten_within_a_tick(project: FaultProject, long: bool) -> None:
    project.without_leaks()
    project.one_check()
    for _ in range(10 if long else 1):
        file = project.path / "generated/g0.png"
        clean = file.read_bytes()
        assert project.gate().status == 0
        hide_a_leak(project)
        assert project.gate().status == 1
        file.write_bytes(clean)


def test_a_clock_that_is_years_back(ran: FaultProject) -> None:
    before = ran.evidence()
    assert ran.gate(code=YEARS_BACK).status == 1
    assert ran.evidence() == before
    assert ran.run("faceleak", "cache", "verify", code=YEARS_BACK).status == 0


def test_a_clock_that_goes_back_while_a_run_is_at_work(ran: FaultProject) -> None:
    assert ran.gate(code=EVERY_LOOK_BACK).status == 1
    record = json.loads((ran.path / "faceleak-evidence/run.json").read_bytes())
    assert record["finished"] < record["started"]
    assert 0 < record["seconds"] < 600
    assert "</html>" in (ran.path / "faceleak-evidence/report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Etc/GMT+12"])
def test_a_waiver_ends_at_midnight_in_utc_wherever_the_gate_stands(project: FaultProject, zone: str) -> None:
    digest = digest_of(project, "training/p00/1.png")
    (project.path / "generated/more/leak1.png").unlink()
    project.one_check(keys="waivers: waivers.yaml\n")
    today = dt.datetime.now(dt.UTC).date()
    outcomes = []
    for day in (today, today - dt.timedelta(days=1)):
        project.write("waivers.yaml", WAIVER.format(digest=digest, expires=day))
        project.gate(environment={"TZ": zone})
        outcomes.append(project.outcome)
    assert outcomes == ["waived", "leak"]


def test_a_waiver_that_is_over_stays_so_for_the_whole_run(project: FaultProject) -> None:
    """A clock that goes back after the run has begun makes it no younger."""
    digest = digest_of(project, "training/p00/1.png")
    (project.path / "generated/more/leak1.png").unlink()
    project.one_check(keys="waivers: waivers.yaml\n")
    yesterday = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=1)
    project.write("waivers.yaml", WAIVER.format(digest=digest, expires=yesterday))
    code = EVERY_LOOK_BACK.replace("session", "pipeline").replace(
        "hours=30 * next(hours)", "hours=48 * next(hours)"
    )
    assert project.gate(code=code).status == 1
    assert project.outcome == "leak"


def digest_of(project: FaultProject, name: str) -> str:
    import hashlib

    data = (project.path / name).read_bytes()
    return ImageRef(id=name, sha256=hashlib.sha256(data).hexdigest()).sha256
