from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from faceleak_check.embedders.fake_pixels import FakePixels
from faceleak_check.errors import ModelError
from faceleak_check.policy.schema import EmbedderChoice
from faceleak_check.protocols import Embedder


@pytest.fixture
def embedder() -> FakePixels:
    return FakePixels(EmbedderChoice(name="fake-pixels"))


def test_it_does_all_that_an_embedder_must(embedder: FakePixels) -> None:
    assert isinstance(embedder, Embedder)
    assert (embedder.spec.name, embedder.spec.dimension, embedder.spec.recognises_people) == (
        "fake-pixels",
        192,
        False,
    )
    assert embedder.spec.template is None
    assert FakePixels.model_file(EmbedderChoice(name="fake-pixels")) is None


def test_the_template_is_the_thumbnail(embedder: FakePixels) -> None:
    embedder.load()
    random = np.random.default_rng(1)
    chips = random.integers(0, 256, (32, 8, 8, 3), dtype=np.uint8)
    templates = embedder.embed(chips)
    again = templates.vectors.astype(np.float64) * templates.norms[:, None] * 127.5 + 127.5
    np.testing.assert_allclose(again.reshape(chips.shape), chips, atol=1e-3)
    np.testing.assert_allclose(np.linalg.norm(templates.vectors, axis=1), 1, atol=1e-6)
    assert (templates.vectors.dtype, templates.norms.dtype) == (np.float32, np.float32)


@pytest.mark.parametrize("grey", [0, 127, 128, 255])
def test_a_picture_of_one_grey_has_a_template_too(grey: int, embedder: FakePixels) -> None:
    templates = embedder.embed(np.full((1, 8, 8, 3), grey, np.uint8))
    assert np.isfinite(templates.vectors).all()
    assert np.linalg.norm(templates.vectors[0]) == pytest.approx(1)


@pytest.mark.parametrize("asked", [{"weights": Path("w.dat")}, {"sha256": "0" * 64}, {"device": "cuda"}])
def test_what_it_has_not_is_refused(asked: dict[str, Any]) -> None:
    with pytest.raises(ModelError) as refused:
        FakePixels(EmbedderChoice(name="fake-pixels", **asked))
    assert str(refused.value) == (
        "embedder 'fake-pixels' has no weights and no use for a device\n"
        "Leave out `weights`, `sha256` and `device`."
    )


def test_in_bf16_templates_are_a_little_off() -> None:
    chips = np.random.default_rng(2).integers(0, 256, (20, 8, 8, 3), dtype=np.uint8)
    one, other = (
        FakePixels(EmbedderChoice(name="fake-pixels", precision=precision)) for precision in ("fp32", "bf16")
    )
    assert (one.spec.precision, other.spec.precision) == ("fp32", "bf16")
    chords = np.linalg.norm(
        np.asarray(one.embed(chips).vectors) - np.asarray(other.embed(chips).vectors), axis=1
    )
    assert 1e-4 < chords.max() < 1e-2
