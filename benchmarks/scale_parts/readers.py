"""Images per second through each reader: listing them, reading and decoding them, and from the file to templates."""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path
from typing import Any

from tables import show

from scale_parts.figures import Finding
from scale_parts.formats import FORMATS
from scale_parts.gates import write_policy
from scale_parts.machine import mebibytes
from scale_parts.pictures import crops
from scale_parts.processes import alone

__all__ = ["run"]

_N_WARM = 8


def run(root: Path, options: argparse.Namespace) -> list[Finding]:
    """The table; each figure is a first run in a process of its own."""
    from faceleak_check.registry import READERS

    files = list(crops(options.images))
    embedder = f"{{name: dlib-resnet, align: none, device: {options.device}}}"
    warm = _coverage_policy(
        root / "warm", {"images": FORMATS["folder"][1](_made(root / "warm"), files[:_N_WARM])}
    )
    rows, rates = [], {}
    for title, (reader, write) in FORMATS.items():
        if reader not in READERS:
            rows.append([title, "", "", "", "", f"no reader {reader!r} here"])
            continue
        folder = _made(root / reader / title.split(",")[0])
        policy = _coverage_policy(folder, {"images": write(folder, files)}, embedder)
        found, _ = alone("scale_parts.readers:apart", policy=str(policy))
        whole, ran = alone(
            "scale_parts.gates:staged", policy=str(policy), store=str(folder / "store"), warm_up=str(warm)
        )
        n = len(files)
        rates[title] = n / (whole["seconds"] - whole["stages"].get("sampling images", 0.0))
        speeds = [n / found["listing"], n / found["decoding"], rates[title]]
        size = sum(file.stat().st_size for file in folder.rglob("*") if "store" not in file.parts) / n
        rows.append(
            [title, f"{size / 1000:.1f}", *(f"{speed:,.0f}" for speed in speeds), mebibytes(ran.peak_rss)]
        )
    header = ["reader", "kB an image", "listed/s", "read+decoded/s", "to templates/s", "peak RSS"]
    show(
        f"{len(files):,} crops of 112 x 112 pixels through each reader, dlib-resnet, align: none",
        header,
        rows,
    )
    print(
        "listed: with SHA-256, one thread; read+decoded: one thread; to templates: from listing to the verdict, on all"
    )
    print("cores, imports and kernels warm, without the look at 64 pictures by which alignment is judged.")
    seen = f"{min(rates.values()):,.0f} to {max(rates.values()):,.0f} (median {statistics.median(rates.values()):,.0f})"
    return [Finding(what="images/s to templates, by reader", seen=seen)]


def apart(*, policy: str) -> dict[str, Any]:
    """Seconds of listing and of reading and decoding, on one thread; for a process of its own."""
    from faceleak_check.policy.parse import parse_policy
    from faceleak_check.readers.decode import decode
    from faceleak_check.registry import READERS
    from faceleak_check.silence import silent

    dataset = parse_policy(policy).datasets["images"]
    reader = READERS.load(dataset.format)(dataset)
    begun = time.perf_counter()
    images = reader.scan(silent).images
    listed = time.perf_counter()
    for image in images:
        decode(reader.read(image))
    return {"listing": listed - begun, "decoding": time.perf_counter() - listed}


def _coverage_policy(
    folder: Path, datasets: dict[str, str], embedder: str = "{name: dlib-resnet, align: none}"
) -> Path:
    return write_policy(folder, datasets, embedder, ["coverage: {dataset: images, min_images: 1}"])


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
