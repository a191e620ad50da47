"""Embedders, the detector and screens on their way to another process: no network goes along, and none is missed."""

from __future__ import annotations

import hashlib
import pickle
import subprocess
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from onnx_networks import network, save
from torch import nn

from faceleak_check.embedders.dlib_resnet import DlibResNet
from faceleak_check.embedders.fake_pixels import FakePixels
from faceleak_check.embedders.onnx import OnnxEmbedder
from faceleak_check.embedders.phash import PerceptualHash
from faceleak_check.embedders.torchscript import TorchScriptEmbedder
from faceleak_check.errors import ModelError
from faceleak_check.executors.stages import EmbedStage, ScreenStage
from faceleak_check.faces.align import AlignedFaces, WholePictures
from faceleak_check.faces.detect import Mtcnn
from faceleak_check.landmarks import DLIB_150
from faceleak_check.policy.schema import EmbedderChoice
from faceleak_check.policy.screens import AgeKeys, ClipKeys, FaceKeys
from faceleak_check.protocols import Embedder, Pixels, Screen
from faceleak_check.records import Face, ImageRef
from faceleak_check.screens.age import AgeScreen
from faceleak_check.screens.clip import ClipScreen
from faceleak_check.screens.face import FaceScreen

STATED: dict[str, Any] = {"input_size": 32, "colour_order": "RGB", "mean": 127.5, "std": 127.5}
pytestmark = pytest.mark.needs("offline", "onnx", "age")
ANOTHER_PROCESS = """\
import pickle, sys, torch
torch.set_num_threads(1)
stage, pictures, images = pickle.load(sys.stdin.buffer)
stage.load()
sys.stdout.buffer.write(pickle.dumps(stage.compute(stage.prepare(images, pictures))))
"""
LARGEST_BYTES = 4000

Made = Callable[[Path], Embedder]


def dlib(folder: Path) -> Embedder:
    return DlibResNet(EmbedderChoice(name="dlib-resnet"))


def onnx(folder: Path) -> Embedder:
    path = save(network(), folder / "face.onnx")
    return OnnxEmbedder(EmbedderChoice(name="onnx", weights=path, colour_order="RGB", mean=127.5, std=127.5))


def torchscript(folder: Path) -> Embedder:
    scripted = nn.Sequential(nn.AvgPool2d(8), nn.Flatten()).eval()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"`torch\.jit\.\w+` is deprecated")
        torch.jit.trace(scripted, torch.zeros(1, 3, 32, 32)).save(str(folder / "face.pt"))
    return TorchScriptEmbedder(EmbedderChoice(name="torchscript", weights=folder / "face.pt", **STATED))


def phash(folder: Path) -> Embedder:
    return PerceptualHash(EmbedderChoice(name="phash"))


def fake_pixels(folder: Path) -> Embedder:
    return FakePixels(EmbedderChoice(name="fake-pixels"))


def in_another_process(stage: Any, pictures: Sequence[Pixels], images: Sequence[ImageRef] = ()) -> Any:
    sent = pickle.dumps((stage, pictures, images))
    done = subprocess.run(
        [sys.executable, "-c", ANOTHER_PROCESS], input=sent, capture_output=True, check=True
    )
    return pickle.loads(done.stdout)


def here(stage: Any, pictures: Sequence[Pixels], images: Sequence[ImageRef] = ()) -> Any:
    """On one core, as the executor's threads work, and as the other process does; sums of several differ in a bit."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        stage.load()
        return stage.compute(stage.prepare(images, pictures))
    finally:
        torch.set_num_threads(before)


@pytest.fixture(scope="module")
def pictures(lfw_faces: Sequence[npt.NDArray[np.uint8]]) -> list[Pixels]:
    return list(lfw_faces[:4])


@pytest.mark.parametrize("make", [dlib, onnx, torchscript, phash, fake_pixels])
def test_an_embedder_makes_the_same_templates_in_another_process(
    make: Made, tmp_path: Path, pictures: list[Pixels]
) -> None:
    embedder = make(tmp_path)
    stage = EmbedStage(WholePictures(embedder.spec.input_size), embedder)
    expected = here(stage, pictures)
    assert len(pickle.dumps(stage)) < LARGEST_BYTES
    found = in_another_process(stage, pictures)
    assert found.n_faces.tolist() == [1] * 4
    np.testing.assert_array_equal(found.templates.vectors, expected.templates.vectors, strict=True)
    np.testing.assert_array_equal(found.templates.norms, expected.templates.norms, strict=True)


def test_the_detector_finds_the_same_faces_in_another_process(pictures: list[Pixels]) -> None:
    embedder = FakePixels(EmbedderChoice(name="fake-pixels"))
    stage = EmbedStage(AlignedFaces(Mtcnn(), DLIB_150, embedder.spec.input_size), embedder)
    expected = here(stage, pictures)
    assert len(pickle.dumps(stage)) < LARGEST_BYTES
    found = in_another_process(stage, pictures)
    assert expected.n_faces.sum() >= 4
    np.testing.assert_array_equal(found.faces, expected.faces, strict=True)


@pytest.mark.parametrize("kind", ["age", "face", "clip"])
def test_a_screen_gives_the_same_values_in_another_process(
    kind: str, pictures: list[Pixels], request: pytest.FixtureRequest
) -> None:
    screen: Screen
    if kind == "age":
        screen = AgeScreen("child", AgeKeys(below=18, reject_above=0.5))
    elif kind == "face":
        screen = FaceScreen("non_face", FaceKeys(reject_above=0.5))
    else:
        small = request.getfixturevalue("small_clip")
        screen = ClipScreen("non_face", ClipKeys(weights=small.folder, reject_above=0.5))
    images = [ImageRef(id=str(row), sha256=f"{row:064x}") for row in range(len(pictures))]
    square = ((30.0, 60.0), (80.0, 60.0), (55.0, 85.0), (35.0, 110.0), (75.0, 110.0))
    faces = (Face(box=(10, 10, 100, 130), points=square, confidence=0.25),)
    stage = ScreenStage(screen, lambda _: faces)
    expected = here(stage, pictures, images)
    sent = pickle.loads(pickle.dumps(stage)).knowing(stage.about(images))
    np.testing.assert_array_equal(here(sent, pictures, images), expected, strict=True)
    assert len(pickle.dumps(stage)) < LARGEST_BYTES
    if kind == "face":
        assert expected.tolist() == [0.75] * 4


def test_another_file_of_weights_on_the_other_machine_is_refused(tmp_path: Path) -> None:
    embedder = onnx(tmp_path)
    sent = pickle.dumps(embedder)
    save(network(metadata={"note": "another"}), tmp_path / "face.onnx")
    other = hashlib.sha256((tmp_path / "face.onnx").read_bytes()).hexdigest()
    with pytest.raises(ModelError) as refused:
        pickle.loads(sent)
    assert str(refused.value) == (
        "'onnx' is not the same on all machines\n"
        f"Found weights_sha256 '{other}', expected '{embedder.spec.weights_sha256}'. Give all machines the same "
        "weights and the same versions of all packages."
    )


def test_weights_that_are_not_on_the_other_machine(tmp_path: Path) -> None:
    sent = pickle.dumps(onnx(tmp_path))
    (tmp_path / "face.onnx").unlink()
    with pytest.raises(ModelError) as refused:
        pickle.loads(sent)
    assert str(refused.value) == (
        "the weights of embedder 'onnx' cannot be read\n"
        f"{tmp_path / 'face.onnx'}: No such file or directory. Correct `embedder.weights`"
    )
