"""A run with every template in the store: from pytest's start to the verdict.

python benchmarks/rerun.py [--images 10000]

Writes the images, embeds them once (not timed), then times five whole processes.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from faces import write_crops

POLICY = """\
version: 1
name: rerun
datasets:
  generated: {path: generated}
  training: {path: training}
embedder: {name: dlib-resnet, align: none}  # chips already: no detector
checks:
  - leak_rate: {generated: generated, source: training, threshold: {cosine: 0.999999}, at_most: 100%}
"""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=int, default=10_000, help="in both sets together")
    n = parser.parse_args().images
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_crops(folder / "all", n)
        for side in ("generated", "training"):
            (folder / side).mkdir()
        for row, path in enumerate(sorted((folder / "all").iterdir())):
            path.rename(folder / ("generated" if row % 2 else "training") / path.name)
        (folder / "policy.yaml").write_text(POLICY)
        (folder / "pytest.ini").write_text("[pytest]\n")
        first = run(folder)
        later = [run(folder) for _ in range(5)]
    print(f"first run, {n:,} images:   {first:7.1f} s")
    print(
        f"later runs, median of 5: {statistics.median(later):7.2f} s ({min(later):.2f} to {max(later):.2f})"
    )


def run(folder: Path) -> float:
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "--faceleak-policy",
        "policy.yaml",
        "--faceleak-store",
        "store",
    ]
    started = time.perf_counter()
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
