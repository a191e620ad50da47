"""What runs on the machines of a Ray cluster."""

from __future__ import annotations

import json
import pickle
import socket
import sys
import time
import traceback
from collections import Counter
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from faceleak_check.errors import InconclusiveError
from faceleak_check.executors.local import LocalExecutor
from faceleak_check.executors.ray.versions import differences, versions
from faceleak_check.protocols import Progress

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Ledger", "Worker"]

_MOST_ATTEMPTS = 4
_TELL_SECONDS = 0.5


class Ledger:
    """Knows which parts were begun, and how far they are; an actor of its own."""

    def __init__(self) -> None:
        self._n_begun: Counter[int] = Counter()
        self._n_done: dict[int, int] = {}

    def begin(self, number: int) -> int:
        """Notes that a part is begun; returns for the how manieth time."""
        self._n_begun[number] += 1
        return self._n_begun[number]

    def tell(self, number: int, n_done: int) -> None:
        """Notes how many images of a part are done."""
        self._n_done[number] = n_done

    def n_done(self) -> int:
        """Number of images that are done."""
        return sum(self._n_done.values())


class Worker:
    """An actor that works on one part after the other, as one machine alone would.

    It writes results into the store by itself, and answers with plain data: how many images it did, which ones cannot
    be read, or what keeps it from working.

    Args:
        orders: ``stage``, ``sink`` and ``decode`` pickled, ``n_threads``, and the ``versions`` and module ``path`` of
            the machine that sends them. Plain data: a worker of another version must be able to tell that it is one.
        ledger: Handle of the `Ledger`.
    """

    def __init__(self, orders: Mapping[str, Any], ledger: Any) -> None:
        self._orders = orders
        self._ledger = ledger

    def __call__(self, batch: pa.Table) -> dict[str, list[str]]:
        """The answer to each part, as JSON."""
        return {"answer": [json.dumps(self._answer(packed)) for packed in batch["part"].to_pylist()]}

    def _answer(self, packed: bytes) -> dict[str, Any]:
        try:
            return self._done(packed)
        except InconclusiveError as error:
            return {"kind": type(error).__name__, "message": error.message, "detail": error.detail}
        except Exception:  # noqa: BLE001 — Ray would wrap it in several of its own
            return {"kind": "bug", "message": traceback.format_exc()}

    def _done(self, packed: bytes) -> dict[str, Any]:
        import ray

        stage, sink, executor = self._tools
        number, images, reader, about = _unpacked(packed)
        n_attempts = ray.get(self._ledger.begin.remote(number))
        if n_attempts > _MOST_ATTEMPTS:
            raise _deadly(images[0].id, images[-1].id)
        if n_attempts > 1:  # who had it before may have kept some of it
            sink.refresh()
        left = np.flatnonzero(sink.missing(images.digests))
        progress = self._progress(number, len(images) - len(left))
        gone = executor.run(images.taken(left), reader, stage.knowing(about), sink, progress, "")
        rows = {image.sha256: row for row, image in enumerate(images)}
        return {
            "part": number,
            "node": ray.get_runtime_context().get_node_id(),
            "host": socket.gethostname(),
            "gone": [(rows[one.sha256], one.reason) for one in gone],
        }

    @cached_property
    def _tools(self) -> tuple[Any, Any, LocalExecutor]:
        others = differences(versions(), self._orders["versions"])
        if others:
            raise InconclusiveError(
                "the machines of the Ray cluster differ in what is installed",
                detail=f"On {socket.gethostname()}: found {'; '.join(others)}. Results would differ in their last "
                "digits: install the same versions on all machines.",
            )
        # behind its own: what this machine has goes first
        sys.path += [one for one in self._orders["path"] if one not in sys.path]
        stage, sink, decode = (_unpacked(self._orders[name]) for name in ("stage", "sink", "decode"))
        return stage, sink, LocalExecutor(decode, self._orders["n_threads"])

    def _progress(self, number: int, n_before: int) -> Progress:
        told = 0.0

        def tell(stage: str, done: int, total: int) -> None:  # noqa: ARG001
            nonlocal told
            if done == total or time.monotonic() - told >= _TELL_SECONDS:
                told = time.monotonic()
                self._ledger.tell.remote(number, n_before + done)

        return tell


def _unpacked(packed: bytes) -> Any:
    try:
        return pickle.loads(packed)  # noqa: S301 — from the process that the policy runs in
    except (ImportError, AttributeError) as error:
        raise InconclusiveError(
            "a Ray worker lacks code that the policy uses",
            detail=f"On {socket.gethostname()}: {error}. Install the packages of your own embedders, screens and "
            "readers on all machines of the cluster.",
        ) from None


def _deadly(first: str, last: str) -> InconclusiveError:
    return InconclusiveError(
        f"{_MOST_ATTEMPTS} Ray workers died at the same images",
        detail=f"From {first!r} to {last!r}. They were ended from outside, mostly for want of memory, or crashed. Ask "
        "for fewer `execution.workers`, so that each has more memory, and look into Ray's logs on "
        f"{socket.gethostname()}. What was finished is kept.",
    )
