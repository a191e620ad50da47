"""Looks at a sample of a dataset: are its pictures face chips for this embedder already?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from faceleak_check.faces.align import template_points, whole_picture_points
from faceleak_check.protocols import Pixels
from faceleak_check.records import Alignment, ChipTemplate, Face, Survey

__all__ = ["FAR", "MOST", "SAMPLE", "SHARE_NEAR", "decide", "offset", "summarise"]

SAMPLE = 64
"""Pictures looked at."""

FAR = 0.16
"""Eye distances from the template beyond which pictures are no chips for it.

See ``python benchmarks/templates.py``: chips that were cut for a template stay within it, chips that were cut for
another do not.
"""

SHARE_NEAR = 0.9
"""Share of the faces that must be near: a dataset of crops and photographs together is none of crops."""

MOST = 0.75
"""Share of the sample that should show a face; of every group of faces that we have, at least 99% do."""


def offset(picture: Pixels, faces: Sequence[Face], template: ChipTemplate, size: int) -> float | None:
    """How far the largest face of a picture lies from the template when the whole picture is taken as a chip.

    Returns:
        Root mean square distance of the five points, in units of the template's eye distance; None without a face.
    """
    if not faces:
        return None
    found = np.array(whole_picture_points(faces[0].points, picture, size))
    expected = np.array(template_points(template, size))
    eyes = float(np.linalg.norm(expected[1] - expected[0]))
    return float(np.sqrt(((found - expected) ** 2).sum(axis=1).mean())) / eyes


def summarise(offsets: Sequence[float | None]) -> Survey:
    """What the sampled pictures look like together."""
    found = [one for one in offsets if one is not None]
    return Survey(
        n_sampled=len(offsets),
        n_with_face=len(found),
        offset=float(np.quantile(found, SHARE_NEAR, method="inverted_cdf")) if found else None,
    )


def decide(asked: Literal["none", "mtcnn", "auto"], survey: Survey) -> Alignment:
    """Whether faces are to be looked for, why, and what looks wrong about it.

    Where ``auto`` finds faces in too few pictures it has them looked for: those without are then counted as
    `no_face`, and not compared as if they were chips.
    """
    if asked == "auto":
        used: Literal["none", "mtcnn"] = "none" if _near(survey) else "mtcnn"
        why = _share(survey) if _few(survey) else _place(survey)
    else:
        used, why = asked, f"the policy says `align: {asked}`"
    done = "pictures are compared whole" if used == "none" else "each face is turned upright"
    return Alignment(
        asked=asked, used=used, reason=f"{why}: {done}", warnings=_warnings(used, survey), survey=survey
    )


def _warnings(used: Literal["none", "mtcnn"], survey: Survey) -> tuple[str, ...]:
    if survey.n_sampled and _few(survey):
        loss = "similarities of whole pictures mean little unless they are face chips for this embedder"
        if used == "mtcnn":
            loss = "all others are left out as `no_face`; where pictures are face chips already, set `align: none`"
        return (f"{_share(survey)}: {loss}",)
    if used == "none" and survey.n_sampled and not _near(survey):
        return (f"{_place(survey)}: `align: auto` or `align: mtcnn` would turn them upright",)
    return ()


def _few(survey: Survey) -> bool:
    return survey.n_with_face == 0 or survey.n_with_face < MOST * survey.n_sampled


def _near(survey: Survey) -> bool:
    return not _few(survey) and survey.offset is not None and survey.offset <= FAR


def _share(survey: Survey) -> str:
    return f"a face was found in only {survey.n_with_face} of {survey.n_sampled} sampled pictures"


def _place(survey: Survey) -> str:
    """Where faces lie, with the figures."""
    return (
        f"faces were found in {survey.n_with_face} of {survey.n_sampled} sampled pictures, nine in ten of them up to "
        f"{survey.offset:.2f} eye distances from where the embedder expects them (at most {FAR} is near)"
    )
