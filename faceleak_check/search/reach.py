"""Which images come near to any of another set."""

from __future__ import annotations

import numpy as np

from faceleak_check.records import IntArray
from faceleak_check.search.neighbours import Gallery

__all__ = ["within"]

_GENERATED_FACES = 1024
_SOURCE_FACES = 16_384
_ROUNDING = 1e-4
"""More than float32 gets wrong in the inner product of two unit vectors of up to 1,024 dimensions."""


def within(generated: Gallery, source: Gallery, cosine: float) -> tuple[IntArray, IntArray]:
    """The images with a face at least as near as this to a face of the other set, and perhaps a few others.

    Returns:
        Rows of generated images, and rows of source images, each ascending.
    """
    near, found = (np.zeros(len(one.templates), dtype=bool) for one in (generated, source))
    for start in range(0, len(near), _GENERATED_FACES):
        mine = slice(start, start + _GENERATED_FACES)
        vectors = generated.templates.vectors[mine]
        for first in range(0, len(found), _SOURCE_FACES):
            theirs = slice(first, first + _SOURCE_FACES)
            is_near = vectors @ source.templates.vectors[theirs].T >= cosine - _ROUNDING
            near[mine] |= is_near.any(axis=1)
            found[theirs] |= is_near.any(axis=0)
    return np.unique(generated.image_of[near]), np.unique(source.image_of[found])
