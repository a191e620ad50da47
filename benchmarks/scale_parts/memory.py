"""How much memory a whole run of pytest takes, by the size of the sets."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from tables import show

from scale_parts.figures import Finding
from scale_parts.gates import LEAK_RATE, GateRun, run_gate, write_policy
from scale_parts.machine import mebibytes
from scale_parts.pictures import textures, write_files
from scale_parts.vectors import write_vectors

__all__ = ["run"]

_DIMENSION = 128
_SHA256 = "0" * 64
_PRECOMPUTED = f"{{name: precomputed, sha256: '{_SHA256}', dimension: {_DIMENSION}}}"
_CHECKS = {
    "fake-pixels": LEAK_RATE,
    "phash": "near_copy: {generated: generated, source: training, at_most: 1000000}",
}
_FOLDERS = {"generated": "{path: generated}", "training": "{path: training}"}


def run(root: Path, options: argparse.Namespace) -> list[Finding]:
    """Both tables."""
    return [*_images(root, options), *_templates(root, options)]


def _images(root: Path, options: argparse.Namespace) -> list[Finding]:
    rows: list[list[str]] = []
    peaks: dict[str, list[GateRun]] = {}
    for n in options.memory_images:
        folder = root / f"images-{n}"
        write_files(folder / "generated", textures(n // 2, seed=1), ".png")
        write_files(folder / "training", textures(n - n // 2, seed=2), ".png")
        for name, check in _CHECKS.items():
            policy = write_policy(
                folder, _FOLDERS, "{name: fake-pixels, align: none}", [check], _budget(options), name
            )
            for what in ("first run", "second run"):
                found = run_gate(policy)
                peaks.setdefault(f"{name}, {what}", []).append(found)
                rows.append([f"{name}, {what}", f"{n:,}", *_figures(found)])
            shutil.rmtree(folder / "store")
        shutil.rmtree(folder)
    header = ["pictures of 16 x 16, half each", "images", "seconds", "peak RSS", "peak anonymous"]
    show(
        f"memory of pytest, images to verdict, search: {{memory: {mebibytes(options.memory)}}}", header, rows
    )
    return [
        Finding(what=f"peak memory, {name}, {_sizes(options.memory_images)} images", seen=_anonymous(found))
        for name, found in peaks.items()
        if name.endswith("first run")
    ]


def _templates(root: Path, options: argparse.Namespace) -> list[Finding]:
    from faceleak_check.registry import READERS

    if "arrays" not in READERS:
        print("\nprecomputed templates: left out, there is no reader 'arrays' here")
        return []
    rows, peaks = [], []
    for n in options.memory_rows:
        folder = root / f"rows-{n}"
        datasets = {
            "generated": _templates_at(folder, "generated", options.memory_queries, seed=1),
            "training": _templates_at(folder, "training", n, seed=2),
        }
        policy = write_policy(folder, datasets, _PRECOMPUTED, more=_budget(options))
        found = run_gate(policy)
        peaks.append(found)
        size = mebibytes(4 * _DIMENSION * n)
        rows.append([f"{options.memory_queries:,} x {n:,}", size, *_figures(found)])
        shutil.rmtree(folder)
    header = [f"templates, d={_DIMENSION}", "size of file", "seconds", "peak RSS", "peak anonymous"]
    show(
        f"memory of pytest, templates to verdict, search: {{memory: {mebibytes(options.memory)}}}",
        header,
        rows,
    )
    print(
        "RSS counts pages of mapped files, which the system takes back when it needs them; anonymous memory"
    )
    print("(RssAnon) is the process's own.")
    what = f"peak memory, templates, {_sizes(options.memory_rows)} source rows"
    return [Finding(what=what, seen=_anonymous(peaks), aim="flat beyond the budget")]


def _templates_at(folder: Path, name: str, n: int, seed: int) -> str:
    """Writes templates of nobody, and tells a policy's keys."""
    write_vectors(folder / f"{name}.npy", n, _DIMENSION, seed)
    return f"{{path: {name}.npy, format: arrays, templates: {{embedder: nobody, sha256: '{_SHA256}'}}}}"


def _budget(options: argparse.Namespace) -> str:
    return f"search: {{memory: {options.memory}}}"


def _figures(found: GateRun) -> list[str]:
    process = found.process
    return [f"{process.seconds:.1f}", mebibytes(process.peak_rss), mebibytes(process.peak_anonymous)]


def _anonymous(found: list[GateRun]) -> str:
    return " / ".join(mebibytes(one.process.peak_anonymous) for one in found) + " anonymous"


def _sizes(sizes: list[int]) -> str:
    return " / ".join(f"{size:,}" for size in sizes)
