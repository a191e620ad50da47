"""Random templates in files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

__all__ = ["random_rows", "write_vectors"]

_BLOCK = 100_000
_COMMON = 2.0


def random_rows(random: np.random.Generator, n: int, dimension: int) -> npt.NDArray[np.float32]:
    """Unit rows that share a direction, shape (n, dimension).

    Strangers have a cosine of about 0.8, as with dlib's templates: many rows are almost as near as the nearest, which
    is harder for an exact search than rows at right angles.
    """
    rows = random.standard_normal((n, dimension), np.float32) + np.float32(_COMMON)
    found: npt.NDArray[np.float32] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return found


def write_vectors(path: Path, n: int, dimension: int, seed: int) -> Path:
    """Writes random rows as float32 in a ``.npy`` file, block by block."""
    path.parent.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(seed)
    rows = np.lib.format.open_memmap(path, "w+", np.float32, (n, dimension))
    for start in range(0, n, _BLOCK):
        rows[start : start + _BLOCK] = random_rows(random, min(_BLOCK, n - start), dimension)
    rows.flush()
    return path
