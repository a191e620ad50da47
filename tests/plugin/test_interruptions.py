"""Runs that are cut off, and runs that meet."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from gate_project import Project

SLOW = """\
import os, time, uuid
from faceleak_check.embedders.fake_pixels import FakePixels

class Slow(FakePixels):
    batch_size = 1

    def embed(self, chips):
        time.sleep(float(os.environ["SECONDS_A_PICTURE"]))
        open(os.path.join("embedded", uuid.uuid4().hex), "w").close()
        return super().embed(chips)
"""
CASE = "release.yaml::leak_count[generated-vs-training]"

SECONDS = str(0.12 * min(os.cpu_count() or 1, 8))
"""So that 30 pictures take more than three seconds, though the gate embeds as many at once as there are cores."""
HIDES_CURSOR, SHOWS_CURSOR = "\x1b[?25l", "\x1b[?25h"


@pytest.fixture
def slow(project: Project) -> Project:
    """A project whose embedder, of another package, takes its time."""
    (project.path / "embedded").mkdir()
    project.policy()
    project.install_embedder("slow", "slow:Slow", SLOW)
    return project


def n_embedded_so_far(project: Project) -> int:
    return len(list((project.path / "embedded").iterdir()))


def wait_until_embedded(project: Project, n: int, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 30
    while n_embedded_so_far(project) < n:
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.01)


def left_half_written(project: Project) -> list[str]:
    return [path.name for path in project.store.rglob("*.tmp")]


def test_ctrl_c_keeps_what_is_embedded_and_the_next_run_does_the_rest(slow: Project) -> None:
    process = slow.start("--faceleak-policy=release.yaml", "--junitxml=out.xml", SECONDS_A_PICTURE="0.2")
    wait_until_embedded(slow, 4, process)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=30)
    assert process.returncode == pytest.ExitCode.INTERRUPTED
    assert "!!!!!!!!!!!!!!!!!!!!!!!!!!!!!! KeyboardInterrupt !!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!" in output
    assert "  NOT RUN      leak_count[generated-vs-training]" in output.splitlines()
    (policy,) = slow.evidence()["policies"]
    assert (policy["outcome"], policy["cases"]) == ("inconclusive", [])
    assert left_half_written(slow) == []
    assert slow.run_apart("--faceleak-policy=release.yaml", SECONDS_A_PICTURE="0")[0] == pytest.ExitCode.OK
    assert 0 < slow.n_embedded() <= 10
    assert slow.outcomes() == {CASE: "pass"}


def test_kill_9_leaves_nothing_that_could_pass(slow: Project) -> None:
    assert slow.run_apart("--faceleak-policy=release.yaml", SECONDS_A_PICTURE="0")[0] == pytest.ExitCode.OK
    slow.write_set(slow.path / "generated", [f"new{n}.png" for n in range(6)], seed=9)
    process = slow.start("--faceleak-policy=release.yaml", SECONDS_A_PICTURE="0.3")
    wait_until_embedded(slow, 12 + 2, process)
    process.kill()
    process.communicate(timeout=30)
    folder = slow.path / "faceleak-evidence"
    assert sorted(path.name for path in folder.rglob("*")) == ["manifests", "pairs"]
    assert left_half_written(slow) == []
    assert slow.run_apart("--faceleak-policy=release.yaml", SECONDS_A_PICTURE="0")[0] == pytest.ExitCode.OK
    assert slow.n_embedded() == 6
    (case,) = slow.evidence()["policies"][0]["cases"]
    assert case["sets"]["generated"]["counts"]["n_embedded"] == 12


def test_two_runs_at_once_share_the_work_and_are_both_right(slow: Project) -> None:
    slow.leak()
    folders = ("one", "two")
    processes = [
        slow.start("--faceleak-policy=release.yaml", f"--faceleak-evidence={folder}", SECONDS_A_PICTURE="0.1")
        for folder in folders
    ]
    for process in processes:
        output, _ = process.communicate(timeout=60)
        assert process.returncode == pytest.ExitCode.TESTS_FAILED, output
    assert sum(slow.run_record(folder)["cases"][CASE]["n_embedded"] for folder in folders) == 12
    assert n_embedded_so_far(slow) == 12
    evidence = [(slow.path / folder / "evidence.json").read_bytes() for folder in folders]
    assert evidence[0] == evidence[1]


def run_on_a_terminal(project: Project, *, interrupt_at: str = "", **environment: str) -> tuple[int, str]:
    """Exit status and everything that pytest writes when it is watched."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", "--faceleak-policy=release.yaml"],
        cwd=project.path,
        # pytester takes colours away by PY_COLORS
        env={**os.environ, "TERM": "xterm", "PY_COLORS": "", **environment},
        stdin=follower,
        stdout=follower,
        stderr=follower,
    )
    os.close(follower)
    written = b""
    while block := _read(leader):
        written += block
        if interrupt_at and interrupt_at.encode() in written:
            interrupt_at = ""
            process.send_signal(signal.SIGINT)
    os.close(leader)
    return process.wait(timeout=30), written.decode("utf-8")


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # the other end is closed
        return b""


def test_a_bar_on_a_terminal_for_what_takes_longer_than_two_seconds(slow: Project) -> None:
    slow.write_set(slow.path / "generated", [f"more{n}.png" for n in range(24)], seed=9)
    status, output = run_on_a_terminal(slow, SECONDS_A_PICTURE=SECONDS)
    assert status == pytest.ExitCode.OK
    bars = [int(n) for n in re.findall(r"embedding generated .*?(\d+)/30", output)]
    assert bars == sorted(bars)
    assert bars[0] > 0
    assert "\x1b[2K" in output[output.rindex("embedding generated") :]  # the bar is taken away
    assert output.count(HIDES_CURSOR) == output.count(SHOWS_CURSOR) == 1


def test_ctrl_c_takes_the_bar_away_and_brings_the_cursor_back(slow: Project) -> None:
    slow.write_set(slow.path / "generated", [f"more{n}.png" for n in range(24)], seed=9)
    status, output = run_on_a_terminal(slow, interrupt_at="embedding generated", SECONDS_A_PICTURE=SECONDS)
    assert status == pytest.ExitCode.INTERRUPTED
    assert output.count(HIDES_CURSOR) == output.count(SHOWS_CURSOR) == 1
    assert output.index(SHOWS_CURSOR) < output.index("  NOT RUN ")


def test_a_terminal_without_colours_gets_the_bar_and_the_table_without_them(slow: Project) -> None:
    slow.write_set(slow.path / "generated", [f"more{n}.png" for n in range(24)], seed=9)
    status, output = run_on_a_terminal(slow, SECONDS_A_PICTURE=SECONDS, NO_COLOR="1")
    assert status == pytest.ExitCode.OK
    bars = re.findall(r"embedding generated [^\r]*", output)
    assert all(re.search(r"\d+/30 \d[.,0-9]*/s \d:\d\d:\d\d$", bar) and len(bar) <= 80 for bar in bars), bars
    assert "  PASS         leak_count[generated-vs-training]      0  <= 0\r\n" in output
    assert re.findall(r"\x1b\[[0-9;]*m", output) == []


def test_no_bar_for_short_work(slow: Project) -> None:
    status, output = run_on_a_terminal(slow, SECONDS_A_PICTURE="0")
    assert status == pytest.ExitCode.OK
    assert "embedding" not in output
    assert "\x1b[32m\x1b[1m  PASS        \x1b[0m leak_count[generated-vs-training]      0  <= 0\r\n" in output


def test_no_bar_in_a_pipe(slow: Project) -> None:
    slow.write_set(slow.path / "generated", [f"more{n}.png" for n in range(24)], seed=9)
    status, output = slow.run_apart("--faceleak-policy=release.yaml", SECONDS_A_PICTURE=SECONDS)
    assert status == pytest.ExitCode.OK
    assert "embedding" not in output
    assert "\x1b" not in output
    assert Path(slow.path / "faceleak-evidence/evidence.json").is_file()
