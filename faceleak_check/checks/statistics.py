"""Statistics of rates, as pure functions."""

from __future__ import annotations

import math
from statistics import NormalDist

from faceleak_check.records import Interval

__all__ = ["wilson_interval"]


def wilson_interval(n_hits: int, n: int, confidence: float = 0.95) -> Interval:
    """The Wilson score interval of a share.

    E. B. Wilson, Probable inference, the law of succession, and statistical inference, JASA 22 (1927),
    209-212; two-sided, without continuity correction.

    Args:
        n_hits: Number of hits, 0 to n.
        n: Number of trials, at least 1.
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
