"""How fast dlib-resnet embeds: beside dlib itself, and from files on disk to templates in the store.

python benchmarks/embed.py [--images 2000]

Each figure is the median of three runs; the runs of what is compared take turns.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import dlib
import numpy as np
from faces import face_chips, write_crops

from faceleak_check.embedders.dlib_resnet import DlibResNet, _installed_weights
from faceleak_check.executors.local import LocalExecutor
from faceleak_check.pipeline import silent
from faceleak_check.policy.schema import Dataset, EmbedderChoice, Labels
from faceleak_check.readers.decode import decode
from faceleak_check.readers.folder import FolderReader
from faceleak_check.store.templates import DiskTemplateStore


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def in_turns(**works: Callable[[], object]) -> dict[str, float]:
    """Median seconds of each, run in turns three times."""
    taken: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(3):
        for name, work in works.items():
            taken[name].append(seconds(work))
    return {name: statistics.median(times) for name, times in taken.items()}


def bare(embedder: DlibResNet, chips: np.ndarray) -> None:
    for start in range(0, len(chips), embedder.batch_size):
        embedder.embed(chips[start : start + embedder.batch_size])


def whole_way(folder: Path, embedder: DlibResNet) -> None:
    """What a first run does: list, digest, decode, embed, store."""
    labels = Labels(kind="none")
    dataset = Dataset(
        name="crops", path=folder, format="folder", labels=labels, columns=None, line=1, column=1
    )
    reader = FolderReader(dataset)
    with tempfile.TemporaryDirectory() as root:
        store = DiskTemplateStore(Path(root), embedder.spec)
        images = reader.scan(silent).images
        gone = LocalExecutor(decode).embed(images, reader, embedder, store, silent, "embedding")
        assert not gone
        assert len(store) == len(images)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=int, default=2000)
    n = parser.parse_args().images

    chips = face_chips(n, 150)
    few = chips[:100]
    fp32 = DlibResNet(EmbedderChoice(name="dlib-resnet"))
    bf16 = DlibResNet(EmbedderChoice(name="dlib-resnet", precision="bf16"))
    reference = dlib.face_recognition_model_v1(str(_installed_weights()))
    for embedder in (fp32, bf16):
        embedder.load()
        bare(embedder, few)

    taken = in_turns(
        dlib=lambda: [reference.compute_face_descriptor(chip) for chip in few],
        dlib_batch=lambda: reference.compute_face_descriptor(list(few)),
        fp32=lambda: bare(fp32, chips),
        bf16=lambda: bare(bf16, chips),
    )
    dlib_rate = len(few) / min(taken["dlib"], taken["dlib_batch"])
    print(f"dlib-bin                 {dlib_rate:8.1f} faces/s (the better of one by one and batched)")
    for name in ("fp32", "bf16"):
        rate = n / taken[name]
        print(f"dlib-resnet {name}         {rate:8.1f} faces/s   {rate / dlib_rate:.1f}x dlib-bin")

    with tempfile.TemporaryDirectory() as folder:
        write_crops(Path(folder), n)
        for name, embedder in (("fp32", fp32), ("bf16", bf16)):
            taken = in_turns(
                bare=lambda embedder=embedder: bare(embedder, chips),
                whole=lambda embedder=embedder: whole_way(Path(folder), embedder),
            )
            share = taken["bare"] / taken["whole"]
            print(
                f"files to store, {name}     {n / taken['whole']:8.1f} faces/s   {share:.0%} of the bare forward pass"
            )


if __name__ == "__main__":
    main()
