"""AdaFace's networks from checkpoints in every public form, with random weights."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from random_networks import State
from safetensors.torch import save_file

from faceleak_check.embedders.adaface import AdaFaceIr18, AdaFaceIr50, AdaFaceIr101
from faceleak_check.embedders.ir_network import IrNetwork
from faceleak_check.errors import ModelError
from faceleak_check.landmarks import ARCFACE_112
from faceleak_check.policy.schema import EmbedderChoice
from faceleak_check.protocols import Embedder
from faceleak_check.records import EmbedderSpec, Templates

Chips = npt.NDArray[np.uint8]


def lightning(state: State, path: Path) -> None:
    head = {"head.kernel": torch.zeros(512, 10), "head.t": torch.zeros(1), "head.batch_mean": torch.ones(1)}
    named = {f"model.{name}": tensor for name, tensor in state.items()} | head
    torch.save(
        {"epoch": 25, "global_step": 1, "state_dict": named, "hyper_parameters": {"arch": "ir_18"}}, path
    )


def cvlface(state: State, path: Path) -> None:
    torch.save({f"net.{name}": tensor for name, tensor in state.items()}, path)


def cvlface_on_hub(state: State, path: Path) -> None:
    save_file({f"model.net.{name}": tensor for name, tensor in state.items()}, path)


def alone(state: State, path: Path) -> None:
    torch.save(state, path)


def make(path: Path, kind: type[AdaFaceIr18] = AdaFaceIr18, **keys: Any) -> AdaFaceIr18:
    embedder = kind(EmbedderChoice(name=kind.name, weights=path, **keys))
    # a full batch takes seconds here and shows no more
    embedder.batch_size = 6
    return embedder


@pytest.fixture(scope="module")
def checkpoint(ir18: State, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("adaface") / "adaface_ir18_webface4m.ckpt"
    lightning(ir18, path)
    return path


@pytest.fixture(scope="module")
def embedder(checkpoint: Path) -> AdaFaceIr18:
    return make(checkpoint)


@pytest.fixture(scope="module")
def ours(embedder: AdaFaceIr18, chips_112: Chips) -> Templates:
    return embedder.embed(chips_112)


# ----------------------------------------------------------------------------------------- what it computes


def test_bgr_of_one_half_and_the_length_is_kept(ours: Templates, ir18: State, chips_112: Chips) -> None:
    network = IrNetwork(18)
    network.load_state_dict(ir18)
    network.eval()
    bgr = torch.from_numpy(chips_112[..., ::-1].copy()).permute(0, 3, 1, 2)
    with torch.inference_mode():
        expected = network((bgr / 255 - 0.5) / 0.5).numpy()
    np.testing.assert_allclose(ours.norms, np.linalg.norm(expected, axis=1), rtol=1e-4)
    assert ours.norms.min() > 1.5
    np.testing.assert_allclose(ours.vectors * ours.norms[:, None], expected, atol=2e-3)
    np.testing.assert_allclose(np.linalg.norm(ours.vectors.astype(np.float64), axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("write", [cvlface, cvlface_on_hub])
def test_cvlfaces_files_take_rgb(
    write: Callable[[State, Path], None], ir18: State, ours: Templates, chips_112: Chips, tmp_path: Path
) -> None:
    write(ir18, tmp_path / "w")
    embedder = make(tmp_path / "w")
    assert (embedder.spec.colour_order, embedder.spec.normalisation) == ("RGB", "(RGB / 255 - 0.5) / 0.5")
    swapped = embedder.embed(np.ascontiguousarray(chips_112[..., ::-1]))
    assert swapped.vectors.tobytes() == ours.vectors.tobytes()
    assert np.abs(embedder.embed(chips_112).vectors - ours.vectors).max() > 1e-3


def test_a_state_dict_of_the_network_alone_takes_bgr_unless_the_policy_says_else(
    ir18: State, ours: Templates, chips_112: Chips, tmp_path: Path
) -> None:
    path = tmp_path / "w"
    # as saved by a torch that did not count batches yet
    alone({name: tensor for name, tensor in ir18.items() if "num_batches" not in name}, path)
    embedder = make(path)
    assert embedder.spec.colour_order == "BGR"
    assert embedder.embed(chips_112).vectors.tobytes() == ours.vectors.tobytes()
    assert make(path, colour_order="RGB").spec.colour_order == "RGB"


def test_a_template_depends_on_its_picture_alone(
    embedder: AdaFaceIr18, ours: Templates, chips_112: Chips
) -> None:
    alone = embedder.embed(chips_112[2:3])
    rolled = embedder.embed(np.roll(chips_112, 1, axis=0))
    for templates, place in ((ours, 2), (rolled, 3)):
        assert templates.vectors[place].tobytes() == alone.vectors[0].tobytes()
        assert templates.norms[place].tobytes() == alone.norms[0].tobytes()


def test_bf16_is_near_to_fp32(checkpoint: Path, ours: Templates, chips_112: Chips) -> None:
    quick = make(checkpoint, precision="bf16")
    assert quick.spec.precision == "bf16"
    templates = quick.embed(chips_112)
    cosines = (templates.vectors.astype(np.float64) * ours.vectors).sum(axis=1)
    assert cosines.min() >= 0.999
    assert cosines.min() < 1 - 1e-7, "bf16 arithmetic was not used"
    np.testing.assert_allclose(templates.norms, ours.norms, rtol=0.01)


def test_it_does_all_that_an_embedder_must(embedder: AdaFaceIr18, checkpoint: Path) -> None:
    assert isinstance(embedder, Embedder)
    assert embedder.spec == EmbedderSpec(
        name="adaface-ir18",
        weights_sha256=hashlib.sha256(checkpoint.read_bytes()).hexdigest(),
        licence="not stated",
        dimension=512,
        input_size=112,
        colour_order="BGR",
        normalisation="(BGR / 255 - 0.5) / 0.5",
        template=ARCFACE_112,
    )
    assert make(checkpoint, licence="MIT").spec.licence == "MIT"


# -------------------------------------------------------------------------------------------- the hub

ON_HUB = """
import sys
from faceleak_check.embedders.adaface import AdaFaceIr101
from faceleak_check.errors import ModelError
from faceleak_check.policy.schema import EmbedderChoice
try:
    spec = AdaFaceIr101(EmbedderChoice(name="adaface-ir101")).spec
    print(spec.name, spec.licence, spec.colour_order, "torch" in sys.modules)
except ModelError as error:
    print(error)
"""


def test_published_weights_are_taken_from_the_hubs_cache(tmp_path: Path) -> None:
    environment = os.environ | {"HF_HUB_CACHE": str(tmp_path), "FACELEAK_OFFLINE": "1"}

    def run() -> str:
        command = [sys.executable, "-c", ON_HUB]
        return subprocess.check_output(command, env=environment, text=True, timeout=60)

    assert run() == (
        "the weights of embedder 'adaface-ir101' are not on this machine, and the network is not to be used\n"
        "Looked for model.safetensors of minchul/cvlface_adaface_ir101_webface12m on the Hugging Face hub, kept in "
        f"{tmp_path}. Run `faceleak prefetch POLICY` on a machine with network and copy the file here, or name a "
        "copy as `embedder.weights`.\n"
    )
    repository = tmp_path / "models--minchul--cvlface_adaface_ir101_webface12m"
    kept = repository / "snapshots" / ("a" * 40)
    kept.mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("a" * 40)
    save_file({"model.net.input_layer.0.weight": torch.zeros(64, 3, 3, 3)}, kept / "model.safetensors")
    assert run() == "adaface-ir101 MIT RGB False\n"


@pytest.mark.parametrize("kind", [AdaFaceIr18, AdaFaceIr50, AdaFaceIr101])
def test_doctor_can_tell_what_is_missing(kind: type[AdaFaceIr18], tmp_path: Path) -> None:
    own = kind.model_file(EmbedderChoice(name=kind.name, weights=tmp_path / "none"))
    assert (own.find(), own.command) == (None, "")
    assert kind.model_file(EmbedderChoice(name=kind.name)).command == "faceleak prefetch POLICY"


# ------------------------------------------------------------------------------------------- bad input


def refused(embedder: AdaFaceIr18, message: str, detail: str) -> None:
    with pytest.raises(ModelError) as error:
        embedder.load()
    assert (error.value.message, error.value.detail) == (message, detail)


def small(depth: int) -> State:
    """The names and shapes of a network in no memory worth speaking of."""
    with torch.device("meta"):
        state = IrNetwork(depth).state_dict()
    return {name: torch.zeros(()).expand(tensor.shape) for name, tensor in state.items()}


def write_small(state: State, path: Path) -> None:
    torch.save(state, path)
    assert path.stat().st_size < 1_000_000


def test_missing_and_unknown_tensors_are_named(tmp_path: Path) -> None:
    state = small(18)
    for name in [name for name in state if name.startswith("body.7.")]:
        state[name.replace("body.7.", "tail.")] = state.pop(name)
    del state["body.0.res_layer.3.weight"]
    state["body.7.res_layer.3.weight"] = torch.zeros(512)
    write_small(state, tmp_path / "w")
    refused(
        make(tmp_path / "w"),
        "the weights of embedder 'adaface-ir18' do not fit its network",
        f"{tmp_path / 'w'}: expected IR-18. 15 tensors are missing: body.0.res_layer.3.weight, "
        "body.7.res_layer.0.weight, body.7.res_layer.0.bias, body.7.res_layer.0.running_mean, "
        "body.7.res_layer.0.running_var and 10 more. 18 tensors are unknown: tail.res_layer.0.weight, "
        "tail.res_layer.0.bias, tail.res_layer.0.running_mean, tail.res_layer.0.running_var, "
        "tail.res_layer.0.num_batches_tracked and 13 more.",
    )


def test_tensors_of_another_shape_are_named(tmp_path: Path) -> None:
    state = small(18) | {"output_layer.3.weight": torch.zeros(()).expand(256, 25088)}
    write_small(state, tmp_path / "w")
    refused(
        make(tmp_path / "w"),
        "the weights of embedder 'adaface-ir18' do not fit its network",
        f"{tmp_path / 'w'}: expected IR-18. 1 tensor is of another shape: "
        "output_layer.3.weight is 256 x 25088, not 512 x 25088.",
    )


@pytest.mark.parametrize(
    ("kind", "wanted", "depth", "n_blocks"),
    [
        (AdaFaceIr101, 101, 50, 24),
        (AdaFaceIr50, 50, 101, 49),
        (AdaFaceIr18, 18, 50, 24),
        (AdaFaceIr50, 50, 18, 8),
    ],
)
def test_a_network_of_another_depth_is_told(
    kind: type[AdaFaceIr18], wanted: int, depth: int, n_blocks: int, tmp_path: Path
) -> None:
    write_small({f"net.{name}": tensor for name, tensor in small(depth).items()}, tmp_path / "w")
    refused(
        make(tmp_path / "w", kind),
        f"the weights of embedder 'adaface-ir{wanted}' are another network's",
        f"{tmp_path / 'w'}: expected IR-{wanted}, found the {n_blocks} blocks of IR-{depth}. "
        f"Use `name: adaface-ir{depth}`.",
    )


def test_no_face_network_at_all(tmp_path: Path) -> None:
    torch.save({"fc.weight": torch.zeros(2, 2)}, tmp_path / "w")
    with pytest.raises(ModelError) as error:
        make(tmp_path / "w").load()
    assert error.value.message == "the weights of embedder 'adaface-ir18' do not fit its network"
    assert error.value.detail.endswith("1 tensor is unknown: fc.weight.")


def test_a_file_that_changed_since_its_digest_was_taken(tmp_path: Path) -> None:
    path = tmp_path / "w"
    write_small(small(18), path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    embedder = make(path)
    path.write_bytes(b"another")
    refused(
        embedder,
        "the weights of embedder 'adaface-ir18' are not the expected ones",
        f"{path}: found SHA-256 {hashlib.sha256(b'another').hexdigest()}, expected {digest}. Restore the file "
        "(faceleak prefetch POLICY), or state the digest of your own weights as `embedder.sha256`.",
    )


def test_a_cut_download(checkpoint: Path, tmp_path: Path) -> None:
    data = checkpoint.read_bytes()[:-1000]
    (tmp_path / "w").write_bytes(data)
    refused(
        make(tmp_path / "w"),
        "the weights of embedder 'adaface-ir18' are damaged, or no checkpoint of PyTorch or safetensors",
        f"{tmp_path / 'w'}: found {len(data):,} bytes that neither can read. Get the file again, or name another.",
    )
