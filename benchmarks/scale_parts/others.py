"""The gate beside what people do today: the same two folders, the same planted copies, one run."""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from tables import show

from scale_parts.figures import Finding
from scale_parts.gates import GateRun, run_gate, write_policy
from scale_parts.planted import Planted, plant_chips, plant_photographs
from scale_parts.processes import BENCHMARKS, watched

__all__ = ["run"]

_DETECTING = " with "
_MOST_PLANTED = 20
_AIM = ">= 20x"
_NO_IDENTITIES = ("imagededup",)


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """What one of them took and found.

    Attributes:
        name: Who.
        seconds: For the whole job, from its start to the last answer.
        planted: How many of the planted copies were found, each with its original.
        others: How many other generated images were flagged, of those that were looked at.
        note: What to say of it.
    """

    name: str
    seconds: float
    planted: str
    others: str
    note: str


def run(root: Path, options: argparse.Namespace) -> list[Finding]:
    """Both tables: without detectors, and with them."""
    pythons = _jobs(options.others)
    if not pythons:
        print("\nnone of the others is here: make environments for them as the docstring says, and give")
        print("their pythons as --others")
    n_planted = max(1, min(_MOST_PLANTED, options.queries // 10))
    chips = plant_chips(root / "chips", options.pairs, n_planted)
    photographs = plant_photographs(root / "photographs", options.faces, options.detected, n_planted)
    aligned = {"fp32": "{name: dlib-resnet, align: none}"}
    aligned["bf16"] = "{name: dlib-resnet, align: none, precision: bf16}"
    plain = {job: python for job, python in pythons.items() if _DETECTING not in job}
    findings = _compared(
        f"{options.pairs:,} x {options.pairs:,} crops, no detector for anybody",
        chips,
        aligned,
        plain,
        options,
    )
    if photographs is None:
        print(f"\nwith detectors: left out, there are no photographs in {options.faces}")
        return findings
    title = (
        f"{options.detected:,} x {options.detected:,} photographs of 250 pixels, each with its own detector"
    )
    turned = {"MTCNN": "{name: dlib-resnet, align: mtcnn}"}
    detecting = {job: python for job, python in pythons.items() if _DETECTING in job}
    return [*findings, *_compared(title, photographs, turned, detecting, options)]


def _compared(
    title: str, sets: Planted, embedders: dict[str, str], pythons: dict[str, str], options: argparse.Namespace
) -> list[Finding]:
    ours = [one for name, keys in embedders.items() for one in _ours(sets, keys, options.cosine, name)]
    theirs = [one for job, python in pythons.items() for one in _theirs(job, python, sets, options.queries)]
    _table(title, ours, theirs)
    return _findings(f"{sets.n:,} x {sets.n:,}", ours, theirs)


def _jobs(pythons: list[str]) -> dict[str, str]:
    """By job the first python that can do it."""
    found: dict[str, str] = {}
    for python in pythons:
        for job in _asked(python, "names", [".", ".", "0"])[0]:
            found.setdefault(job, python)
    return found


def _asked(python: str, job: str, arguments: list[str]) -> tuple[Any, float]:
    """The answer of a job and the seconds of its process."""
    with tempfile.TemporaryDirectory() as name:
        answer = Path(name, "answer.json")
        command = [python, str(BENCHMARKS / "scale_parts" / "other_gates.py"), job, *arguments, str(answer)]
        ran = watched(command, BENCHMARKS)
        if ran.status:
            print(f"{job}: {ran.output[-2000:]}")
            return None, ran.seconds
        return json.loads(answer.read_text("utf-8")), ran.seconds


def _theirs(job: str, python: str, sets: Planted, n_most: int) -> list[Result]:
    """One result, or none where it does not run."""
    n_queries = sets.n if job.startswith(_NO_IDENTITIES) else min(sets.n, n_most)
    answer, seconds = _asked(python, job, [str(sets.generated), str(sets.source), str(n_queries)])
    if answer is None:
        return []
    # only the part that goes through the generated images one by one is extrapolated
    whole = seconds + answer["queries"] * (sets.n / n_queries - 1)
    measured = "all" if n_queries == sets.n else f"the source and {n_queries:,} of {sets.n:,} generated"
    missed = f"; {answer['n_missed']:,} without a face" if answer["n_missed"] else ""
    found = answer["nearest"] if answer["knows_people"] else None
    return [_result(job, whole, f"{measured} measured; {answer['note']}{missed}", found, sets, n_queries)]


def _ours(sets: Planted, embedder: str, cosine: float, name: str) -> list[Result]:
    """A first run and a second one."""
    check = (
        f"leak_count: {{generated: generated, source: training, threshold: {{cosine: {cosine}}}, at_most: 0}}"
    )
    datasets = {"generated": f"{{path: {sets.generated}}}", "training": f"{{path: {sets.source}}}"}
    policy = write_policy(
        sets.generated.parent / name, datasets, embedder, [check], "exclusions: {at_most: 100%}"
    )
    note = f"all measured, with pytest; dlib-resnet, cosine >= {cosine}"
    results = []
    for what in ("first run", "second run"):
        ran = run_gate(policy)
        results.append(
            _result(f"faceleak-check, {name}, {what}", ran.seconds, note, _pairs(ran), sets, sets.n)
        )
    return results


def _pairs(ran: GateRun) -> dict[str, str]:
    (file,) = (ran.evidence / "pairs").iterdir()
    return {row["generated"]: row["source"] for row in pq.read_table(file).to_pylist()}


def _result(
    name: str, seconds: float, note: str, found: dict[str, str] | None, sets: Planted, n_queries: int
) -> Result:
    if found is None:
        return Result(name=name, seconds=seconds, planted="-", others="-", note=note)
    n_right = sum(found.get(copy) == original for copy, original in sets.originals.items())
    n_others = len(found.keys() - sets.originals.keys())
    return Result(
        name=name,
        seconds=seconds,
        planted=f"{n_right} of {len(sets.originals)}",
        others=f"{n_others:,} of {n_queries - len(sets.originals):,}",
        note=note,
    )


def _table(title: str, ours: list[Result], theirs: list[Result]) -> None:
    rows = []
    for one in [*ours, *theirs]:
        ratio = f"{one.seconds / ours[0].seconds:.1f}x"
        rows.append([one.name, f"{one.seconds:.1f}", ratio, one.planted, one.others])
    show(title, ["", "seconds", "to ours", "planted found", "others flagged"], rows)
    for one in [*ours, *theirs]:
        print(f"  {one.name}: {one.note}")


def _findings(size: str, ours: list[Result], theirs: list[Result]) -> list[Finding]:
    """Our first run beside the fastest that says who is who."""
    rivals = [one for one in theirs if not one.name.startswith(_NO_IDENTITIES)]
    if not rivals:
        return []
    fastest = min(rivals, key=lambda one: one.seconds)
    found = []
    for one in ours:
        seen = f"{fastest.seconds / one.seconds:.1f}x as fast as {fastest.name}"
        found.append(Finding(what=f"{one.name}, {size}", seen=seen, aim=_AIM if "first" in one.name else ""))
    return found
