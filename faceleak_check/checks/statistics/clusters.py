"""People told apart by their templates alone, where nobody has named them."""

from __future__ import annotations

import numpy as np

from faceleak_check.records import FloatArray, IntArray

__all__ = ["clusters"]

MOST = 10_000


def clusters(vectors: FloatArray, threshold: float) -> IntArray:
    """A number for the person in each image, int64, shape (n,).

    Complete linkage (T. Sorensen, Biologiske Skrifter 5 (1948), 1-34): two images are one person only if all images in
    between are alike too. So people are rather counted twice than lost, as they would be by chains of look-alikes.

    Args:
        vectors: Unit-length templates, shape (n, dimension).
        threshold: Cosine from which on two images show one person.

    Raises:
        ValueError: There are more than 10,000 images, too many to compare each with each.
    """
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    if len(vectors) > MOST:
        raise ValueError(
            f"{len(vectors):,} images are too many to cluster, at most {MOST:,} can be: label the source"
        )
    if len(vectors) < 2:
        return np.zeros(len(vectors), dtype=np.int64)
    rows = vectors.astype(np.float64)
    apart = np.maximum(1 - rows @ rows.T, 0)
    tree = linkage(squareform(apart, checks=False), method="complete")
    return np.asarray(fcluster(tree, t=1 - threshold, criterion="distance"), dtype=np.int64) - 1
