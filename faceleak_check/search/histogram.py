"""How the cosines of all pairs of two sets are spread, counted in blocks."""

from __future__ import annotations

import numpy as np

from faceleak_check.records import IntArray
from faceleak_check.search.neighbours import Gallery

__all__ = ["N_BINS", "all_pairs", "counted"]

N_BINS = 200
"""Bins of equal width over [-1, 1]."""

MOST_PAIRS = 2_000_000_000
_GENERATED_FACES = 512
_SOURCE_FACES = 65_536


def counted(cosines: np.ndarray) -> IntArray:
    """Number of cosines in each of 200 bins over [-1, 1], the last one closed, int64, shape (200,)."""
    bins = ((np.asarray(cosines).ravel() + 1) * (N_BINS / 2)).astype(np.int32)
    return np.bincount(np.clip(bins, 0, N_BINS - 1), minlength=N_BINS).astype(np.int64)


def all_pairs(generated: Gallery, source: Gallery) -> tuple[IntArray, bool]:
    """The cosines of every face of the one set with every face of the other.

    Of more than 2,000,000,000 pairs only those of some generated images, evenly taken in the order of their contents,
    are counted.

    Returns:
        The counts, see `counted`, and whether only some images were taken.
    """
    faces = np.arange(len(generated.templates))
    n_most = max(1, MOST_PAIRS // max(1, len(source.templates)))
    is_sample = len(faces) > n_most
    if is_sample:
        in_order = np.argsort([image.sha256 for image in generated.images], kind="stable")
        rows = in_order[np.linspace(0, len(in_order) - 1, min(n_most, len(in_order))).astype(np.int64)]
        faces = generated.first_face[rows]
    counts = np.zeros(N_BINS, dtype=np.int64)
    for start in range(0, len(faces), _GENERATED_FACES):
        vectors = generated.templates.vectors[faces[start : start + _GENERATED_FACES]]
        for first in range(0, len(source.templates), _SOURCE_FACES):
            counts += counted(vectors @ source.templates.vectors[first : first + _SOURCE_FACES].T)
    return counts, is_sample
