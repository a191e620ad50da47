"""Commands in forks of one process that has imported everything: cheap enough to be killed thirty times.

A fork can be told to die, or to be refused by the system, just before its nth *step*: an operation that changes what
lies in its folder (to open a file for writing, to rename, remove, link or make one). So every state between two of them
can be had, and had again.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Forks", "Ran", "forking"]

_ROOT = Path(__file__).parents[2]
_PATIENCE = 120


@dataclass(frozen=True, kw_only=True)
class Ran:
    """How a fork ended.

    Attributes:
        status: Its exit status, or below 0 the number of the signal that killed it.
        output: All that it wrote.
        n_steps: How many steps it came to.
        seconds: How long it took.
    """

    status: int
    output: str
    n_steps: int
    seconds: float


class Forks:
    """Starts commands in forks.

    Args:
        server: The process that forks.
    """

    def __init__(self, server: subprocess.Popen[str]) -> None:
        self._server = server

    def run(self, folder: Path, *command: str, **fault: Any) -> Ran:
        """Runs ``pytest ...`` or ``faceleak ...`` in a folder to its end; its store is ``store`` in that.

        Args:
            folder: Where; its files alone count as steps.
            command: The command and its arguments.
            fault: ``signal``, sent at ``step`` or ``after`` seconds; ``error`` (its `errno`) at ``step``, and at all
                later ones where it ``lasts``; ``code`` to run first; ``user`` to run as; ``environment``.
        """
        return self.ended(self.start(folder, *command, **fault))

    def start(self, folder: Path, *command: str, **fault: Any) -> int:
        """Starts a command; returns its process."""
        return int(self._asked(folder=str(folder), command=command, **fault))

    def ended(self, process: int) -> Ran:
        """Waits for the end of a command."""
        return Ran(**json.loads(self._asked(wait=process)))

    def _asked(self, **job: Any) -> str:
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(json.dumps(job) + "\n")
        self._server.stdin.flush()
        return self._server.stdout.readline()


@contextmanager
def forking() -> Iterator[Forks]:
    """A process that has imported all that the commands need."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "GITHUB"))}
    server = subprocess.Popen(
        [sys.executable, Path(__file__).with_name("fork_server.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=kept | {"PYTHONPATH": str(_ROOT), "COLUMNS": "100"},
    )
    assert server.stdin is not None
    assert server.stdout is not None
    try:
        yield Forks(server)
    finally:
        server.stdin.close()
        server.wait(timeout=_PATIENCE)
        server.stdout.close()
