"""The frozen records that cross a module border."""

from __future__ import annotations

from faceleak_check.records.about_check import AboutCheck, CheckKind
from faceleak_check.records.arrays import Box, FloatArray, IntArray, Point
from faceleak_check.records.calibration import Calibration, ChanceMatches, ErrorRate, Suspect
from faceleak_check.records.digests import DigestIndex, Digests, digest_array
from faceleak_check.records.findings import (
    CanaryKind,
    Figure,
    Histogram,
    Hub,
    NeighbourSearch,
    Previous,
    RocCurve,
    Scan,
)
from faceleak_check.records.image_list import ImageColumns, ImageList
from faceleak_check.records.image_ref import ImageRef
from faceleak_check.records.images import (
    IN_SOURCE,
    NO_FACE,
    SEVERAL_FACES,
    UNREADABLE,
    UNSEEN_FOLDER,
    Alignment,
    Counts,
    Exclusion,
    ImageSet,
    SetSummary,
    Survey,
)
from faceleak_check.records.merkle import MerkleTree
from faceleak_check.records.rows import Rows
from faceleak_check.records.specs import WHOLE_PICTURE, ChipTemplate, EmbedderSpec, ScreenSpec
from faceleak_check.records.templates import FACE_NUMBERS, Face, FaceTemplates, Templates
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
    "FACE_NUMBERS",
    "IN_SOURCE",
    "NO_FACE",
    "SEVERAL_FACES",
    "UNREADABLE",
    "UNSEEN_FOLDER",
    "WHOLE_PICTURE",
    "AboutCheck",
    "Alignment",
    "Box",
    "Calibration",
    "CanaryKind",
    "ChanceMatches",
    "CheckKind",
    "ChipTemplate",
    "Counts",
    "DigestIndex",
    "Digests",
    "EmbedderSpec",
    "ErrorRate",
    "Exclusion",
    "Face",
    "FaceTemplates",
    "Figure",
    "FloatArray",
    "Histogram",
    "Hub",
    "ImageColumns",
    "ImageList",
    "ImageRef",
    "ImageSet",
    "IntArray",
    "Interval",
    "Measurement",
    "MerkleTree",
    "NeighbourSearch",
    "Outcome",
    "Pair",
    "Point",
    "Previous",
    "RocCurve",
    "Rows",
    "Scan",
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
    "digest_array",
]
