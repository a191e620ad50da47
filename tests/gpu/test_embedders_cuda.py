"""The same templates and boxes on a CUDA device as on the CPU."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from PIL import Image

from faceleak_check.embedders.adaface import AdaFaceIr18
from faceleak_check.embedders.dlib_resnet import DlibResNet
from faceleak_check.embedders.ir_network import IrNetwork
from faceleak_check.embedders.torch_network import TorchNetwork
from faceleak_check.faces.align import whole_picture
from faceleak_check.faces.detect import Mtcnn
from faceleak_check.policy.schema import EmbedderChoice
from faceleak_check.protocols import Pixels

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device, and there is none"),
]


@pytest.fixture(scope="module")
def adaface_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(18)
    path = tmp_path_factory.mktemp("adaface") / "ir18.pt"
    torch.save(IrNetwork(18).state_dict(), path)
    return path


def cosines(
    kind: type[TorchNetwork], faces: list[Pixels], precision: str, **keys: Any
) -> npt.NDArray[np.float64]:
    """Between the templates of both devices; a short batch and a full one."""
    rows = []
    for device in ("cpu", "cuda"):
        embedder = kind(EmbedderChoice(name=kind.name, device=device, precision=precision, **keys))  # type: ignore[call-arg, arg-type]
        assert embedder.spec.device == device
        chips = np.stack([whole_picture(face, embedder.spec.input_size) for face in faces])
        parts = [embedder.embed(chips[start : start + 32]).vectors for start in range(0, len(chips), 32)]
        rows.append(np.concatenate(parts).astype(np.float64))
    found: npt.NDArray[np.float64] = (rows[0] * rows[1]).sum(axis=1)
    return found


@pytest.mark.parametrize(("precision", "least"), [("fp32", 0.9999), ("bf16", 0.999)])
def test_dlib_resnet(precision: str, least: float, lfw_faces: list[Pixels]) -> None:
    assert cosines(DlibResNet, lfw_faces[:50], precision).min() >= least


@pytest.mark.parametrize(("precision", "least"), [("fp32", 0.9999), ("bf16", 0.999)])
def test_adaface(precision: str, least: float, lfw_faces: list[Pixels], adaface_weights: Path) -> None:
    assert cosines(AdaFaceIr18, lfw_faces[:50], precision, weights=adaface_weights).min() >= least


def test_auto_takes_the_device_and_fp32_is_float32(lfw_faces: list[Pixels]) -> None:
    embedder = DlibResNet(EmbedderChoice(name="dlib-resnet", device="auto"))
    assert embedder.spec.device == "cuda"
    chips = np.stack([whole_picture(face, 150) for face in lfw_faces[:8]])
    host = DlibResNet(EmbedderChoice(name="dlib-resnet"))
    # cuDNN's own default, TF32, is a hundred times further off
    np.testing.assert_allclose(embedder.embed(chips).vectors, host.embed(chips).vectors, atol=1e-5)


def test_a_template_depends_on_its_picture_alone_on_cuda(lfw_faces: list[Pixels]) -> None:
    embedder = DlibResNet(EmbedderChoice(name="dlib-resnet", device="cuda"))
    chips = np.stack([whole_picture(face, 150) for face in lfw_faces[:8]])
    together, alone = embedder.embed(chips), embedder.embed(chips[:1])
    np.testing.assert_allclose(together.vectors[0], alone.vectors[0], atol=1e-6)


def test_mtcnn_finds_the_same_faces(shared_faces: Path) -> None:
    paths = sorted((shared_faces / "identities").glob("*/*"))[::20]
    pictures = [np.asarray(Image.open(path).convert("RGB")) for path in paths]
    found = []
    for device in ("cpu", "cuda"):
        detector = Mtcnn(device)
        detector.load()
        found.append(detector.detect(pictures))
    for host, device_faces in zip(*found, strict=True):
        assert len(host) == len(device_faces)
        for one, other in zip(host, device_faces, strict=True):
            np.testing.assert_allclose(one.box, other.box, atol=1.0)
            np.testing.assert_allclose(one.points, other.points, atol=1.0)
