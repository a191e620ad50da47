"""How many workers a cluster gets, how large they are, and what each of them is given at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from faceleak_check.errors import InconclusiveError, ModelError

__all__ = ["Node", "Plan", "parts", "planned"]

_MOST_IMAGES = 2048
"""Images of a part, which is what is lost with a machine: some minutes of work."""
_PARTS_A_WORKER = 8
_PROCESSORS_A_WORKER = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Node:
    """A machine of a cluster, as Ray counts it.

    Attributes:
        n_cpus: Its processors.
        n_gpus: Its CUDA devices.
    """

    n_cpus: int
    n_gpus: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """The workers of a job.

    Attributes:
        n_workers: How many there are.
        n_cpus: Processors of each.
        n_gpus: CUDA devices of each.
    """

    n_workers: int
    n_cpus: int
    n_gpus: int


def planned(nodes: Sequence[Node], workers: int | None, device: str) -> Plan:
    """The workers that a cluster has room for.

    Args:
        nodes: The machines of the cluster.
        workers: How many the policy asks for; None for as many as are of use.
        device: What they compute on: ``cpu`` or ``cuda``.

    Raises:
        ModelError: There is no CUDA device.
        InconclusiveError: The cluster has not room for so many.
    """
    return _on_cuda(nodes, workers) if device == "cuda" else _on_cpus(nodes, workers)


def _on_cpus(nodes: Sequence[Node], workers: int | None) -> Plan:
    cpus = [node.n_cpus for node in nodes if node.n_cpus >= 1]
    n_cpus = sum(cpus)
    if not cpus or n_cpus < (workers or 1):
        raise _too_small(workers or 1, n_cpus, "processor")
    if workers is None:
        size = min(_PROCESSORS_A_WORKER, *cpus, _PROCESSORS_A_WORKER)
        return Plan(n_workers=sum(one // size for one in cpus), n_cpus=size, n_gpus=0)
    size = next(size for size in range(max(cpus), 0, -1) if sum(one // size for one in cpus) >= workers)
    return Plan(n_workers=workers, n_cpus=size, n_gpus=0)


def _on_cuda(nodes: Sequence[Node], workers: int | None) -> Plan:
    able = [node for node in nodes if node.n_gpus >= 1]
    n_gpus = sum(node.n_gpus for node in able)
    if not able:
        raise ModelError(
            "the policy asks for device 'cuda' and no machine of the Ray cluster has one",
            detail="Ray counts the CUDA devices that a machine has when it joins. Add machines with one, or set "
            "`device: cpu`.",
        )
    if n_gpus < (workers or 1):
        raise _too_small(workers or 1, n_gpus, "CUDA device")
    # all that decode for a device wait for it, so it gets its whole share of the processors
    share = max(1, min(node.n_cpus // node.n_gpus for node in able))
    return Plan(n_workers=workers or n_gpus, n_cpus=share, n_gpus=1)


def _too_small(wanted: int, found: int, unit: str) -> InconclusiveError:
    there = f"{found:,} {unit}{'s' * (found != 1)}" if found else f"no {unit}s"
    return InconclusiveError(
        "the Ray cluster is too small for the policy",
        detail=f"Found {there}, expected at least {wanted:,}. Add machines to the cluster, or correct "
        "`execution.workers`.",
    )


def parts(n_images: int, batch_size: int, n_workers: int) -> Iterator[range]:
    """The rows of each part; some parts for each worker, so that none waits long for the last one.

    Args:
        n_images: Number of images.
        batch_size: How many are computed at once; a part is a multiple of it.
        n_workers: Number of workers.
    """
    n_batches = -(-n_images // (batch_size * n_workers * _PARTS_A_WORKER))
    size = batch_size * max(1, min(n_batches, _MOST_IMAGES // batch_size))
    return (range(start, min(start + size, n_images)) for start in range(0, n_images, size))
