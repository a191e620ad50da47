"""Who is who in a run of the leak lab: source people, control people, and others who give clean pictures."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from faces import face_chips
from PIL import Image

__all__ = ["Photograph", "Split", "donors_of", "lfw_photographs", "photographs", "split", "synthetic_faces"]

FOLDERS_ARE_PEOPLE = ("identities", "orl")
FILES_ARE_PEOPLE = "adults_age"
SYNTHETIC = "generated"
FEWEST_TO_HOLD_BACK = 3
"""Photographs of a source person before one of them is kept for the generated set."""

SHARES = (0.45, 0.30)
"""Of the people in the source and in the control."""
SHARES_OF_SINGLES = (0.45, 0.52)
"""The same where nobody has several photographs: a control needs 30, and FMR 5e-7 needs 64 people in both."""
DONORS = 3
"""One in so many of the people with a single photograph is laid over others, and is never in source or control."""


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Photograph:
    """A file that shows one person, real or synthetic.

    Attributes:
        person: A name that no other person has.
        name: A name that no other photograph has, without ``/``.
        file: Where it is.
    """

    person: str
    name: str
    file: Path


@dataclass(frozen=True, kw_only=True, slots=True)
class Split:
    """Who is what in one run; nobody is in two of them, but held-back photographs show source people.

    Attributes:
        source: Photographs that the generator is said to have learned.
        held_back: Other photographs of some source people, at most one of each.
        control: Photographs of people whom it never saw.
        others: Photographs of further people, as clean generated images.
    """

    source: tuple[Photograph, ...]
    held_back: tuple[Photograph, ...]
    control: tuple[Photograph, ...]
    others: tuple[Photograph, ...]


def photographs(faces: Path) -> tuple[Photograph, ...]:
    """The real people of the test images."""
    found = [
        Photograph(
            person=f"{group}_{file.parent.name}", name=f"{group}_{file.parent.name}_{file.stem}", file=file
        )
        for group in FOLDERS_ARE_PEOPLE
        for file in sorted((faces / group).glob("*/*.*"))
    ]
    singles = sorted((faces / FILES_ARE_PEOPLE).glob("*.*"))
    found += [Photograph(person=file.stem, name=file.stem, file=file) for file in singles]
    return tuple(found)


def synthetic_faces(faces: Path) -> tuple[Photograph, ...]:
    """The truly synthetic faces, each a person of its own."""
    files = sorted((faces / SYNTHETIC).glob("*.*"))
    return tuple(Photograph(person=file.stem, name=file.stem, file=file) for file in files)


def lfw_photographs(folder: Path) -> tuple[Photograph, ...]:
    """The 100 faces of scikit-image's LFW subset, each taken for a person of its own, as chips of 112 x 112."""
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for number, chip in enumerate(face_chips(100, 112)):
        name = f"lfw_{number:03}"
        Image.fromarray(np.asarray(chip)).save(folder / f"{name}.png")
        found.append(Photograph(person=name, name=name, file=folder / f"{name}.png"))
    return tuple(found)


def donors_of(real: Sequence[Photograph]) -> tuple[Photograph, ...]:
    """Photographs that may be laid over other people's: the same in every run, so that each blend is made once."""
    of_person = by_person(real)
    singles = [shots[0] for shots in of_person.values() if len(shots) == 1]
    return tuple(singles[::DONORS])


def split(real: Sequence[Photograph], seed: int) -> Split:
    """Deals out the people: those with several photographs, and those with one, each in the same shares."""
    of_person, donors = by_person(real), {donor.person for donor in donors_of(real)}
    source_share, control_share = SHARES if len(of_person) < len(real) else SHARES_OF_SINGLES
    drawn = random.Random(seed)
    roles: dict[str, list[str]] = {"source": [], "control": [], "others": sorted(donors)}
    for is_single in (False, True):
        names = sorted(
            name for name, shots in of_person.items() if (len(shots) == 1) is is_single and name not in donors
        )
        drawn.shuffle(names)
        ends = round(source_share * len(names)), round((source_share + control_share) * len(names))
        roles["source"] += names[: ends[0]]
        roles["control"] += names[ends[0] : ends[1]]
        roles["others"] += names[ends[1] :]
    held_back = {
        drawn.choice(of_person[name])
        for name in roles["source"]
        if len(of_person[name]) >= FEWEST_TO_HOLD_BACK
    }
    parts = {role: [shot for name in names for shot in of_person[name]] for role, names in roles.items()}
    return Split(
        source=tuple(sorted(set(parts["source"]) - held_back)),
        held_back=tuple(sorted(held_back)),
        control=tuple(sorted(parts["control"])),
        others=tuple(sorted(parts["others"])),
    )


def by_person(shots: Iterable[Photograph]) -> dict[str, list[Photograph]]:
    found: dict[str, list[Photograph]] = defaultdict(list)
    for shot in sorted(shots):
        found[shot.person].append(shot)
    return found
