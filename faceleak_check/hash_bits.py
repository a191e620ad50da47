"""Perceptual hashes as templates: how many bits of two of them differ, and the cosine that says so."""

from __future__ import annotations

__all__ = ["HASH_BITS", "bits_of_cosine", "cosine_of_bits"]

HASH_BITS = 64
"""Bits of a hash; as a template each is one number, of the same size and of either sign."""


def cosine_of_bits(n_bits: float) -> float:
    """The cosine of two hashes that differ in that many bits."""
    return 1 - 2 * n_bits / HASH_BITS


def bits_of_cosine(cosine: float) -> int:
    """How many bits two hashes differ in that have this cosine, rounded or not."""
    return round(HASH_BITS * (1 - cosine) / 2)
