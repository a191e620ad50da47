"""The gate's exact search beside faiss's IndexFlatIP, and what it costs as sets grow."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

from tables import show

from scale_parts.figures import Finding
from scale_parts.machine import mebibytes
from scale_parts.processes import alone
from scale_parts.searching import Search
from scale_parts.vectors import write_vectors

__all__ = ["run"]

_TIMES = "scale_parts.searching"
_SIZES = (100_000, 500_000, 1_000_000)


def run(root: Path, options: argparse.Namespace) -> list[Finding]:
    """Both tables."""
    return [*_beside_faiss(root, options), *_by_size(root, options)]


def _beside_faiss(root: Path, options: argparse.Namespace) -> list[Finding]:
    rows, shares, smaller = [], [], []
    for one in options.searches:
        found = _alone("beside", root, one, options, n_runs=options.runs)[0]
        ran = {name: _alone(f"by_{name}", root, one, options)[1] for name in ("ours", "faiss", "nobody")}
        for name, seconds in found["seconds"].items():
            memory = [mebibytes(ran[name].peak_rss), mebibytes(ran[name].peak_anonymous)]
            rows.append([f"{one}", name, *_rates(one, seconds), *memory])
        rows.append(
            [
                "",
                "imports alone",
                "",
                "",
                "",
                mebibytes(ran["nobody"].peak_rss),
                mebibytes(ran["nobody"].peak_anonymous),
            ]
        )
        shares.append(found["seconds"]["faiss"] / found["seconds"]["ours"])
        smaller.append(f"{ran['ours'].peak_anonymous / ran['faiss'].peak_anonymous:.0%}")
        if found["agreed"] < 1:
            print(f"{one}: faiss names another nearest row for {1 - found['agreed']:.2%} of the queries")
    header = ["queries x source", "", "seconds", "Gpairs/s", "GFLOP/s", "peak RSS", "anonymous"]
    show(
        f"exact search in turns on the same rows, median of {options.runs}, memory: {options.memory >> 20} MiB",
        header,
        rows,
    )
    print(
        "Ours reads its rows from a mapped file, and works out in float64 what float32 cannot tell apart; faiss has"
    )
    print("them in memory before its time begins. Memory: of a process each that does this one search.")
    speeds = " / ".join(f"{share:.2f}" for share in shares)
    return [
        Finding(what="exact search, speed beside IndexFlatIP", seen=speeds, aim=">= 0.95"),
        Finding(what="exact search, anonymous memory beside it", seen=" / ".join(smaller), aim="a fraction"),
    ]


def _by_size(root: Path, options: argparse.Namespace) -> list[Finding]:
    rows, findings = [], []
    for tile in options.tiles:
        seconds, ran = _alone("by_ours", root, tile, options)
        rows.append([f"{tile}", "measured", *_rates(tile, seconds), mebibytes(ran.peak_anonymous)])
        for n in _SIZES:
            whole = replace(tile, n_queries=n, n_source=n)
            taken = seconds * whole.n_pairs / tile.n_pairs
            rows.append([f"{whole}", "extrapolated", *_rates(whole, taken), ""])
        findings.append(
            Finding(what=f"exact search, {whole}", seen=f"{_duration(taken)}, extrapolated from {tile}")
        )
    header = ["queries x source", "", "seconds", "Gpairs/s", "GFLOP/s", "anonymous"]
    show(f"what a search costs as sets grow, device: {options.device}", header, rows)
    print("Queries are looked for block by block, each against every row: the time is in proportion to both.")
    return findings


def _alone(
    job: str, root: Path, search: Search, options: argparse.Namespace, **more: object
) -> tuple[Any, Any]:
    files = [
        _file(root, "queries", search.n_queries, search.dimension, 1),
        _file(root, "source", search.n_source, search.dimension, 2),
    ]
    text = f"{search.n_queries}x{search.n_source}x{search.dimension}x{search.k}"
    return alone(
        f"{_TIMES}:{job}", files=files, search=text, memory=options.memory, device=options.device, **more
    )


def _file(root: Path, side: str, n: int, dimension: int, seed: int) -> str:
    path = root / f"{side}-{n}x{dimension}.npy"
    return str(path if path.exists() else write_vectors(path, n, dimension, seed))


def _rates(search: Search, seconds: float) -> list[str]:
    return [f"{seconds:,.2f}", f"{search.n_pairs / seconds / 1e9:.2f}", f"{search.gflop / seconds:,.0f}"]


def _duration(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h" if seconds > 5400 else f"{seconds / 60:.0f} min"
