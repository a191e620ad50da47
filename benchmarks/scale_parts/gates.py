"""Whole runs of the gate: pytest on a policy, and how long each stage took."""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scale_parts.processes import Watched, watched

__all__ = ["LEAK_RATE", "GateRun", "gate_run", "pytest_command", "run_gate", "staged", "write_policy"]

LEAK_RATE = (
    "leak_rate: {generated: generated, source: training, threshold: {cosine: 0.999999}, at_most: 100%}"
)
"""A check that looks at the nearest neighbour of every image and lets nothing fail."""

_ENDED_WELL = (0, 1)


@dataclass(frozen=True, kw_only=True, slots=True)
class GateRun:
    """A run of pytest on policies.

    Attributes:
        process: The process.
        n_embedded: Images that it embedded.
        outcomes: Outcome of each case.
        evidence: Its evidence folder.
    """

    process: Watched
    n_embedded: int
    outcomes: tuple[str, ...]
    evidence: Path

    @property
    def seconds(self) -> float:
        return self.process.seconds


def write_policy(
    folder: Path,
    datasets: dict[str, str],
    embedder: str,
    checks: Sequence[str] = (LEAK_RATE,),
    more: str = "",
    name: str = "policy",
) -> Path:
    """Writes a policy and what pytest needs beside it.

    Args:
        folder: Where to.
        datasets: By name what follows ``name:``.
        embedder: What follows ``embedder:``.
        checks: Each without its dash.
        more: Further lines.
        name: Of the file, without a suffix.
    """
    lines = ["version: 1", f"name: {name}", "datasets:"]
    lines += [f"  {one}: {keys}" for one, keys in datasets.items()]
    lines += [f"embedder: {embedder}", "checks:", *(f"  - {check}" for check in checks), more, ""]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pytest.ini").write_text("[pytest]\n", "utf-8")
    path = folder / f"{name}.yaml"
    path.write_text("\n".join(lines), "utf-8")
    return path


def pytest_command(
    *policies: Path, more: Sequence[str] = (), evidence: str = "faceleak-evidence"
) -> list[str]:
    """pytest on policies, with the store beside the first of them."""
    asked = [f"--faceleak-policy={policy}" for policy in policies]
    store = policies[0].parent / "store"
    command = [sys.executable, "-m", "pytest", "-q", *asked, f"--faceleak-store={store}"]
    return [*command, f"--faceleak-evidence={evidence}", *more]


def run_gate(*policies: Path, more: Sequence[str] = ()) -> GateRun:
    """Runs pytest on policies of one folder; leaks are fine, anything else that is not a pass ends the benchmark."""
    folder = policies[0].parent
    shutil.rmtree(folder / "faceleak-evidence", ignore_errors=True)
    return gate_run(watched(pytest_command(*policies, more=more), folder), folder / "faceleak-evidence")


def gate_run(process: Watched, evidence: Path) -> GateRun:
    """What a run of pytest has left behind."""
    if process.status not in _ENDED_WELL:
        sys.exit(f"pytest ended with status {process.status}:\n{process.output}")
    run = json.loads((evidence / "run.json").read_text("utf-8"))
    found = json.loads((evidence / "evidence.json").read_text("utf-8"))
    outcomes = tuple(case["outcome"] for policy in found["policies"] for case in policy["cases"])
    if not outcomes or "inconclusive" in outcomes:
        sys.exit(f"a case has no verdict:\n{process.output}")
    return GateRun(
        process=process,
        n_embedded=sum(case["n_embedded"] for case in run["cases"].values()),
        outcomes=outcomes,
        evidence=evidence,
    )


class Stages:
    """A progress that adds up how long each stage took; time between two stages is nobody's."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = ("", 0.0)

    def __call__(self, stage: str, done: int, total: int) -> None:  # noqa: ARG002 - as `Progress` has them
        now = time.perf_counter()
        name, before = self._last
        if name == stage:
            self.seconds[stage] = self.seconds.get(stage, 0.0) + now - before
        self._last = (stage, now)


def staged(*, policy: str, store: str, warm_up: str = "") -> dict[str, Any]:
    """Runs a policy through the Python API and tells how long each stage took; for a process of its own.

    Args:
        policy: The policy.
        store: The store.
        warm_up: A small policy that is run before, so that nothing is imported in the measured time.
    """
    from faceleak_check import check

    if warm_up:
        check(warm_up, store=Path(warm_up).parent / "warm-store")
    stages = Stages()
    begun = time.perf_counter()
    result = check(policy, store=store, progress=stages)
    seconds = time.perf_counter() - begun
    outcomes = [str(verdict.outcome) for verdict in result.verdicts]
    if "inconclusive" in outcomes:
        sys.exit(str(result))
    return {"seconds": seconds, "stages": stages.seconds, "outcomes": outcomes}
