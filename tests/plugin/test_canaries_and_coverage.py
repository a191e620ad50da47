"""Whether the gate is awake, and whether enough was looked at: neither is ever a leak, and neither a pass if missed."""

from __future__ import annotations

import shutil

import pytest
from gate_project import NOTE, failure, summary
from labelled_project import PAIR, LabelledProject, Pixels, save, save_people
from PIL import Image
from rich.cells import cell_len

DLIB = "dlib-resnet, align: none"
CANARIES = "canary_recall[training]"


@pytest.fixture
def faces(
    labelled: LabelledProject,
    lfw_faces: list[Pixels],
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> LabelledProject:
    """Eight real people in the source and five strangers; what is embedded is kept for the next test."""
    monkeypatch.setenv("FACELEAK_STORE", str(tmp_path_factory.getbasetemp() / "store of faces"))
    for folder in ("generated", "training", "unseen"):
        shutil.rmtree(labelled.path / folder)
    save_people(labelled.path / "training", lfw_faces[:8], "p")
    for n, face in enumerate(lfw_faces[90:95]):
        save(labelled.path / f"generated/stranger-{n}.png", face)
    return labelled


def test_a_gate_that_is_awake(faces: LabelledProject) -> None:
    check = "canary_recall: source: training, threshold: {cosine: 0.9}, at_least: 90%, n: 4"
    result = faces.judge(check, embedder=DLIB)
    result.assert_outcomes(passed=1)
    assert summary(result.stdout.str()).splitlines()[2] == f"  PASS         {CANARIES}   100%  >= 90%"
    kinds = faces.case()["canaries"]
    assert [(kind["kind"], kind["n"], kind["n_caught"]) for kind in kinds] == [
        (name, 4, 4)
        for name in ("blurred", "cropped", "mirrored", "recompressed", "relit", "rotated", "shrunk")
    ]
    assert all(0.9 < kind["lowest"] < 1 for kind in kinds)


def test_a_canary_that_is_missed_is_no_verdict_and_its_kind_is_named(faces: LabelledProject) -> None:
    """At a threshold so strict that one cropped copy of four lies below it."""
    check = "canary_recall: source: training, threshold: {cosine: 0.97}, at_least: 99%, n: 4"
    result = faces.judge(check, embedder=DLIB)
    result.assert_outcomes(errors=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    text = faces.text(result)
    assert max(map(cell_len, text.splitlines())) <= 80
    assert text == (
        f"""\
INCONCLUSIVE: 27 of 28 canaries (96.4%) were caught, missed: 1 cropped; the
    policy asks for at least 99%

rule       cosine >= 0.97
source     training: 8 seen, 8 compared
canaries   canaries of training: 28 seen, 28 compared
alignment  training: the policy says `align: none`: pictures are compared whole
alignment  canaries of training: the policy says `align: none`: pictures are
           compared whole
embedder   dlib-resnet 55533b28a958

canaries, altered copies of source images:
  kind          caught  lowest cosine
  blurred       4 of 4  0.9954
  cropped       3 of 4  0.9608
  mirrored      4 of 4  0.9754
  recompressed  4 of 4  0.9978
  relit         4 of 4  0.9993
  rotated       4 of 4  0.9765
  shrunk        4 of 4  0.9989
those that were not caught: see 'canaries' in evidence.json
note: 'training': faces were found in 8 of 8 sampled pictures, nine in ten of
    them up to 0.39 eye distances from where the embedder expects them (at most
    0.16 is near): `align: auto` or `align: mtcnn` would turn them upright
note: 'canaries of training': faces were found in 8 of 8 sampled pictures, nine
    in ten of them up to 0.39 eye distances from where the embedder expects them
    (at most 0.16 is near): `align: auto` or `align: mtcnn` would turn them
    upright
release.yaml:7: {CANARIES}"""
    )
    [missed] = [kind["missed"] for kind in faces.case()["canaries"] if kind["missed"]]
    assert missed == ["cropped/p03/face.png.png"]
    named = dict(faces.properties())
    assert {
        name: value for name, value in named.items() if name.startswith(("value", "limit", "canary.cr"))
    } == {
        "value": "0.964285714",
        "limit": "0.99",
        "limit_is": "at_least",
        "canary.cropped.n": "4",
        "canary.cropped.n_caught": "3",
    }
    assert faces.in_junit("p03", "face.png") == []


def test_without_a_threshold_of_their_own_canaries_face_the_strictest(faces: LabelledProject) -> None:
    checks = [f"leak_count: {PAIR}, threshold: {{cosine: {cosine}}}, at_most: 5" for cosine in (0.9, 0.97)]
    faces.judge("canary_recall: source: training, at_least: 90%, n: 4", *checks, embedder=DLIB)
    canaries, *_ = faces.evidence()["policies"][0]["cases"]
    assert (canaries["measurement"]["rule"], canaries["outcome"]) == ("cosine >= 0.97", "pass")


def test_where_the_screens_leave_no_source_image_there_are_no_canaries(labelled: LabelledProject) -> None:
    """The patterns show no face."""
    result = labelled.judge(
        "canary_recall: source: training, at_least: 90%, threshold: {cosine: 0.9}",
        keys="screens: {non_face: {method: face}}\nexclusions: {at_most: 100%}\n",
    )
    result.assert_outcomes(errors=1)
    assert labelled.case()["reasons"] == ["nothing is left to compare"]


def test_canaries_without_any_threshold_are_an_invalid_policy(labelled: LabelledProject) -> None:
    result = labelled.judge("canary_recall: source: training, at_least: 90%")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert failure(result.stdout.str(), "release.yaml") == (
        "release.yaml:7:5: checks[0].canary_recall: no other check of this policy has a cosine or an error rate for "
        "'training' by 'fake-pixels', so nothing says when a canary is caught; write 'threshold' here, such as "
        "{cosine: 0.9}"
    )


# ---------------------------------------------------------------------------------------------- coverage


COVERAGE = "coverage[generated]"
FACTS = f"""\
figure     share_unreadable 0.04762
figure     share_no_face 0
figure     share_screened 0
dataset    generated: 42 seen, 40 compared, 2 unreadable
embedder   fake-pixels
{NOTE}
release.yaml:7: {COVERAGE}"""


@pytest.fixture
def damaged(labelled: LabelledProject) -> LabelledProject:
    """40 generated pictures, and two files that are none."""
    labelled.write("generated/broken.png", "words")
    labelled.write("generated/empty.png", "")
    return labelled


@pytest.mark.parametrize(
    ("limits", "text"),
    [
        (
            "min_images: 50, max_unreadable: 1%",
            (
                "INCONCLUSIVE: 40 of 42 images can be compared; the policy asks for at least 50\n\n"
                f"rule       images that can be compared\n{FACTS}"
            ),
        ),
        (
            "min_images: 40, max_unreadable: 1%",
            (
                "INCONCLUSIVE: 2 of 42 images (4.76%) are unreadable; the policy allows at most\n    1%\n\n"
                f"rule       images that are unreadable\n{FACTS}"
            ),
        ),
    ],
)
def test_too_little_looked_at_is_no_verdict(damaged: LabelledProject, limits: str, text: str) -> None:
    result = damaged.judge(f"coverage: dataset: generated, {limits}")
    result.assert_outcomes(errors=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert damaged.text(result) == text
    assert damaged.in_junit("broken", "empty") == []


def test_enough_looked_at_passes_whatever_exclusions_allow(damaged: LabelledProject) -> None:
    result = damaged.judge("coverage: dataset: generated, min_images: 40, max_unreadable: 5%")
    result.assert_outcomes(passed=1)
    assert summary(result.stdout.str()).splitlines()[2] == f"  PASS         {COVERAGE}     40  >= 40"
    named = dict(damaged.properties())
    assert {name: value for name, value in named.items() if name.startswith(("figure.", "dataset.n_"))} == {
        "figure.share_unreadable": "0.047619048",
        "figure.share_no_face": "0.0",
        "figure.share_screened": "0.0",
        "dataset.n_seen": "42",
        "dataset.n_compared": "40",
        "dataset.n_unreadable": "2",
    }


def test_a_folder_that_nobody_looked_into_is_no_coverage(labelled: LabelledProject) -> None:
    """It is one entry, and may hold any number of images."""
    (labelled.path / "elsewhere").mkdir()
    (labelled.path / "generated" / "linked").symlink_to("../elsewhere")
    result = labelled.judge("coverage: dataset: generated, max_unreadable: 50%, max_no_face: 50%")
    result.assert_outcomes(errors=1)
    assert (
        labelled.case()["reasons"][0]
        == "'generated' holds folders or parts of files that were not looked into: 1"
    )


def test_pictures_without_a_face_and_screened_ones_count(faces: LabelledProject) -> None:
    """Five real faces and one grey picture: by the aligner it shows no face, by a screen it is taken out."""
    save(faces.path / "generated/grey.png", _grey())
    no_face = "coverage: dataset: generated, max_no_face: 10%"
    faces.judge(no_face, embedder="dlib-resnet, align: mtcnn").assert_outcomes(errors=1)
    assert faces.case()["reasons"] == [
        "1 of 6 images (16.7%) are without a face; the policy allows at most 10%"
    ]
    screened = "coverage: dataset: generated, max_screened: 10%, max_no_face: 0%"
    faces.judge(screened, keys="screens: {non_face: {method: face}}").assert_outcomes(errors=1)
    assert faces.case()["reasons"] == [
        "1 of 6 images (16.7%) are taken out by a screen; the policy allows at most 10%"
    ]
    assert faces.case()["sets"]["dataset"]["counts"]["n_excluded"] == {"non_face": 1}


def _grey() -> Pixels:
    import numpy as np

    return np.asarray(Image.new("RGB", (150, 150), (128, 128, 128)))


def test_coverage_without_a_limit_is_an_invalid_policy(labelled: LabelledProject) -> None:
    result = labelled.judge("coverage: dataset: generated")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert failure(result.stdout.str(), "release.yaml") == (
        "release.yaml:7:15: checks[0].coverage: found no limit, expected at least one of min_images, max_unreadable, "
        "max_no_face, max_screened"
    )


# ------------------------------------------------------------------------------------------------ expect

COUNT = f"leak_count: {PAIR}, threshold: {{cosine: 0.9}}, at_most: 0"
CASE = "leak_count[generated-vs-training]"


def expecting(otherwise: str = "") -> str:
    return f"path: training, labels: parent_folder, expect: {{images: 35, identities: 13{otherwise}}}"


def test_the_wrong_folder_is_no_verdict(labelled: LabelledProject) -> None:
    result = labelled.judge(COUNT, training=expecting())
    result.assert_outcomes(errors=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert labelled.text(result) == (
        f"""\
INCONCLUSIVE: 'training' holds 36 images, and the policy expects 35: is it the
    right folder?
also: 'training' names 12 people, and the policy expects 13: is it the right
    folder?
also: 0 of 40 generated images leak; the policy allows at most 0; at 95%
    confidence up to 7.22% may leak

rule       cosine >= 0.9
chance     fewer than 0.01 chance matches (0 to 0.022) in 1,440 comparisons
generated  generated: 40 seen, 40 compared
source     training: 36 seen, 36 compared
embedder   fake-pixels
{NOTE}
release.yaml:8: {CASE}"""
    )


def test_the_wrong_folder_is_only_told_where_the_policy_says_so(labelled: LabelledProject) -> None:
    result = labelled.judge(COUNT, training=expecting(", otherwise: warn"))
    result.assert_outcomes(passed=1)
    assert result.ret == pytest.ExitCode.OK
    assert summary(result.stdout.str()) == (
        f"""\
release.yaml (release)
  outcome      {"case":<{len(CASE)}}  value  limit
  PASS         {CASE}      0  <= 0
  note: 'training' holds 36 images, and the policy expects 35: is it the right
        folder?
  note: 'training' names 12 people, and the policy expects 13: is it the right
        folder?
  note: 'fake-pixels' is no face recogniser but a stand-in for tests: this
        verdict says nothing about people
evidence: faceleak-evidence/evidence.json"""
    )
    warnings = [value for name, value in labelled.properties() if name == "warning"]
    assert warnings[0] == "'training' holds 36 images, and the policy expects 35: is it the right folder?"


def test_a_leak_in_the_wrong_folder_is_a_leak(labelled: LabelledProject) -> None:
    labelled.leak("x.png", "p00/1.png")
    result = labelled.judge(COUNT, training=expecting())
    result.assert_outcomes(failed=1)
    assert labelled.text(result).splitlines()[:3] == [
        "LEAK: 1 of 41 generated images leaks; the policy allows at most 0",
        "also: 'training' holds 36 images, and the policy expects 35: is it the right",
        "    folder?",
    ]


def test_the_right_folder_is_not_mentioned(labelled: LabelledProject) -> None:
    keys = "path: training, labels: parent_folder, expect: {images: 36, identities: 12}"
    labelled.judge(COUNT, training=keys).assert_outcomes(passed=1)
    assert len(labelled.case()["warnings"]) == 1
