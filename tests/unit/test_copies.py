from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageOps

import faceleak_check.copies as module
from faceleak_check.checks.near_copy import MOST_BITS
from faceleak_check.copies import Kinds
from faceleak_check.embedding import EmbeddedSets, build_embedder
from faceleak_check.executors.local import LocalExecutor
from faceleak_check.image_sets import EmbeddedSet
from faceleak_check.policy.schema import Dataset, EmbedderChoice, Labels
from faceleak_check.readers.decode import decode
from faceleak_check.records import ImageRef, Pair

Pixels = npt.NDArray[np.uint8]
FAKE = EmbedderChoice(name="fake-pixels")


def picture(seed: int) -> Image.Image:
    """A picture of large patches of colour, as perceptual hashes want it."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((96, 96), Image.Resampling.BICUBIC)


class Project:
    """Two folders of pictures, and a store."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.told: list[str] = []
        self.n_decoded = 0
        self.sets = EmbeddedSets(folder / "store", LocalExecutor(self._decode, 1), self._tell, [])

    def _decode(self, data: bytes) -> Pixels:
        self.n_decoded += 1
        return decode(data)

    def _tell(self, stage: str, done: int, total: int) -> None:
        if stage not in self.told:
            self.told.append(stage)

    def save(self, name: str, what: Image.Image, *, quality: int = 75) -> None:
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        what.save(path, quality=quality)

    def embed(self, name: str) -> EmbeddedSet:
        dataset = Dataset(
            name=name,
            path=self.folder / name,
            format="folder",
            labels=Labels(kind="none"),
            columns=None,
            line=1,
            column=1,
        )
        return self.sets.embed(dataset, FAKE, build_embedder(FAKE))

    def kinds(self) -> tuple[Kinds, dict[str, ImageRef]]:
        generated, source = self.embed("generated"), self.embed("training")
        images = {image.id: image for image in (*generated.images, *source.images)}
        return Kinds(self.sets, generated, source), images


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def pair(images: dict[str, ImageRef], generated: str, source: str) -> Pair:
    return Pair(generated=images[generated], source=images[source], similarity=0.9)


def test_copies_are_told_from_other_pictures(project: Project) -> None:
    photograph = picture(1)
    project.save("training/1.png", photograph)
    project.save("training/2.png", picture(2))
    project.save("generated/exact.png", photograph)
    project.save("generated/recompressed.jpg", photograph, quality=50)
    project.save("generated/mirrored.png", ImageOps.mirror(photograph))
    project.save("generated/shrunk.png", photograph.resize((40, 40)))
    project.save("generated/other.png", picture(3))
    kinds, images = project.kinds()
    names = ["exact.png", "recompressed.jpg", "mirrored.png", "shrunk.png", "other.png"]
    told = kinds.told([pair(images, name, "1.png") for name in names])
    assert [one.kind for one in told] == ["copy", "copy", "copy", "copy", "person"]
    bits = [one.bits for one in told]
    assert bits[0] == 0
    assert all(n is not None and n <= MOST_BITS for n in bits[:4])
    assert bits[4] is not None
    assert MOST_BITS < bits[4] <= 64
    # nothing but the kind is changed
    assert [replace(one, kind=None, bits=None) for one in told] == [
        pair(images, name, "1.png") for name in names
    ]
    assert kinds.told([pair(images, "exact.png", "2.png")])[0].kind == "person"


def test_where_pairs_are_no_leaks_only_copies_are_told(project: Project) -> None:
    """Of the nearest pairs, shown for a look, nothing says that they show one person."""
    project.save("training/1.png", picture(1))
    project.save("generated/same.png", picture(1).resize((80, 80)))
    project.save("generated/other.png", picture(2))
    kinds, images = project.kinds()
    pairs = [pair(images, name, "1.png") for name in ("same.png", "other.png")]
    copy, other = kinds.told(pairs, leaks=False)
    assert (copy.kind, other.kind) == ("copy", None)
    assert other.bits == kinds.told(pairs)[1].bits


def test_the_mirror_image_counts_on_either_side(project: Project) -> None:
    project.save("training/1.png", ImageOps.mirror(picture(1)))
    project.save("generated/1.png", picture(1))
    kinds, _ = project.kinds()
    generated, source = (project.embed(name).images[0] for name in ("generated", "training"))
    [told] = kinds.told([Pair(generated=generated, source=source, similarity=0.9)])
    assert (told.kind, told.bits) == ("copy", 0)


def test_hashes_are_computed_once_and_only_of_the_pairs(project: Project) -> None:
    for n in range(6):
        project.save(f"training/{n}.png", picture(n))
        project.save(f"generated/g{n}.png", picture(10 + n))
    kinds, images = project.kinds()
    project.n_decoded, project.told = 0, []
    kinds.told([pair(images, "g0.png", "1.png"), pair(images, "g0.png", "2.png")])
    assert project.n_decoded == 3
    assert project.told == ["comparing pictures of generated", "comparing pictures of training"]
    kinds.told([pair(images, "g0.png", "1.png")])
    assert project.n_decoded == 3


def test_a_file_that_went_away_leaves_its_pairs_without_a_kind(project: Project) -> None:
    project.save("training/1.png", picture(1))
    project.save("generated/a.png", picture(1))
    project.save("generated/b.png", picture(2))
    kinds, images = project.kinds()
    (project.folder / "generated" / "b.png").unlink()
    told = kinds.told([pair(images, name, "1.png") for name in ("a.png", "b.png")])
    assert [(one.kind, one.bits is None) for one in told] == [("copy", False), (None, True)]


def test_of_too_many_pairs_the_worst_are_compared(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_PAIRS", 2)
    project.save("training/1.png", picture(1))
    for n in range(3):
        project.save(f"generated/g{n}.png", picture(10 + n))
    kinds, images = project.kinds()
    told = kinds.told([pair(images, f"g{n}.png", "1.png") for n in range(3)])
    assert [one.kind for one in told] == ["person", "person", None]


def test_without_pairs_nothing_is_opened(project: Project) -> None:
    project.save("training/1.png", picture(1))
    project.save("generated/a.png", picture(2))
    kinds, _ = project.kinds()
    project.n_decoded = 0
    assert kinds.told([]) == ()
    assert project.n_decoded == 0
