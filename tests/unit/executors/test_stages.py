from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from raw_pictures import (
    CountingPixels,
    Files,
    Write,
    contents,
    decode,
    missing,
    numbered,
    picture,
    silent,
)

from faceleak_check.errors import ModelError
from faceleak_check.executors.local import LocalExecutor
from faceleak_check.executors.stages import Collected, EmbedStage, ScreenStage, SurveyStage
from faceleak_check.faces.align import FaceChip, WholePictures, template_points
from faceleak_check.landmarks import ARCFACE_112
from faceleak_check.protocols import Pixels
from faceleak_check.records import Face, FaceTemplates, ImageRef, ScreenSpec
from faceleak_check.store.templates import DiskTemplateStore
from faceleak_check.store.values import DiskValueStore


def face(n: int, of: int) -> Face:
    """The n-th face of a picture whose first byte is `of`."""
    at = float(10 * n)
    points = ((at + 1, 1.0), (at + 3, 1.0), (at + 2, 2.0), (at + 1, 3.0), (at + 3, 3.5))
    return Face(box=(at, 0.0, at + 4, 4.0), points=points, confidence=of / 256)


def n_faces_of(one: Pixels) -> int:
    return int(one[0, 0, 0]) % 4


class FakeCutter:
    """Finds as many faces as the last two bits of the first byte say; the chip of each is another."""

    def __init__(self) -> None:
        self.n_loads = 0

    def load(self) -> None:
        self.n_loads += 1

    def cut(self, pictures: Sequence[Pixels]) -> list[tuple[FaceChip, ...]]:
        assert self.n_loads == 1
        return [
            tuple(
                FaceChip(pixels=np.roll(one, n), face=face(n, int(one[0, 0, 0])))
                for n in range(n_faces_of(one))
            )
            for one in pictures
        ]


@pytest.fixture
def embedder() -> CountingPixels:
    return CountingPixels()


# ----------------------------------------------------------------------------------------------- embedding


@pytest.mark.parametrize("batch_size", [3, 32])
@pytest.mark.parametrize("n_threads", [1, 3])
def test_pictures_with_no_one_and_several_faces(
    batch_size: int, n_threads: int, write: Write, files: Files, embedder: CountingPixels, tmp_path: Path
) -> None:
    embedder.batch_size = batch_size
    store, cutter = DiskTemplateStore(tmp_path / "store", embedder.spec), FakeCutter()
    images = write(numbered(50))
    LocalExecutor(decode, n_threads).run(images, files, EmbedStage(cutter, embedder), store, silent, "")

    found = DiskTemplateStore(tmp_path / "store", embedder.spec).get(contents(images))
    pictures = [decode(picture(number)) for number in range(50)]
    assert {*found.n_faces.tolist()} == {0, 1, 2, 3}
    assert found.n_faces.tolist() == [n_faces_of(one) for one in pictures]
    assert max(embedder.batches) <= batch_size
    chips = [chip for faces in cutter.cut(pictures) for chip in faces]
    expected = CountingPixels()
    expected.load()
    np.testing.assert_array_equal(
        found.templates.vectors, expected.embed(np.stack([chip.pixels for chip in chips])).vectors
    )
    assert [found.face(row) for row in range(len(chips))] == [chip.face for chip in chips]


def test_a_batch_of_many_faces_is_embedded_in_the_embedders_batches(embedder: CountingPixels) -> None:
    embedder.batch_size = 4
    stage = EmbedStage(FakeCutter(), embedder)
    stage.load()
    chips = tuple(FaceChip(pixels=decode(picture(n)), face=face(n, 1)) for n in range(7))
    found = stage.compute([chips[:3], (), chips[3:]])
    assert embedder.batches == [4, 3]
    assert found.n_faces.tolist() == [3, 0, 4]


def test_whole_pictures_have_no_faces_and_one_template_each(embedder: CountingPixels) -> None:
    stage = EmbedStage(WholePictures(8), embedder)
    stage.load()
    found = stage.compute(stage.prepare([], [decode(picture(n)) for n in range(3)]))
    for one in (found, stage.joined([found])):
        assert (one.n_faces.tolist(), one.faces) == ([1, 1, 1], None)
    both = stage.joined([found, found])
    assert (both.n_faces.tolist(), both.templates.vectors.shape, both.faces) == ([1] * 6, (6, 192), None)


def test_pictures_without_any_face_are_known_as_such(
    write: Write, files: Files, embedder: CountingPixels, tmp_path: Path
) -> None:
    """The next run must not look at them again, and other batches must still be joined to them."""
    images = write({f"{n}.raw": bytes([4 * n, *picture(n)[1:]]) for n in range(5)})
    with_face = write({"face.raw": bytes([1, *picture(9)[1:]])})
    embedder.batch_size = 2
    store, cutter = DiskTemplateStore(tmp_path / "store", embedder.spec), FakeCutter()
    executor = LocalExecutor(decode, 1)
    executor.run(images + with_face, files, EmbedStage(cutter, embedder), store, silent, "")
    reopened = DiskTemplateStore(tmp_path / "store", embedder.spec)
    assert (embedder.batches, missing(reopened, images)) == ([1], [])
    found = reopened.get(contents(images))
    assert found.faces is not None
    assert (found.n_faces.tolist(), found.templates.vectors.shape, found.faces.shape) == (
        [0] * 5,
        (0, 192),
        (0, 15),
    )
    assert reopened.get(contents(with_face)).face(0) == face(0, 1)


def test_a_run_over_pictures_without_any_face_needs_no_template(embedder: CountingPixels) -> None:
    stage = EmbedStage(FakeCutter(), embedder)
    found = stage.joined([stage.compute([(), ()]), stage.compute([()])])
    assert isinstance(found, FaceTemplates)
    assert found.faces is not None
    assert found.n_faces.tolist() == [0, 0, 0]
    for array, width in ((found.templates.vectors, 192), (found.faces, 15)):
        assert (array.dtype.name, array.shape) == ("float32", (0, width))


def test_cutter_and_network_are_loaded_once(write: Write, files: Files, embedder: CountingPixels) -> None:
    cutter = FakeCutter()
    stage = EmbedStage(cutter, embedder)
    LocalExecutor(decode, 3).run(write(numbered(200)), files, stage, Collected(), silent, "")
    assert (cutter.n_loads, embedder.n_loads) == (1, 1)


# ------------------------------------------------------------------------------------------------- screens


class FakeScreen:
    """Gives each picture a value that tells the picture and the faces that came with it."""

    batch_size = 3

    def __init__(self) -> None:
        self.spec = ScreenSpec(
            method="fake", model="none", weights_sha256="", licence="MIT", question="", preprocessing=""
        )
        self.n_loads = 0
        self.batches: list[int] = []
        self._lock = threading.Lock()

    def load(self) -> None:
        self.n_loads += 1

    def measure(
        self, pictures: Sequence[Pixels], faces: Sequence[tuple[Face, ...] | None]
    ) -> npt.NDArray[np.float64]:
        assert self.n_loads == 1
        with self._lock:
            self.batches.append(len(pictures))
        return np.array([self.value(one, known) for one, known in zip(pictures, faces, strict=True)])

    @staticmethod
    def value(one: Pixels, known: tuple[Face, ...] | None) -> float:
        if known is None:
            return int(one[0, 0, 0]) / 1024
        return (int(one[0, 0, 0]) + sum(found.confidence for found in known)) / 1024 + 0.5


Faces = Callable[[ImageRef], tuple[Face, ...] | None]


def own_faces(image: ImageRef) -> tuple[Face, ...]:
    """Faces that tell which picture they are of."""
    number = int(image.id.partition(".")[0])
    return tuple(face(n, number) for n in range(number % 3))


@pytest.mark.parametrize("n_threads", [1, 3])
@pytest.mark.parametrize("faces_of", [own_faces, lambda image: None], ids=["faces", "whole"])
def test_a_screen_gets_each_picture_with_its_own_faces(
    faces_of: Faces, n_threads: int, write: Write, files: Files, tmp_path: Path
) -> None:
    screen = FakeScreen()
    store = DiskValueStore(tmp_path / "store", screen.spec)
    images = write(numbered(40) | {f"{n}.raw": b"torn %d" % n for n in range(0, 40, 7)})
    gone = LocalExecutor(decode, n_threads).run(
        images, files, ScreenStage(screen, faces_of), store, silent, ""
    )
    good = [number for number in range(40) if number % 7]
    assert [lost.id for lost in gone] == [f"{n}.raw" for n in range(0, 40, 7)]
    assert (sum(screen.batches), max(screen.batches), screen.n_loads) == (len(good), 3, 1)
    found = DiskValueStore(tmp_path / "store", screen.spec).get(contents([images[n] for n in good]))
    assert found.tolist() == [FakeScreen.value(decode(picture(n)), faces_of(images[n])) for n in good]


def test_values_that_are_no_probabilities_are_refused(write: Write, files: Files, tmp_path: Path) -> None:
    class Unsure(FakeScreen):
        @staticmethod
        def value(one: Pixels, known: tuple[Face, ...] | None) -> float:
            return float("nan")

    screen = Unsure()
    store = DiskValueStore(tmp_path / "store", screen.spec)
    stage = ScreenStage(screen, lambda image: None)
    with pytest.raises(ModelError) as refused:
        LocalExecutor(decode).run(write(numbered(2)), files, stage, store, silent, "")
    assert str(refused.value) == (
        "screen 'fake' gave values that are no probabilities\n"
        "Found values that are not in [0, 1]; expected 2 finite float64 values in [0, 1]. The screen is broken."
    )
    assert len(store) == 0


# ------------------------------------------------------------------------------------------------- surveys


class FakeDetector:
    """Finds a face in pictures with an even first byte: where the template has it, or as far off as asked."""

    name = "fake"

    def __init__(self, shift: float) -> None:
        self.n_loads = 0
        self._shift = shift

    def load(self) -> None:
        self.n_loads += 1

    def detect(self, pictures: Sequence[Pixels]) -> list[tuple[Face, ...]]:
        assert self.n_loads == 1
        one, two, three, four, five = ((x + self._shift, y) for x, y in template_points(ARCFACE_112, size=8))
        found = Face(box=(0, 0, 8, 8), points=(one, two, three, four, five), confidence=0.99)
        small = face(0, 1)
        return [() if one[0, 0, 0] % 2 else (found, small) for one in pictures]


def test_a_survey_tells_of_each_picture_how_far_its_largest_face_is_off(write: Write, files: Files) -> None:
    kept = Collected()
    eyes = 8 / 112 * float(np.linalg.norm(np.subtract(*ARCFACE_112.points[:2])))
    stage = SurveyStage(FakeDetector(shift=eyes / 2), ARCFACE_112, 8)
    images = write({f"{n}.raw": bytes([n % 2, *picture(n)[1:]]) for n in range(9)} | {"9.raw": b"torn"})
    gone = LocalExecutor(decode, 2).run(images, files, stage, kept, silent, "")
    assert [lost.id for lost in gone] == ["9.raw"]
    (offsets,) = kept.results
    assert [offset is None for offset in offsets] == [bool(n % 2) for n in range(9)]
    assert [offset for offset in offsets if offset is not None] == pytest.approx([0.5] * 5)


def test_a_face_where_the_template_has_it_is_not_off() -> None:
    stage = SurveyStage(FakeDetector(shift=0), ARCFACE_112, 8)
    stage.load()
    assert stage.prepare([], [np.zeros((8, 8, 3), np.uint8)]) == pytest.approx([0], abs=1e-9)
