from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from faceleak_check.faces.align import aligned_chip
from faceleak_check.faces.detect import Mtcnn
from faceleak_check.faces.survey import FAR, decide, offset, summarise
from faceleak_check.landmarks import ARCFACE_112, DLIB_150, FACENET_160, TEMPLATES
from faceleak_check.protocols import Pixels
from faceleak_check.readers.decode import decode
from faceleak_check.records import Alignment, ChipTemplate, Face, Survey

NEAR = Survey(n_sampled=64, n_with_face=60, offset=0.071)
ELSEWHERE = Survey(n_sampled=64, n_with_face=60, offset=0.412)
FEW = Survey(n_sampled=64, n_with_face=47, offset=0.071)
NONE = Survey(n_sampled=20, n_with_face=0, offset=None)
EMPTY = Survey(n_sampled=0, n_with_face=0, offset=None)

LIE_NEAR = (
    "faces were found in 60 of 64 sampled pictures, nine in ten of them up to 0.07 eye distances from where the "
    "embedder expects them (at most 0.16 is near)"
)
LIE_ELSEWHERE = LIE_NEAR.replace("0.07", "0.41")
ONLY_FEW = "a face was found in only 47 of 64 sampled pictures"
ONLY_NONE = "a face was found in only 0 of 20 sampled pictures"
LITTLE = "similarities of whole pictures mean little unless they are face chips for this embedder"
LEFT_OUT = "all others are left out as `no_face`; where pictures are face chips already, set `align: none`"


def alignment(asked: str, used: str, reason: str, survey: Survey, *warnings: str) -> Alignment:
    return Alignment(asked=asked, used=used, reason=reason, warnings=warnings, survey=survey)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "expected",
    [
        alignment("auto", "none", f"{LIE_NEAR}: pictures are compared whole", NEAR),
        alignment("auto", "mtcnn", f"{LIE_ELSEWHERE}: each face is turned upright", ELSEWHERE),
        alignment(
            "auto", "mtcnn", f"{ONLY_FEW}: each face is turned upright", FEW, f"{ONLY_FEW}: {LEFT_OUT}"
        ),
        alignment(
            "auto", "mtcnn", f"{ONLY_NONE}: each face is turned upright", NONE, f"{ONLY_NONE}: {LEFT_OUT}"
        ),
        alignment(
            "auto",
            "mtcnn",
            "a face was found in only 0 of 0 sampled pictures: each face is turned upright",
            EMPTY,
        ),
        alignment("none", "none", "the policy says `align: none`: pictures are compared whole", NEAR),
        alignment(
            "none",
            "none",
            "the policy says `align: none`: pictures are compared whole",
            ELSEWHERE,
            f"{LIE_ELSEWHERE}: `align: auto` or `align: mtcnn` would turn them upright",
        ),
        alignment(
            "none",
            "none",
            "the policy says `align: none`: pictures are compared whole",
            FEW,
            f"{ONLY_FEW}: {LITTLE}",
        ),
        alignment("none", "none", "the policy says `align: none`: pictures are compared whole", EMPTY),
        alignment("mtcnn", "mtcnn", "the policy says `align: mtcnn`: each face is turned upright", NEAR),
        alignment("mtcnn", "mtcnn", "the policy says `align: mtcnn`: each face is turned upright", ELSEWHERE),
        alignment(
            "mtcnn",
            "mtcnn",
            "the policy says `align: mtcnn`: each face is turned upright",
            FEW,
            f"{ONLY_FEW}: {LEFT_OUT}",
        ),
        alignment("mtcnn", "mtcnn", "the policy says `align: mtcnn`: each face is turned upright", EMPTY),
    ],
)
def test_what_is_decided_and_said(expected: Alignment) -> None:
    assert expected.survey is not None
    assert decide(expected.asked, expected.survey) == expected


@pytest.mark.parametrize(("n_with_face", "used"), [(47, "mtcnn"), (48, "none")])
def test_three_in_four_of_the_sample_must_show_a_face(n_with_face: int, used: str) -> None:
    """Else pictures without a face would be compared as if they were chips."""
    assert decide("auto", Survey(n_sampled=64, n_with_face=n_with_face, offset=0.1)).used == used


@pytest.mark.parametrize(("apart", "used"), [(FAR, "none"), (FAR + 1e-9, "mtcnn")])
def test_the_limit_itself_is_near(apart: float, used: str) -> None:
    assert decide("auto", Survey(n_sampled=64, n_with_face=64, offset=apart)).used == used


def test_nine_in_ten_of_those_with_a_face_must_be_near() -> None:
    assert summarise([0.9, None, 0.1, 0.3, None]) == Survey(n_sampled=5, n_with_face=3, offset=0.9)
    assert summarise([0.1] * 18 + [0.9] * 2) == Survey(n_sampled=20, n_with_face=20, offset=0.1)
    assert summarise([0.1] * 17 + [0.9] * 3) == Survey(n_sampled=20, n_with_face=20, offset=0.9)
    assert summarise([None]) == Survey(n_sampled=1, n_with_face=0, offset=None)
    assert summarise([]) == Survey(n_sampled=0, n_with_face=0, offset=None)


def test_a_survey_goes_through_json() -> None:
    for survey in (ELSEWHERE, NONE):
        assert Survey(**json.loads(json.dumps(asdict(survey)))) == survey


def test_the_offset_is_in_eye_distances_of_the_template() -> None:
    """All points 30 pixels to the left in a picture twice as large as the chip: 15 of the chip's pixels."""
    picture = np.zeros((224, 224, 3), np.uint8)
    points = tuple((2 * x - 30 + 0.5, 2 * y + 0.5) for x, y in ARCFACE_112.points)
    face = Face(box=(0, 0, 1, 1), points=points, confidence=1.0)  # type: ignore[arg-type]
    eyes = np.hypot(73.5318 - 38.2946, 51.5014 - 51.6963)
    assert offset(picture, [face], ARCFACE_112, 112) == pytest.approx(15 / eyes)
    assert offset(picture, [], ARCFACE_112, 112) is None


def test_only_the_largest_face_counts() -> None:
    picture = np.zeros((112, 112, 3), np.uint8)
    first = Face(box=(0, 0, 1, 1), points=ARCFACE_112.points, confidence=1.0)
    second = Face(box=(0, 0, 1, 1), points=DLIB_150.points, confidence=1.0)
    assert offset(picture, [first, second], ARCFACE_112, 112) == 0


def surveyed(detector: Mtcnn, pictures: list[Pixels], template: ChipTemplate) -> Survey:
    found = detector.detect(pictures)
    return summarise(
        [
            offset(picture, faces, template, template.size)
            for picture, faces in zip(pictures, found, strict=True)
        ]
    )


@pytest.mark.parametrize("cut_for", TEMPLATES.values(), ids=list(TEMPLATES))
def test_chips_are_left_alone_by_their_own_network_alone(
    detector: Mtcnn, astronaut: Pixels, cut_for: ChipTemplate
) -> None:
    (face,) = detector.detect([astronaut])[0]
    chip = aligned_chip(astronaut, face, cut_for, cut_for.size)
    used = {
        name: decide("auto", surveyed(detector, [chip], template)).used
        for name, template in TEMPLATES.items()
    }
    assert used == {name: "none" if name == cut_for.name else "mtcnn" for name in TEMPLATES}


@pytest.mark.parametrize("template", TEMPLATES.values(), ids=list(TEMPLATES))
def test_a_photograph_is_turned(detector: Mtcnn, astronaut: Pixels, template: ChipTemplate) -> None:
    assert decide("auto", surveyed(detector, [astronaut], template)).used == "mtcnn"


def test_in_patches_without_faces_faces_are_looked_for_with_a_warning(
    detector: Mtcnn, lfw_faces: list[Pixels]
) -> None:
    decided = decide("auto", surveyed(detector, lfw_faces[100:120], ARCFACE_112))
    assert (decided.used, decided.warnings) == ("mtcnn", (f"{ONLY_NONE}: {LEFT_OUT}",))


@pytest.mark.parametrize(
    ("group", "template", "used"),
    [
        ("adults_age", DLIB_150, "none"),
        ("adults_age", ARCFACE_112, "mtcnn"),
        ("adults_age", FACENET_160, "mtcnn"),
        ("generated", DLIB_150, "mtcnn"),
        ("groups", DLIB_150, "mtcnn"),
        ("nonface", DLIB_150, "mtcnn"),
    ],
)
def test_released_sets(
    detector: Mtcnn, shared_faces: Path, group: str, template: ChipTemplate, used: str
) -> None:
    files = sorted(file for file in (shared_faces / group).iterdir())
    pictures = [decode(file.read_bytes()) for file in files[:: max(1, len(files) // 8)]]
    assert decide("auto", surveyed(detector, pictures, template)).used == used
