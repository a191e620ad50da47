"""Two processes on one store: how long it takes, and that each image is embedded once."""

from __future__ import annotations

import argparse
import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tables import show

from scale_parts.figures import Finding
from scale_parts.gates import LEAK_RATE, GateRun, gate_run, pytest_command, run_gate, write_policy
from scale_parts.pictures import crops
from scale_parts.processes import watched

__all__ = ["run"]

_COUNT = (
    "leak_count: {generated: generated, source: training, threshold: {cosine: 0.999999}, at_most: 1000000}"
)


def run(root: Path, options: argparse.Namespace) -> list[Finding]:
    """The table."""
    n = options.processed
    policies = _written(root, n)
    ways: dict[str, Callable[[], tuple[float, int]]] = {
        "one process": lambda: _one(policies),
        "pytest-xdist, -n 2": lambda: _one(policies, "-n", "2", "--dist", "load"),
        "two pytest processes at once": lambda: _at_once(policies),
        "Ray, 2 actors": lambda: _one([_with_ray(policies[0])]),
    }
    rows, findings = [], []
    for name, way in ways.items():
        shutil.rmtree(root / "store", ignore_errors=True)
        seconds, n_embedded = way()
        kept = n_kept(root / "store")
        rows.append([name, f"{seconds:.1f}", f"{n_embedded:,}", f"{kept:,}"])
        once = "each image once" if n_embedded == kept == n else "NOT each image once"
        findings.append(Finding(what=f"{name}, {n:,} images", seen=f"{seconds:.1f} s, {once}"))
    header = [f"{n:,} crops, two policies on them", "seconds", "embedded in all", "kept in the store"]
    show("two processes on one store, dlib-resnet, pytest's start to the last verdict", header, rows)
    print(
        "One process uses every core by itself: two are no faster on one machine; what counts is that no work is done"
    )
    print("twice. Ray runs one of the two policies, and starts a cluster first.")
    return findings


def _written(root: Path, n: int) -> list[Path]:
    for side in ("generated", "training"):
        (root / side).mkdir()
    for row, data in enumerate(crops(n)):
        side = "generated" if row % 2 else "training"
        (root / side / f"{row:06}.jpg").write_bytes(data)
    datasets = {"generated": "{path: generated}", "training": "{path: training}"}
    embedder = "{name: dlib-resnet, align: none}"
    checks = {"rate": LEAK_RATE, "count": _COUNT}
    return [write_policy(root, datasets, embedder, [check], name=name) for name, check in checks.items()]


def _with_ray(policy: Path) -> Path:
    path = policy.with_name("ray.yaml")
    path.write_text(policy.read_text("utf-8") + "execution: {engine: ray, workers: 2}\n", "utf-8")
    return path


def _one(policies: list[Path], *more: str) -> tuple[float, int]:
    found = run_gate(*policies, more=more)
    return found.seconds, found.n_embedded


def _at_once(policies: list[Path]) -> tuple[float, int]:
    begun = time.perf_counter()
    with ThreadPoolExecutor(len(policies)) as threads:
        found = list(threads.map(_beside_another, policies))
    return time.perf_counter() - begun, sum(one.n_embedded for one in found)


def _beside_another(policy: Path) -> GateRun:
    folder = policy.parent
    evidence = folder / f"{policy.stem}-evidence"
    return gate_run(watched(pytest_command(policy, evidence=evidence.name), folder), evidence)


def n_kept(store: Path) -> int:
    """How many images the shards of a store hold, one that is in two of them twice."""
    from safetensors import safe_open

    total = 0
    for shard in store.glob("*/templates/*/*.safetensors"):
        with safe_open(shard, "numpy") as arrays:
            total += arrays.get_slice("digests").get_shape()[0]
    return total
