"""Reads many damaged copies of a file, in a process of its own, as a damaged file may bring the interpreter down.

Run as ``python mutated_files.py FORMAT FILE N``.
"""

from __future__ import annotations

import hashlib
import random
import subprocess
import sys
import time
from pathlib import Path

from faceleak_check.errors import DatasetError
from faceleak_check.policy.schema import Dataset, Labels
from faceleak_check.registry import READERS


def read_mutated(name: str, path: Path, n: int) -> str:
    """Damages a file in `n` ways and reads each; returns what the process printed, and fails where it did."""
    command = [sys.executable, __file__, name, str(path), str(n)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def mutated(data: bytes, seed: int) -> bytes:
    """A damaged copy."""
    dice, copy = random.Random(seed), bytearray(data)
    place, length = dice.randrange(len(copy)), dice.choice([1, 4, 16, 600, 4096])
    way = dice.choice(["bytes", "bytes", "head", "tail", "cut", "zeros", "insert"])
    if way == "cut":
        return bytes(copy[:place])
    if way == "insert":
        return bytes(copy[:place]) + dice.randbytes(length) + bytes(copy[place:])
    if way == "zeros":
        copy[place : place + length] = bytes(len(copy[place : place + length]))
    for _ in range(dice.choice([1, 1, 2, 8])):
        at = {"head": dice.randrange(min(len(copy), 9000)), "tail": -1 - dice.randrange(min(len(copy), 1500))}
        copy[at.get(way, dice.randrange(len(copy)))] = dice.choice([0, 1, 127, 128, 255, dice.randrange(256)])
    return bytes(copy)


def _main(name: str, path: Path, n: int) -> None:
    data, slowest, n_whole = path.read_bytes(), 0.0, 0
    labels = Labels(kind="none")
    for seed in range(n):
        path.write_bytes(mutated(data, seed))
        dataset = Dataset(
            name="training", path=path, format=name, labels=labels, columns=None, line=1, column=1
        )
        started = time.monotonic()
        reader = READERS.load(name)(dataset)
        try:
            found = reader.scan(lambda *_: None)
        except DatasetError:
            continue
        finally:
            slowest = max(slowest, time.monotonic() - started)
        for image in found.images:
            if hashlib.sha256(reader.read(image)).hexdigest() != image.sha256:
                raise AssertionError((seed, image))
        n_whole += not found.excluded
    assert slowest < 20, slowest
    sys.stdout.write(f"{n_whole} of {n} without a loss\n")


if __name__ == "__main__":
    _main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
