"""Screens, faces and agreement as a user meets them: a policy, real pytest, real models, real faces."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pytest
from gate_project import Project, failure, summary
from PIL import Image

from faceleak_check.embedders.dlib_resnet import DlibResNet
from faceleak_check.faces.align import whole_picture
from faceleak_check.policy.schema import EmbedderChoice
from faceleak_check.policy.screens import ClipKeys
from faceleak_check.screens.clip import ClipScreen

if TYPE_CHECKING:
    from small_clip import SmallClip

Pixels = npt.NDArray[np.uint8]

POLICY = """\
version: 1
name: release
datasets:
  generated: {{path: faces, align: none}}
  training: {{path: photographs, align: none}}
embedder: {{name: {embedder}}}
screens:
  non_face: {screen}
exclusions: {{at_most: {at_most}}}
checks:
  - {check}
"""
COUNT = "leak_count: {generated: generated, source: training, threshold: {cosine: 0.999}, at_most: 0}"
RATE = "leak_rate: {generated: generated, source: training, threshold: {cosine: 0.999}, at_most: 0}"
TOP = "top_k_similarity: {generated: generated, source: training, k: 3, at_most: 0.999}"


def save(folder: Path, pictures: Sequence[Pixels], name: str) -> None:
    folder.mkdir(exist_ok=True)
    for n, picture in enumerate(pictures):
        Image.fromarray(picture).save(folder / f"{name}-{n:02}.png")


@pytest.fixture
def faces_and_patches(project: Project, small_clip: SmallClip) -> Project:
    """10 faces and 4 patches without one on either side; the patches, and no face, are the same on both."""
    faces, patches = small_clip.unseen_faces, small_clip.unseen_patches
    save(project.path / "faces", faces[:10], "face")
    save(project.path / "photographs", faces[10:20], "person")
    for folder in ("faces", "photographs"):
        save(project.path / folder, patches[:4], "patch")
    return project


def clip(small_clip: SmallClip) -> str:
    return f"{{method: clip, weights: {small_clip.folder}}}"


def write(
    project: Project, screen: str, check: str, at_most: str = "40%", embedder: str = "fake-pixels"
) -> None:
    text = POLICY.format(screen=screen, check=check, at_most=at_most, embedder=embedder)
    project.write("release.yaml", text)


def case_of(project: Project) -> dict[str, Any]:
    [policy] = project.evidence()["policies"]
    [case] = policy["cases"]
    return dict(case)


def test_a_rate_screens_every_generated_image_and_shows_what_that_hides(
    faces_and_patches: Project, small_clip: SmallClip
) -> None:
    write(faces_and_patches, clip(small_clip), RATE)
    result = faces_and_patches.gate()
    result.assert_outcomes(passed=1)
    assert summary(result.stdout.str()) == (
        "release.yaml (release)\n"
        "  outcome      case                              value  limit\n"
        "  PASS         leak_rate[generated-vs-training]     0%  <= 0%\n"
        "               interval 95%: 0% to 27.8%\n"
        "  note: screen 'non_face' took out 4 of the 14 images of 'generated' that it\n"
        "        looked at; 4 of them are in a pair that counts against the release\n"
        "        (100%)\n"
        "  note: without the screens: 4 of 14 generated images leak (28.6%); the policy\n"
        "        allows at most 0%\n"
        "  note: 'fake-pixels' is no face recogniser but a stand-in for tests: this\n"
        "        verdict says nothing about people\n"
        "evidence: faceleak-evidence/evidence.json"
    )
    case = case_of(faces_and_patches)
    [screen] = case["screens"]
    assert screen["methods"][0]["n_images"] == 14
    assert screen["groups"] == {
        "generated": {"n_looked_at": 14, "n_excluded": 4, "n_leaking": 4, "leak_rate": 1.0},
        "source": {"n_looked_at": 0, "n_excluded": 0, "n_leaking": 0, "leak_rate": None},
    }
    generated = case["sets"]["generated"]
    assert generated["counts"] == {
        "n_seen": 14,
        "n_embedded": 10,
        "n_unreadable": 0,
        "n_excluded": {"non_face": 4},
    }
    assert [gone["id"] for gone in generated["excluded"]] == [f"patch-{n:02}.png" for n in range(4)]
    assert all(gone["rule"] == "non_face" and 0.5 < gone["value"] <= 1 for gone in generated["excluded"])
    assert case["unscreened"]["value"] == pytest.approx(4 / 14)


def test_a_count_asks_only_about_images_in_pairs(faces_and_patches: Project, small_clip: SmallClip) -> None:
    write(faces_and_patches, clip(small_clip), COUNT, embedder="dlib-resnet")
    faces_and_patches.gate().assert_outcomes(passed=1)
    [screen] = case_of(faces_and_patches)["screens"]
    assert screen["methods"][0]["n_images"] == 8
    assert screen["groups"]["generated"] == {
        "n_looked_at": 4,
        "n_excluded": 4,
        "n_leaking": 4,
        "leak_rate": 1.0,
    }
    assert screen["groups"]["source"] == {"n_looked_at": 4, "n_excluded": 4, "n_leaking": 4, "leak_rate": 1.0}
    [case] = faces_and_patches.run_record()["cases"].values()
    assert (case["n_embedded"], case["n_screened"]) == (24, 4)  # the same contents in both sets


def test_top_k_goes_on_until_k_pairs_are_left(faces_and_patches: Project, small_clip: SmallClip) -> None:
    write(faces_and_patches, clip(small_clip), TOP)
    faces_and_patches.gate().assert_outcomes(passed=1)
    case = case_of(faces_and_patches)
    assert case["measurement"]["n_pairs"] == 3
    assert all(
        "face" in pair["generated"] and "person" in pair["source"]
        for pair in case["measurement"]["worst_pairs"]
    )
    assert case["unscreened"]["value"] == 1


def test_on_real_faces_the_pairs_are_those_of_screening_everything(
    faces_and_patches: Project, small_clip: SmallClip
) -> None:
    """The k most similar pairs as the gate finds them, beside all values and all cosines worked out at once."""
    screen = ClipScreen("non_face", ClipKeys(weights=small_clip.folder, reject_above=0.002))
    embedder = DlibResNet(EmbedderChoice(name="dlib-resnet"))
    screen.load()
    names, vectors = {}, {}
    for folder in ("faces", "photographs"):
        paths = sorted((faces_and_patches.path / folder).iterdir())
        pictures = [np.asarray(Image.open(path)) for path in paths]
        values = np.concatenate([screen.measure([picture], [None]) for picture in pictures])
        kept = [n for n, value in enumerate(values) if value <= 0.002]
        assert 0 < len(kept) < 10  # some faces fall out as well
        names[folder] = [paths[n].name for n in kept]
        chips = np.stack([whole_picture(pictures[n], 150) for n in kept])
        vectors[folder] = embedder.embed(chips).vectors.astype(float)
    cosines = vectors["faces"] @ vectors["photographs"].T
    best = np.argsort(-cosines, axis=None)[:3]
    expected = [
        (names["faces"][row], names["photographs"][column])
        for row, column in zip(*np.unravel_index(best, cosines.shape), strict=True)
    ]
    keys = f"{{method: clip, weights: {small_clip.folder}, reject_above: 0.002}}"
    write(faces_and_patches, keys, TOP, at_most="100%", embedder="dlib-resnet")
    faces_and_patches.gate()
    measured = case_of(faces_and_patches)["measurement"]
    assert [(pair["generated"], pair["source"]) for pair in measured["worst_pairs"]] == expected
    assert measured["value"] == pytest.approx(cosines.max(), abs=1e-6)


def test_a_second_run_asks_nothing_and_leaves_the_same_evidence(
    faces_and_patches: Project, small_clip: SmallClip
) -> None:
    write(faces_and_patches, clip(small_clip), RATE)
    faces_and_patches.gate()
    evidence = (faces_and_patches.path / "faceleak-evidence/evidence.json").read_bytes()
    faces_and_patches.gate().assert_outcomes(passed=1)
    [case] = faces_and_patches.run_record()["cases"].values()
    assert (case["n_embedded"], case["n_screened"]) == (0, 0)
    assert (faces_and_patches.path / "faceleak-evidence/evidence.json").read_bytes() == evidence


def test_excluding_more_than_the_cap_is_no_verdict(faces_and_patches: Project, small_clip: SmallClip) -> None:
    write(faces_and_patches, clip(small_clip), RATE, at_most="5%")
    result = faces_and_patches.gate()
    result.assert_outcomes(errors=1)
    text = failure(result.stdout.str(), "leak_rate[generated-vs-training]")
    assert text.startswith(
        "INCONCLUSIVE: 4 of 14 images of 'generated' were left out (28.6%: 4 non_face);\n"
        "    exclusions.at_most allows 5%\n"
        "also: 0 of 10 generated images leak (0%); the policy allows at most 0%; at 95%\n"
        "    confidence up to 25.9% may leak\n"
        "generated: 'patch-00.png': screen 'non_face' (clip) gave "
    )


def test_a_leak_among_faces_is_no_less_a_leak(faces_and_patches: Project, small_clip: SmallClip) -> None:
    shutil.copy(
        faces_and_patches.path / "photographs/person-03.png", faces_and_patches.path / "faces/copied.png"
    )
    write(faces_and_patches, clip(small_clip), COUNT)
    faces_and_patches.gate().assert_outcomes(failed=1)
    case = case_of(faces_and_patches)
    assert case["outcome"] == "leak"
    assert [pair["generated"] for pair in case["measurement"]["worst_pairs"]] == ["copied.png"]


def test_everything_screened_leaves_nothing_to_compare(
    faces_and_patches: Project, small_clip: SmallClip
) -> None:
    write(
        faces_and_patches,
        f"{{method: clip, weights: {small_clip.folder}, reject_above: 0}}",
        RATE,
        at_most="100%",
    )
    result = faces_and_patches.gate()
    result.assert_outcomes(errors=1)
    assert failure(result.stdout.str(), "leak_rate[generated-vs-training]").startswith(
        "INCONCLUSIVE: nothing is left to compare in 'generated'\n"
    )


def test_any_of_and_all_of(faces_and_patches: Project, small_clip: SmallClip) -> None:
    detector = "{method: face}"
    for combine, first_of_all in (("any_of", True), ("all_of", False)):
        write(faces_and_patches, f"{{{combine}: [{clip(small_clip)}, {detector}]}}", RATE, at_most="100%")
        faces_and_patches.gate()
        [screen] = case_of(faces_and_patches)["screens"]
        asked = [method["n_images"] for method in screen["methods"]]
        assert asked == ([14, 10] if first_of_all else [14, 4])


def test_missing_weights_are_no_verdict(faces_and_patches: Project) -> None:
    write(faces_and_patches, "{method: clip}", COUNT)
    result = faces_and_patches.gate("--faceleak-offline")
    result.assert_outcomes(errors=1)
    assert failure(result.stdout.str(), "leak_count[generated-vs-training]").startswith(
        "INCONCLUSIVE: the weights of screen 'non_face' are not on this machine, and the\n"
        "    network is not to be used\n"
    )


def test_a_licence_that_is_not_allowed_is_no_verdict(
    faces_and_patches: Project, small_clip: SmallClip
) -> None:
    write(faces_and_patches, clip(small_clip), COUNT)
    policy = (faces_and_patches.path / "release.yaml").read_text(encoding="utf-8")
    faces_and_patches.write(
        "release.yaml", policy.replace("exclusions:", "licences: {allow: [CC0-1.0, MIT]}\nexclusions:")
    )
    result = faces_and_patches.gate()
    result.assert_outcomes(errors=1)
    assert failure(result.stdout.str(), "leak_count[generated-vs-training]") == (
        "INCONCLUSIVE: the licence of screen 'non_face' (clip) is 'not stated', which the\n"
        "    policy does not allow\n"
        "licences.allow lists: CC0-1.0, MIT. Add 'not stated' if you may use it, or choose another model.\n"
        "release.yaml:12: leak_count[generated-vs-training]"
    )


AGREEMENT = """\
version: 1
name: release
datasets:
  generated: {path: generated}
  training: {path: training, labels: parent_folder}
embedders:
  pixels: {name: fake-pixels}
  faces: {name: dlib-resnet, align: none}
checks:
  - leak_count:
      generated: generated
      source: training
      agreement: [pixels, faces]
      threshold: {pixels: {cosine: -1}, faces: {cosine: 0.999}}
      at_most: 0
"""


@pytest.mark.needs("offline")
def test_a_leak_counts_only_where_both_embedders_agree(project: Project) -> None:
    project.leak()
    project.write("release.yaml", AGREEMENT)
    result = project.gate()
    result.assert_outcomes(failed=1)
    text = failure(result.stdout.str(), "leak_count[generated-vs-training-by-pixels+faces]")
    assert (
        text
        == (
            "LEAK: 1 of 7 generated images leaks; the policy allows at most 0\n"
            "\n"
            "rule       pixels: cosine >= -1 and faces: cosine >= 0.999\n"
            "generated  generated: 7 seen, 7 compared\n"
            "source     training: 6 seen, 6 compared\n"
            "alignment  generated by faces: "
        )
        + text.partition("alignment  generated by faces: ")[2]
    )
    assert (
        "  cosine  faces   kind  generated image  source image\n"
        "  1.0000  1.0000  copy  g9.png           p3/1.png\n" in text
    )
    case = case_of(project)
    assert case["agreement"]["faces"]["name"] == "dlib-resnet"
    [pair] = case["measurement"]["worst_pairs"]
    assert pair["seconds"] == [{"embedder": "faces", "similarity": 1.0, "distance": 0.0}]
