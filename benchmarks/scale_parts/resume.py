"""kill -9 in the middle of embedding, and going on: how much time is lost."""

from __future__ import annotations

import argparse
import shutil
import time
from pathlib import Path

from tables import show

from scale_parts.figures import Finding
from scale_parts.gates import pytest_command, run_gate, write_policy
from scale_parts.pictures import crops
from scale_parts.processes import started
from scale_parts.twice import n_kept

__all__ = ["run"]

_WHEN = (0.4, 0.7)


def run(root: Path, options: argparse.Namespace) -> list[Finding]:
    """The table."""
    n = options.resumed
    (root / "images").mkdir()
    for row, data in enumerate(crops(n)):
        (root / "images" / f"{row:06}.jpg").write_bytes(data)
    check = "coverage: {dataset: images, min_images: 1}"
    policy = write_policy(root, {"images": "{path: images}"}, "{name: dlib-resnet, align: none}", [check])
    whole = run_gate(policy).seconds
    rows, lost = [], []
    for share in _WHEN:
        shutil.rmtree(root / "store")
        killed = _killed(policy, share * whole)
        n_before = n_kept(root / "store")
        again = run_gate(policy)
        lost.append(killed + again.seconds - whole)
        figures = [f"{n_before:,}", f"{again.n_embedded:,}", f"{again.seconds:.1f}", f"{lost[-1]:.1f}"]
        rows.append([f"killed after {killed:.1f} s of {whole:.1f}", *figures])
    header = [f"{n:,} crops", "kept", "embedded again or anew", "second run, s", "lost, s"]
    show("kill -9 while embedding with dlib-resnet, and a second run", header, rows)
    print(
        "A shard is written when it holds 4,096 images or is half a minute old: at most that much is lost, and the"
    )
    print("second run's start.")
    seen = " and ".join(f"{one:.1f} s" for one in lost)
    return [Finding(what=f"time lost by kill -9, {n:,} images, {whole:.0f} s", seen=seen)]


def _killed(policy: Path, seconds: float) -> float:
    begun = time.perf_counter()
    with started(pytest_command(policy), policy.parent) as (process, _):
        time.sleep(seconds)
        process.kill()
        process.wait()
    return time.perf_counter() - begun
