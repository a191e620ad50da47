"""A process apart that speaks to Ray.

Ray ends a process whose cluster is lost, waits minutes for one that is not there, and prints. None of that may happen
to the process that runs pytest.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import weakref
from pathlib import Path
from typing import Any

from faceleak_check.errors import InconclusiveError
from faceleak_check.executors.ray.frames import write_frame
from faceleak_check.executors.ray.trouble import lost, no_cluster

__all__ = ["RayProcess"]

_CONNECT_SECONDS = 90.0
_REACH_SECONDS = 5.0
_END_SECONDS = 25.0


class RayProcess:
    """The process, from its start to its end.

    Args:
        address: The cluster's; empty for one on this machine that ends with the process.

    Raises:
        InconclusiveError: There is no such cluster.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        _require_reachable(address)
        self._folder = Path(tempfile.mkdtemp(prefix="faceleak-"))
        self._log = self._folder / "ray.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 — the same Python, and our own module
                [
                    sys.executable,
                    "-P",
                    "-m",
                    "faceleak_check.executors.ray.driver",
                    address,
                    str(self._folder),
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=_environment(address),
                start_new_session=True,  # Ctrl-C is for this process, which then ends the other in good order
            )
        self._lines = _Lines(self._process)
        self.close = weakref.finalize(self, _end, self._process, self._folder)
        self._connect()

    def _connect(self) -> None:
        answer = self._lines.next(_CONNECT_SECONDS)
        if answer is None or answer["event"] != "connected":
            words = "it did not answer in time" if answer is None else answer["words"]
            _kill(self._process)  # it would go on looking for a cluster
            self.close()
            raise no_cluster(self._address, words)

    def send(self, message: object) -> None:
        """Sends a frame.

        Raises:
            InconclusiveError: The process has ended.
        """
        assert self._process.stdin is not None
        try:
            write_frame(self._process.stdin, message)
        except OSError:
            raise self._lost() from None

    def receive(self) -> dict[str, Any]:
        """The next answer, however long it takes.

        Raises:
            InconclusiveError: The process has ended.
        """
        answer = self._lines.next(None)
        if answer is None:
            raise self._lost()
        return answer

    def _lost(self) -> InconclusiveError:
        words = self._log.read_text("utf-8", "replace") if self._log.is_file() else ""
        self.close()
        return lost(words)


class _Lines:
    """JSON lines of a process, with a limit of time."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        self._file = process.stdout
        self._left = b""
        self._poll = select.poll()
        self._poll.register(self._file, select.POLLIN)

    def next(self, seconds: float | None) -> dict[str, Any] | None:
        """The next one; None where the process has ended or the time is over."""
        end = None if seconds is None else time.monotonic() + seconds
        while b"\n" not in self._left:
            if not self._poll.poll(None if end is None else max(0, end - time.monotonic()) * 1000):
                return None
            data = os.read(self._file.fileno(), 1 << 16)
            if not data:
                return None
            self._left += data
        line, _, self._left = self._left.partition(b"\n")
        found: dict[str, Any] = json.loads(line)
        return found


def _end(process: subprocess.Popen[bytes], folder: Path) -> None:
    """Ends the process and all that it started; once its input ends it does so by itself."""
    assert process.stdin is not None
    assert process.stdout is not None
    with contextlib.suppress(OSError):  # nobody reads the last of it
        process.stdin.close()
    try:
        process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        _kill(process)
        process.wait()
    finally:
        _kill(process)  # one that crashed leaves some of Ray behind
        process.stdout.close()
        shutil.rmtree(folder, ignore_errors=True)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Ends the process and what it has started at once."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _environment(address: str) -> dict[str, str]:
    """The variables of this process; with them Ray is silent, and a cluster on this machine is this user's alone."""
    ours = {
        "PYTHONWARNINGS": "ignore",
        "RAY_USAGE_STATS_ENABLED": "0",
    }
    if not address and "RAY_AUTH_MODE" not in os.environ:
        ours |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    return {**os.environ, **ours}


def _require_reachable(address: str) -> None:
    """Raises InconclusiveError where nothing listens at an address: Ray itself would look for minutes."""
    host, _, port = address.rpartition(":")
    if not host:
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), _REACH_SECONDS).close()
    except OSError as error:
        raise no_cluster(address, error.strerror or str(error)) from None
