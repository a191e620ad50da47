"""Every long command, killed: nothing half written is taken for whole, and the same command then does what it should.

Half of the kills come just before a step that changes a file, so that each state between two of them can be had; the
others after a part of the time that the undisturbed command takes. One or two of each by default, 30 with ``--long``.
"""

from __future__ import annotations

import hashlib
import json
import random
import re
import shutil
import signal
import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fault_project import GATE, FaultProject, Pristine, tree
from http_files import serving

from faceleak_check.policy.waivers import read_waivers
from faceleak_check.reports.opening import open_evidence
from faceleak_check.store.shards import open_shard

SEED = 20241030
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGKILL, signal.SIGINT)
NOT_COMPARED = ("store/", "faceleak-evidence/run.json", "faceleak-evidence/report.html", "out.xml")
"""The store, which is looked into, and what says when it was."""
WEIGHTS = random.Random(SEED).randbytes(3 << 20)

ON_A_TERMINAL = """\
import os, pty, sys, threading
leader, follower = pty.openpty()
os.write(leader, b"n\\na twin\\nn\\na twin\\n")
log = os.dup(1)
for number in (0, 1):
    os.dup2(follower, number)
sys.stdin, sys.stdout = os.fdopen(0, closefd=False), os.fdopen(1, "w", closefd=False)

def pass_on():
    while True:
        os.write(log, os.read(leader, 65536))

threading.Thread(target=pass_on, daemon=True).start()
"""
DOWNLOAD = """\
from pathlib import Path
from faceleak_check.model_files.sources import AtUrl
AtUrl(url={url!r}, folder=Path("models")).fetch(10)
"""
WRITE_DEMO = """\
from pathlib import Path
from faceleak_check.demo import write_demo
write_demo(Path("demo"))
"""


@dataclass(frozen=True, kw_only=True)
class Command:
    """A command that takes its time.

    Attributes:
        words: The command.
        status: How it ends undisturbed.
        after_a_run: Whether it needs the evidence of a run.
        code: What is run first.
        n_kills: How often CI kills it.
    """

    words: tuple[str, ...]
    status: int = 0
    after_a_run: bool = True
    code: str = ""
    n_kills: int = 2


MOVE = ("faceleak", "quarantine", "faceleak-evidence", "--write=list.txt", "--csv=list.csv")
COMMANDS = {
    "gate": Command(words=GATE, status=1, n_kills=1),
    "first gate": Command(words=GATE, status=1, after_a_run=False, n_kills=1),
    "calibrate": Command(words=("faceleak", "calibrate", "release.yaml", "--write=thresholds.yaml")),
    "embed": Command(words=("faceleak", "embed", "release.yaml", "training", "--write=training.npz")),
    "quarantine": Command(words=(*MOVE, "--move-to=away")),
    "quarantine on another disk": Command(words=(*MOVE, "--move-to=DISK")),
    "report": Command(words=("faceleak", "report", "faceleak-evidence"), n_kills=1),
    "verify": Command(words=("faceleak", "verify", "faceleak-evidence", "--generated=generated")),
    "review": Command(
        words=("faceleak", "review", "faceleak-evidence", "--owner=A. Reviewer"), code=ON_A_TERMINAL
    ),
    "prefetch": Command(words=("faceleak", "schema"), code=DOWNLOAD, after_a_run=False),
    "demo": Command(words=("faceleak", "schema"), code=WRITE_DEMO, after_a_run=False, n_kills=1),
    "cache purge": Command(words=("faceleak", "cache", "purge", "--yes")),
    "cache verify": Command(words=("faceleak", "cache", "verify")),
}


@pytest.fixture(scope="module")
def weights() -> Iterator[str]:
    """The URL of a large file."""
    with serving({"weights.pt": WEIGHTS}) as server:
        yield server.url("weights.pt")


@pytest.fixture
def disk() -> Iterator[Path]:
    """A folder on another disk than the tests' own, so that files cannot be renamed or linked to it."""
    memory = Path("/dev/shm")
    if not memory.is_dir() or memory.stat().st_dev == Path(tempfile.gettempdir()).stat().st_dev:
        pytest.skip("needs /dev/shm to be another disk than the temporary folder")
    folder = Path(tempfile.mkdtemp(dir=memory))
    yield folder
    shutil.rmtree(folder)


class Disturbed:
    """A command, with a fresh project for each time that it is run."""

    def __init__(self, name: str, pristine: Pristine, folder: Path, weights: str, disk: Path | None) -> None:
        self.command = COMMANDS[name]
        self._pristine, self._folder, self._disk = pristine, folder, disk
        self._words = [word.replace("DISK", f"{disk}/away") for word in self.command.words]
        self._code = (
            self.command.code.format(url=weights) if "url" in self.command.code else self.command.code
        )

    def fresh(self) -> FaultProject:
        if self._disk is not None:
            shutil.rmtree(self._disk / "away", ignore_errors=True)
        is_gate = self.command.words == GATE
        return self._pristine.copied(
            self._folder,
            ran=self.command.after_a_run and not is_gate,
            passed=self.command.after_a_run and is_gate,
        )

    def run(self, project: FaultProject, **fault: Any) -> Any:
        return project.run(*self._words, code=self._code, **fault)

    def left(self, project: FaultProject) -> dict[str, str]:
        """Every file that may be compared, also on the other disk."""
        files = tree(project.path, but=NOT_COMPARED)
        elsewhere = tree(self._disk / "away") if self._disk is not None else {}
        return files | {f"DISK/{name}": digest for name, digest in elsewhere.items()}


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.needs("demo")) if name == "demo" else name for name in COMMANDS],
)
def test_the_same_command_again_does_what_it_should(
    name: str, pristine: Pristine, tmp_path: Path, weights: str, long: bool, request: pytest.FixtureRequest
) -> None:
    other_disk = request.getfixturevalue("disk") if "disk" in name else None
    disturbed = Disturbed(name, pristine, tmp_path / "project", weights, other_disk)
    project = disturbed.fresh()
    before = disturbed.left(project)
    whole = disturbed.run(project)
    assert whole.status == disturbed.command.status, whole.output
    expected, shards = disturbed.left(project), templates(project)
    moments = random.Random(f"{SEED} {name}")
    for kill in range(30 if long else disturbed.command.n_kills):
        project = disturbed.fresh()
        old = project.path / "faceleak-evidence/evidence.json"
        old_bytes = old.read_bytes() if old.exists() else b""
        fault: dict[str, Any] = {"signal": SIGNALS[(kill // 2) % len(SIGNALS)]}
        if kill % 2 or not whole.n_steps:
            fault["after"] = moments.uniform(0, whole.seconds)
        else:
            fault["step"] = moments.randint(1, whole.n_steps)
        killed = disturbed.run(project, **fault)
        told = f"{fault}: {killed.output}"
        # notes that save time are written by the clock, so not every run has the same number of steps
        if fault["signal"] == signal.SIGKILL and killed.n_steps >= fault.get("step", 1 << 30):
            assert killed.status == -signal.SIGKILL
        if fault["signal"] != signal.SIGINT:  # pytest shows where it was
            assert "Traceback" not in killed.output, told
        require_whole_files(disturbed.left(project), before, expected, told)
        require_one_story(project, old_bytes, told)
        if name == "review" and (project.path / "release.waivers.yaml").exists():
            assert read_waivers(project.path / "release.waivers.yaml", "release.waivers.yaml").waivers
        if "quarantine" in name:
            require_none_lost(disturbed.left(project), before)
        again = disturbed.run(project)
        assert again.status == whole.status, f"{told}\n{again.output}"
        assert disturbed.left(project) == expected, told
        assert templates(project) == shards, told
        if name in ("gate", "first gate"):
            require_finished(project)


def require_whole_files(
    now: Mapping[str, str], before: Mapping[str, str], expected: Mapping[str, str], told: str
) -> None:
    """Every file with a name of its own is that of before or that of the end.

    The demo alone writes in place, and a review writes a whole file after each answer.
    """
    for name, digest in now.items():
        is_named = not re.search(r"(^|/)\.[^/]+\.[0-9a-f]{16}\.tmp$", name)
        if is_named and not name.startswith(("demo/", "faceleak-evidence/", "release.waivers.yaml")):
            assert digest in (before.get(name), expected.get(name)), f"{name} is half written; {told}"


def require_one_story(project: FaultProject, old: bytes, told: str) -> None:
    """Page, statement and JUnit file are never those of another run than the evidence."""
    folder, junit = project.path / "faceleak-evidence", project.path / "out.xml"
    file = folder / "evidence.json"
    page, statement = folder / "report.html", folder / "statement.json"
    if not file.exists():
        assert not page.exists(), told
        assert not statement.exists(), told
        return
    evidence = open_evidence(folder)
    if statement.exists():
        named = json.loads(statement.read_bytes())["predicate"]["evidence"]["digest"]["sha256"]
        assert named == hashlib.sha256(file.read_bytes()).hexdigest(), told
    if page.exists():
        text = page.read_text(encoding="utf-8")
        assert evidence.data["sha256"] in text, told
        assert text.rstrip().endswith("</html>"), told
    if file.read_bytes() != old:
        assert evidence.data["policies"][0]["outcome"] in ("leak", "inconclusive"), told
        data = junit.read_bytes() if junit.exists() else b""
        if data.rstrip().endswith(b"</testsuites>"):
            marks = [one.tag for one in ET.fromstring(data).iter() if one.tag in ("failure", "error")]
            assert marks, told


def require_none_lost(now: Mapping[str, str], before: Mapping[str, str]) -> None:
    """Every picture lies in one of its two places, whole; between two steps perhaps in both."""
    for name, digest in before.items():
        if name.startswith("generated/"):
            below = name.removeprefix("generated/")
            assert digest in (now.get(name), now.get(f"away/{below}"), now.get(f"DISK/{below}")), name


def require_finished(project: FaultProject) -> None:
    assert open_evidence(project.path / "faceleak-evidence").is_sealed
    assert "</html>" in (project.path / "faceleak-evidence/report.html").read_text(encoding="utf-8")
    assert len(list(ET.parse(project.path / "out.xml").getroot().iter("failure"))) == 1


def templates(project: FaultProject) -> list[str]:
    """Which images each network's shards know, each once."""
    found = []
    for path in project.path.glob("store/v2/templates/*/*.safetensors"):
        found += [f"{path.parent.name} {digest.tobytes().hex()}" for digest in open_shard(path).digests]
    assert len(found) == len(set(found))
    return sorted(found)
