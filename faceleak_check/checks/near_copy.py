"""``near_copy``: generated images that are pixel-level copies of source images."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt

from faceleak_check.checks.leaks import find_leaks, leaking
from faceleak_check.hash_bits import HASH_BITS, cosine_of_bits
from faceleak_check.matches import Matches
from faceleak_check.policy.names import Sha256
from faceleak_check.policy.paths import PolicyPath
from faceleak_check.policy.types import Cosine, Count, HashBits, Threshold, check_keys
from faceleak_check.records import AboutCheck, Measurement

__all__ = ["MOST_BITS", "NearCopy"]

MOST_BITS = 6
"""Bits of two perceptual hashes that may differ in a copy, where the policy does not say (docs/accuracy.md)."""

_SSCD = 0.75
"""About 90% precision for copies, by the authors of SSCD (Pizzi et al., CVPR 2022)."""


@check_keys
class NearCopy:
    """The number of generated images that are copies of a source image: this photograph, not only this person.

    Attributes:
        at_most: Highest number allowed.
        method: How pictures are compared; phash is a perceptual hash, sscd a network of your own file of weights.
        max_bits: For phash, how many of the 64 bits of two hashes may differ in a copy.
        min_similarity: For sscd, the cosine from which on two pictures are copies.
        weights: For sscd, the TorchScript file.
        sha256: For sscd, the digest that the file must have.
    """

    about: ClassVar[AboutCheck] = AboutCheck(
        title="Copied photographs",
        question="Are generated images copies of photographs of the source set?",
        kind="copies",
        not_shown="Whether people come back in new pictures: only copies of photographs are looked for.",
    )
    roles: ClassVar[tuple[tuple[str, ...], ...]] = (("generated", "source"),)
    has_embedder: ClassVar[bool] = False
    is_screened: ClassVar[bool] = False
    metric: ClassVar[str] = "cosine"
    n_neighbours: ClassVar[int] = 1
    needs_whole_set: ClassVar[bool] = True
    needs_labels: ClassVar[bool] = False

    at_most: Count
    method: Literal["phash", "sscd"] = "phash"
    max_bits: HashBits | None = None
    min_similarity: Cosine | None = None
    weights: PolicyPath | None = None
    sha256: Sha256 | None = None

    def __post_init__(self) -> None:
        others = {"phash": ("min_similarity", "weights", "sha256"), "sscd": ("max_bits",)}[self.method]
        for key in others:
            if getattr(self, key) is not None:
                raise ValueError(f"found {key!r}, which method {self.method!r} does not have; take it out")
        if self.method == "sscd" and self.weights is None:
            raise ValueError("method 'sscd' needs 'weights: FILE', the TorchScript file of SSCD")

    @property
    def threshold(self) -> Threshold:
        """The cosine of two templates from which on two pictures are copies; of two hashes, 1 - 2 bits / 64."""
        if self.method == "sscd":
            return Threshold(cosine=_SSCD if self.min_similarity is None else self.min_similarity)
        bits = MOST_BITS if self.max_bits is None else self.max_bits
        # half a bit of room, as the templates are rounded
        return Threshold(cosine=max(-1.0, cosine_of_bits(bits + 0.5)))

    def leaking(self, matches: Matches) -> npt.NDArray[np.bool_]:
        """Which neighbours are copies, shape (n, k)."""
        return leaking(matches, self.threshold)

    def measure(self, matches: Matches) -> Measurement:
        """Number of generated images that are copies."""
        leaks = find_leaks(matches, self.threshold)
        bits = MOST_BITS if self.max_bits is None else self.max_bits
        copies = (
            "generated image is a copy"
            if len(matches) == 1
            else (f"generated images {'is a copy' if leaks.n_images == 1 else 'are copies'}")
        )
        return Measurement(
            value=leaks.n_images,
            limit=self.at_most,
            unit="images",
            n=len(matches),
            rule=leaks.rule
            if self.method == "sscd"
            else f"at most {bits} of {HASH_BITS} bits of the hashes differ",
            pairs=leaks.pairs,
            finding=f"{leaks.n_images:,} of {len(matches):,} {copies} of a source image",
        )
