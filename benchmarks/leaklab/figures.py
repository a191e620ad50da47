"""The figures of the leak lab, as pure functions on what a gate or a rule said of sets of known truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from faceleak_check.checks.statistics.rates import wilson_interval

__all__ = ["AtRecall", "at_recall", "best_threshold", "is_right", "share", "verdict_at"]

Floats = npt.NDArray[np.floating[Any]]


def is_right(outcome: str, *, has_leaks: bool) -> bool:
    """Whether a verdict is right: leaks must fail, a clean set must pass, and inconclusive is never right."""
    return outcome == ("leak" if has_leaks else "pass")


def verdict_at(highest: float, threshold: float) -> str:
    """The verdict of a rule that fails a set for its highest value alone."""
    return "leak" if highest >= threshold else "pass"


def best_threshold(highest: Mapping[tuple[str, float], Sequence[float]]) -> float:
    """The threshold with the most right verdicts in hindsight: the most generous one to a rule.

    Clean sets weigh as much as all leaky ones together, so that neither "always fail" nor "always pass" is best. Of
    equally good ones the middle of the widest gap is taken.

    Args:
        highest: The highest value of each set, by kind and rate of what is planted; rate 0 is clean.

    Raises:
        ValueError: There are no clean sets, or no leaky ones.
    """
    clean = np.concatenate([np.asarray(values, float) for (_, rate), values in highest.items() if not rate])
    leaky = np.concatenate([np.asarray(values, float) for (_, rate), values in highest.items() if rate])
    if not (len(clean) and len(leaky)):
        raise ValueError("a threshold is judged on clean and on leaky sets")
    levels = np.unique(np.concatenate([clean, leaky]))
    middles = np.concatenate([[levels[0] - 1], (levels[:-1] + levels[1:]) / 2, [levels[-1] + 1]])
    widths = np.concatenate([[0], np.diff(levels), [0]])
    right = (clean < middles[:, None]).mean(axis=1) + (leaky >= middles[:, None]).mean(axis=1)
    good = np.flatnonzero(right >= right.max() - 1e-12)
    return float(middles[good[np.argmax(widths[good])]])


@dataclass(frozen=True, kw_only=True, slots=True)
class AtRecall:
    """What a rule pays for a recall.

    Attributes:
        threshold: The highest that catches enough; minus infinity where some leaks cannot be compared at all.
        n_caught: Leaks that it catches.
        n_false: Clean pictures that it flags.
    """

    threshold: float
    n_caught: int
    n_false: int


def at_recall(planted: Floats, clean: Floats, n_caught: int) -> AtRecall:
    """The false alarms of a rule that catches so many leaks.

    Args:
        planted: Value of each leak, minus infinity where it cannot be compared.
        clean: Value of each clean picture.
        n_caught: How many must be caught, at most all.
    """
    if n_caught == 0:
        return AtRecall(threshold=float("inf"), n_caught=0, n_false=0)
    threshold = float(np.sort(planted)[::-1][n_caught - 1])
    return AtRecall(
        threshold=threshold,
        n_caught=int((planted >= threshold).sum()),
        n_false=int((clean >= threshold).sum()),
    )


def share(n_hits: int, n: int) -> str:
    """A share with its 95% Wilson interval, which takes the trials for independent."""
    if not n:
        return "-"
    interval = wilson_interval(n_hits, n)
    return f"{_per_cent(n_hits / n)} ({_per_cent(interval.low)}-{_per_cent(interval.high)})"


def _per_cent(number: float) -> str:
    text = f"{100 * number:.1f}"
    return text.removesuffix(".0") if text in ("100.0", "0.0") else text
