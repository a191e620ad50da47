from __future__ import annotations

import itertools
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from faceleak_check.errors import InconclusiveError
from faceleak_check.records import Rows, Templates
from faceleak_check.search.exact import nearest
from faceleak_check.search.memory import Blocks, blocks_of, free_memory, require_room, shown

MEMINFO = "MemTotal:       24684084 kB\nMemFree:        18586636 kB\nMemAvailable:   2000000 kB\n"
MIB = 1 << 20


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A machine with 2,000,000 KiB to spare and no limits."""
    (tmp_path / "proc" / "self").mkdir(parents=True)
    (tmp_path / "proc" / "meminfo").write_text(MEMINFO)
    return tmp_path


def free_on(machine: Path) -> int:
    return free_memory(machine / "proc", machine / "cgroup")


def group(machine: Path, name: str, **files: str) -> None:
    folder = machine / "cgroup" / name
    folder.mkdir(parents=True, exist_ok=True)
    for file, text in files.items():
        (folder / file.replace("__", ".")).write_text(text)


def test_without_limits_what_the_machine_has_available_is_free(machine: Path) -> None:
    assert free_on(machine) == 2_000_000 * 1024


def test_without_proc_half_of_all_memory_counts(tmp_path: Path) -> None:
    assert free_memory(tmp_path, tmp_path) > 0


def test_the_closest_limit_of_version_2_counts_less_what_is_used_but_for_pages_of_files(
    machine: Path,
) -> None:
    (machine / "proc" / "self" / "cgroup").write_text("0::/box/run\n")
    group(machine, "box", memory__max=f"{900 * MIB}\n", memory__current=f"{700 * MIB}\n")
    group(machine, "box", memory__stat=f"anon {100 * MIB}\ninactive_file {500 * MIB}\n")
    group(machine, "box/run", memory__max="max\n", memory__current=f"{650 * MIB}\n")
    assert free_on(machine) == 700 * MIB
    group(machine, "box/run", memory__max=f"{660 * MIB}\n")
    assert free_on(machine) == 10 * MIB


def test_version_1_has_its_limits_elsewhere(machine: Path) -> None:
    (machine / "proc" / "self" / "cgroup").write_text("9:name=systemd:/\n4:cpu,memory:/docker/7f\n0::/\n")
    limits = {"memory__limit_in_bytes": f"{300 * MIB}\n", "memory__usage_in_bytes": f"{260 * MIB}\n"}
    group(machine, "memory/docker/7f", **limits, memory__stat=f"total_inactive_file {20 * MIB}\n")
    assert free_on(machine) == 60 * MIB


def test_a_limit_that_is_exceeded_leaves_nothing(machine: Path) -> None:
    (machine / "proc" / "self" / "cgroup").write_text("0::/\n")
    group(machine, "", memory__max=f"{1 * MIB}\n", memory__current=f"{2 * MIB}\n")
    assert free_on(machine) == 0


def test_blocks_grow_with_the_memory_up_to_what_makes_a_search_quick() -> None:
    sizes = [blocks_of(memory * MIB, 512, 10) for memory in (64, 128, 256, 4096, 65_536)]
    for one, other in itertools.pairwise(sizes):
        assert one.query_rows <= other.query_rows
        assert one.source_rows <= other.source_rows
        assert one.tile_columns <= other.tile_columns
    assert sizes[-1] == sizes[-2]
    assert (sizes[-1].query_rows, sizes[-1].source_rows) == (8192, 8192)
    assert blocks_of(None, 512, 10).query_rows == 8192


def test_a_device_gets_larger_blocks_and_one_thread() -> None:
    assert blocks_of(4096 * MIB, 512, 1, "cuda") == Blocks(
        query_rows=8192, source_rows=65_536, tile_rows=8192, tile_columns=65_536
    )
    assert blocks_of(64 * MIB, 512, 1, "cuda").source_rows == 4096


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize(("k", "dimension"), [(1, 512), (50, 128)])
def test_a_search_takes_no_more_than_its_memory_whatever_the_size_of_the_sets(
    k: int, dimension: int, metric: str, tmp_path: Path
) -> None:
    """64 MiB for 160 to 320 MB of templates."""
    random = np.random.default_rng(1)
    vectors = np.lib.format.open_memmap(tmp_path / "v.npy", "w+", np.float32, (160_000, dimension))
    vectors[:] = np.tile(random.standard_normal((1000, dimension), dtype=np.float32), (160, 1))
    vectors[:] /= np.linalg.norm(vectors, axis=1, keepdims=True)
    sources = Templates(
        vectors=Rows([vectors[:70_000], vectors[70_000:]]), norms=np.ones(160_000, np.float32)
    )
    queries = sources.taken(np.arange(0, 160_000, 533))
    blocks = blocks_of(64 * MIB, dimension, k)
    tracemalloc.start()
    nearest(queries, sources, k, metric=metric, blocks=blocks)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak <= 64 * MIB


def test_what_does_not_fit_is_refused() -> None:
    require_room(1000, "17 neighbours of each of 3 faces")
    with pytest.raises(InconclusiveError) as refused:
        require_room(10**18, "4,000,000 neighbours of each of 7,000,000 faces")
    assert refused.value.message == ("4,000,000 neighbours of each of 7,000,000 faces are too many to hold")
    before, _, after = refused.value.detail.partition(", and ")
    assert before == "They take 909,494.7 TiB"
    assert after.endswith(" are free: choose a smaller k, or compare fewer images at a time.")


@pytest.mark.parametrize(
    ("n_bytes", "text"),
    [(100, "0.1 KiB"), (1024**2, "1.0 MiB"), (1536 * 1024**2, "1.5 GiB"), (2**50, "1,024.0 TiB")],
)
def test_memory_in_words(n_bytes: int, text: str) -> None:
    assert shown(n_bytes) == text
