"""Generated sets with known truth: clean pictures, and source people's photographs planted among them."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from people import Photograph, Split

from faceleak_check.alterations import (
    blended,
    cropped_and_turned,
    exact,
    jpeg,
    low_resolution,
    mirrored,
    png,
    relit,
)
from faceleak_check.protocols import Pixels
from faceleak_check.readers.decode import decode

__all__ = [
    "BLENDS",
    "COPIES",
    "KINDS",
    "ORIGINAL",
    "OTHER_PHOTOGRAPH",
    "GeneratedSet",
    "Picture",
    "clean_pictures",
    "generated_set",
    "planted_pictures",
    "write_picture",
]

ORIGINAL = "original"
OTHER_PHOTOGRAPH = "other photograph"

COPIES: Mapping[str, tuple[str, Callable[[Pixels], bytes]]] = MappingProxyType(
    {
        "exact": (".png", lambda picture: png(exact(picture))),
        "recompressed": (".jpg", jpeg),
        "mirrored": (".png", lambda picture: png(mirrored(picture))),
        "relit": (".png", lambda picture: png(relit(picture))),
        "cropped and turned": (".png", lambda picture: png(cropped_and_turned(picture))),
        "low resolution": (".png", lambda picture: png(low_resolution(picture))),
    }
)
"""Copies of one photograph; an exact one has its pixels in a file of other bytes."""

BLENDS: Mapping[str, float] = MappingProxyType({f"blended {share}": share for share in (0.2, 0.3, 0.4, 0.5)})
"""With another person laid over, who has that share."""

KINDS = (*COPIES, *BLENDS, OTHER_PHOTOGRAPH)
FILLERS = ("mirrored", "relit", "cropped and turned", "blended 0.5", "low resolution")
"""What others' photographs are made into where they are too few for a clean set."""


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Picture:
    """A photograph in some form.

    Attributes:
        shot: The photograph.
        kind: ``original`` or one of `KINDS`; another photograph of a person is an original.
    """

    shot: Photograph
    kind: str = ORIGINAL

    @property
    def name(self) -> str:
        """The name of its file."""
        if self.kind == ORIGINAL:
            return f"{self.shot.name}{self.shot.file.suffix}"
        suffix = COPIES[self.kind][0] if self.kind in COPIES else ".png"
        return f"{self.shot.name}{suffix}"


@dataclass(frozen=True, kw_only=True, slots=True)
class GeneratedSet:
    """A generated set of known truth.

    Attributes:
        kind: What is planted.
        rate: The share of pictures that are.
        clean: Pictures of nobody of the source or the control.
        planted: The leaks.
    """

    kind: str
    rate: float
    clean: tuple[Picture, ...]
    planted: tuple[Picture, ...]

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """All of them, in the order of their ids."""
        return self.clean + self.planted

    @property
    def names(self) -> tuple[str, ...]:
        """The ids of the pictures, which do not tell what they are."""
        return tuple(f"{row:04}{Path(picture.name).suffix}" for row, picture in enumerate(self.pictures))


def clean_pictures(
    parts: Split, synthetic: Sequence[Photograph], n: int, seed: int, n_donors: int
) -> tuple[Picture, ...]:
    """Pictures for a generated set that leaks nobody: synthetic faces and people in neither source nor control.

    Where these are too few, altered copies of the others' photographs are added, so that such a synthetic person has
    several images.

    Raises:
        ValueError: There are not so many.
    """
    pictures = [Picture(shot=shot) for shot in (*synthetic, *parts.others)]
    for kind in FILLERS:
        if len(pictures) < n and (kind not in BLENDS or n_donors > 1):
            pictures += [Picture(shot=shot, kind=kind) for shot in parts.others]
    if len(pictures) < n:
        raise ValueError(f"a clean set of {n} pictures was asked for, and there are {len(pictures)}")
    taken = {shot.person for shot in (*parts.source, *parts.held_back, *parts.control)}
    assert not taken & {picture.shot.person for picture in pictures}
    random.Random(seed).shuffle(pictures)
    return tuple(pictures[:n])


def planted_pictures(parts: Split, kind: str, n: int, seed: int) -> tuple[Picture, ...]:
    """Leaks of one kind, at most one of each photograph; fewer than n where there are no more photographs."""
    shots = list(parts.held_back if kind == OTHER_PHOTOGRAPH else parts.source)
    random.Random(f"{seed} {kind}").shuffle(shots)
    form = ORIGINAL if kind == OTHER_PHOTOGRAPH else kind
    return tuple(Picture(shot=shot, kind=form) for shot in shots[:n])


def generated_set(
    clean: Sequence[Picture], planted: Sequence[Picture], kind: str, rate: float
) -> GeneratedSet | None:
    """A set as large as the clean one in which the first so many leaks take the place of its last pictures.

    Returns:
        None where there are not enough leaks for the rate; at a rate above 0 at least one is planted.
    """
    n = max(1, math.floor(rate * len(clean) + 0.5)) if rate else 0
    if n > len(planted):
        return None
    return GeneratedSet(
        kind=kind, rate=rate, clean=tuple(clean[: len(clean) - n]), planted=tuple(planted[:n])
    )


def write_picture(picture: Picture, folder: Path, donors: Sequence[Photograph]) -> Path:
    """The file of a picture, which is made where it is not there yet."""
    file = folder / picture.kind / picture.name
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_name(f"{file.name}.part")
        part.write_bytes(contents(picture, donors))
        part.replace(file)
    return file


def contents(picture: Picture, donors: Sequence[Photograph]) -> bytes:
    data = picture.shot.file.read_bytes()
    if picture.kind == ORIGINAL:
        return data
    pixels = decode(data)
    if picture.kind in COPIES:
        return COPIES[picture.kind][1](pixels)
    other = donor_for(picture.shot, donors)
    return png(blended(pixels, decode(other.file.read_bytes()), BLENDS[picture.kind]))


def donor_for(shot: Photograph, donors: Sequence[Photograph]) -> Photograph:
    """Who is laid over a photograph: the same at each share and in each run, and never its own person."""
    return random.Random(shot.name).choice([donor for donor in donors if donor.person != shot.person])
