"""What the gate's process and the one that speaks to Ray say to each other: pickles one way, JSON lines the other.

Pickles go to our own process alone; what comes back is plain data, as it may come from other machines.
"""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from typing import IO, Any

from faceleak_check.executors.ray.plan import Plan

__all__ = ["Job", "Nodes", "Part", "read_frame", "write_frame"]

_LENGTH_BYTES = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class Nodes:
    """Asks what machines there are."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """Work for the workers of a cluster; so many parts follow.

    Attributes:
        plan: The workers.
        orders: What every worker is told; see `worker.Worker`.
        n_parts: Number of parts.
    """

    plan: Plan
    orders: dict[str, Any]
    n_parts: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """Some images of a job.

    Attributes:
        packed: Its number, the images, a reader of them and what the stage knows of them, pickled.
    """

    packed: bytes


def write_frame(file: IO[bytes], message: object) -> None:
    """Sends a message.

    Raises:
        OSError: Nobody is there to read it.
    """
    data = pickle.dumps(message)
    file.write(len(data).to_bytes(_LENGTH_BYTES, "little"))
    file.write(data)
    file.flush()


def read_frame(file: IO[bytes]) -> Any:
    """The next message.

    Raises:
        EOFError: There is none, and there will be none.
    """
    length = file.read(_LENGTH_BYTES)
    data = file.read(int.from_bytes(length, "little"))
    if not data:
        raise EOFError
    return pickle.loads(data)  # noqa: S301 — from the process that started this one
