"""Excess risk: how much more often generated images hit source people than people never trained on."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from faceleak_check.checks.statistics.rates import USUAL_CONFIDENCE, wilson_interval

__all__ = ["ExcessRisk", "excess_risk", "excess_risk_of_lists"]

PRIOR_HITS = 5
"""Few hits say little about how far hits crowd on people: so many hits of both rates are added to each rate's own."""

NEARLY_ONE = 1 - 1e-12

Ints = npt.NDArray[np.integer[Any]]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class ExcessRisk:
    """The share of generated images that hit the source beyond what chance explains.

    Attributes:
        value: n_parts * (r_source - r_control) / (1 - r_control), at most 1; below 0 where the control is hit more.
        low: Lower end of its two-sided interval.
        high: Upper end.
        confidence: Coverage of the interval.
        r_source: Share of generated images with a hit, the mean over the source's parts.
        r_control: The same for the control.
        n: Number of generated images compared with the source.
        n_parts: Number of source parts.
    """

    value: float
    low: float
    high: float
    confidence: float
    r_source: float
    r_control: float
    n: int
    n_parts: int


def excess_risk(
    source_people: Ints,
    control_people: Ints,
    groups: Ints | None = None,
    *,
    confidence: float = USUAL_CONFIDENCE,
) -> ExcessRisk:
    """Excess risk of generated images that were compared with a source and with a control.

    R = (r_source - r_control) / (1 - r_control) is anonymeter's risk: M. Giomi et al., A unified framework for
    quantifying privacy risk in synthetic data, arXiv 2211.10459 (PETS 2023), equation 2. A source of m parts, each as
    large as the control, has m times a part's mean excess.

    The interval is MOVER's for the difference of two correlated parameters (G. Y. Zou and A. Donner, Statistics in
    Medicine 27 (2008), 1693-1702), here ln(1 - r_source) - ln(1 - r_control), from Wilson limits on effective numbers
    of trials. Those come from two-way clustered variances (A. C. Cameron, J. B. Gelbach, D. L. Miller, JBES 29
    (2011), 238-249): by synthetic person, and by gallery person as in a delete-one-person jackknife, in which a lost
    person's hits become none. That is cautious, since a second person may stand behind the first.

    Args:
        source_people: Person whom each generated image hits in each source part, or -1, shape (n, m).
        control_people: The same for control parts of equal size, shape (n, q).
        groups: Synthetic person of each generated image, shape (n,). Without, each is one of its own.
        confidence: Coverage of the two-sided interval, in (0, 1).

    Raises:
        ValueError: Shapes differ, nothing is compared, or every generated image hits the control.
    """
    source_people, control_people = np.asarray(source_people), np.asarray(control_people)
    if source_people.ndim != 2 or control_people.ndim != 2 or len(source_people) != len(control_people):
        raise ValueError(
            f"hits of shape {source_people.shape} in the source and {control_people.shape} in the control are not "
            "of the same generated images: expected (n, parts) of each"
        )
    source, control = _rate_of(source_people, groups), _rate_of(control_people, groups)
    return _compare(source, control, float(source.by_group @ control.by_group), confidence)


def excess_risk_of_lists(
    source_hits: Ints,
    control_hits: Ints,
    *,
    source_groups: Ints | None = None,
    control_groups: Ints | None = None,
    confidence: float = USUAL_CONFIDENCE,
) -> ExcessRisk:
    """Excess risk of a generated set over another one that cannot have learned the same source.

    As excess_risk, with two independent samples of generated images, paired by the people of the one source.

    Args:
        source_hits: Source person whom each image of the set under test hits, or -1, shape (n1,).
        control_hits: Source person whom each image of the other set hits, or -1, shape (n2,), numbered alike.
        source_groups: Synthetic person of each image under test, shape (n1,).
        control_groups: The same for the other set, shape (n2,).
        confidence: Coverage of the two-sided interval, in (0, 1).

    Raises:
        ValueError: Shapes differ, nothing is compared, or every image of the other set hits the source.
    """
    source = _rate_of(np.asarray(source_hits)[:, None], source_groups)
    control = _rate_of(np.asarray(control_hits)[:, None], control_groups)
    _, mine, other = np.intersect1d(source.people, control.people, return_indices=True)
    return _compare(source, control, float(source.by_person[mine] @ control.by_person[other]), confidence)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Rate:
    """A rate of hits.

    by_group holds what each synthetic person adds to it beyond its mean, by_person what each person hit adds.
    """

    share: float
    n_images: int
    n_parts: int
    n_groups: int
    variance: float
    by_group: Floats
    people: Ints
    by_person: Floats

    @property
    def n_trials(self) -> int:
        return self.n_images * self.n_parts

    @property
    def binomial(self) -> float:
        """Its variance if all trials were independent."""
        return self.share * (1 - self.share) / self.n_trials

    @property
    def n_hits(self) -> int:
        return round(self.share * self.n_trials)


def _rate_of(people: Ints, groups: Ints | None) -> _Rate:
    n_images, n_parts = people.shape
    if people.size == 0:
        raise ValueError("no generated image is compared: expected at least one, with at least one part")
    if groups is not None and np.shape(groups) != (n_images,):
        raise ValueError(
            f"{n_images} generated images with groups of shape {np.shape(groups)}: expected one of each"
        )
    codes = np.arange(n_images) if groups is None else np.unique(groups, return_inverse=True)[1]
    is_hit, n_trials, n_groups = people >= 0, people.size, int(codes.max()) + 1
    expected = is_hit.mean() * n_parts * np.bincount(codes)
    by_group = (np.bincount(codes, weights=is_hit.sum(1)) - expected) / n_trials
    image, part = np.nonzero(is_hit)
    hit, person, n_of_person = np.unique(people[image, part], return_inverse=True, return_counts=True)
    n_of_both = np.unique(person * n_groups + codes[image], return_counts=True)[1]
    return _Rate(
        share=float(is_hit.mean()),
        n_images=n_images,
        n_parts=n_parts,
        n_groups=n_groups,
        variance=_two_way(by_group, n_of_person / n_trials, n_of_both / n_trials, float(is_hit.mean())),
        by_group=by_group,
        people=hit,
        by_person=n_of_person / n_trials,
    )


def _two_way(by_group: Floats, by_person: Floats, by_both: Floats, share: float) -> float:
    """Variance by groups plus by people, less what both count."""
    groups = len(by_group) / max(len(by_group) - 1, 1) * float(by_group @ by_group)
    people, both = float(by_person @ by_person), float(by_both @ by_both)
    return max(people * (1 - share), groups + people - both)


def _compare(source: _Rate, control: _Rate, covariance: float, confidence: float) -> ExcessRisk:
    if control.share == 1:
        raise ValueError(
            f"all {control.n_images} generated images hit the control, so no excess can be seen: raise the threshold"
        )
    one, other = (_limits(rate, _crowding(source, control), confidence) for rate in (source, control))
    spread = math.sqrt(source.variance * control.variance)
    correlation = min(max(covariance / spread, 0.0), 1.0) if spread else 0.0
    middle = one[1] - other[1]
    below, above = one[1] - one[0], one[2] - one[1]
    other_below, other_above = other[1] - other[0], other[2] - other[1]
    ends = (
        middle + _joined(above, other_below, correlation),
        middle,
        middle - _joined(below, other_above, correlation),
    )
    low, value, high = (min(1.0, -source.n_parts * math.expm1(end)) for end in ends)
    return ExcessRisk(
        value=value,
        low=low,
        high=high,
        confidence=confidence,
        r_source=source.share,
        r_control=control.share,
        n=source.n_images,
        n_parts=source.n_parts,
    )


def _crowding(*rates: _Rate) -> float | None:
    """How many times larger the hits' variances are than binomial ones, at least 1; None without hits."""
    binomial = sum(rate.binomial * rate.n_trials**2 for rate in rates)
    return max(1.0, sum(rate.variance * rate.n_trials**2 for rate in rates) / binomial) if binomial else None


def _limits(rate: _Rate, crowding: float | None, confidence: float) -> tuple[float, float, float]:
    """ln(1 - r) at the upper limit of the rate, at the rate and at its lower limit."""
    if crowding is None:  # nothing shows how far one synthetic person's images go together, so wholly
        n_effective: float = rate.n_groups * rate.n_parts
    elif rate.binomial:
        own = max(1.0, rate.variance / rate.binomial)
        mixed = (own * rate.n_hits + crowding * PRIOR_HITS) / (rate.n_hits + PRIOR_HITS)
        n_effective = rate.n_trials / max(own, mixed)
    else:
        n_effective = rate.n_trials / crowding
    n_effective = max(1.0, n_effective)
    interval = wilson_interval(rate.share * n_effective, n_effective, confidence)
    return _log_of_rest(interval.high), _log_of_rest(rate.share), _log_of_rest(interval.low)


def _log_of_rest(share: float) -> float:
    return math.log1p(-min(share, NEARLY_ONE))


def _joined(one: float, other: float, correlation: float) -> float:
    return math.sqrt(max(one**2 + other**2 - 2 * correlation * one * other, 0.0))
