"""What the face detector costs on one core, by the size of a picture.

python benchmarks/detector.py

The pictures are scikit-image's astronaut (one face) at several sizes; each figure is the best of five.
"""

from __future__ import annotations

import time

import numpy as np
import torch
from PIL import Image
from skimage import data

from faceleak_check.faces.detect import Mtcnn

SIDES = (112, 150, 224, 320, 512, 640, 1024, 2048, 4096)


def best_seconds(detector: Mtcnn, picture: np.ndarray) -> float:
    taken = []
    for _ in range(5):
        started = time.perf_counter()
        assert detector.detect([picture])[0]
        taken.append(time.perf_counter() - started)
    return min(taken)


def main() -> None:
    torch.set_num_threads(1)
    detector = Mtcnn()
    detector.load()
    astronaut = Image.fromarray(data.astronaut())  # type: ignore[no-untyped-call]
    print("longest side, pixels   ms a picture")
    for side in SIDES:
        picture = np.asarray(astronaut.resize((side, side), Image.Resampling.BICUBIC))
        print(f"{side:>20,}   {1000 * best_seconds(detector, picture):12.0f}")


if __name__ == "__main__":
    main()
