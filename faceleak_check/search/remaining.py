"""Which neighbours are left once some images and pairs are gone."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from faceleak_check.matches import Gone
from faceleak_check.records import IntArray, digest_array
from faceleak_check.search.gallery import Gallery

__all__ = ["Remaining"]


class Remaining:
    """Tells which neighbours count.

    Args:
        generated: The generated images.
        source: The source images.
        gone: What is taken out.
    """

    def __init__(self, generated: Gallery, source: Gallery, gone: Gone) -> None:
        self._generated = generated
        self._source = source
        self._is_gone = source.rows_of(gone.source) if gone.source else None
        self._pairs = _pair_numbers(generated, source, gone) if gone.pairs else None
        self.images = np.flatnonzero(~generated.rows_of(gone.generated))

    def among(self, images: IntArray, faces: IntArray) -> npt.NDArray[np.bool_]:
        """Which neighbours are left; of a source image's faces only the nearest is.

        Args:
            images: Rows of generated images, n.
            faces: Rows of the source faces near them, nearest first, shape (n, m).
        """
        sources = self._source.image_of[faces]
        left = np.ones(faces.shape, dtype=bool)
        if self._is_gone is not None:
            left &= ~self._is_gone[sources]
        if self._pairs is not None:
            left &= ~self._named(images, sources)
        if len(self._source.templates) > len(self._source) or (self._generated.n_faces[images] > 1).any():
            left &= ~_seen_before(sources)
        return left

    def _named(self, images: IntArray, sources: IntArray) -> npt.NDArray[np.bool_]:
        assert self._pairs is not None
        n_sources = len(self._source)
        mine = self._generated.row_of.firsts[images]
        lines = np.flatnonzero(np.isin(mine, self._pairs // n_sources))
        named = np.zeros(sources.shape, dtype=bool)
        numbers = mine[lines, None] * n_sources + self._source.row_of.firsts[sources[lines]]
        named[lines] = np.isin(numbers, self._pairs)
        return named


def _pair_numbers(generated: Gallery, source: Gallery, gone: Gone) -> IntArray:
    """A number for each pair that is gone, made from the first rows of its two contents."""
    lefts, rights = zip(*gone.pairs, strict=True)
    left = generated.row_of.first(digest_array(lefts))
    right = source.row_of.first(digest_array(rights))
    there = (left >= 0) & (right >= 0)
    return left[there] * len(source) + right[there]


def _seen_before(rows: IntArray) -> npt.NDArray[np.bool_]:
    """Which entries stand further left in their line already."""
    order = np.argsort(rows, axis=1, kind="stable")
    ordered = np.take_along_axis(rows, order, axis=1)
    again = np.zeros(rows.shape, dtype=bool)
    again[:, 1:] = ordered[:, 1:] == ordered[:, :-1]
    seen = np.empty_like(again)
    np.put_along_axis(seen, order, again, axis=1)
    return seen
