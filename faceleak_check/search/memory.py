"""How much memory a search may take, and what that makes its blocks."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from faceleak_check.errors import InconclusiveError

__all__ = ["Blocks", "blocks_of", "free_memory", "require_room", "shown"]

_SHARE = 4
_QUERY_ROWS = 8192
_SOURCE_ROWS = 8192
_DEVICE_ROWS = 65_536
"""A device waits for its host less often where a block is large; a tile of 1 GiB in half precision."""
_TILE_ROWS = 4096
_TILE_COLUMNS = 512
"""A tile of 8 MiB stays in a last-level cache while its cosines are looked through."""
_MOST_THREADS = 8
_NUMBER = 4
_TILE_NUMBER = 6
"""Bytes for each cosine of a tile, with what is picked out of it."""
_CANDIDATE = 64
"""Bytes for each candidate while candidates are put in order."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Blocks:
    """The blocks in which two sets are compared.

    Attributes:
        query_rows: Query rows in memory at a time.
        source_rows: Source rows in memory at a time.
        tile_rows: Query rows that one thread multiplies at a time.
        tile_columns: Source rows that they are multiplied with.
        n_threads: Threads.
    """

    query_rows: int = _QUERY_ROWS
    source_rows: int = _SOURCE_ROWS
    tile_rows: int = _TILE_ROWS
    tile_columns: int = _TILE_COLUMNS
    n_threads: int = 1


def blocks_of(memory: int | None, dimension: int, k: int, device: str = "cpu") -> Blocks:
    """The blocks of a search that takes no more memory than this.

    Half of it is for queries and their candidates, a quarter for sources, a quarter for products. More than some
    hundred megabytes make nothing quicker.

    Args:
        memory: In bytes; a quarter of what is free where it is None.
        dimension: Length of a template.
        k: Neighbours wanted.
        device: What multiplies, ``cpu`` or ``cuda``.
    """
    room = free_memory() // _SHARE if memory is None else memory
    row = 2 * _NUMBER * dimension
    # BLAS has threads of its own: these look through products while others are multiplied
    n_threads = _between(len(os.sched_getaffinity(0)) // 2, 1, _MOST_THREADS)
    query_rows = _between(room // 2 // (row + _CANDIDATE * (3 * k + 32)), 16, _QUERY_ROWS)
    if device == "cuda":
        source_rows = _between(room // 4 // row, 256, _DEVICE_ROWS)
        return Blocks(
            query_rows=query_rows, source_rows=source_rows, tile_rows=query_rows, tile_columns=source_rows
        )
    tile_rows = _between(-(-query_rows // max(2, n_threads)), 16, _TILE_ROWS)
    products = room // 4 // _TILE_NUMBER
    return Blocks(
        query_rows=query_rows,
        source_rows=_between(room // 4 // row, 256, _SOURCE_ROWS),
        tile_rows=tile_rows,
        tile_columns=_between(products // n_threads // tile_rows, 64, _TILE_COLUMNS),
        n_threads=n_threads,
    )


def _between(number: int, least: int, most: int) -> int:
    return max(least, min(number, most))


def require_room(n_bytes: int, wanted: str) -> None:
    """Refuses what does not fit into the memory that is free.

    Args:
        n_bytes: How much is needed.
        wanted: What for, in the plural.

    Raises:
        InconclusiveError: It does not fit.
    """
    free = free_memory()
    if n_bytes > free:
        raise InconclusiveError(
            f"{wanted} are too many to hold",
            detail=f"They take {shown(n_bytes)}, and {shown(free)} are free: choose a smaller k, or compare fewer "
            "images at a time.",
        )


def shown(n_bytes: int) -> str:
    """An amount of memory for people, such as ``1.5 GiB``."""
    size, unit = n_bytes / 1024, "KiB"
    for larger in ("MiB", "GiB", "TiB"):
        if size >= 1024:
            size, unit = size / 1024, larger
    return f"{size:,.1f} {unit}"


def free_memory(proc: Path = Path("/proc"), cgroups: Path = Path("/sys/fs/cgroup")) -> int:
    """Memory that this process could still take, in bytes: what the machine has, or what its container allows.

    Args:
        proc: Where the kernel tells of itself.
        cgroups: Where it tells of control groups, of version 1 or 2.
    """
    return min([_available(proc), *_allowed(proc, cgroups)])


def _available(proc: Path) -> int:
    table = _table(proc / "meminfo")
    if "MemAvailable:" in table:
        return table["MemAvailable:"] * 1024
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2


def _allowed(proc: Path, cgroups: Path) -> Iterator[int]:
    """What is left of each limit above this process."""
    for line in _text(proc / "self" / "cgroup").splitlines():
        _, controllers, own = line.split(":", 2)
        if not controllers:
            names, top = ("memory.max", "memory.current", "inactive_file"), cgroups
        elif "memory" in controllers.split(","):
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
            top = cgroups / "memory"
        else:
            continue
        group = top / own.strip("/")
        for folder in (group, *group.parents):
            if folder.is_relative_to(top):
                yield from _left(folder, *names)


def _left(folder: Path, limit: str, usage: str, reclaimable: str) -> Iterator[int]:
    """The pages of files that the kernel would drop first count as free: mapped shards are such pages."""
    most, used = _text(folder / limit).strip(), _text(folder / usage).strip()
    if most.isdigit() and used.isdigit():
        yield max(0, int(most) - int(used) + _table(folder / "memory.stat").get(reclaimable, 0))


def _table(file: Path) -> dict[str, int]:
    lines = [line.split() for line in _text(file).splitlines()]
    return {words[0]: int(words[1]) for words in lines if len(words) > 1 and words[1].isdigit()}


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""
