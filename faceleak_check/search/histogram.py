"""How the cosines of all pairs of two sets are spread, counted in blocks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from faceleak_check.records import IntArray, Templates
from faceleak_check.search.checkpoints import digest_of, key_of
from faceleak_check.search.engine import SearchEngine
from faceleak_check.search.gallery import Gallery

__all__ = ["N_BINS", "all_pairs", "counted"]

N_BINS = 200
"""Bins of equal width over [-1, 1]."""

MOST_PAIRS = 2_000_000_000
_WORTH_KEEPING = 100_000_000
# of the same size whatever the memory: the last bit of a product may depend on it, and a bin on that
_GENERATED_FACES = 1024
_SOURCE_FACES = 4096


def counted(cosines: npt.NDArray[np.floating]) -> IntArray:
    """Number of cosines in each of 200 bins over [-1, 1], the last one closed, int64, shape (200,)."""
    places = np.asarray(cosines).ravel() + 1
    places *= N_BINS / 2
    bins = np.clip(places, 0, N_BINS - 1, out=places).astype(np.uint8)
    n_twos = len(bins) // 2
    # counted two by two, which is half the work
    twos = np.bincount(bins[: 2 * n_twos].view(np.uint16), minlength=256 * 256).reshape(256, 256)
    counts: IntArray = twos.sum(axis=0) + twos.sum(axis=1) + np.bincount(bins[2 * n_twos :], minlength=256)
    return counts[:N_BINS]


def all_pairs(
    generated: Gallery, source: Gallery, engine: SearchEngine | None = None
) -> tuple[IntArray, bool]:
    """The cosines of every face of the one set with every face of the other.

    Of more than 2,000,000,000 pairs only those of some generated images, evenly taken in the order of their contents,
    are counted.

    Args:
        generated: The generated images.
        source: The source images.
        engine: Whom to tell how far it is, and where to keep what was counted.

    Returns:
        The counts, see `counted`, and whether only some images were taken.
    """
    templates = generated.templates
    n_most = max(1, MOST_PAIRS // max(1, len(source.templates)))
    is_sample = len(templates) > n_most
    if is_sample:
        in_order = generated.images.in_order_of_content
        rows = in_order[np.linspace(0, len(in_order) - 1, min(n_most, len(in_order))).astype(np.int64)]
        templates = templates.taken(generated.first_face[rows])
    engine = replace(engine or SearchEngine(), stage="counting the cosines of all pairs")
    return _kept(templates, source.templates, engine), is_sample


def _kept(generated: Templates, source: Templates, engine: SearchEngine) -> IntArray:
    """What was counted before; else what is counted now, kept for the next time."""
    checkpoints = engine.checkpoints
    if checkpoints is None or len(generated) * len(source) < _WORTH_KEEPING:
        return _counts(generated, source, engine)
    key = key_of(generated, digest_of(source), {"bins": N_BINS}, None)
    kept = checkpoints.recall(key)
    counts: IntArray
    if kept is not None and kept.keys() == {"counts"}:
        counts = kept["counts"]
        return counts
    counts = _counts(generated, source, engine)
    checkpoints.keep(key, {"counts": counts})
    return counts


def _counts(generated: Templates, source: Templates, engine: SearchEngine) -> IntArray:
    counts = np.zeros(N_BINS, dtype=np.int64)
    for start in range(0, len(generated), _GENERATED_FACES):
        vectors = np.asarray(generated.vectors[start : start + _GENERATED_FACES])
        for first in range(0, len(source), _SOURCE_FACES):
            counts += counted(vectors @ source.vectors[first : first + _SOURCE_FACES].T)
        engine.progress(engine.stage, min(start + len(vectors), len(generated)), len(generated))
    return counts
