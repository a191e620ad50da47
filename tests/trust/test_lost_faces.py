"""From a picture to face chips, with the real detector: each face is compared, and each picture without one counted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from planting import judged as judged_by
from planting import leaks, left_out, saved, write

from faceleak_check import Outcome
from faceleak_check.records import Verdict

Pixels = npt.NDArray[np.uint8]
LEAKS = "leak_count: {generated: generated, source: training, threshold: {cosine: 0.97}, at_most: 0}"
N_PEOPLE = 6


def photograph(face: Pixels, side: int = 200, at: tuple[int, int] = (60, 30)) -> Image.Image:
    """A face in a picture of 420 x 320 pixels."""
    picture = Image.new("RGB", (420, 320), (120, 130, 140))
    picture.paste(Image.fromarray(face).resize((side, side), Image.Resampling.BICUBIC), at)
    return picture


def judged(root: Path, **keys: str) -> Verdict:
    # one store for all: the source is embedded once
    usual = {"embedder": "name: dlib-resnet, align: mtcnn", "check_text": LEAKS, "store": "../store-of-faces"}
    return judged_by(root, **usual | keys)


@pytest.fixture
def people(tmp_path: Path, lfw_faces: Sequence[Pixels]) -> Path:
    """A source of six people, and a generated stranger."""
    write(tmp_path / "training", {f"p{n}.png": saved(photograph(lfw_faces[n])) for n in range(N_PEOPLE)})
    write(tmp_path / "generated", {"stranger.png": saved(photograph(lfw_faces[30]))})
    return tmp_path


def both(large: Pixels, small: Pixels) -> Image.Image:
    picture = photograph(large)
    picture.paste(Image.fromarray(small).resize((100, 100), Image.Resampling.BICUBIC), (300, 190))
    return picture


def test_a_leak_is_found_wherever_its_face_is(people: Path, lfw_faces: Sequence[Pixels]) -> None:
    stranger = lfw_faces[31]
    hidden = photograph(lfw_faces[3])
    hidden.putalpha(0)
    planted = {
        "second-face.png": saved(both(stranger, lfw_faces[0])),
        "small.png": saved(photograph(lfw_faces[1], 90, (20, 200))),
        "frame.webp": saved(
            photograph(stranger),
            "WEBP",
            lossless=True,
            save_all=True,
            append_images=[photograph(lfw_faces[2])],
        ),
        "hidden.png": saved(hidden),
        "chip.png": saved(lfw_faces[4]),
    }
    write(people / "generated", planted)
    found = leaks(judged(people))
    assert found == {name: f"p{n}.png" for n, name in enumerate(planted)}


def test_a_picture_in_which_no_face_is_seen_is_counted(people: Path, lfw_faces: Sequence[Pixels]) -> None:
    """Each of them shows somebody of the source, and may leak."""
    mask = photograph(lfw_faces[0])
    mask.paste((0, 0, 0), (60, 30, 260, 150))
    unseen = {
        "lying.png": saved(photograph(lfw_faces[0]).transpose(Image.Transpose.ROTATE_90)),
        "tiny.png": saved(photograph(lfw_faces[1], 9)),
        "masked.png": saved(mask),
        "thin.png": saved(np.asarray(photograph(lfw_faces[2]))[:, 150:153]),
    }
    write(people / "generated", unseen)
    gone = left_out(judged(people))
    assert gone == dict.fromkeys(unseen, ("no_face", "no face was found in it"))
    allowed = judged(people, keys="exclusions: {at_most: 79%}\n")
    assert left_out(allowed).keys() == unseen.keys()
    write(people / "generated", {"second-face.png": saved(both(lfw_faces[31], lfw_faces[0]))})
    assert leaks(judged(people, keys="exclusions: {at_most: 90%}\n")) == {"second-face.png": "p0.png"}


def test_faces_that_the_policy_leaves_out_are_told(people: Path, lfw_faces: Sequence[Pixels]) -> None:
    write(people / "generated", {"two.png": saved(both(lfw_faces[31], lfw_faces[0]))})
    largest = judged(people, embedder="name: dlib-resnet, align: mtcnn, faces: largest")
    assert largest.outcome is Outcome.PASS
    assert largest.warnings == (
        "'generated': 1 face beside the largest one of a picture not compared, as the policy says `faces: largest`",
    )
    several = judged(people, embedder="name: dlib-resnet, align: mtcnn, faces: error")
    assert left_out(several) == {
        "two.png": ("several_faces", "it shows 2 faces, and the policy says faces: error")
    }


def test_a_photograph_among_face_chips_is_found_where_faces_are_looked_for(
    people: Path, lfw_faces: Sequence[Pixels]
) -> None:
    """``auto`` decides for a whole dataset, from a sample."""
    write(people / "generated", {f"chip{n}.png": saved(lfw_faces[40 + n]) for n in range(5)})
    write(people / "generated", {"leak.png": saved(photograph(lfw_faces[5]))})
    (people / "generated" / "stranger.png").unlink()
    assert leaks(judged(people)) == {"leak.png": "p5.png"}
    mixed = judged(people, embedder="name: dlib-resnet, align: auto")
    assert leaks(mixed) == {"leak.png": "p5.png"}
