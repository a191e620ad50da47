"""The frozen records that cross a module border."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

__all__ = [
    "UNREADABLE",
    "UNSEEN_FOLDER",
    "Counts",
    "EmbedderSpec",
    "Exclusion",
    "FloatArray",
    "ImageRef",
    "ImageSet",
    "IntArray",
    "Interval",
    "Measurement",
    "Outcome",
    "Pair",
    "SetSummary",
    "Templates",
    "Unit",
    "Verdict",
]

FloatArray = npt.NDArray[np.floating[Any]]
IntArray = npt.NDArray[np.int64]
Unit = Literal["share", "images", "people", "cosine"]

UNREADABLE = "unreadable"
"""The exclusion rule of files that should be images and cannot be decoded."""

UNSEEN_FOLDER = "folder"
"""The exclusion rule of folders that could not be looked into: one exclusion, any number of images."""


class Outcome(StrEnum):
    """What a check concludes. Only ``pass`` and ``waived`` let a release through."""

    PASS = "pass"
    LEAK = "leak"
    WAIVED = "waived"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageRef:
    """One image of a dataset.

    Attributes:
        id: Name inside the dataset: a path relative to its folder, with ``/``.
        sha256: Digest of the file's bytes, 64 hexadecimal digits.
        labels: The people in it by name; several only where one file lies under several people.
    """

    id: str
    sha256: str
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Exclusion:
    """An image that was seen and could not be, or was not, compared.

    Attributes:
        id: Name inside the dataset.
        rule: Why: ``unreadable``, ``no_face`` or the name of a screen.
        reason: One sentence on this image.
        sha256: Digest of the bytes where they could be read.
    """

    id: str
    rule: str
    reason: str
    sha256: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageSet:
    """What a reader found in a dataset.

    Attributes:
        name: The dataset's name in the policy.
        images: The images, in the order of their ids.
        excluded: Files that should be images and cannot be read.
        n_other_files: Number of files that are no images, by suffix.
    """

    name: str
    images: tuple[ImageRef, ...]
    excluded: tuple[Exclusion, ...] = ()
    n_other_files: Mapping[str, int] = field(default_factory=dict)

    @property
    def sha256(self) -> str:
        """Digest of the set: every id with its content digest, in the order of the ids."""
        lines = [(image.id, image.sha256) for image in self.images]
        lines += [(gone.id, gone.sha256 or gone.rule) for gone in self.excluded]
        return _digest_lines(f"{digest} {name}\0" for name, digest in sorted(lines))

    @property
    def labels_sha256(self) -> str | None:
        """Digest of who is said to be in which image; None where nobody is named."""
        if not any(image.labels for image in self.images):
            return None
        named = sorted((image.id, *image.labels) for image in self.images)
        return _digest_lines("\0".join(line) + "\0\0" for line in named)


def _digest_lines(lines: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for line in lines:
        digest.update(line.encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


@dataclass(frozen=True, kw_only=True, slots=True)
class EmbedderSpec:
    """All that decides an embedder's output: part of every store key and of every report.

    Attributes:
        name: Name in the policy, such as ``dlib-resnet``.
        weights_sha256: Digest of the weights file; empty where there are no weights.
        licence: Licence of the weights.
        dimension: Length of a template.
        input_size: Height and width of the face chip in pixels.
        colour_order: ``RGB`` or ``BGR``.
        normalisation: The arithmetic from bytes to network input, in words.
        alignment: How a picture becomes a face chip.
        metric: The similarity that the templates are made for.
        precision: ``fp32`` or ``bf16``.
        device: Kind of processor that computes: ``cpu`` or ``cuda``.
        recognises_people: False for an embedder that exists for tests alone.
        decoding: Version of the rules by which a file becomes a picture.
    """

    name: str
    weights_sha256: str
    licence: str
    dimension: int
    input_size: int
    colour_order: Literal["RGB", "BGR"]
    normalisation: str
    alignment: str
    metric: Literal["cosine"] = "cosine"
    precision: str = "fp32"
    device: str = "cpu"
    recognises_people: bool = True
    decoding: int = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Templates:
    """Templates of images, row by row.

    Attributes:
        vectors: Unit-length rows, float32, shape (n, dimension).
        norms: Length of each embedding before it was scaled to one, float32, shape (n,).
    """

    vectors: npt.NDArray[np.float32]
    norms: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.vectors)


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """A generated image and a source image near to it.

    Attributes:
        generated: The generated image.
        source: The source image.
        similarity: Cosine of the two templates, in [-1, 1].
        distance: Euclidean distance of the embeddings before scaling, where templates are known.
    """

    generated: ImageRef
    source: ImageRef
    similarity: float
    distance: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Counts:
    """Where each image of a set went: ``n_seen`` is the sum of all the others.

    Attributes:
        n_seen: Images found.
        n_embedded: Images compared.
        n_unreadable: Files that should be images and cannot be decoded.
        n_excluded: Images taken out by a rule, by the rule's name.
    """

    n_seen: int
    n_embedded: int
    n_unreadable: int
    n_excluded: Mapping[str, int] = field(default_factory=dict)

    @property
    def n_left_out(self) -> int:
        """Images seen and not compared."""
        return self.n_unreadable + sum(self.n_excluded.values())


@dataclass(frozen=True, kw_only=True, slots=True)
class Interval:
    """A confidence interval; low and high are shares in [0, 1]."""

    low: float
    high: float
    confidence: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Measurement:
    """What a check measured, before caps and waivers.

    Attributes:
        value: The measured figure, in `unit`.
        limit: The highest value that the policy allows.
        unit: What value and limit count.
        n: Number of generated images behind the figure.
        rule: How a pair was called a leak, in words.
        pairs: The pairs that make the value, worst first.
        leaks: Whether `pairs` are leaks (else they are the nearest pairs, shown for a look).
        interval: Confidence interval of a rate.
        confidence_asked: Whether the interval, not the value, must meet the limit.
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


@dataclass(frozen=True, kw_only=True, slots=True)
class SetSummary:
    """What a verdict tells of one of the sets that it compared.

    Attributes:
        name: The dataset's name in the policy.
        sha256: Digest of the set.
        labels_sha256: Digest of who is said to be in which image; None where nobody is named.
        counts: Where each image went.
        excluded: Each image left out, with its rule and reason.
        n_other_files: Number of files that are no images, by suffix.
    """

    name: str
    sha256: str
    counts: Counts
    labels_sha256: str | None = None
    excluded: tuple[Exclusion, ...] = ()
    n_other_files: Mapping[str, int] = field(default_factory=dict)


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
        sets: The sets compared, by role: ``generated`` and ``source``, or ``matches``.
        waived: Leaks that a waiver takes out.
        embedder: The embedder's spec; None for precomputed matches.
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

    @property
    def passed(self) -> bool:
        """Whether the release may go: ``pass`` or ``waived``."""
        return self.outcome in (Outcome.PASS, Outcome.WAIVED)
