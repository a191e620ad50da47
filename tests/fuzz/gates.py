"""A small real gate, run in this process: its verdicts, and the evidence that it leaves."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from planted import LEAK, as_file, pictures, silent

from faceleak_check.api import PolicyResult, check_with
from faceleak_check.pipeline import Gate
from faceleak_check.records import Verdict
from faceleak_check.reports.evidence import EvidenceFolder
from faceleak_check.reports.plain import verdict_record
from faceleak_check.reports.policy_records import policy_record
from faceleak_check.reports.reading import reading_record

__all__ = ["PAIR", "judge", "write_evidence", "write_folder", "write_policy", "write_source"]

PAIR = "generated: generated, source: training"


def write_folder(folder: Path, files: Mapping[str, bytes]) -> Path:
    """Writes pictures; a folder for each person."""
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def write_source(root: Path) -> Path:
    """The photographs of real people, of whom one comes back in the generated set."""
    random = np.random.default_rng(50)
    others = [random.integers(0, 256, LEAK.shape, dtype=np.uint8) for _ in range(4)]
    return write_folder(
        root / "training", {f"t{n}/1.png": as_file(pixels) for n, pixels in enumerate([*others, LEAK])}
    )


def write_policy(
    root: Path, *checks: str, generated: str = "path: generated", keys: str = "", name: str = "gate.yaml"
) -> Path:
    """A policy on two sets that allows nothing."""
    lines = [
        *("version: 1", "name: gate", "datasets:", f"  generated: {{{generated}}}"),
        "  training: {path: training, labels: parent_folder}",
        *("embedder: {name: fake-pixels, align: none}", *keys.splitlines(), "checks:"),
        *(
            f"  - {check}"
            for check in checks or (f"leak_count: {{{PAIR}, threshold: {{cosine: 0.95}}, at_most: 0}}",)
        ),
    ]
    (root / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return root / name


def judge(policy: Path, store: Path) -> PolicyResult:
    """Runs a policy; nothing of an earlier call is remembered but what is in the store."""
    return check_with(Gate(store=store, progress=silent), policy)


def write_evidence(root: Path, generated: Mapping[str, bytes] | None = None) -> Path:
    """Runs a gate, with a leak unless other pictures are given, and leaves its evidence in a folder; returns that."""
    write_source(root)
    write_folder(root / "generated", generated or pictures(3))
    at_most = f"{PAIR}, threshold: {{cosine: 0.95}}, at_most:"
    policy = write_policy(root, f"leak_count: {{{at_most} 0}}", f"leak_rate: {{{at_most} 50%}}")
    result = judge(policy, root / "store")
    folder = EvidenceFolder(root / "evidence")
    folder.start()
    ran = {verdict.case: _record(folder, result, verdict) for verdict in result.verdicts}
    folder.finish([policy_record(result.policy, ran, result.waivers)], {"exit_status": 1})
    return folder.folder


def _record(folder: EvidenceFolder, result: PolicyResult, verdict: Verdict) -> dict[str, object]:
    record = verdict_record(verdict)
    record["pairs_file"] = folder.add_pairs(result.policy.shown_as, verdict)
    files = folder.add_sets(verdict)
    for role, one in record["sets"].items():
        one.update(files[role], reading=reading_record(result.policy.datasets.get(one["name"])))
    return record
