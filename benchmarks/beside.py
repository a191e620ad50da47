"""Asks benchmarks/others.py, in its own environment, to do the same job."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

__all__ = ["others"]


@contextmanager
def others(python: str, folder: Path, n: int) -> Iterator[tuple[dict[str, str], Callable[[str], float]]]:
    """What runs in the other environment, and how to ask it for the seconds of a job."""
    command = [python, str(Path(__file__).with_name("others.py")), str(folder), str(n)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        questions, answers, complaints = process.stdin, process.stdout, process.stderr
        assert questions
        assert answers
        assert complaints

        def answer() -> Any:
            line = answers.readline()
            if not line:
                sys.exit(f"{python} benchmarks/others.py: {complaints.read()}")
            return json.loads(line)

        def ask(job: str) -> float:
            questions.write(job + "\n")
            questions.flush()
            return float(answer())

        yield answer(), ask
        questions.close()
