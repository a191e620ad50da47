"""The frozen records that cross a module border."""

from __future__ import annotations

from faceleak_check.records.arrays import Box, FloatArray, IntArray, Point
from faceleak_check.records.calibration import Calibration, ChanceMatches, Suspect
from faceleak_check.records.findings import CanaryKind, Figure, Histogram, Hub, Previous, RocCurve
from faceleak_check.records.images import (
    IN_SOURCE,
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
    "IN_SOURCE",
    "NO_FACE",
    "SEVERAL_FACES",
    "UNREADABLE",
    "UNSEEN_FOLDER",
    "WHOLE_PICTURE",
    "Alignment",
    "Box",
    "Calibration",
    "CanaryKind",
    "ChanceMatches",
    "ChipTemplate",
    "Counts",
    "EmbedderSpec",
    "Exclusion",
    "Face",
    "FaceTemplates",
    "Figure",
    "FloatArray",
    "Histogram",
    "Hub",
    "ImageRef",
    "ImageSet",
    "IntArray",
    "Interval",
    "Measurement",
    "Outcome",
    "Pair",
    "Point",
    "Previous",
    "RocCurve",
    "ScreenMethod",
    "ScreenSpec",
    "ScreenSummary",
    "ScreenedGroup",
    "SecondOpinion",
    "SetSummary",
    "Survey",
    "Suspect",
    "Templates",
    "Unit",
    "Verdict",
]
