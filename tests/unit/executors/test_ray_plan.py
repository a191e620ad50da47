from __future__ import annotations

import pytest

from faceleak_check.errors import InconclusiveError, ModelError
from faceleak_check.executors.ray.plan import Node, Plan, parts, planned


def nodes(*sizes: tuple[int, int]) -> list[Node]:
    return [Node(n_cpus=cpus, n_gpus=gpus) for cpus, gpus in sizes]


def plan(n_workers: int, n_cpus: int, n_gpus: int = 0) -> Plan:
    return Plan(n_workers=n_workers, n_cpus=n_cpus, n_gpus=n_gpus)


@pytest.mark.parametrize(
    ("machines", "workers", "expected"),
    [
        ([(2, 0)], None, plan(1, 2)),
        ([(1, 0), (1, 0)], None, plan(2, 1)),
        ([(0, 0), (16, 0), (16, 8)], None, plan(16, 2)),
        ([(7, 0), (2, 0)], None, plan(4, 2)),
        ([(1, 0), (8, 0)], None, plan(9, 1)),
        ([(8, 0)], 1, plan(1, 8)),
        ([(8, 0)], 3, plan(3, 2)),
        ([(8, 0), (4, 0)], 3, plan(3, 4)),
        ([(2, 0)], 2, plan(2, 1)),
    ],
)
def test_workers_on_processors(machines: list[tuple[int, int]], workers: int | None, expected: Plan) -> None:
    assert planned(nodes(*machines), workers, "cpu") == expected


@pytest.mark.parametrize(
    ("machines", "workers", "expected"),
    [
        ([(16, 1)], None, plan(1, 16, 1)),
        ([(64, 0), (16, 2), (32, 8)], None, plan(10, 4, 1)),
        ([(32, 8)], 3, plan(3, 4, 1)),
        ([(2, 4)], None, plan(4, 1, 1)),
    ],
)
def test_workers_on_cuda_devices(
    machines: list[tuple[int, int]], workers: int | None, expected: Plan
) -> None:
    assert planned(nodes(*machines), workers, "cuda") == expected


@pytest.mark.parametrize(
    ("machines", "workers", "device", "found"),
    [
        ([(2, 0)], 3, "cpu", "2 processors, expected at least 3"),
        ([(1, 0)], 3, "cpu", "1 processor, expected at least 3"),
        ([(0, 0)], None, "cpu", "no processors, expected at least 1"),
        ([(8, 2)], 3, "cuda", "2 CUDA devices, expected at least 3"),
    ],
)
def test_a_cluster_that_is_too_small(
    machines: list[tuple[int, int]], workers: int | None, device: str, found: str
) -> None:
    with pytest.raises(InconclusiveError) as refused:
        planned(nodes(*machines), workers, device)
    assert str(refused.value) == (
        "the Ray cluster is too small for the policy\n"
        f"Found {found}. Add machines to the cluster, or correct `execution.workers`."
    )


def test_a_cluster_without_a_cuda_device() -> None:
    with pytest.raises(ModelError) as refused:
        planned(nodes((8, 0)), None, "cuda")
    assert str(refused.value) == (
        "the policy asks for device 'cuda' and no machine of the Ray cluster has one\n"
        "Ray counts the CUDA devices that a machine has when it joins. Add machines with one, or set `device: cpu`."
    )


@pytest.mark.parametrize("n_images", [1, 32, 33, 500, 2048, 100_000, 1_000_003])
@pytest.mark.parametrize("batch_size", [1, 32, 256, 4096])
@pytest.mark.parametrize("n_workers", [1, 2, 37])
def test_parts_cover_each_image_once_in_whole_batches(n_images: int, batch_size: int, n_workers: int) -> None:
    found = list(parts(n_images, batch_size, n_workers))
    assert [row for part in found for row in part] == list(range(n_images))
    assert all(len(part) % batch_size == 0 for part in found[:-1])
    assert max(map(len, found)) <= max(2048, batch_size)


def test_small_sets_have_work_for_all_workers_and_large_ones_parts_of_two_thousand() -> None:
    assert [len(part) for part in parts(100, 8, 2)] == [8] * 12 + [4]
    assert {len(part) for part in parts(10**6, 32, 4)} == {2048, 10**6 % 2048}
