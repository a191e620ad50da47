"""The store: whatever is damaged in it, the verdict is the one that an empty store gives."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from gates import PAIR, judge, write_folder, write_policy, write_source
from kinds import FalsePassError, Kind, Whole
from planted import pictures

from faceleak_check.records import Outcome

__all__ = ["KINDS"]

_SETTLED = 2.1
"""Seconds after which a listing is kept."""


@cache
def _kept(root: Path) -> Path:
    """The store of a gate with a leak, as its run has left it."""
    write_source(root)
    write_folder(root / "generated", pictures(3))
    time.sleep(_SETTLED)
    at_most = f"{PAIR}, threshold: {{cosine: 0.95}}, at_most: 0"
    write_policy(root, f"leak_count: {{{at_most}}}", f"leak_rate: {{{at_most}}}")
    judge(root / "gate.yaml", root / "kept")
    judge(root / "gate.yaml", root / "kept")  # what a second run notes
    return root / "kept"


def _wholes(folder: Path) -> Sequence[Whole]:
    kept = _kept(folder / "run")
    files = sorted(path for path in kept.rglob("*") if path.is_file() and path.suffix != ".lock")
    assert {path.suffix for path in files} == {".json", ".safetensors"}
    assert any("listings" in path.parts for path in files)
    return [Whole(name=path.relative_to(kept).as_posix(), data=path.read_bytes()) for path in files]


def _judged(folder: Path, whole: Whole, data: bytes) -> str:
    root = folder / "run"
    store = root / "store"
    shutil.rmtree(store, ignore_errors=True)
    shutil.copytree(_kept(root), store)
    (store / whole.name).write_bytes(data)
    result = judge(root / "gate.yaml", store)
    for verdict in result.verdicts:
        measured = verdict.measurement
        if verdict.outcome is Outcome.INCONCLUSIVE:
            return "told"
        if verdict.outcome is not Outcome.LEAK or measured is None or len(measured.pairs) != 1:
            raise FalsePassError(f"{whole.name}: {verdict.outcome}: {verdict.reasons}")
    return (
        "read" if (store / whole.name).exists() and (store / whole.name).read_bytes() == data else "made anew"
    )


KINDS = (Kind(name="store", wholes=_wholes, judge=_judged),)
