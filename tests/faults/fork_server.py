"""The process that `forked` starts: it imports everything once, and forks for each command."""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_CHANGES = frozenset(
    {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.truncate"}
)
_CHILD_SECONDS = 100


class Steps:
    """Counts the steps of this process, and does what it is told before one of them."""

    def __init__(self, job: Mapping[str, Any], counted: int) -> None:
        self._place = os.path.realpath(job["folder"]) + "/"
        self._step, self._signal = job.get("step"), job.get("signal")
        self._error, self._lasts = job.get("error"), job.get("lasts", False)
        self._counted, self._process = counted, os.getpid()
        self._n = 0

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if os.getpid() != self._process or not self._is_one(event, arguments):
            return
        self._n += 1
        os.pwrite(self._counted, b"%d" % self._n, 0)
        if self._step is None or not (self._n == self._step or (self._lasts and self._n > self._step)):
            return
        if self._error is not None:
            raise OSError(self._error, os.strerror(self._error), os.fsdecode(arguments[0]))
        os.kill(self._process, self._signal)

    def _is_one(self, event: str, arguments: tuple[Any, ...]) -> bool:
        if event == "open":
            changes = isinstance(arguments[2], int) and bool(arguments[2] & _WRITES)
        else:
            changes = event in _CHANGES
        if not changes or not isinstance(arguments[0], str | bytes):
            return False
        path = os.path.normpath(os.fsdecode(arguments[0]))
        return not path.startswith("/") or path.startswith(self._place)


def at_open(name: str, nth: int, act: Callable[[], object]) -> None:
    """Acts just before a file is opened for the nth time, for the code of a job."""
    left = [nth]

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        is_path = event == "open" and isinstance(arguments[0], str | bytes)
        if is_path and os.fsdecode(arguments[0]).endswith(name):
            left[0] -= 1
            if left[0] == 0:
                act()

    sys.addaudithook(watch)


def import_everything() -> None:
    import imagehash  # noqa: F401
    import matplotlib.backends.backend_svg
    import matplotlib.figure  # noqa: F401
    import pyarrow.dataset
    import pyarrow.parquet  # noqa: F401
    import scipy.cluster.hierarchy
    import scipy.fftpack
    import scipy.stats  # noqa: F401

    import faceleak_check.cli
    import faceleak_check.demo
    import faceleak_check.doctor
    import faceleak_check.embed_command
    import faceleak_check.embedders.fake_pixels
    import faceleak_check.embedders.phash
    import faceleak_check.pipeline
    import faceleak_check.quarantine.leaks
    import faceleak_check.quarantine.moving
    import faceleak_check.quarantine.proof
    import faceleak_check.reports.page.build
    import faceleak_check.reports.pairs
    import faceleak_check.reports.plots
    import faceleak_check.review.waivers_file
    import faceleak_check.session
    import faceleak_check.store.checkup
    import faceleak_check.store.purge
    import faceleak_check.verifying

    faceleak_check.reports.page.build._page()


def serve() -> None:
    import_everything()
    running: dict[int, tuple[int, int, float]] = {}
    for line in sys.stdin:
        job = json.loads(line)
        if "wait" in job:
            print(json.dumps(ended(job["wait"], *running.pop(job["wait"]))), flush=True)  # noqa: T201
            continue
        counted, log = os.memfd_create("steps"), tempfile.mkstemp()[0]
        child = os.fork()
        if not child:
            run(job, counted, log)
        running[child] = counted, log, time.monotonic()
        if "after" in job:
            time.sleep(job["after"])
            os.kill(child, job["signal"])
        print(child, flush=True)  # noqa: T201


def ended(child: int, counted: int, log: int, began: float) -> dict[str, Any]:
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    seconds = time.monotonic() - began
    n_steps = int(os.pread(counted, 12, 0) or b"0")
    output = os.pread(log, 1 << 24, 0).decode("utf-8", "replace")
    os.close(counted)
    os.close(log)
    return {"status": status, "n_steps": n_steps, "seconds": seconds, "output": output}


def run(job: Mapping[str, Any], counted: int, log: int) -> None:
    signal.alarm(_CHILD_SECONDS)  # a fork that hangs is a failure, too
    null = os.open(os.devnull, os.O_RDONLY)
    for number, descriptor in enumerate((null, log, log)):
        os.dup2(descriptor, number)
    sys.stdin = os.fdopen(0, closefd=False)
    os.chdir(job["folder"])
    os.environ["FACELEAK_STORE"] = f"{job['folder']}/store"
    os.environ.update(job.get("environment", {}))
    if "user" in job:
        os.setgroups([])
        os.setgid(job["user"])
        os.setuid(job["user"])
    sys.addaudithook(Steps(job, counted))
    exec(job.get("code", ""), {"at_open": at_open})
    status = 1
    try:
        status = outcome(job["command"])
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def outcome(command: list[str]) -> int:
    """The exit status; what the interpreter would print as a traceback is printed."""
    import traceback

    name, *arguments = command
    try:
        if name == "pytest":
            return pytest_status(arguments)
        from faceleak_check.cli import main

        sys.argv = ["faceleak", *arguments]
        main()
    except SystemExit as left:
        return left.code if isinstance(left.code, int) else int(left.code is not None)
    except BaseException:  # noqa: BLE001
        traceback.print_exc()
        return 1
    return 0


def pytest_status(arguments: list[str]) -> int:
    import pytest

    plugins = ["faceleak_check.plugin"]
    if any(one.startswith("-n") for one in arguments):
        plugins.append("xdist.plugin")
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    options = [option for plugin in plugins for option in ("-p", plugin)]
    return int(pytest.main([*options, "-p", "no:cacheprovider", "--no-header", "--rootdir=.", *arguments]))


if __name__ == "__main__":
    sys.path.remove(str(Path(__file__).parent))
    serve()
