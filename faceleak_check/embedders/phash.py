"""``phash``: a perceptual hash of the whole picture, which knows a photograph again and nobody in it."""

from __future__ import annotations

from importlib.metadata import version
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from faceleak_check.errors import ModelError
from faceleak_check.faces.stretched import STRETCHED_AND_MIRRORED
from faceleak_check.hash_bits import HASH_BITS
from faceleak_check.policy.schema import EmbedderChoice
from faceleak_check.records import EmbedderSpec, Templates
from faceleak_check.remade import Remade

__all__ = ["PerceptualHash"]

_SIDE = 8
# the side that imagehash brings pictures to, so that it does not resize the chip again
_CHIP = 32
# of 255: less is what rounding and JPEG make of one colour, and the hash of that is noise
_FLAT = 4


class PerceptualHash(Remade):
    """imagehash's pHash as a template: each of its 64 bits is +1/8 or -1/8.

    So the cosine of two templates is 1 - 2 h / 64 where h bits differ. The hash is that of the picture stretched to a
    square; it bears recompression, scaling, blur and light, but no cropping or turning (docs/accuracy.md).

    A picture of one colour has no pattern to hash. All such pictures have one template, which is far from that of
    any other picture: 31 or more bits where a picture's hash has as many bits set as not.

    Args:
        choice: The policy's ``embedder`` block.

    Raises:
        ModelError: The block asks for something that this embedder has not.
    """

    spec: EmbedderSpec
    name: ClassVar[str] = "phash"
    batch_size = 256

    def __init__(self, choice: EmbedderChoice) -> None:
        if choice.weights or choice.sha256 or choice.precision != "fp32" or choice.device == "cuda":
            raise ModelError(
                "embedder 'phash' has no weights, one precision and no use for a device",
                detail="Leave out `weights`, `sha256`, `precision` and `device`.",
            )
        self.spec = EmbedderSpec(
            name=self.name,
            weights_sha256="",
            licence="BSD-2-Clause",
            dimension=HASH_BITS,
            input_size=_CHIP,
            colour_order="RGB",
            # another version may hash otherwise, and hashes of two kinds must not be compared
            normalisation=f"64-bit pHash of imagehash {version('imagehash')}, each bit +-1/8",
            alignment=STRETCHED_AND_MIRRORED,
        )

    @classmethod
    def model_file(cls, choice: EmbedderChoice) -> None:
        """There is no file of weights."""

    def load(self) -> None:
        """Imports what hashes."""
        import imagehash
        import scipy.fftpack

        _ = imagehash.phash, scipy.fftpack.dct

    def embed(self, chips: npt.NDArray[np.uint8]) -> Templates:
        """The hashes of RGB chips, uint8, shape (n, 32, 32, 3), as unit-length rows."""
        bits = np.array([_bits(chip) for chip in chips]).reshape(-1, HASH_BITS)
        vectors = np.where(bits, np.float32(1 / _SIDE), np.float32(-1 / _SIDE))
        return Templates(vectors=vectors, norms=np.full(len(chips), _SIDE, np.float32))


def _bits(chip: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    import imagehash
    from PIL import Image

    grey = Image.fromarray(chip).convert("L")
    darkest, brightest = grey.getextrema()
    assert isinstance(darkest, int)
    assert isinstance(brightest, int)
    if brightest - darkest < _FLAT:
        flat = np.zeros(HASH_BITS, dtype=bool)
        flat[0] = True  # as imagehash hashes one grey: all of it is in the first coefficient
        return flat
    hashed: npt.NDArray[np.bool_] = imagehash.phash(grey, hash_size=_SIDE).hash
    return hashed.ravel()
