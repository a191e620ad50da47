"""What a check finds besides its figure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from faceleak_check.records.image_ref import ImageRef

__all__ = ["CanaryKind", "Figure", "Histogram", "Hub", "NeighbourSearch", "Previous", "RocCurve", "Scan"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """A figure beside a measurement's value.

    Attributes:
        name: Its name, such as ``auc`` or ``r_control``.
        value: The figure.
        low: Lower end of its interval; None where it has none.
        high: Upper end of its interval.
        confidence: Coverage of the interval, in (0, 1).
    """

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    confidence: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Hub:
    """A source image that is the best match of many generated images.

    Attributes:
        source: The image.
        n_best: Generated images whose best match it is.
        n_excused: Those of its pairs over the threshold that are excused as a hub's.
        evidence: Why: ``unseen`` (it is the best match of unseen people too), ``unlike`` (the generated images do not
            resemble each other), or ``none``: then all its pairs count.
        level: Cosine up to which its pairs are excused; None without evidence.
        n_unseen_best: Unseen people's images whose best match it is.
        n_unseen: Unseen people's images that were asked.
        reason: All this in one sentence.
    """

    source: ImageRef
    n_best: int
    n_excused: int
    evidence: Literal["unseen", "unlike", "none"]
    level: float | None
    n_unseen_best: int
    n_unseen: int
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class CanaryKind:
    """What became of the canaries of one kind.

    Attributes:
        kind: How the source images were altered, such as ``mirrored``.
        n: Number of canaries.
        n_caught: How many of them the gate caught.
        lowest: Lowest cosine of one of them to its original; None where none could be compared.
        missed: Ids of those that were not caught.
    """

    kind: str
    n: int
    n_caught: int
    lowest: float | None
    missed: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Histogram:
    """Where similarities lie: counts in bins of equal width over [-1, 1].

    Attributes:
        name: ``all_pairs`` (every generated with every source image), ``best_match`` (of each generated image in the
            source), ``best_match_in_control`` (of each generated image in the control) or ``best_match_of_control``
            (of each control image in the source).
        counts: Number of similarities in each bin, the last one closed; its length is the number of bins.
        n: Their sum.
        sampled: Whether only a sample of the generated images was taken, as all were too many.
        marks: k and the k-th highest cosine, for the lines that the paper draws; of all pairs and of the best matches.
        threshold: The threshold's cosine; None where there is none.
    """

    name: Literal["all_pairs", "best_match", "best_match_in_control", "best_match_of_control"]
    counts: tuple[int, ...]
    n: int
    sampled: bool = False
    marks: tuple[tuple[int, float], ...] = ()
    threshold: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class RocCurve:
    """True against false positive rate.

    Attributes:
        fpr: False positive rates, rising.
        tpr: True positive rate at each.
    """

    fpr: tuple[float, ...]
    tpr: tuple[float, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Previous:
    """The figure of an earlier release.

    Attributes:
        value: The figure.
        evidence_sha256: Digest of the evidence that it was read from.
        generated_sha256: Digest of the generated set that it was measured on.
    """

    value: float
    evidence_sha256: str
    generated_sha256: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Scan:
    """Which images were looked at in full precision after all had been looked at in a faster one.

    Attributes:
        precision: The faster arithmetic.
        n_looked_at: Images looked at again, by role.
        largest_angle: The largest angle between both templates of a face among them, in radians.
        bound: The angle that was allowed for.
    """

    precision: str
    n_looked_at: Mapping[str, int]
    largest_angle: float
    bound: float


@dataclass(frozen=True, kw_only=True, slots=True)
class NeighbourSearch:
    """How nearest neighbours were looked for, where the policy allows that some are missed.

    Attributes:
        index: ``ivf``, or ``exact`` where the source is too small for an index.
        n_templates: Templates of the source.
        n_lists: Number of lists that they lie in; 0 for an exact search.
        n_probed: Lists that were looked through for each generated image.
        n_sampled: Generated images that were looked up exactly, too.
        n_found: Those of them whose nearest source image the index had found.
        recall: The share that it finds of all nearest source images, at least; None for an exact search.
        confidence: Coverage of the interval that this is the lower end of; None for an exact search.
    """

    index: Literal["exact", "ivf"]
    n_templates: int
    n_lists: int = 0
    n_probed: int = 0
    n_sampled: int = 0
    n_found: int = 0
    recall: float | None = None
    confidence: float | None = None
