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

Nine in ten of the chips cut for a template lie within 0.14 of it, of those cut for another beyond 0.20, of photographs
beyond 0.36; there dlib-resnet's equal error rate is up to six times as high (docs/decisions.md).
"""

SHARE_NEAR = 0.9
"""Share of the faces that must be near: a dataset of crops and photographs together is none of crops."""

MOST = 0.5
"""Share of the sample below which the detector is of no use for a dataset."""

_WHOLE = "pictures are compared whole"
_TURNED = "each face is turned upright"


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

    Where ``auto`` finds too few faces it compares pictures whole: all of them are then in the comparison, and the
    warning says what that is worth.
    """
    if asked == "auto":
        return _decided(survey)
    reason = f"the policy says `align: {asked}`: {_TURNED if asked == 'mtcnn' else _WHOLE}"
    return Alignment(asked=asked, used=asked, reason=reason, warnings=_warnings(asked, survey), survey=survey)


def _decided(survey: Survey) -> Alignment:
    used: Literal["none", "mtcnn"] = "none"
    if survey.n_sampled == 0:
        reason = f"no picture could be looked at: {_WHOLE}"
    elif _few(survey):
        reason = f"{_share(survey)}: {_WHOLE}"
    elif _far(survey):
        used, reason = "mtcnn", f"{_place(survey)}: {_TURNED}"
    else:
        reason = f"{_place(survey)}: {_WHOLE}"
    return Alignment(asked="auto", used=used, reason=reason, warnings=_warnings(used, survey), survey=survey)


def _warnings(used: Literal["none", "mtcnn"], survey: Survey) -> tuple[str, ...]:
    if _few(survey):
        loss = "similarities of whole pictures mean little unless they are face chips for this embedder"
        if used == "mtcnn":
            loss = "all others are left out as `no_face`; where pictures are face chips already, set `align: none`"
        return (f"{_share(survey)}: {loss}",)
    if used == "none" and _far(survey):
        return (f"{_place(survey)}: `align: auto` or `align: mtcnn` would turn them upright",)
    return ()


def _few(survey: Survey) -> bool:
    return survey.n_with_face < MOST * survey.n_sampled


def _far(survey: Survey) -> bool:
    return survey.offset is not None and survey.offset > FAR


def _share(survey: Survey) -> str:
    return f"a face was found in only {survey.n_with_face} of {survey.n_sampled} sampled pictures"


def _place(survey: Survey) -> str:
    """Where faces lie, with the figures."""
    return (
        f"faces were found in {survey.n_with_face} of {survey.n_sampled} sampled pictures, nine in ten of them up to "
        f"{survey.offset:.2f} eye distances from where the embedder expects them (at most {FAR} is near)"
    )
