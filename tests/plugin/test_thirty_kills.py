"""``kill -9`` at thirty moments: the verdict is that of an undisturbed run, and what was kept is not done again.

Without ``--long`` at eight.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from gate_project import Project
from PIL import Image

from faceleak_check.store.shards import open_shard

N_KILLS, N_PICTURES, BATCH = (8, 30), (300, 900), 6
"""By default, and with ``--long``."""
SHARD_IMAGES, N_THREADS = 24, 3
EMBEDDER = f"""\
import os, time
from faceleak_check.embedders.fake_pixels import FakePixels

class Slow(FakePixels):
    batch_size = {BATCH}

    def embed(self, chips):
        numbers = chips[:, 0, 0].astype(int) @ [65536, 256, 1]
        with open("embedded.txt", "ab", buffering=0) as file:
            file.write("".join(f"{{number}}\\n" for number in numbers).encode())
        time.sleep(float(os.environ["SECONDS_A_BATCH"]))
        return super().embed(chips)
"""
CONFTEST = f"""\
from functools import partial
from faceleak_check.executors import engines
engines.LocalExecutor = partial(
    engines.LocalExecutor, n_threads={N_THREADS}, shard_images={SHARD_IMAGES}, shard_seconds=0.1
)
"""
RUNNER = """\
import os, sys
import pytest
import faceleak_check.collection, faceleak_check.pipeline, faceleak_check.reports.pairs, faceleak_check.session
import scipy.cluster.hierarchy, scipy.stats, scipy.fftpack, imagehash
from faceleak_check.embedders.fake_pixels import FakePixels

sys.path.insert(0, "installed")
for line in sys.stdin:  # a process of its own for each run, without the seconds that imports take
    child = os.fork()
    if not child:
        sys.stdin.close()
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os._exit(int(pytest.main(["-p", "no:hypothesispytest", "--faceleak-policy=release.yaml", *line.split()])))
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


class Runs:
    """Runs pytest in forks of one process, and kills some of them."""

    def __init__(self, project: Project) -> None:
        import subprocess

        self.log = project.path / "embedded.txt"
        self.log.write_bytes(b"")
        self._process = subprocess.Popen(
            [sys.executable, "-c", RUNNER],
            cwd=project.path,
            env={**os.environ, "SECONDS_A_BATCH": "0.08"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(self, arguments: str = "") -> int:
        """Starts a run; returns the id of its process."""
        assert self._process.stdin is not None
        self._process.stdin.write(arguments + "\n")
        self._process.stdin.flush()
        return self._number()

    def status(self) -> int:
        """Waits until the run has ended."""
        return self._number()

    def _number(self) -> int:
        assert self._process.stdout is not None
        return int(self._process.stdout.readline())

    def embedded(self) -> list[int]:
        """The numbers of the pictures that a network was asked about, by all runs."""
        return [int(line) for line in self.log.read_bytes().splitlines()]

    def wait_for_work(self, n_before: int) -> None:
        deadline = time.monotonic() + 20
        while len(self.embedded()) == n_before:
            assert time.monotonic() < deadline, "nothing is embedded"
            time.sleep(0.002)

    def end(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=30)
        assert self._process.stdout is not None
        self._process.stdout.close()


@pytest.fixture
def many(project: Project, long: bool) -> Project:
    """A project of hundreds of pictures, whose first pixel numbers them."""
    random_pixels = np.random.default_rng(7).integers(0, 256, (N_PICTURES[long], 8, 8, 3), dtype=np.uint8)
    for number, pixels in enumerate(random_pixels):
        pixels[0, 0] = (0, number // 256, number % 256)
        Image.fromarray(pixels).save(project.path / "generated" / f"many{number:03}.png")
    for old in (project.path / "generated").glob("g?.png"):
        old.unlink()
    project.policy()
    project.install_embedder("slow", "slow:Slow", EMBEDDER)
    project.write("conftest.py", CONFTEST)
    return project


def kept(store: Path) -> Counter[bytes]:
    """How often each picture is in the store."""
    found: Counter[bytes] = Counter()
    for path in store.glob("v2/templates/*/*.safetensors"):
        found.update(digest.tobytes() for digest in open_shard(path).digests)
    return found


def test_thirty_kills(many: Project, long: bool) -> None:
    n_pictures = N_PICTURES[long]
    moments = random.Random(5)
    runs = Runs(many)
    n_known = most_lost = 0
    try:
        for kill in range(N_KILLS[long]):
            before = len(runs.embedded())
            run = runs.start()
            if kill % 3:
                runs.wait_for_work(before)
            time.sleep(moments.uniform(0, 0.4))
            os.kill(run, signal.SIGKILL)
            assert runs.status() == -signal.SIGKILL, f"run {kill} had ended before it was killed"
            n_worked_on, n_kept = len(runs.embedded()) - before, len(kept(many.store)) - n_known
            most_lost = max(most_lost, n_worked_on - n_kept)
            n_known += n_kept
        before = len(runs.embedded())
        runs.start()
        assert runs.status() == pytest.ExitCode.OK
        assert len(runs.embedded()) - before == n_pictures + 6 - n_known, "the last run does the rest"
        runs.start("--faceleak-store=undisturbed --faceleak-evidence=undisturbed-evidence")
        assert runs.status() == pytest.ExitCode.OK
    finally:
        runs.end()

    evidence = [
        (many.path / folder / "evidence.json").read_bytes()
        for folder in ("faceleak-evidence", "undisturbed-evidence")
    ]
    assert evidence[0] == evidence[1]
    assert n_known > n_pictures / 6, "the killed runs got somewhere"
    assert most_lost <= SHARD_IMAGES + (2 * N_THREADS + 1) * BATCH, "a shard, and the batches under way"
    assert set(kept(many.store).values()) == {1}
    assert kept(many.store) == kept(many.path / "undisturbed")
