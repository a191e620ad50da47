"""What each CLIP model would cost a screen, beside how good it is said to be.

OMP_NUM_THREADS=1 python benchmarks/screens.py [--pictures 8] [--rounds 5]

CPU time of the image tower on one core, with random weights: they cost what trained ones cost. Accuracy: zero-shot
top-1 on ImageNet-1k as published, in open_clip's docs/openclip_results.csv and Apple's ml-mobileclip results/*.jsonl.
"""

from __future__ import annotations

import argparse
import logging
import time

import open_clip
import torch
from timm.utils.model import reparameterize_model

CANDIDATES = (
    # architecture, weights, accuracy in per cent, licence
    ("MobileCLIP2-S0", "dfndr2b", 71.5, "apple-amlr: research alone"),
    ("MobileCLIP-S1", "datacompdr", 72.6, "apple-amlr: research alone"),
    ("MobileCLIP2-S2", "dfndr2b", 77.2, "apple-amlr: research alone"),
    ("ViT-B-32", "laion2b_s34b_b79k", 66.6, "MIT"),
    ("ViT-B-32", "datacomp_xl_s13b_b90k", 69.2, "MIT"),
    ("ViT-B-32-256", "datacomp_s34b_b86k", 72.8, "MIT"),
    ("ViT-B-16", "datacomp_xl_s13b_b90k", 73.5, "MIT"),
)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--pictures", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    logging.disable(logging.WARNING)
    torch.set_num_threads(1)
    print(f"{'architecture':16}{'weights':24}{'ms/picture':>11}{'ImageNet %':>12}  licence")
    measured: dict[str, float] = {}
    for name, weights, accuracy, licence in CANDIDATES:
        if name not in measured:
            measured[name] = milliseconds(name, asked.pictures, asked.rounds)
        print(f"{name:16}{weights:24}{measured[name]:11.0f}{accuracy:12.1f}  {licence}")


def milliseconds(name: str, n_pictures: int, n_rounds: int) -> float:
    tower = open_clip.create_model(name, load_weights=False).visual.eval()
    if name.startswith("MobileCLIP"):
        tower = reparameterize_model(tower)
    side = tower.image_size[0] if isinstance(tower.image_size, tuple) else tower.image_size
    pictures = torch.rand(n_pictures, 3, side, side)
    with torch.inference_mode():
        tower(pictures)
        return 1000 * min(seconds(tower, pictures) for _ in range(n_rounds)) / n_pictures


def seconds(tower: torch.nn.Module, pictures: torch.Tensor) -> float:
    started = time.process_time()
    tower(pictures)
    return time.process_time() - started


if __name__ == "__main__":
    main()
