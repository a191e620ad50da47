"""Sets of simulated templates with known leaks: people, photographs of them, and copies of those.

People, and images of each, are drawn from von Mises-Fisher distributions (A. T. A. Wood, Communications in Statistics:
Simulation and Computation 23 (1994), 157-164) that have the genuine and impostor means of a network.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.intp]
Random = np.random.Generator

N_SOURCE_PEOPLE, N_IMAGES_OF_PERSON = 400, 4
N_SYNTHETIC_PEOPLE, N_IMAGES_OF_SYNTHETIC = 200, 5
N_CALIBRATING, N_STRANGERS = 2000, 10_000
"""Images of people in no set, one of each: the first set the thresholds, the others measure what they let through."""

COPY_COSINE = 0.998
"""Mean cosine of a photograph and its recompressed copy."""


@dataclass(frozen=True, kw_only=True)
class Population:
    """Templates with the means of a network's genuine and impostor cosines.

    Attributes:
        name: Of the network they resemble.
        dimension: Number of directions in which templates spread evenly.
        genuine: Mean cosine of two images of a person.
        impostor: Mean cosine of two people.
    """

    name: str
    dimension: int
    genuine: float
    impostor: float

    def people(self, n: int, rng: Random) -> Floats:
        centre = np.zeros((n, self.dimension), dtype=np.float32)
        centre[:, 0] = 1
        return drawn_around(centre, math.sqrt(self.impostor / self.genuine), rng)

    def images(self, people: Floats, rng: Random) -> Floats:
        return drawn_around(people, math.sqrt(self.genuine), rng)


POPULATIONS = (
    # 128 numbers, but impostor cosines spread as in 26 directions (mean .832, 99th percentile .908 on real faces)
    Population(name="dlib-resnet", dimension=26, genuine=0.947, impostor=0.832),
    Population(name="ArcFace", dimension=128, genuine=0.6, impostor=0.02),
)


def drawn_around(means: Floats, mean_cosine: float, rng: Random) -> Floats:
    """One von Mises-Fisher draw around each unit vector, by Wood's rejection; shape (n, d)."""
    n, dimension = means.shape
    kappa = mean_cosine * (dimension - mean_cosine**2) / (1 - mean_cosine**2)
    cosines = wood(n, dimension, kappa, rng)[:, None].astype(np.float32)
    aside = rng.standard_normal((n, dimension), dtype=np.float32)
    aside -= (aside * means).sum(axis=1, keepdims=True) * means
    aside /= np.linalg.norm(aside, axis=1, keepdims=True)
    return (cosines * means + np.sqrt(1 - cosines**2) * aside).astype(np.float32, copy=False)


def wood(n: int, dimension: int, kappa: float, rng: Random) -> npt.NDArray[np.float64]:
    """Cosines of n draws to their mean direction."""
    m = dimension - 1
    b = m / (2 * kappa + math.sqrt(4 * kappa**2 + m**2))
    x = (1 - b) / (1 + b)
    c = kappa * x + m * math.log(1 - x * x)
    cosines, missing = np.empty(n), np.arange(n)
    while len(missing):
        z = rng.beta(m / 2, m / 2, len(missing))
        tried = (1 - (1 + b) * z) / (1 - (1 - b) * z)
        is_kept = kappa * tried + m * np.log(1 - x * tried) - c >= np.log(1 - rng.random(len(missing)))
        cosines[missing[is_kept]] = tried[is_kept]
        missing = missing[~is_kept]
    return cosines


@dataclass(frozen=True, kw_only=True)
class Gallery:
    """Images of real people, with the person of each."""

    vectors: Floats
    people: Ints

    @staticmethod
    def of(population: Population, n_people: int, first: int, rng: Random) -> Gallery:
        codes = np.repeat(np.arange(n_people), N_IMAGES_OF_PERSON)
        people = population.people(n_people, rng)
        return Gallery(vectors=population.images(people[codes], rng), people=codes + first)

    def part(self, number: int, n_parts: int) -> Gallery:
        rows = self.people % n_parts == number
        return Gallery(vectors=self.vectors[rows], people=self.people[rows])

    def best(self, probes: Floats) -> npt.NDArray[np.float32]:
        return np.asarray((probes @ self.vectors.T).max(axis=1))

    def hit(self, probes: Floats, threshold: float) -> Ints:
        """Person whom each probe hits, or -1."""
        cosines = probes @ self.vectors.T
        best = cosines.argmax(axis=1)
        return np.where(cosines.max(axis=1) >= threshold, self.people[best], -1)


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What is drawn in each run.

    Attributes:
        name: How it differs.
        n_parts: How many times more people are in the source than in the control.
        planted: Share of generated images that are copies of source photographs.
        fpir: Chance hits of the threshold of excess_risk.
        is_crowded: Whether whole synthetic persons copy one real person, rather than each image one of its own.
    """

    name: str
    n_parts: int = 1
    planted: float = 0.0
    is_crowded: bool = False
    fpir: float = 0.01


@dataclass(frozen=True, kw_only=True)
class Draw:
    """The sets of one run, and the person of each generated image."""

    source: Gallery
    control: Gallery
    generated: Floats
    groups: Ints
    strangers: Floats
    n_parts: int
    planted: float
    fpir: float


def draw(population: Population, setting: Setting, rng: Random) -> Draw:
    source = Gallery.of(population, N_SOURCE_PEOPLE, 0, rng)
    control = Gallery.of(population, N_SOURCE_PEOPLE // setting.n_parts, N_SOURCE_PEOPLE, rng)
    groups = np.repeat(np.arange(N_SYNTHETIC_PEOPLE), N_IMAGES_OF_SYNTHETIC)
    generated = population.images(population.people(N_SYNTHETIC_PEOPLE, rng)[groups], rng)
    plant(generated, groups, source, setting, rng)
    strangers = population.images(population.people(N_STRANGERS, rng), rng)
    return Draw(
        source=source,
        control=control,
        generated=generated,
        groups=groups,
        strangers=strangers,
        n_parts=setting.n_parts,
        planted=setting.planted,
        fpir=setting.fpir,
    )


def plant(generated: Floats, groups: Ints, source: Gallery, setting: Setting, rng: Random) -> None:
    """Puts copies of source photographs among the generated images."""
    if setting.is_crowded:
        copying = rng.permutation(N_SYNTHETIC_PEOPLE)[: round(setting.planted * N_SYNTHETIC_PEOPLE)]
        rows = np.flatnonzero(np.isin(groups, copying))
        person = rng.integers(N_SOURCE_PEOPLE, size=N_SYNTHETIC_PEOPLE)[groups[rows]]
    else:
        rows = rng.permutation(len(generated))[: round(setting.planted * len(generated))]
        person = rng.integers(N_SOURCE_PEOPLE, size=len(rows))
    photograph = person * N_IMAGES_OF_PERSON + rng.integers(N_IMAGES_OF_PERSON, size=len(rows))
    generated[rows] = drawn_around(source.vectors[photograph], math.sqrt(COPY_COSINE), rng)
