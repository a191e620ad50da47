"""What was measured, and what follows from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from faceleak_check.records.arrays import Box
from faceleak_check.records.calibration import Calibration, ChanceMatches, ErrorRate
from faceleak_check.records.findings import (
    CanaryKind,
    Figure,
    Histogram,
    Hub,
    NeighbourSearch,
    Previous,
    RocCurve,
    Scan,
)
from faceleak_check.records.image_ref import ImageRef
from faceleak_check.records.images import SetSummary
from faceleak_check.records.specs import EmbedderSpec, ScreenSpec

__all__ = [
    "Interval",
    "Measurement",
    "Outcome",
    "Pair",
    "ScreenMethod",
    "ScreenSummary",
    "ScreenedGroup",
    "SecondOpinion",
    "Unit",
    "Verdict",
]

Unit = Literal["share", "images", "people", "cosine"]


class Outcome(StrEnum):
    """What a check concludes. Only ``pass`` and ``waived`` let a release through."""

    PASS = "pass"
    LEAK = "leak"
    WAIVED = "waived"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, kw_only=True, slots=True)
class SecondOpinion:
    """What another embedder says of a pair.

    Attributes:
        embedder: Its name in the policy.
        similarity: Cosine of its two templates, in [-1, 1].
        distance: Euclidean distance of its embeddings before scaling.
    """

    embedder: str
    similarity: float
    distance: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """A generated image and a source image near to it.

    Attributes:
        generated: The generated image.
        source: The source image.
        similarity: Cosine of the two templates, in [-1, 1].
        distance: Euclidean distance of the embeddings before scaling, where templates are known.
        generated_box: Left, top, right, bottom in pixels of the face in the generated image; None where the whole
            picture was compared.
        source_box: The same in the source image.
        seconds: What other embedders say of the pair, where the check asks for their agreement.
        kind: ``copy`` where the pictures themselves are nearly equal, ``person`` where only the person is; None where
            the pictures were not compared.
        bits: How many of the 64 bits of the two pictures' perceptual hashes differ.
    """

    generated: ImageRef
    source: ImageRef
    similarity: float
    distance: float | None = None
    generated_box: Box | None = None
    source_box: Box | None = None
    seconds: tuple[SecondOpinion, ...] = ()
    kind: Literal["copy", "person"] | None = None
    bits: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Interval:
    """A confidence interval of a share in [0, 1]; that of an excess risk may reach below 0."""

    low: float
    high: float
    confidence: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Measurement:
    """What a check measured, before caps and waivers.

    Attributes:
        value: The measured figure, in `unit`.
        limit: The highest value that the policy allows, or the lowest where `at_least` is set.
        unit: What value and limit count.
        n: Number of images behind the figure: generated ones, but for membership inference (source images), canary
            recall (canaries) and coverage (images of the dataset).
        rule: How a pair was called a leak, in words.
        pairs: The pairs that make the value, worst first.
        leaks: Whether `pairs` are leaks (else they are the nearest pairs, shown for a look).
        interval: Confidence interval of a rate.
        confidence_asked: Whether the interval, not the value, must meet the limit.
        finding: The figure in words, without its limit; empty where it is a number of leaks, people or a cosine.
        at_least: Whether the limit is a lowest value.
        missed: What follows where the limit is not met.
        figures: Other figures that the value rests on, or that were measured beside it.
    """

    value: float
    limit: float
    unit: Unit
    n: int
    rule: str
    pairs: tuple[Pair, ...]
    leaks: bool = True
    interval: Interval | None = None
    confidence_asked: bool = False
    finding: str = ""
    at_least: bool = False
    missed: Literal[Outcome.LEAK, Outcome.INCONCLUSIVE] = Outcome.LEAK
    figures: tuple[Figure, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class ScreenMethod:
    """One method of a screen, and how often it was asked.

    Attributes:
        spec: The model and its question.
        reject_above: Value above which it says that an image should be taken out.
        n_images: Number of images of both sets that it looked at.
    """

    spec: ScreenSpec
    reject_above: float
    n_images: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ScreenedGroup:
    """The images of one set that a screen took out.

    Attributes:
        n_looked_at: Images that the screen looked at.
        n_excluded: Images that it took out.
        n_leaking: How many of those are in a pair that would count against the release.
    """

    n_looked_at: int
    n_excluded: int
    n_leaking: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ScreenSummary:
    """What a screen did in one comparison.

    Attributes:
        rule: Its name in the policy, such as ``child``.
        combine: Whether any or all of its methods must say so.
        methods: Its methods in the order of the policy.
        groups: What it took out, by role.
    """

    rule: str
    combine: Literal["any_of", "all_of"]
    methods: tuple[ScreenMethod, ...]
    groups: Mapping[str, ScreenedGroup]


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """The answer to one check of one policy.

    Attributes:
        outcome: One of the four.
        policy: Name of the policy.
        check: Name of the check, such as ``leak_rate``.
        case: Name of the case, such as ``leak_rate[generated-vs-training]``.
        reasons: Why, in sentences that name no path.
        details: Paths and advice to the reasons: for the terminal and the evidence.
        warnings: What a reader of the verdict must know besides.
        measurement: The figures; None where nothing could be measured.
        sets: The sets looked at, by role: ``generated``, ``source``, ``control``, ``calibration``, ``matches``,
            ``dataset``.
        waived: Leaks that a waiver takes out.
        embedder: The embedder's spec; None for precomputed matches.
        agreement: The specs of the embedders that had to agree, the first one's left out, by their names in the policy.
        screens: What each screen did.
        unscreened: What the figure would be if the screens took nothing out; None where they took nothing out.
        thresholds: The thresholds that were asked for as error rates, by the embedder's name in the policy.
        error_rates: Thresholds of other false match rates around the first embedder's, falling; empty where its
            threshold was not asked for as an error rate, or no labelled set tells.
        chance: How many chance matches the threshold predicts; None where no labelled set tells.
        hubs: Source images that many generated images match best, excused or not.
        canaries: What became of the canaries, by kind.
        histograms: Where similarities lie.
        curve: True against false positive rate, for membership inference.
        previous: The earlier figure that this one must not exceed.
        scan: Which images were looked at in full precision; None where all were from the start.
        search: How neighbours were looked for; None where the policy asks for every one.
    """

    outcome: Outcome
    policy: str
    check: str
    case: str
    reasons: tuple[str, ...] = ()
    details: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    measurement: Measurement | None = None
    sets: Mapping[str, SetSummary] = field(default_factory=dict)
    waived: tuple[Pair, ...] = ()
    embedder: EmbedderSpec | None = None
    agreement: Mapping[str, EmbedderSpec] = field(default_factory=dict)
    screens: tuple[ScreenSummary, ...] = ()
    unscreened: Measurement | None = None
    thresholds: Mapping[str, Calibration] = field(default_factory=dict)
    error_rates: tuple[ErrorRate, ...] = ()
    chance: ChanceMatches | None = None
    hubs: tuple[Hub, ...] = ()
    canaries: tuple[CanaryKind, ...] = ()
    histograms: tuple[Histogram, ...] = ()
    curve: RocCurve | None = None
    previous: Previous | None = None
    scan: Scan | None = None
    search: NeighbourSearch | None = None

    @property
    def passed(self) -> bool:
        """Whether the release may go: ``pass`` or ``waived``."""
        return self.outcome in (Outcome.PASS, Outcome.WAIVED)

    def __bool__(self) -> bool:
        """The same as `passed`, for whoever forgets it: ``assert all(result.verdicts)``."""
        return self.passed
