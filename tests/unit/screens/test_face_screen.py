"""The face screen, on real pictures with and without faces."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from faceleak_check.errors import ModelError
from faceleak_check.faces.detect import Mtcnn
from faceleak_check.policy.screens import FaceKeys
from faceleak_check.protocols import Pixels
from faceleak_check.records import Face
from faceleak_check.registry import SCREENS
from faceleak_check.screens.face import FaceScreen

ANYWHERE = ((1.0, 1.0), (2.0, 1.0), (1.5, 2.0), (1.0, 3.0), (2.0, 3.0))


def face(confidence: float) -> Face:
    return Face(box=(0, 0, 3, 4), points=ANYWHERE, confidence=confidence)


def pictures(folder: Path) -> list[Pixels]:
    return [np.asarray(Image.open(path).convert("RGB")) for path in sorted(folder.iterdir())]


@pytest.fixture(scope="module")
def screen() -> FaceScreen:
    made = FaceScreen("non_face", FaceKeys())
    made.load()
    return made


def test_the_registry_knows_it() -> None:
    assert SCREENS.load("face") is FaceScreen
    assert (FaceScreen.name, FaceScreen.keys) == ("face", FaceKeys)
    assert FaceScreen.model_file(FaceKeys()) is None


def test_pictures_with_and_without_a_face(screen: FaceScreen, shared_faces: Path) -> None:
    """Every third picture: to detect faces takes a tenth of a second each."""
    for group, expected in (("nonface", True), ("generated", False), ("adults_age", False)):
        some = pictures(shared_faces / group)[::3]
        assert ((screen.measure(some, [None] * len(some)) > 0.5) == expected).all(), group


def test_faces_that_were_found_are_not_looked_for_again() -> None:
    """The detector was never loaded, and the pictures are black."""
    screen = FaceScreen("non_face", FaceKeys())
    black = np.zeros((40, 40, 3), np.uint8)
    found = screen.measure([black] * 3, [(face(0.95), face(0.99)), (), (face(1.0),)])
    assert found.tolist() == pytest.approx([0.01, 1.0, 0.0])


def test_it_looks_where_faces_were_not_looked_for(screen: FaceScreen, shared_faces: Path) -> None:
    picture = pictures(shared_faces / "adults_age")[0]
    detector = Mtcnn()
    detector.load()
    confidence = detector.detect([picture])[0][0].confidence
    found = screen.measure([picture, picture, picture], [(face(0.92),), None, ()])
    assert found.tolist() == pytest.approx([0.08, 1 - confidence, 1.0])


@pytest.mark.parametrize("shape", [(1, 1), (1, 3000), (200, 200)])
def test_a_picture_of_nothing_has_no_face(screen: FaceScreen, shape: tuple[int, int]) -> None:
    assert screen.measure([np.zeros((*shape, 3), np.uint8)], [None]).tolist() == [1.0]


def test_no_picture_no_value(screen: FaceScreen) -> None:
    assert screen.measure([], []).shape == (0,)


def test_a_value_does_not_depend_on_company_or_thread(screen: FaceScreen, shared_faces: Path) -> None:
    some = pictures(shared_faces / "adults_age")[:6]
    alone = [float(screen.measure([one], [None])[0]) for one in some]
    assert screen.measure(some, [None] * 6).tolist() == alone
    with ThreadPoolExecutor(3) as threads:
        assert list(threads.map(lambda one: float(screen.measure([one], [None])[0]), some)) == alone


def test_the_spec(screen: FaceScreen) -> None:
    spec = screen.spec
    assert (spec.method, spec.model, spec.licence) == ("face", "MTCNN of facenet-pytorch", "MIT")
    assert len(spec.weights_sha256) == 64
    assert spec.question == "there is no face, where confidence below 0.9 is none"


def test_a_device_that_is_not_there() -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("needs a machine without a CUDA device")
    with pytest.raises(ModelError) as caught:
        FaceScreen("non_face", FaceKeys(device="cuda"))
    assert caught.value.message == "the policy asks for device 'cuda' and there is none"
    assert caught.value.detail == "Run on a machine with a CUDA device, or set `device: cpu`."
