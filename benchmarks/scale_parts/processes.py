"""Work in a process of its own: how long it takes, and how much memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

__all__ = ["Watched", "alone", "started", "watched"]

BENCHMARKS = Path(__file__).resolve().parents[1]
_EVERY = 0.02


@dataclass(frozen=True, kw_only=True, slots=True)
class Watched:
    """A process that has ended.

    Attributes:
        seconds: From its start to its end.
        peak_rss: Most memory that it had at once, with pages of mapped files (VmHWM), bytes.
        peak_anonymous: Most memory that is its own and no file's (RssAnon, looked at 50 times a second), bytes.
        status: Its exit status.
        output: What it wrote.
    """

    seconds: float
    peak_rss: int
    peak_anonymous: int
    status: int
    output: str


@contextmanager
def started(command: Sequence[str], folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], IO[str]]]:
    """A process and the file that it writes to; it is ended, if it must be by force, when the block is left."""
    environment = {**os.environ, "PYTHONPATH": str(BENCHMARKS), "FACELEAK_OFFLINE": "1"}
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as output,
        subprocess.Popen(command, cwd=folder, env=environment, stdout=output, stderr=output) as process,
    ):
        try:
            yield process, output
        finally:
            if process.poll() is None:
                process.kill()


def watched(command: Sequence[str], folder: Path) -> Watched:
    """Runs a process to its end and looks at its memory the while."""
    begun = time.perf_counter()
    rss = anonymous = 0
    with started(command, folder) as (process, output):
        while process.poll() is None:
            one, other = _memory(process.pid)
            rss, anonymous = max(rss, one), max(anonymous, other)
            time.sleep(_EVERY)
        seconds = time.perf_counter() - begun
        output.seek(0)
        return Watched(
            seconds=seconds,
            peak_rss=rss,
            peak_anonymous=anonymous,
            status=process.returncode,
            output=output.read(),
        )


def _memory(pid: int) -> tuple[int, int]:
    """VmHWM and RssAnon of a process in bytes; 0 where it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text("ascii", "replace").splitlines()
    except OSError:
        return 0, 0
    facts = dict(line.split(":", 1) for line in lines if ":" in line)
    rss, anonymous = (1024 * int(facts.get(name, "0 kB").split()[0]) for name in ("VmHWM", "RssAnon"))
    return rss, anonymous


def alone(job: str, **arguments: object) -> tuple[Any, Watched]:
    """What a function answers in a new process, as JSON, and the process.

    Args:
        job: ``module:function``.
        arguments: Its keyword arguments, which JSON can hold.
    """
    with tempfile.TemporaryDirectory() as name:
        answer = Path(name, "answer.json")
        command = [sys.executable, "-m", "scale_parts.job", job, json.dumps(arguments), str(answer)]
        ran = watched(command, BENCHMARKS)
        if ran.status:
            sys.exit(f"{job} {arguments}\n{ran.output}")
        return json.loads(answer.read_text("utf-8")), ran
