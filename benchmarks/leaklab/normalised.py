"""Cosines that are set against what a picture and a photograph have in common with people of the control, as pure
functions.

The idea is that of speaker recognition: a cosine counts for less where strangers reach it too (R. Auckenthaler, M.
Carey and H. Lloyd-Thomas, Score normalization for text-independent speaker verification systems, Digital Signal
Processing 10 (2000), 42-54; the nearest strangers alone count in the adaptive form of D. E. Sturim and D. A. Reynolds,
ICASSP 2005).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["normalised"]

N_NEAREST = 10

Floats = npt.NDArray[np.floating[Any]]


def normalised(probes: Floats, source: Floats, control: Floats) -> Mapping[str, Floats]:
    """How near each probe comes to the source, higher is nearer, each of shape (n,).

    Args:
        probes: Unit templates, shape (n, d).
        source: Unit templates of the source, shape (s, d).
        control: Unit templates of people whom nobody should know, shape (c, d).

    Returns:
        By name: the plain cosine; `centred`, the cosine after the control's mean is taken from all; `ratio`, the
        distance to the source over that to the control; `both sides`, over the mean distance of probe and photograph
        to their nearest 10 of the control; `S-norm`, in deviations of the cosines to these, averaged over both sides.
    """
    cosines = probes @ source.T
    of_probe, of_source = _nearest(probes @ control.T), _nearest(source @ control.T)
    expected = np.sqrt((1 - of_probe.mean(axis=1))[:, None] * (1 - of_source.mean(axis=1)))
    return {
        "plain": cosines.max(axis=1),
        "centred": (_centred(probes, control) @ _centred(source, control).T).max(axis=1),
        "ratio": -(1 - cosines.max(axis=1)) / (1 - of_probe[:, -1]),
        "both sides": -((1 - cosines) / expected).min(axis=1),
        "S-norm": ((_deviations(cosines.T, of_probe).T + _deviations(cosines, of_source)) / 2).max(axis=1),
    }


def _nearest(cosines: Floats) -> Floats:
    """The highest of each row, rising."""
    return np.sort(cosines, axis=1)[:, -N_NEAREST:]


def _deviations(cosines: Floats, nearest: Floats) -> Floats:
    """Columns in deviations of each column's own cohort."""
    return np.asarray((cosines - nearest.mean(axis=1)) / nearest.std(axis=1))


def _centred(vectors: Floats, control: Floats) -> Floats:
    shifted = vectors - control.mean(axis=0)
    return np.asarray(shifted / np.linalg.norm(shifted, axis=1, keepdims=True))
