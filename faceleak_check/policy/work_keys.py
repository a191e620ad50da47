"""The keys ``search`` and ``execution``: how the work is done, whatever comes out of it."""

from __future__ import annotations

import re
from typing import Literal

from faceleak_check.policy.names import Text
from faceleak_check.policy.types import Device, Memory, PositiveCount, check_keys

__all__ = ["ExecutionKeys", "SearchKeys"]

_RAY_ADDRESS = re.compile(r"auto|[^\s:/]+:[0-9]{1,5}|\[[0-9a-fA-F:]+\]:[0-9]{1,5}")


@check_keys
class SearchKeys:
    """How nearest neighbours are looked for; the answer is the same whatever the memory and the device.

    Attributes:
        memory: How much memory a search may take, such as 4 GiB; a quarter of what is free where it is left out.
        index: exact, or ivf for an approximate index that proposes candidates, with its measured recall in the
            evidence; checks that need every neighbour refuse it.
        device: What computes, cpu, cuda, or auto for cuda where there is one.
    """

    memory: Memory | None = None
    index: Literal["exact", "ivf"] = "exact"
    device: Device = "cpu"


@check_keys
class ExecutionKeys:
    """What embeds the images; the result is the same.

    Attributes:
        engine: local for this machine, or ray for a Ray cluster; address and workers are for ray, and may stay where
            ${NAME} chooses between the two.
        address: HOST:PORT of the Ray cluster that this machine is part of, or auto to find it; without it a cluster is
            started on this machine.
        workers: Number of Ray actors; one for each two processors of the cluster, or for each CUDA device, where it is
            left out.
    """

    engine: Literal["local", "ray"] = "local"
    address: Text | None = None
    workers: PositiveCount | None = None

    def __post_init__(self) -> None:
        if self.address is not None and not _RAY_ADDRESS.fullmatch(self.address):
            raise ValueError(
                f"found address {self.address!r}, expected auto or HOST:PORT such as 10.0.0.1:6379; ray:// cannot be "
                "used, as Ray Data does not run in a Ray client: run pytest on a machine of the cluster"
            )
