"""Whether a leaking pair is one photograph twice, or two pictures of one person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from faceleak_check.checks.near_copy import MOST_BITS
from faceleak_check.embedding import EmbeddedSets
from faceleak_check.hash_bits import bits_of_cosine
from faceleak_check.image_sets import EmbeddedSet, each_content_once
from faceleak_check.records import ImageList, ImageRef, Pair
from faceleak_check.search.neighbours import Gallery, between

__all__ = ["Kinds"]

_MOST_PAIRS = 10_000


class Kinds:
    """Tells copies from other pictures of a person by their perceptual hashes.

    Args:
        sets: Embeds; hashes are kept in the store like templates.
        generated: The generated set.
        source: The source set.
    """

    def __init__(self, sets: EmbeddedSets, generated: EmbeddedSet, source: EmbeddedSet) -> None:
        self._sets = sets
        self._generated = generated
        self._source = source

    def told(self, pairs: Sequence[Pair], *, leaks: bool = True) -> tuple[Pair, ...]:
        """The pairs with their kind, as far as there are not too many.

        Args:
            pairs: The pairs, worst first; of more than 10,000 the others stay without a kind, as do those of
                a file that went away, and all of a set that is without pictures.
            leaks: Whether they are leaks; else nothing says that a pair which is no copy shows one person.

        Raises:
            InconclusiveError: The store cannot be used.
        """
        some, others = pairs[:_MOST_PAIRS], pairs[_MOST_PAIRS:]
        if not some or not (self._generated.has_pictures and self._source.has_pictures):
            return tuple(pairs)
        generated = self._hashes(self._generated, [pair.generated for pair in some])
        source = self._hashes(self._source, [pair.source for pair in some])
        return (*(_with_kind(pair, generated, source, leaks=leaks) for pair in some), *others)

    def _hashes(self, one: EmbeddedSet, images: Sequence[ImageRef]) -> Gallery:
        return self._sets.hashes(one, each_content_once(ImageList.of(images)))


def _with_kind(pair: Pair, generated: Gallery, source: Gallery, *, leaks: bool) -> Pair:
    left, right = generated.row_of.get(pair.generated.sha256), source.row_of.get(pair.source.sha256)
    if left is None or right is None:
        return pair
    cosines, _ = between(generated, left[0], source, right[0])
    bits = bits_of_cosine(float(cosines.max()))
    if bits <= MOST_BITS:
        return replace(pair, kind="copy", bits=bits)
    return replace(pair, kind="person" if leaks else None, bits=bits)
