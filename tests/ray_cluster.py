"""A Ray cluster of two machines on this one."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

__all__ = ["Cluster", "processes_with", "running_cluster"]

_START_SECONDS = 90.0
_END_SECONDS = 20.0
_QUICK_TO_MISS_A_MACHINE = (
    '{"health_check_initial_delay_ms": 0, "health_check_period_ms": 500, "health_check_timeout_ms": 2000,'
    ' "health_check_failure_threshold": 3}'
)
_STORE_BYTES = 80_000_000


class Cluster:
    """Two machines with a processor each; nobody else can join them.

    Attributes:
        address: Where the first one listens.
        environment: What a process needs in its environment to be let in.
    """

    def __init__(self) -> None:
        # the paths of sockets in it must be short
        self._folder = Path(tempfile.mkdtemp(prefix="fl-ray-", dir="/tmp"))
        self.address = f"127.0.0.1:{_free_port()}"
        self.environment = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
        self._machines: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        port = self.address.rpartition(":")[2]
        self._start(
            "--head",
            f"--port={port}",
            f"--temp-dir={self._folder}",
            "--include-dashboard=false",
            f"--system-config={_QUICK_TO_MISS_A_MACHINE}",
        )
        self._wait_until(_is_open, port)
        self._start(f"--address={self.address}")

    def _start(self, *arguments: str) -> None:
        log = (self._folder / f"machine-{len(self._machines)}.log").open("wb")
        with log:
            machine = subprocess.Popen(
                [sys.executable, "-m", "ray.scripts.scripts", "start", "--block", "--num-cpus=1",
                 "--node-ip-address=127.0.0.1", f"--object-store-memory={_STORE_BYTES}", "--disable-usage-stats",
                 "--min-worker-port=0", "--max-worker-port=0", *arguments],
                env={**os.environ, **self.environment, **self._own_folders()},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )  # fmt: skip
        self._machines.append(machine)

    def _own_folders(self) -> dict[str, str]:
        """What keeps the machines apart: each has a cache folder of its own."""
        cache = self._folder / f"cache-{len(self._machines)}"
        return {"XDG_CACHE_HOME": str(cache), "RAY_USAGE_STATS_ENABLED": "0"}

    def _wait_until(self, holds: object, *arguments: str) -> None:
        end = time.monotonic() + _START_SECONDS
        while not holds(*arguments):  # type: ignore[operator]
            assert time.monotonic() < end, self._logs()
            assert all(one.poll() is None for one in self._machines), self._logs()
            time.sleep(0.1)

    def _logs(self) -> str:
        return "\n".join(path.read_text(errors="replace") for path in self._folder.glob("machine-*.log"))

    def lose_the_second_machine(self) -> None:
        """All of its processes at once, as when its power goes."""
        _kill(self._machines[1])

    def end(self) -> None:
        for machine in self._machines:
            _kill(machine)
        end = time.monotonic() + _END_SECONDS
        while processes_with("RAY_AUTH_TOKEN", self.environment["RAY_AUTH_TOKEN"]) and time.monotonic() < end:
            time.sleep(0.1)
        shutil.rmtree(self._folder, ignore_errors=True)


@contextlib.contextmanager
def running_cluster() -> Iterator[Cluster]:
    """Skips where Ray is not installed."""
    pytest.importorskip("ray", reason="needs Ray: pip install 'faceleak-check[ray]'")
    cluster = Cluster()
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.end()


def processes_with(variable: str, value: str) -> list[str]:
    """Command lines of the processes that have this in their environment."""
    wanted = f"{variable}={value}".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if wanted in (folder / "environ").read_bytes().split(b"\0"):
                found.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"))
    return found


def _kill(machine: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(machine.pid, signal.SIGKILL)
    machine.wait()


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def _is_open(port: str) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", int(port))) == 0


Environment = Mapping[str, str]
