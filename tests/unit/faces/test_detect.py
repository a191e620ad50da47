from __future__ import annotations

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from faceleak_check.errors import ModelError
from faceleak_check.faces.detect import Mtcnn
from faceleak_check.protocols import Pixels
from faceleak_check.readers.decode import decode
from faceleak_check.records import Face

INSTALL = "pip install 'facenet-pytorch>=2.5.3,<2.6'"


def resized(picture: Pixels, width: int, height: int) -> Pixels:
    return np.asarray(Image.fromarray(picture).resize((width, height), Image.Resampling.BILINEAR))


def points(face: Face) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return np.array(face.points)


def points_apart(one: Face, other: Face, *, shift: tuple[float, float] = (0, 0), scale: float = 1) -> float:
    """Largest distance of a point of `one`, shifted and scaled, from that of `other`, in eye distances."""
    moved = (points(one) + shift) * scale
    eyes = np.linalg.norm(moved[1] - moved[0])
    return float(np.linalg.norm(moved - points(other), axis=1).max() / eyes)


def test_faces_are_found_and_patches_are_not(detector: Mtcnn, lfw_faces: list[Pixels]) -> None:
    found = detector.detect(lfw_faces[::10])
    assert [len(faces) for faces in found] == [1] * 10 + [0] * 10


def test_thumbnails_of_25_pixels_have_faces(detector: Mtcnn, lfw_faces: list[Pixels]) -> None:
    found = detector.detect([resized(face, 25, 25) for face in lfw_faces[:100:10]])
    assert [len(faces) for faces in found] == [1] * 10


def test_box_and_points_lie_on_the_face(detector: Mtcnn, astronaut: Pixels) -> None:
    (face,) = detector.detect([astronaut])[0]
    left, top, right, bottom = face.box
    expected = [(204, 101), (247, 103), (225, 129), (202, 140), (245, 142)]  # read off the picture
    assert np.linalg.norm(points(face) - expected, axis=1).max() < 5
    assert [left < 202, right > 247, top < 101, bottom > 142] == [True] * 4
    assert face.confidence > 0.99


def test_the_answer_is_made_of_plain_numbers(detector: Mtcnn, astronaut: Pixels) -> None:
    (face,) = detector.detect([astronaut])[0]
    numbers = [*face.box, *(number for point in face.points for number in point), face.confidence]
    assert {type(number) for number in numbers} == {float}
    assert all(type(part) is tuple for part in (face.box, face.points, *face.points))
    assert 0 <= face.confidence <= 1


def test_forty_faces_are_forty_faces(detector: Mtcnn, lfw_faces: list[Pixels]) -> None:
    picture = np.full((5 * 160, 8 * 160, 3), 128, np.uint8)
    for number, face in enumerate(lfw_faces[20:60]):
        row, column = divmod(number, 8)
        picture[row * 160 + 5 :, column * 160 + 5 :][:150, :150] = face
    faces = detector.detect([picture])[0]
    cells = {(int(y // 160), int(x // 160)) for x, y in (points(face).mean(axis=0) for face in faces)}
    assert len(faces) == 40
    assert len(cells) == 40


def test_the_largest_face_comes_first(detector: Mtcnn, lfw_faces: list[Pixels]) -> None:
    picture = np.full((300, 600, 3), 128, np.uint8)
    for side, left, face in [(100, 10, lfw_faces[0]), (250, 130, lfw_faces[5]), (150, 400, lfw_faces[10])]:
        picture[20 : 20 + side, left : left + side] = resized(face, side, side)
    faces = detector.detect([picture])[0]
    assert [int(points(face)[2, 0]) // 130 for face in faces] == [1, 3, 0]


@pytest.mark.parametrize("scale", [0.3, 6.0])
def test_points_are_given_in_pixels_of_the_picture(detector: Mtcnn, astronaut: Pixels, scale: float) -> None:
    side = round(512 * scale)
    (face,) = detector.detect([astronaut])[0]
    (other,) = detector.detect([resized(astronaut, side, side)])[0]
    assert points_apart(face, other, scale=scale) < 0.12


def test_an_oblong_picture_is_not_stretched(detector: Mtcnn, astronaut: Pixels) -> None:
    (face,) = detector.detect([astronaut])[0]
    (other,) = detector.detect([resized(astronaut[:256], 3072, 1536)])[0]
    assert points_apart(face, other, scale=6) < 0.12


@pytest.mark.parametrize(("side", "n_faces"), [(50, 0), (240, 1)])
def test_the_cost_of_a_large_picture_is_bounded(
    detector: Mtcnn, lfw_faces: list[Pixels], side: int, n_faces: int
) -> None:
    """It is shrunk to a quarter here, in which 12 pixels are too few for a face."""
    picture = np.full((640, 2560, 3), 128, np.uint8)
    picture[200 : 200 + side, 300 : 300 + side] = resized(lfw_faces[0], side, side)
    assert len(detector.detect([picture])[0]) == n_faces


@pytest.mark.parametrize("edge", [0.0, 0.08])
def test_a_face_that_fills_its_picture_has_its_points_in_place(
    detector: Mtcnn, astronaut: Pixels, edge: float
) -> None:
    """MTCNN itself stretches what reaches over the border, which puts the points elsewhere."""
    (face,) = detector.detect([astronaut])[0]
    left, top, right, bottom = face.box
    cut = edge * (right - left)
    left, top, right, bottom = (round(side) for side in (left + cut, top + cut, right - cut, bottom - cut))
    (other,) = detector.detect([astronaut[top:bottom, left:right]])[0]
    assert points_apart(face, other, shift=(-left, -top)) < 0.15


@pytest.mark.parametrize("side", [256, 300, 400])
def test_a_tight_crop_of_any_size_has_a_face(detector: Mtcnn, lfw_faces: list[Pixels], side: int) -> None:
    """With the smallest face at 20 pixels the pyramid misses some of these at 300 and at 400 pixels."""
    crops = [resized(lfw_faces[number], side, side) for number in (9, 13, 30)]
    assert [len(faces) for faces in detector.detect(crops)] == [1, 1, 1]


@pytest.mark.parametrize("shape", [(1, 1), (1, 640), (3, 640), (640, 3), (19, 640), (640, 20), (11, 224)])
def test_where_there_is_nothing_there_is_no_face(detector: Mtcnn, shape: tuple[int, int]) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    assert detector.detect([np.full((*shape, 3), 127, np.uint8), noise]) == [(), ()]


@pytest.mark.parametrize("value", [0, 128, 255])
def test_one_colour_has_no_face(detector: Mtcnn, value: int) -> None:
    assert detector.detect([np.full((240, 240, 3), value, np.uint8)]) == [()]


def test_no_pictures_have_no_faces(detector: Mtcnn) -> None:
    assert detector.detect([]) == []


def test_the_answer_does_not_depend_on_company_or_thread(
    detector: Mtcnn, astronaut: Pixels, lfw_faces: list[Pixels]
) -> None:
    pictures = [astronaut, *lfw_faces[:3], astronaut[:300, :300], lfw_faces[150]]
    alone = [detector.detect([picture])[0] for picture in pictures]
    assert detector.detect(pictures) == alone
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda picture: detector.detect([picture])[0], pictures)) == alone


def test_the_picture_may_lie_in_memory_in_any_order(detector: Mtcnn, astronaut: Pixels) -> None:
    assert detector.detect([np.asfortranarray(astronaut)]) == detector.detect([astronaut])


@pytest.mark.parametrize(("group", "expected"), [("nonface", 0), ("children", 1), ("adults_age", 1)])
def test_groups_of_real_pictures(detector: Mtcnn, shared_faces: Path, group: str, expected: int) -> None:
    pictures = [decode(file.read_bytes()) for file in sorted((shared_faces / group).iterdir())[::6]]
    assert {len(faces) for faces in detector.detect(pictures)} == {expected}


def test_few_animals_and_coins_are_taken_for_faces(detector: Mtcnn, shared_faces: Path) -> None:
    """Without the least confidence seven are; two of the five are painted portraits."""
    pictures = [decode(file.read_bytes()) for file in sorted((shared_faces / "nonface_hard").iterdir())]
    assert sum(len(faces) for faces in detector.detect(pictures)) == 5


def test_several_people_in_a_photograph(detector: Mtcnn, shared_faces: Path) -> None:
    names = ["bbt1.jpg", "group-2.jpg"]
    pictures = [decode((shared_faces / "groups" / name).read_bytes()) for name in names]
    assert [len(faces) for faces in detector.detect(pictures)] == [4, 3]


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "facenet_pytorch", None)
    with pytest.raises(ModelError) as caught:
        Mtcnn().load()
    assert caught.value.message == "the face detector 'mtcnn' is not installed"
    assert caught.value.detail == f"import of facenet_pytorch halted; None in sys.modules. Run: {INSTALL}"


def test_torch_and_torchvision_of_two_builds_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What importing torchvision from PyPI ends in beside a torch without CUDA."""
    found = "operator torchvision::nms does not exist"
    (tmp_path / "facenet_pytorch.py").write_text(f"raise RuntimeError({found!r})\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "facenet_pytorch", raising=False)
    with pytest.raises(ModelError) as caught:
        Mtcnn().load()
    assert str(caught.value) == (
        "the face detector 'mtcnn' cannot be used: torch and torchvision are not of one build\n"
        f"{found}. Install both anew, and from one place: docs/install.md says how."
    )


def test_a_package_without_its_weights_is_named(tmp_path: Path) -> None:
    package = find_spec("facenet_pytorch")
    assert package is not None
    assert package.origin is not None
    shutil.copytree(
        Path(package.origin).parent, tmp_path / "facenet_pytorch", ignore=shutil.ignore_patterns("*.pt")
    )
    code = (
        "from faceleak_check.errors import ModelError\n"
        "from faceleak_check.faces.detect import Mtcnn\n"
        "try: Mtcnn().load()\n"
        "except ModelError as error: print(error.message, error.detail, sep='|')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", "import sys\n" + code],
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    message, detail = done.stdout.strip().split("|")
    missing = tmp_path / "facenet_pytorch" / "data" / "pnet.pt"
    assert message == "the weights of the face detector 'mtcnn' are not in its package"
    assert detail.replace("models/../", "") == (
        f"[Errno 2] No such file or directory: '{missing}'. Run: {INSTALL} --force-reinstall --no-deps"
    )


def test_a_device_that_is_not_there_is_refused() -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a CUDA device here")
    with pytest.raises(ModelError) as caught:
        Mtcnn("cuda").load()
    assert caught.value.message == "the policy asks for device 'cuda' and there is none"


def test_torch_waits_for_load() -> None:
    code = "import sys\nfrom faceleak_check.faces.detect import Mtcnn\nMtcnn()\nprint('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@pytest.mark.gpu
def test_a_cuda_device_finds_the_same_faces(
    detector: Mtcnn, astronaut: Pixels, lfw_faces: list[Pixels]
) -> None:
    import torch

    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device, and there is none")
    on_gpu = Mtcnn("cuda")
    on_gpu.load()
    pictures = [astronaut, *lfw_faces[:40]]
    for here, there in zip(detector.detect(pictures), on_gpu.detect(pictures), strict=True):
        assert len(here) == len(there)
        assert all(points_apart(one, other) < 0.15 for one, other in zip(here, there, strict=True))
