"""Membership inference: can one tell from the generated images whom the generator was trained on?"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from faceleak_check.checks.statistics.rates import USUAL_CONFIDENCE, wilson_interval
from faceleak_check.records import Interval

__all__ = ["Membership", "membership"]

MIN_IMAGES = 30
MIN_PEOPLE = 10
MAX_POINTS = 200
ROUNDING = 1e-9

Floats = npt.NDArray[np.floating[Any]]
Ints = npt.NDArray[np.integer[Any]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Membership:
    """How well the nearest generated image tells members from non-members.

    Attributes:
        tpr: Share of members at or over the threshold.
        tpr_interval: Its interval, which holds the threshold's own uncertainty too.
        threshold: Lowest similarity that at most fpr of the non-members reach.
        fpr: Share of non-members allowed at or over the threshold.
        auc: Chance that a member has a higher similarity than a non-member; a tie counts half.
        auc_interval: Its interval.
        curve_fpr: Rising shares of non-members of the ROC curve, at most 200.
        curve_tpr: Shares of members at the same similarities.
        n_members: Number of member images.
        n_non_members: Number of non-member images.
        n_member_people: Number of people among the members.
        n_non_member_people: Number of people among the non-members.
    """

    tpr: float
    tpr_interval: Interval
    threshold: float
    fpr: float
    auc: float
    auc_interval: Interval
    curve_fpr: tuple[float, ...]
    curve_tpr: tuple[float, ...]
    n_members: int
    n_non_members: int
    n_member_people: int
    n_non_member_people: int


def membership(
    members: Floats,
    non_members: Floats,
    fpr: float,
    people_of_members: Ints | None = None,
    people_of_non_members: Ints | None = None,
    *,
    confidence: float = USUAL_CONFIDENCE,
    n_resamples: int = 200,
    seed: int = 0,
) -> Membership:
    """True positive rate at a false positive rate, and area under the ROC curve, of membership inference.

    TPR at a low FPR: N. Carlini et al., Membership inference attacks from first principles, arXiv 2112.03570
    (2022), section III. AUC: the Mann-Whitney statistic, J. A. Hanley and B. J. McNeil, Radiology 143 (1982), 29-36.
    Intervals are percentiles of a bootstrap that draws people on both sides, with all their images: B. Efron and
    R. J. Tibshirani, An introduction to the bootstrap (1993), chapters 8 and 13.

    Args:
        members: Highest cosine of each source image to any generated image, shape (n,), at least 30.
        non_members: The same of each image of a person never trained on, shape (m,), at least max(30, 1 / fpr): with
            fewer, no non-member may reach the threshold, so that it would lie beyond all that was seen.
        fpr: Share of non-members allowed at or over the threshold, in (0, 1).
        people_of_members: Person of each member image, shape (n,). Without, each image is a person.
        people_of_non_members: The same for the non-members, shape (m,).
        confidence: Coverage of the intervals, in (0, 1).
        n_resamples: Number of bootstrap samples.
        seed: Seed of the bootstrap.

    Raises:
        ValueError: Too few images or people, a similarity that is no number, or a share out of range.
    """
    levels = np.unique(np.concatenate([_checked(members, "members"), _checked(non_members, "non-members")]))
    inside = _sample(members, people_of_members, levels, "members")
    outside = _sample(non_members, people_of_non_members, levels, "non-members")
    _check_resolved(fpr, outside)
    curve = _Curve(members=inside.tail(), non_members=outside.tail())
    tprs, areas = _resampled(inside, outside, fpr, n_resamples, np.random.default_rng(seed))
    few, points = min(inside.n_people, outside.n_people), curve.corners()
    return Membership(
        tpr=curve.tpr_at(fpr),
        tpr_interval=_interval(tprs, curve.tpr_at(fpr), few, confidence),
        threshold=curve.threshold_at(fpr, levels),
        fpr=fpr,
        auc=curve.area,
        auc_interval=_interval(areas, curve.area, few, confidence),
        curve_fpr=tuple(curve.non_members[points].tolist()),
        curve_tpr=tuple(curve.members[points].tolist()),
        n_members=len(inside.levels),
        n_non_members=len(outside.levels),
        n_member_people=inside.n_people,
        n_non_member_people=outside.n_people,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Sample:
    """One side: of each image which of all levels its similarity is, and which person it shows."""

    levels: Ints
    people: Ints
    n_people: int
    n_levels: int

    def tail(self, weights: Ints | None = None) -> Floats:
        """Share of images at or over each level, then 0 for over the highest; weights are one of each person."""
        of_images = None if weights is None else weights[self.people]
        counts = np.bincount(self.levels, of_images, self.n_levels)
        return np.append(np.cumsum(counts[::-1])[::-1] / counts.sum(), 0.0)

    def resampled_tail(self, rng: np.random.Generator) -> Floats:
        drawn = rng.integers(self.n_people, size=self.n_people)
        return self.tail(np.bincount(drawn, minlength=self.n_people))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Curve:
    """Shares of members and of non-members at or over each level."""

    members: Floats
    non_members: Floats

    def index_at(self, fpr: float) -> int:
        """The lowest level of a non-member that at most this share of them reaches, else over all of theirs.

        A member's level just below the next non-member would do too, and would count too many members: of equal
        people (k + 1) / (n + 1) rather than k / (n + 1) lie over it, where k of n non-members may.
        """
        is_theirs = self.non_members[:-1] > self.non_members[1:]
        is_allowed = is_theirs & (self.non_members[:-1] <= fpr + ROUNDING)
        return int(np.argmax(is_allowed if is_allowed.any() else self.non_members <= 0))

    def tpr_at(self, fpr: float) -> float:
        return float(self.members[self.index_at(fpr)])

    def threshold_at(self, fpr: float, levels: Floats) -> float:
        index = self.index_at(fpr)
        return float(levels[index] if index < len(levels) else np.nextafter(levels[-1], np.inf))

    @property
    def area(self) -> float:
        at_level = self.members[:-1] - self.members[1:]
        return float(at_level @ (1 - (self.non_members[:-1] + self.non_members[1:]) / 2))

    def corners(self) -> Ints:
        """Up to MAX_POINTS levels from (0, 0) to (1, 1), spread over the length of the curve."""
        length = (1 - self.members) + (1 - self.non_members)
        wanted = np.linspace(length[0], length[-1], MAX_POINTS)
        return np.unique(np.searchsorted(length, wanted))[::-1]


def _checked(values: Floats, name: str) -> Floats:
    values = np.asarray(values)
    if values.ndim != 1 or len(values) < MIN_IMAGES:
        raise ValueError(
            f"{values.size} {name} are too few for membership inference: give at least {MIN_IMAGES} images"
        )
    if not np.isfinite(values).all():
        raise ValueError(
            f"{int((~np.isfinite(values)).sum())} of {len(values)} similarities of {name} are not finite numbers: "
            "leave out images whose templates are broken"
        )
    return values


def _sample(values: Floats, people: Ints | None, levels: Floats, name: str) -> _Sample:
    codes = np.arange(len(values)) if people is None else np.unique(people, return_inverse=True)[1]
    if len(codes) != len(values):
        raise ValueError(f"{len(values)} {name} with {len(codes)} people: expected the person of each image")
    n_people = int(codes.max()) + 1
    if n_people < MIN_PEOPLE:
        raise ValueError(
            f"{len(values)} {name} show {n_people} {'person' if n_people == 1 else 'people'}: give images of at least "
            f"{MIN_PEOPLE} people, since the images of one person say nothing of others"
        )
    return _Sample(
        levels=np.searchsorted(levels, values), people=codes, n_people=n_people, n_levels=len(levels)
    )


def _check_resolved(fpr: float, outside: _Sample) -> None:
    if not 0 < fpr < 1:
        raise ValueError(f"a false positive rate of {fpr:g} is not between 0 and 1")
    n, needed = len(outside.levels), math.ceil(1 / fpr - ROUNDING)
    if n < needed:
        raise ValueError(
            f"{n} non-members cannot resolve a false positive rate of {fpr:g}: give at least {needed} images of people "
            f"never trained on, or ask for a rate of at least 1 / {n}"
        )


def _resampled(
    inside: _Sample, outside: _Sample, fpr: float, n_resamples: int, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    curves = [
        _Curve(members=inside.resampled_tail(rng), non_members=outside.resampled_tail(rng))
        for _ in range(n_resamples)
    ]
    return np.array([curve.tpr_at(fpr) for curve in curves]), np.array([curve.area for curve in curves])


def _interval(draws: Floats, value: float, n_people: int, confidence: float) -> Interval:
    """The bootstrap's percentiles, or where all or none are hits, so that resamples hardly vary, Wilson's on people.

    The percentiles are moved out for small samples: T. C. Hesterberg, What teachers should know about the bootstrap,
    The American Statistician 69 (2015), 371-386, section 3.3 (expanded percentile interval).
    """
    from scipy.stats import norm, t

    widening = math.sqrt(n_people / (n_people - 1))
    below = float(norm.cdf(widening * t.ppf((1 - confidence) / 2, n_people - 1)))
    low, high = np.quantile(draws, [below, 1 - below], method="weibull").tolist()
    if value in (0, 1) or low == high:
        return wilson_interval(value * n_people, n_people, confidence)
    return Interval(low=low, high=high, confidence=confidence)
