"""The ``sscd`` embedder on a small network of the same form."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from faceleak_check.embedders.sscd import PUBLISHED_AT, Sscd
from faceleak_check.errors import ModelError
from faceleak_check.faces.stretched import STRETCHED, StretchedPictures, whole_cutter
from faceleak_check.policy.schema import EmbedderChoice
from faceleak_check.protocols import Embedder
from faceleak_check.records import EmbedderSpec


class SmallSscd(nn.Module):
    """As SSCD: a picture of any size in, a descriptor of unit length out."""

    def __init__(self, dimension: int = 512) -> None:
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(8)
        self.last = nn.Linear(3 * 8 * 8, dimension, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.normalize(self.last(self.pool(x).flatten(1)))


class WithLogits(SmallSscd):
    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        y = super().forward(x)
        return y, y


class FixedToOne(SmallSscd):
    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.pool(x).reshape(1, 192))  # type: ignore[no-any-return]


def save(path: Path, kind: Callable[[], nn.Module] = SmallSscd) -> nn.Module:
    with torch.random.fork_rng(), warnings.catch_warnings():
        torch.manual_seed(5)
        warnings.filterwarnings("ignore", message=r"`torch\.jit\.\w+` is deprecated")
        network = kind().eval()
        torch.jit.save(torch.jit.trace(network, torch.zeros(1, 3, 320, 320)), str(path))
    return network


def make(path: Path | None, **keys: Any) -> Sscd:
    return Sscd(EmbedderChoice(name="sscd", weights=path, **keys))


def refused(path: Path | None, message: str, detail: str, **keys: Any) -> None:
    with pytest.raises(ModelError) as error:
        make(path, **keys)
    assert (error.value.message, error.value.detail) == (message, detail)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sscd.pt"


def test_it_computes_what_the_network_computes_of_imagenet_colours(path: Path) -> None:
    network = save(path)
    embedder = make(path)
    embedder.load()
    chips = np.random.default_rng(2).integers(0, 256, (3, 320, 320, 3), dtype=np.uint8)
    chips[..., 2] //= 2
    templates = embedder.embed(chips)
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    pictures = ((chips / 255 - mean) / std).transpose(0, 3, 1, 2).astype(np.float32)
    with torch.inference_mode():
        expected = network(torch.from_numpy(np.ascontiguousarray(pictures))).numpy()
    np.testing.assert_allclose(templates.vectors, expected, atol=1e-5)
    np.testing.assert_allclose(templates.norms, 1, atol=1e-5)


def test_the_spec_says_what_is_done(path: Path) -> None:
    save(path)
    embedder = make(path, licence="MIT")
    assert isinstance(embedder, Embedder)
    assert embedder.spec == EmbedderSpec(
        name="sscd",
        weights_sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        licence="MIT",
        dimension=512,
        input_size=320,
        colour_order="RGB",
        normalisation="(RGB - [123.675, 116.28, 103.53]) / [58.395, 57.12, 57.375]",
        alignment=STRETCHED,
    )
    assert make(path).spec.licence == "not stated"
    assert isinstance(whole_cutter(embedder.spec), StretchedPictures)


def test_the_large_network_has_longer_templates(path: Path) -> None:
    save(path, lambda: SmallSscd(1024))
    assert make(path).spec.dimension == 1024


def test_nothing_is_downloaded() -> None:
    refused(
        None,
        "embedder 'sscd' is not told where its file is",
        f"Download {PUBLISHED_AT} (MIT licence) and name the file as `near_copy.weights`, with its `near_copy.sha256`.",
    )
    assert Sscd.model_file(EmbedderChoice(name="sscd")).command == ""


def test_another_network_is_not_taken_for_it(path: Path) -> None:
    save(path, lambda: SmallSscd(64))
    refused(
        path,
        "the network of embedder 'sscd' is not SSCD",
        f"{path}: found 64 numbers for a picture, expected 512 (sscd_disc_large: 1,024). Use the file at "
        f"{PUBLISHED_AT}, or name another network as an embedder 'torchscript'.",
    )


@pytest.mark.parametrize(("kind", "found"), [(WithLogits, "tuple")])
def test_a_network_with_further_outputs(kind: Any, found: str, path: Path) -> None:
    save(path, kind)
    refused(
        path,
        "the network of embedder 'sscd' does not give one embedding a picture",
        f"{path}: found {found} for 2 pictures, expected one tensor of floats of shape (2, D). Use the file at "
        f"{PUBLISHED_AT}.",
    )


def test_a_network_that_fails_when_it_runs(path: Path) -> None:
    save(path, FixedToOne)
    with pytest.raises(ModelError) as error:
        make(path)
    start = f"{path}: given 2 x 3 x 320 x 320 numbers, torch says: RuntimeError: "
    assert error.value.message == "the network of embedder 'sscd' fails on pictures"
    assert error.value.detail.startswith(start)
    assert "\n" not in error.value.detail


def test_a_file_that_is_no_archive(path: Path) -> None:
    path.write_bytes(b"no network at all\n")
    with pytest.raises(ModelError) as error:
        make(path)
    start = (
        f"{path}: found no zip archive, or a damaged one, expected what torch.jit.trace(network.eval(), "
        "torch.zeros(1, 3, SIZE, SIZE)).save(FILE) writes. torch says: "
    )
    assert error.value.message == "the file of embedder 'sscd' is no whole TorchScript archive"
    assert error.value.detail.startswith(start)
    assert "\n" not in error.value.detail


def test_the_file_must_have_the_digest_asked_for(path: Path) -> None:
    save(path)
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    refused(
        path,
        "the weights of embedder 'sscd' are not the expected ones",
        f"{path}: found SHA-256 {found}, expected {'0' * 64}. Restore the file, or state the digest of your own "
        "weights as `near_copy.sha256`.",
        sha256="0" * 64,
    )


def test_a_file_that_is_not_there(path: Path) -> None:
    refused(
        path,
        "the weights of embedder 'sscd' cannot be read",
        f"{path}: No such file or directory. Correct `near_copy.weights`",
    )
