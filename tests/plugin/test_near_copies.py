"""A photograph that was copied, and a person who was reproduced, told apart on real faces."""

from __future__ import annotations

import shutil

import pytest
from gate_project import Project, failure, without_key
from labelled_project import PAIR, LabelledProject, Pixels, save, save_people
from PIL import Image
from rich.cells import cell_len

from faceleak_check.alterations import cropped, cropped_and_turned

DLIB = "dlib-resnet, align: none"
NEAR = f"near_copy: {PAIR}, at_most: 0"
CASE = "near_copy[generated-vs-training]"


@pytest.fixture
def copies(labelled: LabelledProject, lfw_faces: list[Pixels]) -> LabelledProject:
    """Three strangers, two copies of training pictures, and two that were cut and turned beyond that."""
    for folder in ("generated", "training", "unseen"):
        shutil.rmtree(labelled.path / folder)
    save_people(labelled.path / "training", lfw_faces[:8], "p")
    for n, face in enumerate(lfw_faces[90:93]):
        save(labelled.path / f"generated/stranger-{n}.png", face)
    Image.fromarray(lfw_faces[2]).save(labelled.path / "generated/recompressed.jpg", quality=60)
    save(labelled.path / "generated/mirrored.png", lfw_faces[3][:, ::-1])
    save(labelled.path / "generated/turned.png", cropped_and_turned(lfw_faces[4]))
    save(labelled.path / "generated/cropped.png", cropped(lfw_faces[5]))
    return labelled


def test_the_whole_text_of_a_near_copy(copies: LabelledProject) -> None:
    result = copies.judge(NEAR, embedder="")
    result.assert_outcomes(failed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    text = copies.text(result)
    assert max(map(cell_len, text.splitlines())) <= 80
    assert text == (
        f"""\
LEAK: 2 of 7 generated images are copies of a source image; the policy allows at
    most 0

rule       at most 6 of 64 bits of the hashes differ
generated  generated: 7 seen, 7 compared
source     training: 8 seen, 8 compared
embedder   phash

leaks, worst first (2 of 2):
  cosine  generated image   source image
  1.0000  mirrored.png      p03/face.png
  1.0000  recompressed.jpg  p02/face.png
all pairs, in the evidence folder:
  pairs/release.near_copy.generated-vs-training.KEY.parquet
release.yaml:7: {CASE}"""
    )
    named = dict(copies.properties())
    assert {name: named[name] for name in ("value", "unit", "rule", "embedder", "licence")} == {
        "value": "2",
        "unit": "images",
        "rule": "at most 6 of 64 bits of the hashes differ",
        "embedder": "phash",
        "licence": "BSD-2-Clause",
    }
    assert copies.in_junit("mirrored", "p03") == []


def test_a_leak_is_told_as_a_copy_or_as_a_person(copies: LabelledProject) -> None:
    result = copies.judge(f"leak_count: {PAIR}, threshold: {{cosine: 0.95}}, at_most: 0", embedder=DLIB)
    text = copies.text(result)
    assert text[text.index("leaks, worst") : text.index("all pairs")] == (
        """\
leaks, worst first (4 of 4):
  cosine  kind    generated image   source image
  0.9990  copy    recompressed.jpg  p02/face.png
  0.9849  copy    mirrored.png      p03/face.png
  0.9797  person  cropped.png       p05/face.png
  0.9728  person  turned.png        p04/face.png
"""
    )
    pairs = copies.case()["measurement"]["worst_pairs"]
    assert [pair["bits"] <= 6 for pair in pairs] == [True, True, False, False]
    named = dict(copies.properties())
    assert (named["pairs_copies"], named["pairs_persons"]) == ("2", "2")


def test_so_many_bits_as_the_policy_says(copies: LabelledProject) -> None:
    copies.judge(f"near_copy: {PAIR}, at_most: 0, max_bits: 20", embedder="").assert_outcomes(failed=1)
    measured = copies.case()["measurement"]
    assert measured["rule"] == "at most 20 of 64 bits of the hashes differ"
    assert {pair["generated"] for pair in measured["worst_pairs"]} > {"mirrored.png", "recompressed.jpg"}


@pytest.mark.needs("age")
def test_screens_do_not_apply_to_copies(copies: LabelledProject) -> None:
    """One that takes out everybody leaves nothing to a leak rate, and a copied picture is a copied picture."""
    keys = "screens: {child: {method: age, below: 100}}\nexclusions: {at_most: 100%}"
    checks = NEAR, f"leak_rate: {PAIR}, threshold: {{cosine: 0.9}}, at_most: 0"
    copies.judge(*checks, keys=keys).assert_outcomes(failed=1, errors=1)
    near, rate = copies.evidence()["policies"][0]["cases"]
    assert (near["measurement"]["value"], near["screens"]) == (2, [])
    assert rate["reasons"] == ["nothing is left to compare in 'generated'"]


def test_sscd_needs_a_file(labelled: LabelledProject) -> None:
    result = labelled.judge(f"near_copy: {PAIR}, at_most: 0, method: sscd", embedder="")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert failure(result.stdout.str(), "release.yaml") == (
        "release.yaml:7:16: checks[0].near_copy: method 'sscd' needs 'weights: FILE', the TorchScript file of SSCD"
    )
    result = labelled.judge(f"near_copy: {PAIR}, at_most: 0, method: sscd, weights: gone.pt", embedder="")
    result.assert_outcomes(errors=1)
    assert labelled.text(result) == (
        """\
INCONCLUSIVE: the weights of embedder 'sscd' cannot be read
PROJECT/gone.pt: No such file or directory. Correct `near_copy.weights`
release.yaml:7: near_copy[generated-vs-training]"""
    )


def test_a_recogniser_of_pictures_is_no_recogniser_of_people(project: Project) -> None:
    project.policy()
    text = (project.path / "release.yaml").read_text(encoding="utf-8")
    project.write("release.yaml", text.replace("fake-pixels", "phash"))
    result = project.gate()
    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert without_key(failure(result.stdout.str(), "release.yaml")) == (
        "release.yaml:6:18: embedder.name: 'phash' knows pictures again and not people; name a recogniser here, "
        "and write a check such as near_copy: {..., method: phash}"
    )
