"""Thresholds as error rates, and what they predict."""

from __future__ import annotations

from dataclasses import dataclass

from faceleak_check.records.image_ref import ImageRef

__all__ = ["Calibration", "ChanceMatches", "ErrorRate", "Suspect"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Suspect:
    """Two images under different names that seem to show one person.

    Attributes:
        one: The first image.
        other: The second image.
        similarity: Cosine of their templates.
    """

    one: ImageRef
    other: ImageRef
    similarity: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Calibration:
    """A threshold that was asked for as an error rate.

    Attributes:
        asked: The rate in words, such as ``FMR 0.001%``.
        cosine: The threshold that has it.
        low: Lower end of the threshold's interval.
        high: Upper end.
        confidence: Coverage of the interval, in (0, 1).
        extrapolated: Whether the rate is below what the comparisons resolve, so that the tail was fitted.
        origin: Which comparisons it was found on, in words.
        n_people: People in them.
        n_images: Images in them.
        n_comparisons: Number of comparisons.
        suspects: Pairs that seem to show one person under two names; they did not set the threshold.
    """

    asked: str
    cosine: float
    low: float
    high: float
    confidence: float
    extrapolated: bool
    origin: str
    n_people: int
    n_images: int
    n_comparisons: int
    suspects: tuple[Suspect, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class ErrorRate:
    """A false match rate and the threshold that has it: a point of the figure of the two.

    Attributes:
        fmr: The rate, in (0, 1).
        cosine: The threshold.
        low: Lower end of the threshold's interval.
        high: Upper end.
        extrapolated: Whether the rate is below what the comparisons resolve, so that the tail was fitted.
    """

    fmr: float
    cosine: float
    low: float
    high: float
    extrapolated: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class ChanceMatches:
    """How many matches strangers alone would give at a threshold.

    Attributes:
        expected: Expected number of generated images that match by chance, or of matching pairs, see `unit`.
        low: Lower end of its interval.
        high: Upper end of its interval.
        n_comparisons: Comparisons of the check.
        rate: False match rate (or FPIR) at the threshold.
        unit: ``pairs`` or ``images``.
        basis: What it was worked out from, in words.
    """

    expected: float
    low: float
    high: float
    n_comparisons: int
    rate: float
    unit: str
    basis: str
