"""The types of arrays and places."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Box", "FloatArray", "IntArray", "Point"]

FloatArray = npt.NDArray[np.floating[Any]]

IntArray = npt.NDArray[np.int64]

Point = tuple[float, float]

Box = tuple[float, float, float, float]
