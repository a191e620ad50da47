"""facenet-pytorch's networks from checkpoints as it publishes them, with random weights."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from facenet_pytorch import InceptionResnetV1, fixed_image_standardization
from facenet_pytorch.models import inception_resnet_v1
from random_networks import State, random_state

from faceleak_check.embedders.facenet import FaceNetCasia, FaceNetVggFace2
from faceleak_check.errors import ModelError
from faceleak_check.landmarks import FACENET_160
from faceleak_check.policy.schema import EmbedderChoice
from faceleak_check.protocols import Embedder
from faceleak_check.records import EmbedderSpec, Templates

Chips = npt.NDArray[np.uint8]


@pytest.fixture(scope="module")
def state() -> State:
    torch.manual_seed(160)
    return random_state(InceptionResnetV1(), 160)


@pytest.fixture(scope="module")
def torch_home(state: State, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Torch's folder for downloads as facenet-pytorch leaves it."""
    home = tmp_path_factory.mktemp("torch")
    (home / "checkpoints").mkdir()
    head = {"logits.weight": torch.zeros(8631, 512), "logits.bias": torch.zeros(8631)}
    path = home / "checkpoints" / FaceNetVggFace2.file
    # of the year 2020, in what was torch's format then
    torch.save(state | head, path, _use_new_zipfile_serialization=False)
    return home


@pytest.fixture(autouse=True)
def _torch_home(torch_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(torch_home))
    monkeypatch.setenv("FACELEAK_OFFLINE", "1")


def make(kind: type[FaceNetVggFace2] = FaceNetVggFace2, **keys: Any) -> FaceNetVggFace2:
    embedder = kind(EmbedderChoice(name=kind.name, **keys))
    # a full batch takes seconds here and shows no more
    embedder.batch_size = 4
    return embedder


@pytest.fixture(scope="module")
def chips() -> Chips:
    return np.random.default_rng(160).integers(0, 256, (3, 160, 160, 3), dtype=np.uint8)


@pytest.fixture
def ours(chips: Chips) -> Templates:
    return make().embed(chips)


def test_equals_facenet_pytorch(ours: Templates, state: State, chips: Chips) -> None:
    network = InceptionResnetV1()
    network.load_state_dict(state)
    network.eval()
    pixels = torch.from_numpy(chips).permute(0, 3, 1, 2).float()
    with torch.inference_mode():
        expected = network(fixed_image_standardization(pixels)).numpy()
    np.testing.assert_allclose(ours.vectors, expected, atol=1e-5)
    np.testing.assert_allclose(ours.norms, 1, atol=1e-5)
    assert np.abs(expected[0] - expected[1]).max() > 1e-3


def test_a_template_depends_on_its_picture_alone(ours: Templates, chips: Chips) -> None:
    embedder = make()
    assert embedder.embed(chips[1:2]).vectors[0].tobytes() == ours.vectors[1].tobytes()
    assert embedder.embed(np.roll(chips, 1, axis=0)).vectors[2].tobytes() == ours.vectors[1].tobytes()


def test_bf16_is_near_to_fp32(ours: Templates, chips: Chips) -> None:
    cosines = (make(precision="bf16").embed(chips).vectors.astype(np.float64) * ours.vectors).sum(axis=1)
    # random weights round worse than trained ones
    assert cosines.min() >= 0.99
    assert cosines.min() < 1 - 1e-7, "bf16 arithmetic was not used"


def test_it_does_all_that_an_embedder_must(torch_home: Path) -> None:
    embedder = make()
    path = torch_home / "checkpoints" / "20180402-114759-vggface2.pt"
    assert isinstance(embedder, Embedder)
    assert embedder.spec == EmbedderSpec(
        name="facenet-vggface2",
        weights_sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        licence="MIT",
        dimension=512,
        input_size=160,
        colour_order="RGB",
        normalisation="(RGB - 127.5) / 128",
        template=FACENET_160,
    )
    assert make(weights=path).spec.licence == "not stated"
    assert make(weights=path, licence="MIT").spec.licence == "MIT"


@pytest.mark.parametrize("kind", [FaceNetVggFace2, FaceNetCasia])
def test_weights_are_those_that_facenet_pytorch_would_take(
    kind: type[FaceNetVggFace2], torch_home: Path
) -> None:
    assert kind.file in Path(inception_resnet_v1.__file__).read_text()
    assert Path(inception_resnet_v1.get_torch_home()) == torch_home
    url, _, kept = kind.model_file(EmbedderChoice(name=kind.name)).where.partition(", kept as ")
    assert url in Path(inception_resnet_v1.__file__).read_text()
    assert kept == str(torch_home / "checkpoints" / kind.file)


def test_weights_that_are_not_there(torch_home: Path) -> None:
    with pytest.raises(ModelError) as error:
        make(FaceNetCasia)
    assert str(error.value) == (
        "the weights of embedder 'facenet-casia' are not on this machine, and the network is not to be used\n"
        "Looked for https://github.com/timesler/facenet-pytorch/releases/download/v2.2.9/"
        f"20180408-102900-casia-webface.pt, kept as {torch_home}/checkpoints/20180408-102900-casia-webface.pt. "
        "Run `faceleak prefetch POLICY` on a machine with network and copy the file here, or name a copy as "
        "`embedder.weights`."
    )


def test_missing_and_unknown_tensors_are_named(state: State, tmp_path: Path) -> None:
    path = tmp_path / "w.pt"
    wrong = {name: torch.zeros(()).expand(tensor.shape) for name, tensor in state.items()}
    wrong["last.weight"] = wrong.pop("last_linear.weight")
    torch.save(wrong, path)
    with pytest.raises(ModelError) as error:
        make(weights=path).load()
    assert str(error.value) == (
        "the weights of embedder 'facenet-vggface2' do not fit its network\n"
        f"{path}: expected facenet-pytorch's InceptionResnetV1. 1 tensor is missing: last_linear.weight. "
        "1 tensor is unknown: last.weight."
    )


def test_torch_is_not_imported_before_the_network_is_loaded() -> None:
    code = """
import sys
from faceleak_check.embedders.facenet import FaceNetVggFace2
from faceleak_check.policy.schema import EmbedderChoice
embedder = FaceNetVggFace2(EmbedderChoice(name="facenet-vggface2", precision="bf16"))
print("torch" in sys.modules, embedder.spec.precision)
embedder.load()
print("torch" in sys.modules)
"""
    command = [sys.executable, "-c", code]
    assert subprocess.check_output(command, text=True, timeout=60) == "False bf16\nTrue\n"
