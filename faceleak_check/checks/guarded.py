"""A check of another package, and the figure that it gives judged before a verdict rests on it."""

from __future__ import annotations

import math
from typing import Any, get_args

import numpy as np
import numpy.typing as npt

from faceleak_check.errors import InconclusiveError
from faceleak_check.guards import blamed
from faceleak_check.matches import Matches
from faceleak_check.protocols import PairCheck
from faceleak_check.records import Figure, Interval, Measurement, Outcome, Pair, Unit
from faceleak_check.registry import CHECKS

__all__ = ["guarded_check", "unsound"]

_METRICS = ("cosine", "euclidean")


def guarded_check(name: str, check: Any) -> Any:
    """A check as the gate asks it: our own as it is, another package's behind a guard.

    Args:
        name: Its name in the policy.
        check: The check.
    """
    return check if CHECKS.is_built_in(name) else _GuardedCheck(name, check)


class _GuardedCheck:
    """What fails in the check names it, and a figure that cannot be judged is refused."""

    def __init__(self, name: str, check: PairCheck) -> None:
        self._part = f"check {name!r}"
        self._check = check

    def __getattr__(self, name: str) -> Any:
        # its keys, and whether it limits a cosine, are looked for where they are needed
        return getattr(self._check, name)

    @property
    def needs_whole_set(self) -> bool:
        with blamed(self._part, "say whether it needs the whole set", error=InconclusiveError):
            return bool(self._check.needs_whole_set)

    @property
    def n_neighbours(self) -> int:
        with blamed(self._part, "say how many neighbours it looks at", error=InconclusiveError):
            n = self._check.n_neighbours
        if isinstance(n, int) and n >= 1:
            return n
        raise self._broken("asks for no neighbours", f"n_neighbours {n!r}, expected 1 or more")

    @property
    def metric(self) -> str:
        with blamed(self._part, "say what is nearest", error=InconclusiveError):
            metric = self._check.metric
        if metric in _METRICS:
            return metric
        raise self._broken(
            "does not say what is nearest", f"metric {metric!r}, expected {' or '.join(_METRICS)}"
        )

    def leaking(self, matches: Matches) -> npt.NDArray[np.bool_]:
        with blamed(self._part, "say which neighbours leak", error=InconclusiveError):
            rows = np.asarray(self._check.leaking(matches))
        if rows.dtype == np.bool_ and rows.shape == matches.source_index.shape:
            return rows & (matches.source_index >= 0)
        found = f"{rows.dtype} of shape {rows.shape}, expected bool of shape {matches.source_index.shape}"
        raise self._broken("does not say which neighbours leak", found)

    def measure(self, matches: Matches) -> Measurement:
        with blamed(self._part, "measure", error=InconclusiveError):
            found = self._check.measure(matches)
        if problem := unsound(found, matches):
            raise self._broken("gave a figure that cannot be judged", problem)
        return found

    def _broken(self, what: str, found: str) -> InconclusiveError:
        detail = f"Found {found}. The check is broken: tell its author."
        return InconclusiveError(f"{self._part} {what}", detail=detail)


def unsound(found: object, matches: Matches) -> str:
    """What is wrong with a figure, and what was expected; empty where nothing is.

    Args:
        found: What a check's `measure` returned.
        matches: What it was given.
    """
    if not isinstance(found, Measurement):
        return f"{type(found).__name__}, expected a Measurement"
    return _number(found) or _meaning(found, len(matches)) or _interval(found) or _pairs(found, matches)


def _number(found: Measurement) -> str:
    beside = {f"figure {one.name!r}": one.value for one in found.figures if isinstance(one, Figure)}
    for name, value in {"value": found.value, "limit": found.limit, **beside}.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            return f"a {name} of {value!r} ({type(value).__name__}), expected a finite int or float"
    return "" if len(beside) == len(found.figures) else "figures of other types, expected Figure"


def _meaning(found: Measurement, n: int) -> str:
    if found.unit not in get_args(Unit):
        return f"the unit {found.unit!r}, expected one of {', '.join(get_args(Unit))}"
    if found.missed not in (Outcome.LEAK, Outcome.INCONCLUSIVE):
        return f"{str(found.missed)!r} for a missed limit, expected leak or inconclusive"
    if found.n != n:
        return f"a figure on {found.n!r} images, expected all {n:,} that it was given"
    return (
        ""
        if isinstance(found.rule, str) and isinstance(found.finding, str)
        else "words of another type than str"
    )


def _interval(found: Measurement) -> str:
    span = found.interval
    if span is None:
        return "no interval although confidence is asked for" if found.confidence_asked else ""
    if not isinstance(span, Interval):
        return f"an interval of type {type(span).__name__}, expected Interval"
    if not (-math.inf < span.low <= span.high < math.inf and 0 < span.confidence < 1):
        return f"an interval of {span.low!r} to {span.high!r} at {span.confidence!r}, expected low <= high"
    if found.confidence_asked and found.at_least:
        return "confidence asked for with a lowest limit, expected a highest one"
    return ""


def _pairs(found: Measurement, matches: Matches) -> str:
    """What is wrong with the pairs: a pair that does not go when it is waived would be looked at for ever."""
    if not isinstance(found.pairs, tuple) or not all(isinstance(pair, Pair) for pair in found.pairs):
        return f"pairs that are no records ({type(found.pairs).__name__}), expected a tuple of Pair"
    for pair in found.pairs:
        rows = matches.generated.by_content.get(pair.generated.sha256, [])
        sources = matches.source.by_content.get(pair.source.sha256, [])
        if not any(np.isin(matches.source_index[row], sources).any() for row in rows):
            return f"a pair of {pair.generated.id!r} and {pair.source.id!r}, expected pairs that it was given"
    return ""
