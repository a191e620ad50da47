"""The ``torchscript`` embedder on networks that are written here."""

from __future__ import annotations

import hashlib
import warnings
import zipfile
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import Tensor, nn

from faceleak_check.embedders.torchscript import TorchScriptEmbedder
from faceleak_check.errors import ModelError
from faceleak_check.landmarks import ARCFACE_112
from faceleak_check.policy.schema import EmbedderChoice
from faceleak_check.protocols import Embedder
from faceleak_check.records import EmbedderSpec

STATED: Mapping[str, Any] = {"input_size": 32, "colour_order": "RGB", "mean": 127.5, "std": 127.5}
NOT_WHOLE = "the file of embedder 'torchscript' is no whole TorchScript archive"
NO_EMBEDDING = "the network of embedder 'torchscript' does not give one embedding a picture"
SAVE = "torch.jit.trace(network.eval(), torch.zeros(1, 3, SIZE, SIZE)).save(FILE)"


class FaceNetwork(nn.Module):
    """Ends in a ``view``, as ArcFace networks do: it works on one order of the numbers alone."""

    def __init__(self, dimension: int = 64) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 8, 3, stride=4)
        self.norm = nn.BatchNorm2d(8)
        self.drop = nn.Dropout(0.5)
        self.last = nn.Linear(8 * 8 * 8, dimension)

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(self.convolution(x)).relu()
        return self.last(self.drop(y.view(y.size(0), -1)))  # type: ignore[no-any-return]


class WithNorm(FaceNetwork):
    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        y = super().forward(x)
        return y, y.norm(dim=1)


class Classes(FaceNetwork):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).argmax(dim=1)


class Points(FaceNetwork):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).reshape(-1, 32, 2)


class OneAtATime(FaceNetwork):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).reshape(1, -1)


def seeded(kind: Callable[[], nn.Module] = FaceNetwork) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(5)
        return kind().eval()


def traced(network: nn.Module) -> Any:
    return torch.jit.trace(network, torch.zeros(1, 3, 32, 32))


def save(network: nn.Module, path: Path, by: Callable[[nn.Module], Any] = traced) -> Path:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"`torch\.jit\.\w+` is deprecated")
        torch.jit.save(by(network), str(path))
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "face.pt"


@pytest.fixture(scope="module")
def chips() -> npt.NDArray[np.uint8]:
    return np.random.default_rng(3).integers(0, 256, (40, 32, 32, 3), dtype=np.uint8)


def make(path: Path, **keys: Any) -> TorchScriptEmbedder:
    return TorchScriptEmbedder(EmbedderChoice(name="torchscript", weights=path, **keys))


def made(path: Path, **keys: Any) -> TorchScriptEmbedder:
    embedder = make(path, **{**STATED, **keys})
    embedder.load()
    return embedder


def refused(path: Path, message: str, detail: str, **keys: Any) -> None:
    with pytest.raises(ModelError) as error:
        make(path, **keys).load()
    assert (error.value.message, error.value.detail) == (message, detail)
    assert str(path) not in message


def scripted(network: nn.Module) -> Any:
    return torch.jit.script(network)


def frozen(network: nn.Module) -> Any:
    return torch.jit.freeze(torch.jit.script(network))


# ------------------------------------------------------------------------------------------------ templates


@pytest.mark.parametrize("by", [traced, scripted, frozen])
@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({}, lambda x: (x - 127.5) / 127.5),
        ({"colour_order": "BGR", "mean": 100, "std": 50}, lambda x: (x[..., ::-1] - 100) / 50),
    ],
)
def test_it_computes_what_the_network_computes(
    by: Any, keys: dict[str, Any], expected: Any, path: Path, chips: npt.NDArray[np.uint8]
) -> None:
    network = seeded()
    templates = made(save(network, path, by), **keys).embed(chips[:9])
    pictures = np.ascontiguousarray(expected(chips[:9].astype(np.float32)).transpose(0, 3, 1, 2))
    embeddings = network(torch.from_numpy(pictures)).detach().numpy()
    lengths = np.linalg.norm(embeddings, axis=1)
    np.testing.assert_allclose(templates.norms, lengths, rtol=1e-4)
    np.testing.assert_allclose(templates.vectors, embeddings / lengths[:, None], atol=1e-5)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("by", [traced, scripted])
def test_a_template_depends_on_its_picture_alone(
    by: Any, precision: str, path: Path, chips: npt.NDArray[np.uint8]
) -> None:
    """To the last bit, from the first run on, though torch rewrites the program after it."""
    embedder = made(save(seeded(), path, by), precision=precision)
    alone = embedder.embed(chips[:1])
    for batch, place in ((chips[:32], 0), (chips[:5], 0), (np.roll(chips[:32], 31, axis=0), 31)):
        templates = embedder.embed(batch)
        assert len(templates) == len(batch)
        assert templates.vectors[place].tobytes() == alone.vectors[0].tobytes()
        assert templates.norms[place].tobytes() == alone.norms[0].tobytes()


def test_bf16_is_near_to_fp32(path: Path, chips: npt.NDArray[np.uint8]) -> None:
    save(seeded(), path)
    exact, quick = made(path).embed(chips[:32]), made(path, precision="bf16").embed(chips[:32])
    cosines = (exact.vectors.astype(np.float64) * quick.vectors).sum(axis=1)
    assert cosines.min() > 0.999
    assert cosines.min() < 1 - 1e-7, "bf16 arithmetic was not used"


def test_threads_compute_the_same(path: Path, chips: npt.NDArray[np.uint8]) -> None:
    embedder = made(save(seeded(), path))

    def embed(_: int) -> bytes:
        torch.set_num_threads(1)
        return embedder.embed(chips[:8]).vectors.tobytes()

    with ThreadPoolExecutor(2) as threads:
        assert len(set(threads.map(embed, range(6)))) == 1


def test_layers_for_training_alone_are_switched_off(path: Path, chips: npt.NDArray[np.uint8]) -> None:
    left_in_training = made(save(seeded().train(), path, scripted)).embed(chips[:2])
    as_it_should_be = made(save(seeded(), path, scripted)).embed(chips[:2])
    np.testing.assert_array_equal(left_in_training.vectors, as_it_should_be.vectors)


# ------------------------------------------------------------------------------------------------- the spec


def test_the_spec_says_what_was_stated(path: Path) -> None:
    embedder = made(save(seeded(), path), template="arcface-112", licence="own", precision="bf16")
    assert embedder.spec == EmbedderSpec(
        name="torchscript",
        weights_sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        licence="own",
        dimension=64,
        input_size=32,
        colour_order="RGB",
        normalisation="(RGB - 127.5) / 127.5",
        template=ARCFACE_112,
        precision="bf16",
    )
    assert isinstance(embedder, Embedder)
    assert made(path).spec.licence == "not stated"
    assert made(path).spec.template is None


@pytest.mark.parametrize(
    ("keys", "none", "state"),
    [
        ({}, "input_size, colour_order, mean or std", "`input_size`, `colour_order`, `mean` and `std`"),
        ({"input_size": 32, "mean": 0, "std": 1}, "colour_order", "`colour_order`"),
    ],
)
def test_nothing_is_guessed(keys: dict[str, Any], none: str, state: str, path: Path) -> None:
    refused(
        save(seeded(), path),
        f"embedder 'torchscript' is not told how its network takes pictures: no {none}",
        f"{path}: state {state} in the policy's `embedder`, as the network was trained. Usual for InsightFace's "
        "ArcFace files: `colour_order: RGB`, `mean: 127.5`, `std: 127.5`, `template: arcface-112`.",
        **keys,
    )


# ----------------------------------------------------------------------------------- no face network


@pytest.mark.parametrize(
    ("kind", "by", "found"),
    [
        (WithNorm, traced, "tuple"),
        (Classes, traced, "int64"),
        (Points, traced, "float32 of shape (2, 32, 2)"),
        (OneAtATime, traced, "float32 of shape (1, 128)"),
    ],
)
def test_a_network_that_gives_no_embedding(kind: Any, by: Any, found: str, path: Path) -> None:
    refused(
        save(seeded(kind), path, by),
        NO_EMBEDDING,
        f"{path}: found {found} for 2 pictures, expected one tensor of floats of shape (2, D). Use a face recognition "
        "network that takes any number of pictures, and save it without its further outputs.",
        **STATED,
    )


def test_a_network_that_fails_when_it_runs(path: Path) -> None:
    with pytest.raises(ModelError) as error:
        make(save(seeded(), path), **{**STATED, "input_size": 64})
    start = f"{path}: given 2 x 3 x 64 x 64 numbers, torch says: RuntimeError: "
    assert error.value.message == "the network of embedder 'torchscript' fails on face chips"
    assert error.value.detail.startswith(start)
    assert error.value.detail.endswith("mat1 and mat2 shapes cannot be multiplied (2x2048 and 512x64)")
    assert "\n" not in error.value.detail


def test_a_dimension_that_no_face_network_has(path: Path) -> None:
    refused(
        save(seeded(lambda: FaceNetwork(2)), path),
        "the output of embedder 'torchscript' is not that of a face network",
        f"{path}: found 2, expected 16 to 4,096 numbers.",
        **STATED,
    )


# ------------------------------------------------------------------------------------------------ the file


def truncated(path: Path) -> None:
    save(seeded(), path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def without_its_numbers(path: Path) -> None:
    whole = save(seeded(), path.with_name("whole.pt"))
    with zipfile.ZipFile(whole) as source, zipfile.ZipFile(path, "w") as target:
        for name in source.namelist():
            target.writestr(name, b"gone" if name.endswith("data.pkl") else source.read(name))


@pytest.mark.parametrize(
    ("write", "found"),
    [
        (lambda path: path.write_bytes(b""), "no zip archive, or a damaged one"),
        (lambda path: path.write_bytes(b"no network at all\n"), "no zip archive, or a damaged one"),
        (truncated, "no zip archive, or a damaged one"),
        (without_its_numbers, "a damaged archive"),
        (
            lambda path: torch.save(seeded().state_dict(), path),
            "a checkpoint without a network, as torch.save writes it",
        ),
        (lambda path: torch.save(seeded(), path), "a checkpoint without a network, as torch.save writes it"),
    ],
)
def test_a_file_that_is_no_whole_archive(write: Callable[[Path], None], found: str, path: Path) -> None:
    write(path)
    with pytest.raises(ModelError) as error:
        make(path, **STATED)
    start = f"{path}: found {found}, expected what {SAVE} writes. torch says: "
    assert (error.value.message, error.value.detail[: len(start)]) == (NOT_WHOLE, start)
    assert "\n" not in error.value.detail


def test_the_file_must_have_the_digest_asked_for(path: Path) -> None:
    found = hashlib.sha256(save(seeded(), path).read_bytes()).hexdigest()
    refused(
        path,
        "the weights of embedder 'torchscript' are not the expected ones",
        f"{path}: found SHA-256 {found}, expected {'0' * 64}. Restore the file, or state the digest of your own "
        "weights as `embedder.sha256`.",
        **STATED,
        sha256="0" * 64,
    )


def test_a_file_that_cannot_be_read(path: Path) -> None:
    refused(
        path,
        "the weights of embedder 'torchscript' cannot be read",
        f"{path}: No such file or directory. Correct `embedder.weights`",
        **STATED,
    )


@pytest.mark.skipif(
    torch.cuda.is_available(), reason="what is said without CUDA is not to be seen where it is"
)
def test_no_other_device_takes_the_place_of_one_that_is_not_there(path: Path) -> None:
    refused(
        save(seeded(), path),
        "the policy asks for device 'cuda' and there is none",
        "Run on a machine with a CUDA device, or set `device: cpu`.",
        **STATED,
        device="cuda",
    )
