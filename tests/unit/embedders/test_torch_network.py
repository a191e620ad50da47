"""What every embedder does around its network."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import Tensor, nn

from faceleak_check.embedders.torch_network import TorchNetwork
from faceleak_check.errors import ModelError
from faceleak_check.records import EmbedderSpec

MEAN = (10.0, 20.0, 30.0)
STD = (2.0, 4.0, 8.0)


class Centre(nn.Module):
    """The pixel in the middle, and what was seen."""

    def __init__(self) -> None:
        super().__init__()
        self.shapes: list[tuple[int, ...]] = []
        self.channels_last = True

    def forward(self, x: Tensor) -> Tensor:
        self.shapes.append(tuple(x.shape))
        self.channels_last &= x.is_contiguous(memory_format=torch.channels_last)
        return x[:, :, 1, 1]


class Fake(TorchNetwork):
    name: ClassVar[str] = "fake"

    def __init__(self, colour_order: Literal["RGB", "BGR"] = "RGB") -> None:
        super().__init__(
            EmbedderSpec(
                name=self.name,
                weights_sha256="",
                licence="MIT",
                dimension=3,
                input_size=3,
                colour_order=colour_order,
                normalisation="",
            ),
            mean=MEAN,
            std=STD,
        )
        self.centre = Centre()
        self.n_built = 0

    def build(self) -> nn.Module:
        self.n_built += 1
        return self.centre


@pytest.fixture
def chips() -> npt.NDArray[np.uint8]:
    return np.random.default_rng(3).integers(40, 256, (5, 3, 3, 3), dtype=np.uint8)


@pytest.mark.parametrize("colour_order", ["RGB", "BGR"])
def test_the_network_gets_the_arithmetic_of_the_spec(
    colour_order: Literal["RGB", "BGR"], chips: npt.NDArray[np.uint8]
) -> None:
    embedder = Fake(colour_order)
    pixels = chips[:, 1, 1].astype(np.float64)
    expected = ((pixels if colour_order == "RGB" else pixels[:, ::-1]) - MEAN) / STD
    templates = embedder.embed(chips)
    np.testing.assert_allclose(templates.norms, np.linalg.norm(expected, axis=1), rtol=1e-6)
    np.testing.assert_allclose(templates.vectors * templates.norms[:, None], expected, rtol=1e-5)


def test_the_network_is_built_once_and_always_gets_the_same_shape(chips: npt.NDArray[np.uint8]) -> None:
    embedder = Fake()
    embedder.load()
    assert len(embedder.embed(chips)) == 5
    assert len(embedder.embed(chips[:1])) == 1
    assert embedder.centre.shapes == [(32, 3, 3, 3)] * 2
    assert embedder.centre.channels_last
    assert embedder.n_built == 1


@pytest.mark.parametrize("row", [(0.0, 0.0, 0.0), (np.nan, 1.0, 1.0), (np.inf, 1.0, 1.0)])
def test_an_embedding_that_is_no_direction_is_refused(
    row: tuple[float, ...], chips: npt.NDArray[np.uint8]
) -> None:
    embedder = Fake()
    embedder.centre.forward = lambda x: torch.tensor(row).expand(len(x), 3)  # type: ignore[method-assign]
    with pytest.raises(ModelError) as error:
        embedder.embed(chips)
    assert str(error.value) == (
        "embedder 'fake' gave an embedding that is zero or not finite\n"
        "The weights or the arithmetic of this device are broken; no template was stored."
    )
