"""The ``phash`` embedder, and its way through the store and the search."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import imagehash
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from faceleak_check.alterations import (
    blurred,
    jpeg,
    low_resolution,
    mirrored,
    relit,
    shrunk,
)
from faceleak_check.embedders.phash import PerceptualHash
from faceleak_check.errors import ModelError
from faceleak_check.executors.stages import EmbedStage
from faceleak_check.faces.stretched import STRETCHED_AND_MIRRORED, whole_cutter
from faceleak_check.hash_bits import HASH_BITS, bits_of_cosine, cosine_of_bits
from faceleak_check.policy.schema import EmbedderChoice
from faceleak_check.protocols import Embedder
from faceleak_check.readers.decode import decode
from faceleak_check.records import EmbedderSpec, FaceTemplates, ImageRef, digest_array
from faceleak_check.search.neighbours import Gallery, Neighbours
from faceleak_check.store.templates import DiskTemplateStore

Pixels = npt.NDArray[np.uint8]


@pytest.fixture
def embedder() -> PerceptualHash:
    return PerceptualHash(EmbedderChoice(name="phash"))


def embedded(pictures: Sequence[Pixels]) -> FaceTemplates:
    embedder = PerceptualHash(EmbedderChoice(name="phash"))
    stage = EmbedStage(whole_cutter(embedder.spec), embedder)
    stage.load()
    return stage.compute(stage.prepare([], pictures))


def bits(templates: FaceTemplates) -> npt.NDArray[np.bool_]:
    """The hash of each picture as it is, without those of the mirror images."""
    return templates.templates.vectors[templates.first_row] > 0


def of_original(picture: Pixels) -> npt.NDArray[np.bool_]:
    return imagehash.phash(Image.fromarray(picture)).hash.ravel()


def gallery(templates: FaceTemplates, name: str) -> Gallery:
    digests = [hashlib.sha256(f"{name} {n}".encode()).hexdigest() for n in range(len(templates))]
    images = tuple(ImageRef(id=f"{name}/{n}.png", sha256=digest) for n, digest in enumerate(digests))
    return Gallery(images=images, n_faces=templates.n_faces, templates=templates.templates)


def n_bits_apart(copies: Sequence[Pixels], originals: Sequence[Pixels]) -> npt.NDArray[np.float64]:
    """Fewest bits by which each copy differs from each original, either of them mirrored or not."""
    one, two = (embedded(pictures).templates.vectors for pictures in (copies, originals))
    apart = (1 - one @ two.T) * HASH_BITS / 2
    return apart.reshape(len(copies), 2, len(originals), 2).min(axis=(1, 3))


# --------------------------------------------------------------------------------------------------- the hash


def test_it_does_all_that_an_embedder_must(embedder: PerceptualHash) -> None:
    assert isinstance(embedder, Embedder)
    assert embedder.spec == EmbedderSpec(
        name="phash",
        weights_sha256="",
        licence="BSD-2-Clause",
        dimension=64,
        input_size=32,
        colour_order="RGB",
        normalisation=f"64-bit pHash of imagehash {version('imagehash')}, each bit +-1/8",
        alignment=STRETCHED_AND_MIRRORED,
    )
    assert PerceptualHash.model_file(EmbedderChoice(name="phash")) is None


@pytest.mark.parametrize("shape", [(150, 150), (150, 100), (60, 150), (301, 77)])
def test_it_is_the_hash_of_the_picture_itself(shape: tuple[int, int], lfw_faces: list[Pixels]) -> None:
    """A chip is resized in colour and the library resizes in grey: rounding may turn over a pair of bits."""
    pictures = [
        np.asarray(Image.fromarray(face).resize(shape[::-1], Image.Resampling.BICUBIC))
        for face in lfw_faces[:100]
    ]
    differ = (bits(embedded(pictures)) != np.array([of_original(picture) for picture in pictures])).sum(
        axis=1
    )
    assert differ.max() <= 2
    assert differ.mean() < 0.5


def test_a_template_is_sixty_four_equal_steps(embedder: PerceptualHash, lfw_faces: list[Pixels]) -> None:
    chips = np.stack([face[:32, :32] for face in lfw_faces[:20]])
    templates = embedder.embed(chips)
    assert set(np.abs(templates.vectors).ravel().tolist()) == {0.125}
    assert (templates.vectors.dtype, templates.norms.dtype) == (np.float32, np.float32)
    assert templates.norms.tolist() == [8.0] * 20
    hashes = [imagehash.phash(Image.fromarray(chip)) for chip in chips]
    for one in range(20):
        for two in range(20):
            cosine = float(templates.vectors[one] @ templates.vectors[two])
            assert cosine == cosine_of_bits(hashes[one] - hashes[two])
    np.testing.assert_array_equal(embedder.embed(chips[3:4]).vectors, templates.vectors[3:4])
    assert embedder.embed(chips[:0]).vectors.shape == (0, 64)


def test_the_cosine_of_a_number_of_bits() -> None:
    assert [cosine_of_bits(n) for n in (0, 6, 32, 64)] == [1.0, 0.8125, 0.0, -1.0]
    assert all(bits_of_cosine(cosine_of_bits(n) + 0.01) == n for n in range(HASH_BITS + 1))


@pytest.mark.parametrize(
    "asked", [{"weights": Path("w.dat")}, {"sha256": "0" * 64}, {"precision": "bf16"}, {"device": "cuda"}]
)
def test_what_it_has_not_is_refused(asked: dict[str, Any]) -> None:
    with pytest.raises(ModelError) as refused:
        PerceptualHash(EmbedderChoice(name="phash", **asked))
    assert str(refused.value) == (
        "embedder 'phash' has no weights, one precision and no use for a device\n"
        "Leave out `weights`, `sha256`, `precision` and `device`."
    )


# ------------------------------------------------------------------------------------------ odd pictures


def test_all_pictures_of_one_colour_have_one_template_far_from_any_other(lfw_faces: list[Pixels]) -> None:
    random = np.random.default_rng(1)
    flat = [np.full((40, 30, 3), grey, np.uint8) for grey in range(256)]
    flat += [np.full((5, 5, 3), colour, np.uint8) for colour in random.integers(0, 256, (50, 3))]
    flat += [np.full((64, 64, 3), 90, np.uint8) + random.integers(0, 3, (64, 64, 3), dtype=np.uint8)]
    flat += [decode(jpeg(picture)) for picture in flat[:20]]
    of_flat = embedded(flat).templates.vectors
    assert len(np.unique(of_flat, axis=0)) == 1
    assert np.linalg.norm(of_flat[0]) == 1
    of_faces = embedded(lfw_faces[:100]).templates.vectors
    assert ((1 - of_faces @ of_flat[0]) * 32).min() >= 31


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (1, 6000), (6000, 1), (2, 2)])
def test_any_shape_has_a_hash(shape: tuple[int, int]) -> None:
    picture = np.random.default_rng(4).integers(0, 256, (*shape, 3), dtype=np.uint8)
    templates = embedded([picture])
    assert templates.n_faces.tolist() == [2]
    assert np.linalg.norm(templates.templates.vectors, axis=1).tolist() == [1, 1]


# ------------------------------------------------------------------------------- copies and strangers


@pytest.mark.parametrize(
    "alter",
    [mirrored, relit, blurred, shrunk, low_resolution, lambda picture: decode(jpeg(picture, 30))],
    ids=["mirrored", "relit", "blurred", "shrunk", "low resolution", "recompressed"],
)
def test_copies_are_within_six_bits(alter: Callable[[Pixels], Pixels], lfw_faces: list[Pixels]) -> None:
    faces = lfw_faces[:100]
    assert np.diag(n_bits_apart([alter(face) for face in faces], faces)).max() <= 6


def test_pictures_of_different_people_are_not(lfw_faces: list[Pixels]) -> None:
    apart = n_bits_apart(lfw_faces[:100], lfw_faces[:100])
    assert apart[np.triu_indices(100, 1)].min() > 6


def test_a_mirrored_copy_is_found_on_the_whole_way(tmp_path: Path, lfw_faces: list[Pixels]) -> None:
    """Two rows for each picture and no faces: store, gallery and search bear it."""
    embedder = PerceptualHash(EmbedderChoice(name="phash"))
    store = DiskTemplateStore(tmp_path, embedder.spec)
    digests = [hashlib.sha256(face).hexdigest() for face in lfw_faces[:30]]
    store.add(digests, embedded(lfw_faces[:30]))
    kept = DiskTemplateStore(tmp_path, embedder.spec).get(digest_array(digests))
    assert (kept.n_faces.tolist(), kept.faces) == ([2] * 30, None)

    copies = [mirrored(lfw_faces[7]), lfw_faces[7], decode(jpeg(mirrored(lfw_faces[21]))), lfw_faces[50]]
    for made in (embedded(copies), embedded(copies).taken(np.arange(4), largest_only=True)):
        near = Neighbours(generated=gallery(made, "made"), source=gallery(kept, "source"), metric="cosine")
        found = near.matches(3)
        assert found.source_index[:3, 0].tolist() == [7, 7, 21]
        assert found.similarity[:2, 0].tolist() == [1, 1]
        assert found.similarity[2, 0] >= cosine_of_bits(2)
        assert found.similarity[3, 0] < cosine_of_bits(6)
        assert all(len(set(row)) == 3 for row in found.source_index.tolist()), "a source image counts once"
        assert found.source_box is None
