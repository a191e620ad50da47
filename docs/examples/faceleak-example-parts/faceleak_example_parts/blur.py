"""``method: example-blur``: takes out pictures without a sharp edge."""

from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np

from faceleak_check.policy.types import Divisor, Share, check_keys
from faceleak_check.protocols import Pixels
from faceleak_check.records import Face, ScreenSpec


@check_keys
class BlurKeys:
    """The variance of the Laplacian (Pech-Pacheco et al., ICPR 2000): low where a picture has no edges.

    Attributes:
        method: example-blur.
        reject_above: Value above which an image is taken out.
        half: Variance at which the value is 0.5; sharper pictures have less.
    """

    method: Literal["example-blur"] = "example-blur"
    reject_above: Share = 0.5
    half: Divisor = 100.0


class BlurScreen:
    """Its value is half / (half + variance): 1 for a picture of one colour, towards 0 for a sharp one."""

    keys: ClassVar[type[BlurKeys]] = BlurKeys
    uses_faces: ClassVar[bool] = False
    batch_size = 32

    def __init__(self, rule: str, keys: BlurKeys) -> None:  # noqa: ARG002
        self._half = keys.half
        self.spec = ScreenSpec(
            method=keys.method,
            model="variance of the Laplacian",
            weights_sha256="",
            licence="MIT",
            question=f"whether the picture is blurred: {keys.half:g} / ({keys.half:g} + variance)",
            preprocessing="mean of R, G and B at full size",
        )

    def load(self) -> None:
        """There is no network."""

    def measure(self, pictures: Sequence[Pixels], faces: Sequence[tuple[Face, ...] | None]) -> np.ndarray:  # noqa: ARG002
        """The value of each picture, float64, shape (n,), in [0, 1]."""
        return np.array([self._half / (self._half + _variance(picture)) for picture in pictures], np.float64)


def _variance(picture: Pixels) -> float:
    if min(picture.shape[:2]) < 3:
        return 0.0
    grey = picture.mean(axis=2)
    around = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:]
    return float((around - 4 * grey[1:-1, 1:-1]).var())
