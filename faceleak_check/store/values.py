"""What a screen found in images, on disk."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from faceleak_check.errors import ModelError
from faceleak_check.records import ScreenSpec
from faceleak_check.store.disk import DiskStore
from faceleak_check.store.shards import Arrays

__all__ = ["DiskValueStore"]


class DiskValueStore(DiskStore[ScreenSpec]):
    """The probabilities that one screen gave to images.

    Args:
        root: Folder that holds all stores.
        spec: The spec of the screen whose values are kept.

    Raises:
        StoreError: The folder cannot be made or read.
    """

    def __init__(self, root: Path, spec: ScreenSpec) -> None:
        super().__init__(root, "screens", spec)

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

    def get(self, digests: Sequence[str]) -> npt.NDArray[np.float64]:
        """The values in the order of the digests, float64, shape (n,).

        Raises:
            KeyError: An image is not known.
        """
        found: npt.NDArray[np.float64] = self._kept()["values"][self._places(digests)]
        return found

    def _nothing(self) -> Arrays:
        return {"values": np.empty(0, np.float64)}

    def _refuse_unsound(self, n_images: int, arrays: Arrays) -> None:
        if "values" not in arrays:
            raise ValueError(f"arrays named {', '.join(sorted(arrays))}")
        values = arrays["values"]
        if values.shape != (n_images,) or values.dtype != np.float64:
            raise ValueError(f"values of shape {values.shape} and type {values.dtype}")
        if not ((values >= 0) & (values <= 1)).all():
            raise ValueError("values that are not in [0, 1]")
