"""How well templates tell people apart, in the terms of ISO/IEC 19795-1, as pure functions.

FMR(t) is the share of impostor pairs with a similarity of at least t, FNMR(t) the share of genuine pairs below t.
The true accept rate is 1 - FNMR. Pictures without a template are in none of these rates: they are failures to
extract, stated beside them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = [
    "Errors",
    "Pairs",
    "Range",
    "bootstrap",
    "equal_error_rate",
    "errors_of",
    "pairs_of",
    "pairs_that_resolve",
    "similarity_at_fmr",
    "true_accept_rate",
]

Floats = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """All pairs of pictures, each once.

    Attributes:
        similarities: Of each pair, shape (n,).
        first: Which person is in the one picture, 0 to n_people - 1, shape (n,).
        second: Which person is in the other, shape (n,).
        n_people: Number of people.
    """

    similarities: Floats
    first: npt.NDArray[np.intp]
    second: npt.NDArray[np.intp]
    n_people: int

    @cached_property
    def is_genuine(self) -> npt.NDArray[np.bool_]:
        """Which pairs show one person."""
        return np.equal(self.first, self.second)

    @property
    def n_genuine(self) -> int:
        return int(self.is_genuine.sum())

    @property
    def n_impostor(self) -> int:
        return len(self.similarities) - self.n_genuine

    @property
    def n_pairs_of_people(self) -> int:
        """Pairs of different people, whatever the number of their pictures."""
        return self.n_people * (self.n_people - 1) // 2

    @cached_property
    def steps(self) -> tuple[Floats, npt.NDArray[np.intp]]:
        """The similarities that occur, rising, and which of them each pair has."""
        levels, of_pair = np.unique(self.similarities, return_inverse=True)
        return levels, of_pair.ravel()

    def weights(self, times: npt.NDArray[np.integer[Any]]) -> Floats:
        """The weight of each pair where person p was drawn ``times[p]`` times.

        A genuine pair comes with each drawing of its person. An impostor pair comes with each pair of drawings of
        its two people. Pictures of two drawings of one person are no pair.
        """
        one = times.astype(float)
        return one[self.first] * np.where(self.is_genuine, 1.0, one[self.second])


@dataclass(frozen=True, kw_only=True, slots=True)
class Range:
    """A figure and its bootstrap interval."""

    value: float
    low: float
    high: float


def pairs_of(vectors: Floats, people: Sequence[str]) -> Pairs:
    """All pairs of pictures.

    Args:
        vectors: Unit-length templates, shape (n, dimension).
        people: Who is in each picture, n names.
    """
    names, who = np.unique(np.array(people, dtype=object).astype(str), return_inverse=True)
    first, second = np.triu_indices(len(who), k=1)
    return Pairs(
        similarities=(vectors @ vectors.T)[first, second],
        first=who[first],
        second=who[second],
        n_people=len(names),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Errors:
    """The error rates at each threshold.

    Attributes:
        thresholds: The similarities that occur, rising, and one above all of them, shape (n,).
        fmr: False match rate at each of them, shape (n,).
        fnmr: False non-match rate at each of them, shape (n,).
    """

    thresholds: Floats
    fmr: Floats
    fnmr: Floats


def errors_of(pairs: Pairs, weights: Floats | None = None) -> Errors:
    """The error rates of pairs.

    Args:
        pairs: The pairs.
        weights: How often each counts, shape (n,); once where left out.

    Raises:
        ValueError: There are no genuine or no impostor pairs.
    """
    levels, of_pair = pairs.steps
    given = np.ones(len(of_pair)) if weights is None else weights
    genuine, impostor = (
        np.cumsum(np.bincount(of_pair, given * chosen, len(levels)))
        for chosen in (pairs.is_genuine, ~pairs.is_genuine)
    )
    if not (len(levels) and genuine[-1] and impostor[-1]):
        raise ValueError("a rate needs genuine pairs and impostor pairs")
    return Errors(
        thresholds=np.append(levels, np.nextafter(levels[-1], np.inf)),
        fmr=1 - np.append(0, impostor) / impostor[-1],
        fnmr=np.append(0, genuine) / genuine[-1],
    )


def equal_error_rate(errors: Errors) -> float:
    """The rate at which false matches and false non-matches are equally frequent.

    With finitely many pairs the two need not meet: it is the middle of the narrower of the two steps beside the
    crossing, after Maio et al., "FVC2000: Fingerprint verification competition", IEEE TPAMI 24 (3), 2002.
    """
    fmr, fnmr = errors.fmr, errors.fnmr
    after = int(np.argmax(fnmr >= fmr))
    before = max(after - 1, 0) if fnmr[after] > fmr[after] else after
    return float(min(fmr[before] + fnmr[before], fmr[after] + fnmr[after])) / 2


def true_accept_rate(errors: Errors, fmr: float) -> float:
    """1 - FNMR at the lowest threshold whose FMR is no higher: a point of the DET curve of ISO/IEC 19795-1."""
    return float(1 - errors.fnmr[_place(errors, fmr)])


def similarity_at_fmr(errors: Errors, fmr: float) -> float:
    """The lowest similarity of a pair, or the next above the highest, at and above which no more than this share of
    impostor pairs lie.
    """
    return float(errors.thresholds[_place(errors, fmr)])


def _place(errors: Errors, fmr: float) -> int:
    rounding = 1e-12
    return int(np.argmax(errors.fmr <= fmr + rounding))


def bootstrap(
    pairs: Pairs,
    figures: Sequence[Callable[[Errors], float]],
    *,
    n_samples: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> tuple[Range, ...]:
    """Figures with their percentile intervals (Efron & Tibshirani, An Introduction to the Bootstrap, 1993, ch. 13).

    People are drawn with replacement, not pairs: pairs with a person in common vary together (Bolle, Ratha & Pankanti,
    "Error analysis of pattern recognition systems - the subsets bootstrap", CVIU 93, 2004). An impostor pair depends
    on two people and gets the product of their numbers of drawings (the vertex bootstrap of Snijders & Borgatti,
    Connections 22 (2), 1999; Owen, "The pigeonhole bootstrap", Annals of Applied Statistics 1 (2), 2007).

    Args:
        pairs: The pairs.
        figures: What is wanted of their error rates.
        n_samples: Number of draws; those that leave no genuine or no impostor pair are passed over.
        confidence: Coverage, in (0, 1).
        seed: Of the draws.
    """
    random = np.random.default_rng(seed)
    even = np.full(pairs.n_people, 1 / pairs.n_people)
    drawn = []
    for times in random.multinomial(pairs.n_people, even, n_samples):
        weights = pairs.weights(times)
        if weights[pairs.is_genuine].any() and weights[~pairs.is_genuine].any():
            errors = errors_of(pairs, weights)
            drawn.append([figure(errors) for figure in figures])
    lows, highs = np.quantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2], axis=0).tolist()
    errors = errors_of(pairs)
    return tuple(
        Range(value=figure(errors), low=low, high=high)
        for figure, low, high in zip(figures, lows, highs, strict=True)
    )


def pairs_that_resolve(fmr: float) -> int:
    """How many independent impostor pairs a false match rate needs: the rule of 3 (ISO/IEC 19795-1:2006, annex B).

    No false match among n of them bounds the rate by 3 / n with 95% confidence.
    """
    return round(3 / fmr)
