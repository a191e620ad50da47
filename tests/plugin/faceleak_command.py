"""Runs the ``faceleak`` command in a project: in this process, or in a terminal of its own."""

from __future__ import annotations

import os
import pty
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from gate_project import Project

from faceleak_check.cli import main

__all__ = ["CTRL_C", "CTRL_D", "Faceleak", "leave_evidence", "run_faceleak", "talk"]

Faceleak = Callable[..., tuple[int, str, str]]
CTRL_C, CTRL_D = "ctrl-c", "ctrl-d"
_MAIN = "from faceleak_check.cli import main; main()"
_UNTIL_IT_WAITS = 0.3
_PATIENCE = 30


def run_faceleak(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> Faceleak:
    """What runs a command in a folder: exit status, standard output and standard error."""

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.chdir(folder)
        monkeypatch.setattr(sys, "argv", ["faceleak", *arguments])
        capsysbinary.readouterr()
        with pytest.raises(SystemExit) as left:
            main()
        written = capsysbinary.readouterr()
        return int(left.value.code or 0), written.out.decode("utf-8"), written.err.decode("utf-8")

    return run


def leave_evidence(project: Project, kept: Path, n_failed: int) -> None:
    """Leaves the evidence of a run on ``release.yaml``; equal projects leave equal evidence, so one run is enough.

    Args:
        project: The project.
        kept: Where the evidence is kept for the next equal project.
        n_failed: Cases that fail.
    """
    if not kept.exists():
        project.gate().assert_outcomes(failed=n_failed)
        shutil.copytree(project.path / "faceleak-evidence", kept)
    else:
        shutil.copytree(kept, project.path / "faceleak-evidence")


def talk(
    folder: Path, arguments: Sequence[str], answers: Sequence[str | Callable[[], str]]
) -> tuple[int, str]:
    """Exit status and all that is written, where each question is answered with the next of the answers.

    Every question ends with a colon and a space; `CTRL_C` and `CTRL_D` are answers, too, and so is what a function
    returns that is called when its question is asked.
    """
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", _MAIN, *arguments],
        cwd=folder,
        env={**os.environ, "TERM": "xterm"},
        stdin=follower,
        stdout=follower,
        stderr=follower,
    )
    os.close(follower)
    written, left = b"", list(answers)
    deadline = time.monotonic() + _PATIENCE
    while block := _read(leader, deadline):
        written += block
        if left and written.endswith(b": "):
            answer = left.pop(0)
            _answer(leader, process, answer if isinstance(answer, str) else answer())
    os.close(leader)
    status = process.wait(timeout=_PATIENCE)
    assert left == []
    return status, written.decode("utf-8").replace("\r\n", "\n")


def _answer(leader: int, process: subprocess.Popen[bytes], answer: str) -> None:
    if answer == CTRL_C:
        # between its question and its wait for an answer Python hears no signal until the next key
        time.sleep(_UNTIL_IT_WAITS)
        process.send_signal(signal.SIGINT)
    else:
        os.write(leader, b"\x04" if answer == CTRL_D else f"{answer}\n".encode("utf-8", "surrogateescape"))


def _read(terminal: int, deadline: float) -> bytes:
    ready, _, _ = select.select([terminal], [], [], max(0.0, deadline - time.monotonic()))
    assert ready, "nothing was written for half a minute"
    try:
        return os.read(terminal, 65536)
    except OSError:  # the other end is closed
        return b""
