"""A nearest neighbour search by the gate and by faiss, each for a process of its own."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Search", "beside", "by_faiss", "by_nobody", "by_ours"]

Answer = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Search:
    """How much is looked for.

    Attributes:
        n_queries: Generated templates.
        n_source: Source templates.
        dimension: Their length.
        k: Neighbours wanted.
    """

    n_queries: int
    n_source: int
    dimension: int
    k: int = 1

    @classmethod
    def parsed(cls, text: str) -> Search:
        """From ``10000x100000x128`` or, for ten neighbours, ``10000x100000x128x10``."""
        n_queries, n_source, dimension, *k = map(int, text.split("x"))
        return cls(n_queries=n_queries, n_source=n_source, dimension=dimension, k=k[0] if k else 1)

    @property
    def n_pairs(self) -> int:
        return self.n_queries * self.n_source

    @property
    def gflop(self) -> float:
        """A multiplication and an addition for each number of each pair, in thousand millions."""
        return 2 * self.n_pairs * self.dimension / 1e9

    def __str__(self) -> str:
        return f"{self.n_queries:,} x {self.n_source:,}, d={self.dimension}, k={self.k}"


def by_ours(*, files: list[str], search: str, memory: int, device: str) -> float:
    """Seconds of the gate's search, which reads its rows from the files as it needs them."""
    return _seconds(_ours(files, Search.parsed(search), memory, device))


def by_faiss(*, files: list[str], search: str, memory: int, device: str) -> float:  # noqa: ARG001 - as by_ours
    """Seconds of `IndexFlatIP.search`; its rows are in memory, and putting them there isn't counted."""
    return _seconds(_faiss(files, Search.parsed(search)))


def by_nobody(*, files: list[str], search: str, memory: int, device: str) -> float:
    """Nothing but what both import: how much memory that takes."""
    by_ours(files=files, search="1x1x" + search.split("x")[2], memory=memory, device=device)
    return 0.0


def beside(*, files: list[str], search: str, memory: int, device: str, n_runs: int) -> dict[str, Any]:
    """Median seconds of both, in turns on the same rows, and the share of queries on whose nearest row they agree."""
    parsed = Search.parsed(search)
    works = {"ours": _ours(files, parsed, memory, device), "faiss": _faiss(files, parsed)}
    answers = {name: work() for name, work in works.items()}  # also the first, unmeasured run
    taken: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(n_runs):
        for name, work in works.items():
            taken[name].append(_seconds(work))
    agreed = float((answers["ours"][:, 0] == answers["faiss"][:, 0]).mean())
    return {"seconds": {name: statistics.median(times) for name, times in taken.items()}, "agreed": agreed}


def _seconds(work: Callable[[], Answer]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def _rows(file: str, n: int, dimension: int) -> npt.NDArray[np.float32]:
    rows: npt.NDArray[np.float32] = np.load(Path(file), mmap_mode="r")[:n]
    assert rows.shape == (n, dimension)
    return rows


def _ours(files: list[str], search: Search, memory: int, device: str) -> Callable[[], Answer]:
    from faceleak_check.records import Rows, Templates
    from faceleak_check.search.engine import SearchEngine

    sides = []
    for file, n in zip(files, (search.n_queries, search.n_source), strict=True):
        vectors = Rows([_rows(file, n, search.dimension)])
        sides.append(Templates(vectors=vectors, norms=np.ones(n, np.float32)))
    queries, source = sides
    found = SearchEngine(memory=memory, device=device).over(source, "cosine")
    return lambda: found.nearest(queries, search.k).rows


def _faiss(files: list[str], search: Search) -> Callable[[], Answer]:
    import faiss

    queries, source = (
        np.array(_rows(file, n, search.dimension))
        for file, n in zip(files, (search.n_queries, search.n_source), strict=True)
    )
    index = faiss.IndexFlatIP(search.dimension)
    index.add(source)
    del source
    return lambda: np.asarray(index.search(queries, search.k)[1], np.int64)
