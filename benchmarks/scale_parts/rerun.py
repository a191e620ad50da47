"""A second run with every template in the store, from pytest's start to the verdict."""

from __future__ import annotations

import argparse
import shutil
import statistics
from pathlib import Path
from typing import Any

import numpy as np
from tables import show

from scale_parts.figures import Finding
from scale_parts.formats import write_recordio
from scale_parts.gates import LEAK_RATE, GateRun, run_gate, write_policy
from scale_parts.pictures import stamped_crops, write_files
from scale_parts.processes import alone
from scale_parts.vectors import random_rows

__all__ = ["run"]

_SHARD = 4096
_FOLDER = 100_000
"""Up to so many images lie in a folder, more in one file."""
_NOTES = """\
second run: the same run once more. templates alone: what earlier runs listed and searched for is taken away
before; its stages are those of check() in another process, from the imports on. else: templates out of the
store, chance matches (of source people, whom RecordIO names), the verdict. The files are 100 crops with
different numbers in them, their templates random unit rows under dlib-resnet's spec (d=128), put into the
store through its own `add`. Up to 100,000 images lie in folders, the source of more in one RecordIO file."""
_AIMS = {100_000: "< 10 s", 1_000_000: "< 60 s, of which search is most"}


def run(root: Path, options: argparse.Namespace) -> list[Finding]:
    """The table."""
    rows, findings = [], []
    for n in options.stored:
        folder = root / f"stored-{n}"
        policy = _written(folder, n)
        where = {"policy": str(policy), "store": str(folder / "store")}
        alone("scale_parts.rerun:fill", **where)
        stages, _ = alone("scale_parts.gates:staged", **where)
        n_runs = options.reruns if n <= _FOLDER else 1
        anew = _median([run_gate(_forgetting(policy)) for _ in range(n_runs)])
        again = _median([run_gate(policy) for _ in range(n_runs)])
        parts = _parts(stages)
        rows.append([f"{n:,}", _layout(n), f"{again:.1f}", f"{anew:.1f}", *(f"{one:.1f}" for one in parts)])
        aim = _AIMS.get(n, "")
        findings.append(Finding(what=f"second run, {n:,} stored images", seen=f"{again:.1f} s", aim=aim))
        seen = f"{anew:.1f} s, {parts[1] / anew:.0%} of it search"
        findings.append(Finding(what=f"stored templates alone, {n:,} images", seen=seen, aim=aim))
        shutil.rmtree(folder)
    header = ["images", "generated x source", "second run", "templates alone", "listing", "search", "else"]
    show(
        "everything in the store: seconds from pytest's start to the verdict; of those, in stages",
        header,
        rows,
    )
    print(_NOTES)
    return findings


def _forgetting(policy: Path) -> Path:
    """The policy, after what was kept of listings and searches is gone."""
    for name in ("listings", "searches"):
        for kept in (policy.parent / "store").glob(f"*/{name}"):
            shutil.rmtree(kept)
    return policy


def _median(runs: list[GateRun]) -> float:
    assert not any(one.n_embedded for one in runs)
    return statistics.median(one.seconds for one in runs)


def _sides(n: int) -> tuple[int, int]:
    n_generated = min(n // 5, 10_000 if n > _FOLDER else 20_000)
    return n_generated, n - n_generated


def _layout(n: int) -> str:
    return " x ".join(f"{side:,}" for side in _sides(n))


def _written(folder: Path, n: int) -> Path:
    n_generated, n_source = _sides(n)
    write_files(folder / "generated", stamped_crops(n_generated))
    source = stamped_crops(n_source, first=n_generated)
    datasets = {"generated": "{path: generated}", "training": "{path: training}"}
    if n > _FOLDER:
        datasets["training"] = write_recordio(folder, source)
    else:
        write_files(folder / "training", source)
    return write_policy(folder, datasets, "{name: dlib-resnet, align: none}", [LEAK_RATE])


def fill(*, policy: str, store: str) -> None:
    """Keeps a random template for every image of a policy's datasets; for a process of its own."""
    from faceleak_check.policy.parse import parse_policy
    from faceleak_check.registry import EMBEDDERS, READERS
    from faceleak_check.silence import silent
    from faceleak_check.store.templates import DiskTemplateStore

    parsed = parse_policy(policy)
    (choice,) = parsed.embedders.values()
    kept = DiskTemplateStore(Path(store), EMBEDDERS.load(choice.name)(choice).spec)
    random = np.random.default_rng(0)
    for dataset in parsed.datasets.values():
        digests = READERS.load(dataset.format)(dataset).scan(silent).images.contents
        for start in range(0, len(digests), _SHARD):
            part = digests[start : start + _SHARD]
            kept.add(part, _random_faces(len(part), random))


def _random_faces(n: int, random: np.random.Generator) -> Any:
    from faceleak_check.records import FaceTemplates, Templates

    norms = np.ones(n, np.float32)
    # dlib-resnet makes one template of a whole picture
    templates = Templates(vectors=random_rows(random, n, 128), norms=norms)
    return FaceTemplates(n_faces=np.ones(n, np.int64), templates=templates)


def _parts(stages: dict[str, Any]) -> list[float]:
    """Listing, search and everything else, without the sampling that only a first run does."""
    taken: dict[str, float] = stages["stages"]
    named = {
        word: sum(taken[name] for name in taken if name.startswith(word))
        for word in ("listing", "sampling", "comparing")
    }
    rest = stages["seconds"] - sum(named.values())
    return [named["listing"], named["comparing"], rest]
