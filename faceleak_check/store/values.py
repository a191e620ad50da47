"""What a screen found in images, on disk."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from faceleak_check.errors import ModelError
from faceleak_check.kept_arrays import Arrays
from faceleak_check.protocols import Progress
from faceleak_check.records import Digests, ScreenSpec
from faceleak_check.store.disk import DiskStore
from faceleak_check.store.roots import Root

__all__ = ["DiskValueStore", "refuse_no_probabilities"]


class DiskValueStore(DiskStore[ScreenSpec]):
    """The probabilities that one screen gave to images.

    Args:
        root: Folder that holds all stores.
        spec: The spec of the screen whose values are kept.
        progress: Told of long waits.

    Raises:
        StoreError: The folder cannot be made or read.
    """

    def __init__(self, root: Root, spec: ScreenSpec, progress: Progress | None = None) -> None:
        super().__init__(root, "screens", spec, progress)

    def add(self, digests: Sequence[str], values: npt.NDArray[np.float64]) -> None:
        """Writes one shard.

        Args:
            digests: The images.
            values: The probability of each, float64, shape (n,), in [0, 1].

        Raises:
            ModelError: The values are no probabilities.
            StoreError: The store cannot be written.
        """
        if not digests:
            return
        arrays = {"values": values}
        try:
            self._refuse_unsound(len(digests), arrays)
        except ValueError as error:
            raise ModelError(
                f"screen {self._spec.method!r} gave values that are no probabilities",
                detail=f"Found {error}; expected {len(digests):,} finite float64 values in [0, 1]. "
                "The screen is broken.",
            ) from None
        self._write(digests, arrays)

    def get(self, digests: Digests) -> npt.NDArray[np.float64]:
        """The values in the order of the digests, float64, shape (n,).

        Raises:
            KeyError: An image is not known.
        """
        places = self._places(digests)
        parts = [part["values"] for part in self._parts.values()]
        found: npt.NDArray[np.float64] = np.concatenate([np.empty(0, np.float64), *parts])[places]
        return found

    def _refuse_unlike(self, arrays: Arrays) -> None:
        """Values are like any other values."""

    def _refuse_unsound(self, n_images: int, arrays: Arrays) -> None:
        refuse_no_probabilities(n_images, arrays)


def refuse_no_probabilities(n_images: int, arrays: Arrays) -> None:
    """Raises ValueError where these are not the values of so many images."""
    if "values" not in arrays:
        raise ValueError(f"arrays named {', '.join(sorted(arrays))}")
    values = arrays["values"]
    if values.shape != (n_images,) or values.dtype != np.float64:
        raise ValueError(f"values of shape {values.shape} and type {values.dtype}")
    if not ((values >= 0) & (values <= 1)).all():
        raise ValueError("values that are not in [0, 1]")
