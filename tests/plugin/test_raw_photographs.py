"""Raw photographs through the whole gate: faces found, turned upright, counted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from gate_project import Project, failure, summary
from PIL import Image

data = pytest.importorskip("skimage", reason="needs the extra 'demo': pip install '.[demo]'").data
Pixels = npt.NDArray[np.uint8]

POLICY = """\
version: 1
name: release
datasets:
  generated: {{path: pictures{keys}}}
  training: {{path: people, labels: parent_folder}}
embedder: {{name: dlib-resnet, align: mtcnn, faces: {faces}}}
exclusions: {{at_most: {at_most}}}
checks:
  - leak_count: {{generated: generated, source: training, threshold: {{cosine: 0.97}}, at_most: 0}}
"""


def write(project: Project, faces: str = "all", at_most: str = "0", keys: str = "") -> None:
    project.write("release.yaml", POLICY.format(faces=faces, at_most=at_most, keys=keys))


def save(project: Project, name: str, picture: Pixels | Image.Image) -> None:
    path = project.path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    (picture if isinstance(picture, Image.Image) else Image.fromarray(picture)).save(path)


def case_of(project: Project) -> dict[str, Any]:
    [policy] = project.evidence()["policies"]
    [case] = policy["cases"]
    return dict(case)


def group(faces: Sequence[Pixels], columns: int, side: int) -> Image.Image:
    """A photograph of many people, each with some grey around."""
    step = side + side // 4
    rows = -(-len(faces) // columns)
    sheet = Image.new("RGB", (columns * step, rows * step), (128, 128, 128))
    for n, face in enumerate(faces):
        small = Image.fromarray(face).resize((side, side), Image.Resampling.BICUBIC)
        sheet.paste(small, (n % columns * step + side // 8, n // columns * step + side // 8))
    return sheet


@pytest.fixture
def photographs(project: Project, lfw_faces: list[Pixels]) -> Project:
    """Twelve training people, and an astronaut among the generated pictures who is none of them."""
    for n, face in enumerate(lfw_faces[:12]):
        save(project, f"people/person-{n:02}/1.png", face)
    save(project, "pictures/astronaut.png", data.astronaut())
    return project


def test_somebody_in_a_group_of_forty_is_found(photographs: Project, lfw_faces: list[Pixels]) -> None:
    people = [*lfw_faces[40:60], lfw_faces[7], *lfw_faces[60:79]]
    save(photographs, "pictures/group.png", group(people, columns=8, side=96))
    write(photographs)
    photographs.gate().assert_outcomes(failed=1)
    case = case_of(photographs)
    assert case["brief"] == "1 > 0 images"
    [pair] = case["measurement"]["worst_pairs"]
    assert (pair["generated"], pair["source"]) == ("group.png", "person-07/1.png")
    left, top, right, bottom = pair["generated_box"]
    assert 480 < (left + right) / 2 < 600  # the fifth in the third row of faces, 120 pixels each
    assert 240 < (top + bottom) / 2 < 360
    assert case["sets"]["generated"]["n_faces"] >= 40
    assert case["sets"]["generated"]["counts"]["n_seen"] == 2


def test_the_largest_face_alone_where_the_policy_says_so(
    photographs: Project, lfw_faces: list[Pixels]
) -> None:
    together = Image.new("RGB", (512, 512), (128, 128, 128))
    together.paste(Image.fromarray(lfw_faces[30]).resize((250, 250)), (10, 10))
    together.paste(Image.fromarray(lfw_faces[7]).resize((120, 120)), (350, 350))
    save(photographs, "pictures/two.png", together)
    write(photographs, faces="largest")
    photographs.gate().assert_outcomes(passed=1)
    write(photographs, faces="all")
    photographs.gate().assert_outcomes(failed=1)
    write(photographs, faces="error")
    result = photographs.gate()
    result.assert_outcomes(errors=1)
    assert failure(result.stdout.str(), "leak_count[generated-vs-training]").startswith(
        "INCONCLUSIVE: 1 of 2 images of 'generated' was left out (50%: 1 several_faces);\n"
        "    exclusions.at_most allows 0%\n"
        "also: 0 of 1 generated image leaks; the policy allows at most 0; at 95%\n"
        "    confidence up to 95% may leak\n"
        "generated: 'two.png': it shows 2 faces, and the policy says faces: error\n"
    )


def test_pictures_without_a_face_are_counted(photographs: Project) -> None:
    save(photographs, "pictures/1x1.png", Image.new("RGB", (1, 1), (200, 150, 120)))
    save(photographs, "pictures/black.png", Image.new("RGB", (112, 112)))
    save(photographs, "pictures/coffee.png", data.coffee())
    save(photographs, "pictures/thin.png", Image.new("RGB", (3, 900), (200, 150, 120)))
    write(photographs)
    result = photographs.gate()
    result.assert_outcomes(errors=1)
    assert failure(result.stdout.str(), "leak_count[generated-vs-training]").startswith(
        "INCONCLUSIVE: 4 of 5 images of 'generated' were left out (80%: 4 no_face);\n"
        "    exclusions.at_most allows 0%\n"
        "also: 0 of 1 generated image leaks; the policy allows at most 0; at 95%\n"
        "    confidence up to 95% may leak\n"
        "generated: '1x1.png': no face was found in it\n"
        "generated: 'black.png': no face was found in it\n"
        "generated: 'coffee.png': no face was found in it\n"
        "generated: 'thin.png': no face was found in it\n"
    )
    write(photographs, at_most="80%")
    result = photographs.gate()
    result.assert_outcomes(passed=1)
    assert summary(result.stdout.str()) == (
        "release.yaml (release)\n"
        "  outcome      case                               value  limit\n"
        "  PASS         leak_count[generated-vs-training]      0  <= 0\n"
        "  note: 'generated': a face was found in only 1 of 5 sampled pictures: all\n"
        "        others are left out as `no_face`; where pictures are face chips already,\n"
        "        set `align: none`\n"
        "evidence: faceleak-evidence/evidence.json"
    )


def test_nobody_in_any_picture_is_nothing_to_compare(photographs: Project) -> None:
    (photographs.path / "pictures/astronaut.png").unlink()
    save(photographs, "pictures/coffee.png", data.coffee())
    write(photographs, at_most="100%")
    result = photographs.gate()
    result.assert_outcomes(errors=1)
    assert failure(result.stdout.str(), "leak_count[generated-vs-training]").startswith(
        "INCONCLUSIVE: nothing is left to compare in 'generated'\n"
    )


def test_a_picture_of_four_hundred_million_pixels_is_unreadable(photographs: Project) -> None:
    save(photographs, "pictures/huge.png", Image.new("1", (20_000, 20_000)))
    write(photographs)
    result = photographs.gate()
    result.assert_outcomes(errors=1)
    assert (
        "generated: 'huge.png': 20000 x 20000 pixels, the limit is 89,478,485 pixels" in result.stdout.str()
    )


def test_a_face_that_reaches_over_the_border_is_compared(
    photographs: Project, lfw_faces: list[Pixels]
) -> None:
    wide = np.asarray(Image.fromarray(lfw_faces[7]).resize((300, 300), Image.Resampling.BICUBIC))
    cut = np.zeros((300, 300, 3), np.uint8)
    cut[:, :260] = wide[:, 40:]
    save(photographs, "pictures/cut.png", cut)
    write(photographs)
    photographs.gate()
    assert case_of(photographs)["sets"]["generated"]["counts"]["n_excluded"] == {}


def test_auto_decides_for_each_dataset_and_says_why(photographs: Project) -> None:
    save(photographs, "pictures/astronaut.png", data.astronaut())
    text = POLICY.format(faces="all", at_most="0", keys="").replace("align: mtcnn", "align: auto")
    photographs.write("release.yaml", text)
    photographs.gate().assert_outcomes(passed=1)
    [alignment] = case_of(photographs)["sets"]["generated"]["alignments"].values()
    assert (alignment["asked"], alignment["used"]) == ("auto", "mtcnn")
    assert alignment["reason"].startswith("faces were found in 1 of 1 sampled pictures, nine in ten ")
    assert alignment["survey"]["n_sampled"] == 1


def test_a_dataset_may_be_aligned_in_another_way(photographs: Project) -> None:
    write(photographs, keys=", align: none")
    photographs.gate()
    sets = case_of(photographs)["sets"]
    assert [one["used"] for one in sets["generated"]["alignments"].values()] == ["none"]
    assert [one["used"] for one in sets["source"]["alignments"].values()] == ["mtcnn"]


def test_the_same_bytes_whatever_was_in_the_store(photographs: Project, lfw_faces: list[Pixels]) -> None:
    save(photographs, "pictures/group.png", group(lfw_faces[40:46], columns=3, side=150))
    write(photographs)
    photographs.gate()
    evidence = (photographs.path / "faceleak-evidence/evidence.json").read_bytes()
    for face in range(20, 23):
        save(photographs, f"pictures/later-{face}.png", lfw_faces[face])
    photographs.gate()
    for face in range(20, 23):
        (photographs.path / f"pictures/later-{face}.png").unlink()
    photographs.gate("--faceleak-store=another")
    assert (photographs.path / "faceleak-evidence/evidence.json").read_bytes() == evidence
