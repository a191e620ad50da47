"""Shares work out over a Ray cluster; what comes of it is what one machine alone would make."""

from __future__ import annotations

import os
import pickle
import sys
from collections import Counter
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

from faceleak_check.errors import InconclusiveError
from faceleak_check.executors.local import LocalExecutor
from faceleak_check.executors.protocol import SharedSink, SharedStage, Sink
from faceleak_check.executors.ray.answers import Answers, require_kept, unreadable_here_too
from faceleak_check.executors.ray.frames import Job, Nodes, Part
from faceleak_check.executors.ray.plan import Node, parts, planned
from faceleak_check.executors.ray.process import RayProcess
from faceleak_check.executors.ray.versions import versions
from faceleak_check.executors.stages import Stage
from faceleak_check.policy.schema import ExecutionKeys
from faceleak_check.protocols import Decode, Progress, Reader
from faceleak_check.records import Exclusion, ImageList, ImageRef

__all__ = ["RayExecutor"]


class RayExecutor:
    """Has the workers of a Ray cluster do a stage's work; they write what they make into the store themselves.

    Work that nobody else can share in is done here: what goes into no store, and what is no more than one batch.

    Args:
        decode: Bytes of an image file → RGB picture; raises ValueError with a reason.
        execution: The policy's keys: the cluster's address and the number of workers.

    Attributes:
        n_images: Number of images that each machine did, by the machine's id.
    """

    def __init__(self, decode: Decode, execution: ExecutionKeys) -> None:
        self._local = LocalExecutor(decode)
        self._decode = decode
        self._execution = execution
        self._process: RayProcess | None = None
        self.n_images: Counter[str] = Counter()

    def run(
        self,
        images: Sequence[ImageRef],
        reader: Reader,
        stage: Stage[Any, Any],
        sink: Sink,
        progress: Progress,
        name: str,
    ) -> tuple[Exclusion, ...]:
        """See `faceleak_check.executors.protocol.Executor`.

        Raises:
            InconclusiveError: There is no such cluster, it is lost, or its machines cannot read the images, write
                into the store or load the networks.
        """
        is_shared = isinstance(sink, SharedSink) and isinstance(stage, SharedStage)
        if not is_shared or len(images) <= stage.batch_size:
            return self._local.run(images, reader, stage, sink, progress, name)
        assert isinstance(sink, SharedSink)
        images = ImageList.of(images)
        try:
            answers = self._shared_out(images, reader, stage, sink, progress, name)
        except BaseException:
            self.close()
            raise
        if answers.trouble is not None:
            raise answers.trouble
        self.n_images.update(answers.n_images)
        gone = unreadable_here_too(answers, images, reader, self._local, getattr(stage, "further", None))
        sink.refresh()
        require_kept(images, gone, sink)
        return gone

    def _shared_out(
        self, images: ImageList, reader: Reader, stage: Any, sink: SharedSink, progress: Progress, name: str
    ) -> Answers:
        orders = self._orders(stage, sink)
        process = self._connected(progress)
        process.send(Nodes())
        nodes = [Node(n_cpus=cpus, n_gpus=gpus) for cpus, gpus in process.receive()["nodes"]]
        plan = planned(nodes, self._execution.workers, stage.device)
        rows = list(parts(len(images), stage.batch_size, plan.n_workers))
        orders["n_threads"] = plan.n_cpus + 1  # one waits for files
        process.send(Job(plan=plan, orders=orders, n_parts=len(rows)))
        for number, part in enumerate(rows):
            process.send(Part(packed=_part(number, images[part.start : part.stop], reader, stage)))
        answers = Answers(rows)
        progress(f"{name} on Ray", 0, len(images))
        while not answers.is_over:
            answers.take(process.receive())
            stand = (
                "waiting for free processors of the Ray cluster" if answers.is_waiting else f"{name} on Ray"
            )
            progress(stand, answers.n_done, len(images))
        return answers

    def _connected(self, progress: Progress) -> RayProcess:
        if self._process is None:
            if find_spec("ray") is None:
                raise InconclusiveError(
                    "the policy asks for engine 'ray', which is not installed",
                    detail="Run: pip install 'faceleak-check[ray]', or set `execution: {engine: local}`.",
                )
            progress("starting Ray", 0, 0)
            self._process = RayProcess(self._execution.address or "")
        return self._process

    def close(self) -> None:
        """Ends what is under way, and takes down the workers; what is asked for later starts anew.

        It happens by itself when the process ends.
        """
        if self._process is not None:
            self._process.close()
            self._process = None

    def _orders(self, stage: Any, sink: SharedSink) -> dict[str, Any]:
        return {
            "stage": _pickled(stage),
            "sink": _pickled(sink),
            "decode": _pickled(self._decode),
            "path": [os.path.realpath(one) for one in sys.path],
            "versions": versions(),
        }


def _part(number: int, images: ImageList, reader: Reader, stage: SharedStage) -> bytes:
    alone = ImageList.of(tuple(images))  # a part of a list has the whole list's columns
    part_of = getattr(reader, "part", None)
    return _pickled((number, alone, reader if part_of is None else part_of(alone), stage.about(alone)))


def _pickled(what: object) -> bytes:
    try:
        return pickle.dumps(what)
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        raise InconclusiveError(
            "the work cannot be sent to other machines",
            detail=f"{error}. An embedder, screen or reader of your own must be fit for Python's pickle, loaded or "
            "not; or set `execution: {engine: local}`.",
        ) from None
