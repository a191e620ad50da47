"""Where the five points of a face lie in the chips that published networks were trained on."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from faceleak_check.records import ChipTemplate

__all__ = ["ARCFACE_112", "DLIB_150", "FACENET_160", "TEMPLATES"]

ARCFACE_112 = ChipTemplate(
    name="arcface-112",
    size=112,
    points=(
        (38.2946, 51.6963),
        (73.5318, 51.5014),
        (56.0252, 71.7366),
        (41.5493, 92.3655),
        (70.7299, 92.2041),
    ),
)
"""InsightFace's reference points, also of AdaFace and CVLFace."""

DLIB_150 = ChipTemplate(
    name="dlib-150",
    size=150,
    points=((46.48, 44.57), (101.06, 44.40), (73.31, 77.47), (50.64, 102.72), (97.63, 102.36)),
)
"""Where MTCNN sees the five points in dlib's own chips (``get_face_chip``, size 150, padding 0.25).

Medians over 323 faces, by ``python benchmarks/templates.py``, which also sets our chips beside dlib's own.
"""

FACENET_160 = ChipTemplate(
    name="facenet-160",
    size=160,
    points=((47.40, 62.80), (116.60, 62.57), (81.45, 93.49), (51.27, 118.26), (111.63, 117.96)),
)
"""Where MTCNN sees the five points in FaceNet's crops: its own box with a margin of 14 of 160 pixels, stretched.

Medians over 342 faces, by ``python benchmarks/templates.py``. FaceNet's crops are upright only where the face is.
"""

TEMPLATES: Mapping[str, ChipTemplate] = MappingProxyType(
    {template.name: template for template in (ARCFACE_112, DLIB_150, FACENET_160)}
)
"""The templates by name."""
