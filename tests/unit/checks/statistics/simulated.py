"""Templates of people who do not exist."""

from __future__ import annotations

import numpy as np


def names(n_people: int, n_images: int) -> list[tuple[str, ...]]:
    return [(f"person {person:02d}",) for person in range(n_people) for _ in range(n_images)]


def of_people(
    n_people: int, n_images: int, *, dimension: int = 64, likeness: float = 0.6, seed: int = 0
) -> np.ndarray:
    """Unit templates; two images of a person have a cosine of about `likeness`, those of two people of about 0.

    Directions of people are uniform on the sphere, as under a von Mises-Fisher distribution without concentration, and
    so are the departures of their images.
    """
    random = np.random.default_rng(seed)
    people, images = (
        random.normal(size=(n_people, 1, dimension)),
        random.normal(size=(n_people, n_images, dimension)),
    )
    people /= np.linalg.norm(people, axis=-1, keepdims=True)
    images /= np.linalg.norm(images, axis=-1, keepdims=True)
    vectors = (np.sqrt(likeness) * people + np.sqrt(1 - likeness) * images).reshape(-1, dimension)
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
