"""All that decides what a network makes of a picture."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Literal

from faceleak_check.records.arrays import Point

__all__ = ["WHOLE_PICTURE", "ChipTemplate", "EmbedderSpec", "ScreenSpec"]

WHOLE_PICTURE = "none: the whole picture, padded to a square with black and resized bilinearly"
"""The alignment of pictures that are face chips already."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ChipTemplate:
    """Where the five points of a face lie in the chips that a network was trained on.

    Attributes:
        name: Name in a policy, such as ``arcface-112``.
        size: Height and width of the chip in pixels.
        points: Left eye, right eye, nose tip, left and right mouth corner, each x, y in pixels of the chip.
    """

    name: str
    size: int
    points: tuple[Point, Point, Point, Point, Point]


@dataclass(frozen=True, kw_only=True, slots=True)
class EmbedderSpec:
    """All that decides an embedder's output: part of every store key and of every report.

    Attributes:
        name: Name in the policy, such as ``dlib-resnet``.
        weights_sha256: Digest of the weights file; empty where there are no weights.
        licence: Licence of the weights.
        dimension: Length of a template.
        input_size: Height and width of the face chip in pixels; 0 where there is no network to take one.
        colour_order: ``RGB`` or ``BGR``.
        normalisation: The arithmetic from bytes to network input, in words.
        alignment: How a picture becomes a face chip, in words.
        template: Where a face lies in the chips that the network was trained on; None where it is not known,
            and then faces cannot be aligned for it.
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
    alignment: str = WHOLE_PICTURE
    template: ChipTemplate | None = None
    metric: Literal["cosine"] = "cosine"
    precision: str = "fp32"
    device: str = "cpu"
    recognises_people: bool = True
    decoding: int = 2

    @property
    def takes_pictures(self) -> bool:
        """Whether there is a network; not where all templates were computed elsewhere."""
        return self.input_size > 0

    @property
    def canonical(self) -> bytes:
        """The spec as JSON, the same bytes for the same spec."""
        return _canonical(self)

    @property
    def sha256(self) -> str:
        """SHA-256 of everything that decides an output, 64 hexadecimal digits."""
        return hashlib.sha256(self.canonical).hexdigest()


@dataclass(frozen=True, kw_only=True, slots=True)
class ScreenSpec:
    """All that decides what a screen sees in a picture: part of every store key and of every report.

    Attributes:
        method: Name in the policy, such as ``clip``.
        model: Which model, with its pre-training where it has several.
        weights_sha256: Digest of the weights file; empty where there are no weights.
        licence: Licence of the weights.
        question: What the value in [0, 1] is the probability of, in words, with all that decides it (prompts,
            ages).
        preprocessing: From a picture to the network's input, in words or as a digest.
        precision: ``fp32`` or ``bf16``.
        device: Kind of processor that computes: ``cpu`` or ``cuda``.
        faces: Which faces of a picture it was given (``all`` or ``largest``); ``none`` where the whole picture is taken
            for one.
        decoding: Version of the rules by which a file becomes a picture.
    """

    method: str
    model: str
    weights_sha256: str
    licence: str
    question: str
    preprocessing: str
    precision: str = "fp32"
    device: str = "cpu"
    faces: Literal["none", "all", "largest"] = "none"
    decoding: int = 1

    @property
    def canonical(self) -> bytes:
        """The spec as JSON, the same bytes for the same spec."""
        return _canonical(self)

    @property
    def sha256(self) -> str:
        """SHA-256 of everything that decides an output, 64 hexadecimal digits."""
        return hashlib.sha256(self.canonical).hexdigest()


def _canonical(spec: EmbedderSpec | ScreenSpec) -> bytes:
    return json.dumps(asdict(spec), sort_keys=True, indent=2).encode()
