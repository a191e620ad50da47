"""Statistics of rates, as pure functions."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

from faceleak_check.records import Interval

__all__ = ["USUAL_CONFIDENCE", "bound_of_none", "wilson_interval", "wilson_interval_of_groups"]

USUAL_CONFIDENCE = 0.95
"""Of an interval where nobody asks for another."""


def wilson_interval(n_hits: float, n: float, confidence: float = USUAL_CONFIDENCE) -> Interval:
    """The Wilson score interval of a share.

    E. B. Wilson, Probable inference, the law of succession, and statistical inference, JASA 22 (1927),
    209-212; two-sided, without continuity correction.

    Args:
        n_hits: Number of hits, 0 to n.
        n: Number of trials, at least 1. Neither need be whole: trials that go together count as fewer.
        confidence: Coverage, in (0, 1).

    Raises:
        ValueError: There are no trials, or more hits than trials.
    """
    if n < 1 or not 0 <= n_hits <= n:
        raise ValueError(f"{n_hits} hits in {n} trials are no share")
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    share = n_hits / n
    centre = share + z * z / (2 * n)
    spread = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    low = 0.0 if n_hits == 0 else (centre - spread) / scale
    high = 1.0 if n_hits == n else (centre + spread) / scale
    return Interval(low=low, high=high, confidence=confidence)


def wilson_interval_of_groups(
    is_hit: npt.NDArray[np.bool_], groups: npt.NDArray[np.integer[Any]], confidence: float = USUAL_CONFIDENCE
) -> Interval:
    """The Wilson score interval of a share whose trials come in groups, such as images of one synthetic person.

    Wilson's formula on an effective number of trials, the number over the design effect, which is the variance
    between groups over the binomial one: E. L. Korn and B. I. Graubard, Survey Methodology 24 (1998), 193-201. With no
    hits, or nothing else, the groups are counted, since nothing shows how far one group's trials go together.

    Args:
        is_hit: Whether each trial is a hit, shape (n,).
        groups: Group of each trial, shape (n,).
        confidence: Coverage, in (0, 1).

    Raises:
        ValueError: There are no trials, or not one group of each.
    """
    if len(is_hit) != len(groups):
        raise ValueError(f"{len(is_hit)} trials with {len(groups)} groups: expected the group of each")
    _, codes, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    n, n_groups, share = len(is_hit), len(sizes), float(np.mean(is_hit)) if len(is_hit) else 0.0
    if share in {0, 1}:
        return wilson_interval(share * n_groups, n_groups, confidence)
    beyond = np.bincount(codes, weights=is_hit) - share * sizes
    variance = n_groups / max(n_groups - 1, 1) * float(beyond @ beyond)
    n_effective = max(1.0, n / max(1.0, variance / (share * (1 - share) * n)))
    return wilson_interval(share * n_effective, n_effective, confidence)


def bound_of_none(n: int, confidence: float = USUAL_CONFIDENCE) -> float:
    """The highest share that none of n trials leaves possible: 1 - (1 - confidence)^(1 / n), about 3 / n.

    C. J. Clopper and E. S. Pearson, Biometrika 26 (1934), 404-413, one-sided, for no hits. At 95% it is the "rule of
    three": J. A. Hanley and A. Lippman-Hand, If nothing goes wrong, is everything all right?, JAMA 249 (1983),
    1743-1745.

    Args:
        n: Number of independent trials, at least 1, none of which was a hit.
        confidence: Chance that the bound lies above the true share, in (0, 1).

    Raises:
        ValueError: There are no trials.
    """
    if n < 1:
        raise ValueError(f"no hits in {n} trials bound nothing")
    return -math.expm1(math.log1p(-confidence) / n)
