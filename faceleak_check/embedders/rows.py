"""From chips to batches of one shape, and from embeddings to templates."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from faceleak_check.errors import ModelError
from faceleak_check.records import Templates

__all__ = ["fill_up", "unit_length"]


def fill_up(chips: npt.NDArray[np.uint8], n: int) -> npt.NDArray[np.uint8]:
    """The chips, followed by black ones up to `n`.

    The same shape each time makes a template independent of its company, to the last bit.
    """
    if len(chips) == n:
        return chips
    return np.concatenate([chips, np.zeros((n - len(chips), *chips.shape[1:]), np.uint8)])


def unit_length(name: str, embeddings: npt.NDArray[np.float32]) -> Templates:
    """Embeddings as unit-length rows beside their lengths.

    Args:
        name: The embedder's name, for messages.
        embeddings: Rows of a network's output, shape (n, dimension).

    Raises:
        ModelError: An embedding is zero or not finite.
    """
    norms = np.linalg.norm(embeddings.astype(np.float64), axis=1)
    if not (np.isfinite(norms).all() and (norms > 0).all()):
        raise ModelError(
            f"embedder {name!r} gave an embedding that is zero or not finite",
            detail="The weights or the arithmetic of this device are broken; no template was stored.",
        )
    vectors = (embeddings / norms[:, None]).astype(np.float32)
    return Templates(vectors=vectors, norms=norms.astype(np.float32))
