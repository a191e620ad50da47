"""Times of what is compared, in turns; the bare forward pass of a network; the detector's share of the time."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import torch

from faceleak_check.compute import autocast
from faceleak_check.embedders.torch_network import TorchNetwork
from faceleak_check.executors.local import LocalExecutor
from faceleak_check.executors.stages import Collected, EmbedStage
from faceleak_check.faces.align import AlignedFaces
from faceleak_check.faces.detect import Mtcnn
from faceleak_check.policy.schema import EmbedderChoice
from faceleak_check.protocols import Embedder, Pixels, Reader
from faceleak_check.readers.decode import decode
from faceleak_check.records import Face
from faceleak_check.silence import silent

__all__ = ["N_CORES", "Work", "bare", "detector_share", "forwards", "in_turns", "seconds", "torch_forward"]

N_CORES = len(os.sched_getaffinity(0))
Work = Callable[[], object]


def seconds(work: Work) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def in_turns(works: dict[str, Callable[[], float]], n_runs: int = 3) -> dict[str, float]:
    """Median seconds of each, run in turns."""
    taken: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(n_runs):
        for name, work in works.items():
            taken[name].append(work())
    return {name: statistics.median(times) for name, times in taken.items()}


def forwards(choice: EmbedderChoice, embedder: Embedder) -> dict[str, Work]:
    """A bare forward pass of one batch, for all cores in one and for one core each."""
    size, n = embedder.spec.input_size, embedder.batch_size
    chips = torch.rand(n, 3, size, size) * 2 - 1
    if isinstance(embedder, TorchNetwork):
        network = torch_forward(embedder, chips)
        return {"all cores": network, "one core each": network}
    import onnxruntime

    works: dict[str, Work] = {}
    for name, n_threads in (("all cores", N_CORES), ("one core each", 1)):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = n_threads
        session = onnxruntime.InferenceSession(
            str(choice.weights), options, providers=["CPUExecutionProvider"]
        )
        works[name] = partial(session.run, None, {session.get_inputs()[0].name: chips.numpy()})
    return works


def torch_forward(embedder: TorchNetwork, chips: torch.Tensor) -> Work:
    network = embedder.build().eval().to(torch.device(embedder.spec.device))
    chips = chips.to(embedder.spec.device)
    # a traced network takes numbers in the order that it was traced with
    if embedder.name != "torchscript":
        network = network.to(memory_format=torch.channels_last)
        chips = chips.contiguous(memory_format=torch.channels_last)

    def forward() -> None:
        with autocast(embedder.spec.device, embedder.spec.precision):
            network(chips)

    return forward


def bare(forward: Work, n_batches: int, n_threads: int) -> float:
    """Seconds of so many batches in so many threads, which share the cores."""
    n_each = max(1, N_CORES // n_threads)
    with ThreadPoolExecutor(n_threads, initializer=torch.set_num_threads, initargs=(n_each,)) as threads:
        list(threads.map(lambda _: forward(), range(n_threads)))
        return seconds(lambda: list(threads.map(lambda _: forward(), range(n_batches))))


class TimedDetector:
    """MTCNN, and how much processor time it takes."""

    name, licence, settings = Mtcnn.name, Mtcnn.licence, Mtcnn.settings

    def __init__(self) -> None:
        self._detector = Mtcnn()
        self.seconds: list[float] = []

    def load(self) -> None:
        self._detector.load()

    def detect(self, pictures: Sequence[Pixels]) -> list[tuple[Face, ...]]:
        started = time.thread_time()
        found = self._detector.detect(pictures)
        self.seconds.append(time.thread_time() - started)
        return found


def detector_share(reader: Reader, embedder: Embedder) -> float:
    """The detector's share of the processor time from files to templates."""
    detector, spec = TimedDetector(), embedder.spec
    assert spec.template is not None
    stage = EmbedStage(AlignedFaces(detector, spec.template, spec.input_size), embedder)
    stage.load()
    started = time.process_time()
    LocalExecutor(decode).run(reader.scan(silent).images, reader, stage, Collected(), silent, "detecting")
    return sum(detector.seconds) / (time.process_time() - started)
