"""What a check is about, in words for people who know no biometrics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["AboutCheck", "CheckKind"]

CheckKind = Literal["rate", "people", "nearest", "copies", "excess", "members", "awake", "coverage"]
"""What a check's figure is evidence of: how many generated images match people (``rate``), how many people come back
(``people``), how near the nearest pairs are (``nearest``), photographs that were copied (``copies``), matches beyond
chance (``excess``), who was trained on (``members``), that the gate notices leaks (``awake``), how much was looked
at (``coverage``)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AboutCheck:
    """What reports tell of a check besides its figures.

    Attributes:
        title: Its heading.
        question: The question that its figure answers; may be empty.
        kind: What its figure is evidence of, which decides the caveats beside it and the topics of standards that it
            speaks to; None where nothing is to be said beyond the figure.
        not_shown: What a reader must not take from it, as a clause that begins with That, Whether, How or Anything; may
            be empty.
    """

    title: str
    question: str = ""
    kind: CheckKind | None = None
    not_shown: str = ""
