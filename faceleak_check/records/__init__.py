"""The frozen records that cross a module border."""

from __future__ import annotations

from faceleak_check.records.arrays import Box, FloatArray, IntArray, Point
from faceleak_check.records.images import (
    NO_FACE,
    SEVERAL_FACES,
    UNREADABLE,
    UNSEEN_FOLDER,
    Alignment,
    Counts,
    Exclusion,
    ImageRef,
    ImageSet,
    SetSummary,
    Survey,
)
from faceleak_check.records.specs import WHOLE_PICTURE, ChipTemplate, EmbedderSpec, ScreenSpec
from faceleak_check.records.templates import Face, FaceTemplates, Templates
from faceleak_check.records.verdicts import (
    Interval,
    Measurement,
    Outcome,
    Pair,
    ScreenedGroup,
    ScreenMethod,
    ScreenSummary,
    SecondOpinion,
    Unit,
    Verdict,
)

__all__ = [
    "NO_FACE",
    "SEVERAL_FACES",
    "UNREADABLE",
    "UNSEEN_FOLDER",
    "WHOLE_PICTURE",
    "Alignment",
    "Box",
    "ChipTemplate",
    "Counts",
    "EmbedderSpec",
    "Exclusion",
    "Face",
    "FaceTemplates",
    "FloatArray",
    "ImageRef",
    "ImageSet",
    "IntArray",
    "Interval",
    "Measurement",
    "Outcome",
    "Pair",
    "Point",
    "ScreenMethod",
    "ScreenSpec",
    "ScreenSummary",
    "ScreenedGroup",
    "SecondOpinion",
    "SetSummary",
    "Survey",
    "Templates",
    "Unit",
    "Verdict",
]
