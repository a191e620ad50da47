"""From a measurement to an outcome, and both in words."""

from __future__ import annotations

import math

from faceleak_check.checks.statistics.rates import USUAL_CONFIDENCE, bound_of_none
from faceleak_check.records import Interval, Measurement, Outcome, Unit

__all__ = ["apart", "brief", "judge", "told_apart"]

_MOST_DIGITS = 17


def judge(measured: Measurement) -> tuple[Outcome, str]:
    """Whether the figure meets its limit, and why, in one sentence without names of files.

    Returns:
        ``pass``, ``leak``, or ``inconclusive`` where an interval that was asked for straddles the limit.
    """
    interval = measured.interval
    if not measured.confidence_asked or interval is None:
        outcome = Outcome.PASS if _is_met(measured) else measured.missed
        return outcome, f"{_sentence(measured)}{_bound(measured)}"
    sentence = f"{_sentence(measured)}; {_span(measured, interval)}"
    if interval.high <= measured.limit:
        return Outcome.PASS, sentence
    if interval.low > measured.limit:
        return measured.missed, sentence
    return Outcome.INCONCLUSIVE, f"{sentence}, {_straddles(measured)}"


def _is_met(measured: Measurement) -> bool:
    if measured.at_least:
        return measured.value >= measured.limit
    return measured.value <= measured.limit


def _bound(measured: Measurement) -> str:
    """What "none of n" leaves open."""
    if measured.value or measured.finding or measured.unit not in ("share", "images") or not measured.n:
        return ""
    bound = bound_of_none(measured.n, USUAL_CONFIDENCE)
    return f"; at {100 * USUAL_CONFIDENCE:.6g}% confidence up to {100 * bound:.3g}% may leak"


def _straddles(measured: Measurement) -> str:
    if measured.limit == 0:
        return "and no number of images can show that it is 0: allow a small share, or ask for no confidence"
    return "which straddles the limit: only more images can settle it"


def _sentence(measured: Measurement) -> str:
    value, limit = told_apart(measured.value, measured.limit, measured.unit)
    allowed = f"the policy {'asks for at least' if measured.at_least else 'allows at most'} {limit}"
    if measured.finding:
        return f"{measured.finding.replace('{value}', value)}; {allowed}"
    match measured.unit:
        case "share":
            return f"{_leaking(round(measured.value * measured.n), measured.n)} ({value}); {allowed}"
        case "images":
            return f"{_leaking(int(measured.value), measured.n)}; {allowed}"
        case "people":
            people = "person of the source set is" if measured.value == 1 else "people of the source set are"
            return f"{value} {people} exposed; {allowed}"
        case "cosine":
            return f"the most similar pair has a cosine of {value}; {allowed}"


def _leaking(n_hits: int, n: int) -> str:
    leak = "generated image leaks" if n == 1 else f"generated images {'leaks' if n_hits == 1 else 'leak'}"
    return f"{n_hits:,} of {n:,} {leak}"


def _span(measured: Measurement, interval: Interval) -> str:
    """An interval of a share, such as ``95% confidence: 0% to 7.13%``."""
    return f"{100 * interval.confidence:.6g}% confidence: {_ends(measured, interval)}"


def _ends(measured: Measurement, interval: Interval) -> str:
    low, high = (told_apart(end, measured.limit, "share")[0] for end in (interval.low, interval.high))
    return f"{low} to {high}"


def told_apart(value: float, limit: float, unit: Unit) -> tuple[str, str]:
    """Value and limit with as many digits as it takes to tell the two apart and to give the limit as it was set."""
    for n_digits in range(3 if unit == "share" else 4, _MOST_DIGITS + 1):
        shown, shown_limit = (_figure(number, unit, n_digits) for number in (value, limit))
        if (shown != shown_limit or value == limit) and _states(shown_limit, limit, unit):
            break
    return shown, shown_limit


def apart(value: float, other: float, unit: Unit) -> tuple[str, str]:
    """Two measured figures with as many digits as it takes to tell them apart."""
    for n_digits in range(3 if unit == "share" else 4, _MOST_DIGITS + 1):
        shown, shown_other = (_figure(number, unit, n_digits) for number in (value, other))
        if shown != shown_other or value == other:
            break
    return shown, shown_other


def _states(text: str, number: float, unit: Unit) -> bool:
    scale = 100 if unit == "share" else 1
    return math.isclose(float(text.rstrip("%").replace(",", "")), scale * number, rel_tol=1e-12)


def _figure(number: float, unit: Unit, n_digits: int) -> str:
    """A number in its unit: a share as per cent, a count as a whole number, a cosine with decimals."""
    match unit:
        case "share":
            return f"{100 * number + 0.0:.{n_digits}g}%"
        case "cosine":
            return f"{number:.{n_digits}f}"
        case "images" | "people":
            return f"{int(number):,}"


def brief(measured: Measurement) -> str:
    """Value, limit and interval in a few characters, such as ``5 > 0 images`` or ``2% > 0.1% (0.4% to 10.5%)``."""
    value, limit = told_apart(measured.value, measured.limit, measured.unit)
    one = measured.limit == 1
    unit = {"images": " image" if one else " images", "people": " person" if one else " people"}
    signs = ("<", ">=") if measured.at_least else (">", "<=")
    sign = signs[_is_met(measured)]
    text = f"{value} {sign} {limit}{unit.get(measured.unit, '')}"
    return f"{text} ({_ends(measured, measured.interval)})" if measured.interval else text
