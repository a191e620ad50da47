from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from faceleak_check.embedders.fake_pixels import FakePixels
from faceleak_check.embedding import EmbeddedSets, build_embedder, loaded
from faceleak_check.errors import InconclusiveError, ModelError
from faceleak_check.executors.local import LocalExecutor
from faceleak_check.faces.align import aligned_chip
from faceleak_check.faces.detect import Mtcnn
from faceleak_check.image_sets import EmbeddedSet, each_content_once, summary_of, with_excluded
from faceleak_check.landmarks import ARCFACE_112
from faceleak_check.policy.schema import Dataset, EmbedderChoice, Labels
from faceleak_check.protocols import Embedder, Pixels
from faceleak_check.readers.decode import decode
from faceleak_check.records import (
    Alignment,
    Counts,
    EmbedderSpec,
    Exclusion,
    Face,
    ImageList,
    ImageRef,
    ImageSet,
    SetSummary,
    Templates,
)
from faceleak_check.registry import Registry

WriteSet = Callable[..., Path]


class ChipPixels:
    """The pixels of a chip of 32 x 32 as a template; it knows where a face lies in its chips."""

    batch_size = 4

    def __init__(self) -> None:
        self.n_loads = 0
        self.spec = EmbedderSpec(
            name="chip-pixels",
            weights_sha256="",
            licence="MIT",
            dimension=32 * 32 * 3,
            input_size=32,
            colour_order="RGB",
            normalisation="(RGB - 127.5) / 127.5",
            template=ARCFACE_112,
            recognises_people=False,
        )

    def load(self) -> None:
        self.n_loads += 1

    def embed(self, chips: npt.NDArray[np.uint8]) -> Templates:
        rows = (chips.reshape(len(chips), -1).astype(np.float64) - 127.5) / 127.5
        norms = np.linalg.norm(rows, axis=1)
        return Templates(vectors=(rows / norms[:, None]).astype(np.float32), norms=norms.astype(np.float32))


class Project:
    """Datasets in a folder, and a store that lives as long as the test; each `embed` is a new run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = folder / "store"
        self.notes: list[str] = []
        self.told: list[str] = []
        self.n_decoded = 0
        self.n_embedded = 0
        self._lock = threading.Lock()

    def dataset(self, name: str, **keys: Any) -> Dataset:
        labels = Labels(kind=keys.pop("labels", "none"))
        return Dataset(
            name=name,
            path=self.folder / name,
            format="folder",
            labels=labels,
            columns=None,
            line=1,
            column=1,
            **keys,
        )

    def embed(
        self,
        dataset: Dataset,
        embedder: Embedder | None = None,
        sets: EmbeddedSets | None = None,
        **keys: Any,
    ) -> EmbeddedSet:
        choice = EmbedderChoice(name="fake-pixels", **keys)
        used = sets or self.sets()
        before = used.n_embedded
        self.n_decoded, self.told = 0, []
        found = used.embed(dataset, choice, embedder or FakePixels(choice))
        self.n_embedded = used.n_embedded - before
        return found

    def sets(self) -> EmbeddedSets:
        return EmbeddedSets(self.store, LocalExecutor(self._decode, 2), self._tell, self.notes)

    def _decode(self, data: bytes) -> Pixels:
        with self._lock:
            self.n_decoded += 1
        return decode(data)

    def _tell(self, stage: str, done: int, total: int) -> None:
        self.told = list(dict.fromkeys([*self.told, stage]))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def ids(one: EmbeddedSet) -> list[str]:
    return [image.id for image in one.images]


# --------------------------------------------------------------------------------- pictures without faces


def test_pictures_are_taken_whole_for_an_embedder_that_knows_no_faces(
    project: Project, write_set: WriteSet
) -> None:
    write_set(project.folder / "photos", ["b.png", "a/1.png", "c.png"], seed=1)
    (project.folder / "photos/notes.txt").write_text("no image")
    found = project.embed(project.dataset("photos"))

    assert ids(found) == ["a/1.png", "b.png", "c.png"]
    pictures = [np.asarray(Image.open(project.folder / "photos" / name)) for name in ids(found)]
    expected = FakePixels(EmbedderChoice(name="fake-pixels")).embed(np.stack(pictures))
    np.testing.assert_array_equal(found.templates.templates.vectors, expected.vectors, strict=True)
    np.testing.assert_array_equal(found.templates.templates.norms, expected.norms, strict=True)
    assert (found.templates.n_faces.tolist(), found.templates.faces) == ([1, 1, 1], None)
    assert found.summary == SetSummary(
        name="photos",
        sha256=found.summary.sha256,
        median_norm=pytest.approx(8.2466, abs=1e-4),
        counts=Counts(n_seen=3, n_embedded=3, n_unreadable=0),
        n_other_files={".txt": 1},
    )
    assert found.alignment == Alignment(
        asked="auto",
        used="none",
        reason="the embedder does not say where a face lies in its chips, so pictures are taken whole",
    )
    assert found.reader.read(found.images[1]) == (project.folder / "photos/b.png").read_bytes()


def test_what_the_store_has_is_not_read_again(project: Project, write_set: WriteSet) -> None:
    write_set(project.folder / "photos", [f"{n}.png" for n in range(5)], seed=1)
    first = project.embed(project.dataset("photos"))
    assert (project.n_decoded, project.n_embedded) == (5, 5)
    assert project.told == ["listing photos", "embedding photos"]
    write_set(project.folder / "photos", ["5.png"], seed=2)
    again = project.embed(project.dataset("photos"))
    assert (project.n_decoded, project.n_embedded) == (1, 1)
    np.testing.assert_array_equal(
        again.templates.templates.vectors[:5], first.templates.templates.vectors, strict=True
    )
    project.embed(project.dataset("photos"))
    assert (project.n_decoded, project.n_embedded, project.told) == (0, 0, ["listing photos"])


def test_equal_files_are_embedded_once_and_counted_each(project: Project, write_set: WriteSet) -> None:
    folder = write_set(project.folder / "photos", ["ann/1.png", "bob/1.png"], seed=1)
    shutil.copy(folder / "ann/1.png", folder / "bob/2.png")
    shutil.copy(folder / "ann/1.png", folder / "ann/3.png")
    found = project.embed(project.dataset("photos", labels="parent_folder"))
    assert (project.n_decoded, project.n_embedded) == (2, 2)
    assert ids(found) == ["ann/1.png", "ann/3.png", "bob/1.png", "bob/2.png"]
    assert found.summary.counts == Counts(n_seen=4, n_embedded=4, n_unreadable=0)

    every, once = found.gallery(), found.gallery(each_content_once=True)
    assert [image.labels for image in every.images] == [("ann",), ("ann",), ("bob",), ("bob",)]
    assert [(image.id, image.labels) for image in once.images] == [
        ("ann/1.png", ("ann", "bob")),
        ("bob/1.png", ("bob",)),
    ]
    np.testing.assert_array_equal(
        once.templates.vectors, every.templates.vectors[np.array([0, 2])], strict=True
    )
    assert (every.boxes, once.boxes, once.n_faces.tolist()) == (None, None, [1, 1])
    assert each_content_once(found.images) == once.images


def test_damaged_pictures_are_counted_under_each_of_their_names(
    project: Project, write_set: WriteSet
) -> None:
    folder = write_set(project.folder / "photos", ["a.png", "c.png"], seed=1)
    whole = (folder / "a.png").read_bytes()
    for name in ("b.png", "d.png"):
        (folder / name).write_bytes(whole[: len(whole) // 2])
    (folder / "e.png").write_bytes(b"")
    for n_embedded in (2, 0):
        found = project.embed(project.dataset("photos"))
        assert project.n_embedded == n_embedded
        assert ids(found) == ["a.png", "c.png"]
        assert found.summary.counts == Counts(n_seen=5, n_embedded=2, n_unreadable=3)
        assert [(gone.id, gone.rule, gone.reason) for gone in found.summary.excluded] == [
            ("b.png", "unreadable", "the PNG file is cut short"),
            ("d.png", "unreadable", "the PNG file is cut short"),
            ("e.png", "unreadable", "the file is empty"),
        ]
        assert len({gone.sha256 for gone in found.summary.excluded[:2]}) == 1


def test_a_set_of_damaged_pictures_alone_is_empty(project: Project) -> None:
    (project.folder / "photos").mkdir()
    (project.folder / "photos/a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"torn")
    found = project.embed(project.dataset("photos"))
    assert (found.images, found.templates.templates.vectors.shape) == ((), (0, 192))
    assert found.summary.counts == Counts(n_seen=1, n_embedded=0, n_unreadable=1)
    assert len(found.gallery(each_content_once=True)) == 0


def test_damaged_shards_are_named_once_and_their_images_embedded_again(
    project: Project, write_set: WriteSet
) -> None:
    write_set(project.folder / "photos", [f"{n}.png" for n in range(3)], seed=1)
    first = project.embed(project.dataset("photos"))
    assert project.notes == []
    (shard,) = (project.store / "v2" / "templates").rglob("*.safetensors")
    whole = shard.read_bytes()
    shard.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))

    sets = project.sets()
    again = project.embed(project.dataset("photos"), sets=sets)
    assert project.n_embedded == 3
    project.embed(project.dataset("photos"), sets=sets)
    (note,) = project.notes
    assert note == (
        "1 damaged shard of the store was passed over, and its images are computed again: "
        f"{shard.name} in {shard.parent}"
    )
    np.testing.assert_array_equal(again.templates.templates.vectors, first.templates.templates.vectors)
    project.embed(project.dataset("photos"))
    assert (project.n_embedded, len(project.notes)) == (0, 1)


@pytest.mark.parametrize("keys", [{"align": "mtcnn"}, {}], ids=["embedder", "dataset"])
def test_faces_cannot_be_aligned_for_an_embedder_that_knows_none(
    keys: dict[str, Any], project: Project, write_set: WriteSet
) -> None:
    write_set(project.folder / "photos", ["a.png"], seed=1)
    dataset = project.dataset("photos", align=None if keys else "mtcnn")
    with pytest.raises(ModelError) as refused:
        project.embed(dataset, **keys)
    assert str(refused.value) == (
        "faces cannot be aligned for embedder 'fake-pixels'\n"
        "It does not say where a face lies in its chips: set `align: none` for 'photos', or name its `template`."
    )
    assert project.n_decoded == 0


def test_a_dataset_takes_back_what_the_embedder_asks(project: Project, write_set: WriteSet) -> None:
    write_set(project.folder / "photos", ["a.png"], seed=1)
    found = project.embed(project.dataset("photos", align="none"), align="mtcnn")
    assert (found.alignment.asked, found.alignment.used) == ("none", "none")


def test_a_part_that_is_not_there() -> None:
    """A policy's names are known to be good, but a third party's part may have gone since."""
    with pytest.raises(InconclusiveError) as refused:
        loaded(Registry("embedder", {"fake-pixels": "faceleak_check:FakePixels"}), "fake-pixel")
    assert (refused.value.message, refused.value.detail) == (
        "embedder 'fake-pixel' cannot be loaded",
        "unknown embedder 'fake-pixel' (did you mean 'fake-pixels'?); there are: fake-pixels",
    )


def test_the_embedder_that_a_policy_names() -> None:
    assert isinstance(build_embedder(EmbedderChoice(name="fake-pixels")), FakePixels)


# ------------------------------------------------------------------------------------- pictures with faces


@pytest.fixture(scope="session")
def astronaut() -> Pixels:
    """A photograph of a person with much around her: RGB, uint8, 512 x 512."""
    package = find_spec("skimage")
    if package is None or package.origin is None:
        pytest.skip("needs the photographs that scikit-image ships: pip install '.[demo]'")
    return np.array(Image.open(Path(package.origin).parent / "data" / "astronaut.png").convert("RGB"))


def scene(*faces: tuple[Pixels, int, int, int]) -> Pixels:
    """Faces, each of a side and at a place, on grey."""
    canvas = Image.new("RGB", (480, 320), (128, 128, 128))
    for pixels, side, left, top in faces:
        canvas.paste(Image.fromarray(pixels).resize((side, side)), (left, top))
    return np.asarray(canvas)


def save(folder: Path, pictures: Mapping[str, Pixels]) -> None:
    folder.mkdir()
    for name, pixels in pictures.items():
        Image.fromarray(pixels).save(folder / name)


@pytest.fixture
def people(project: Project, lfw_faces: list[Pixels]) -> Project:
    """``people``: one picture of one person, one of two, one of nobody."""
    one, two = lfw_faces[0], lfw_faces[1]
    save(
        project.folder / "people",
        {
            "one.png": scene((one, 150, 40, 60)),
            "two.png": scene((one, 120, 20, 60), (two, 220, 240, 50)),
            "nobody.png": scene(),
        },
    )
    return project


def faces_of(one: EmbeddedSet) -> list[Face | None]:
    return [one.templates.face(row) for row in range(len(one.templates.templates))]


def test_every_face_is_cut_and_embedded_and_pictures_without_one_are_counted(people: Project) -> None:
    embedder = ChipPixels()
    found = people.embed(people.dataset("people"), embedder, align="mtcnn")
    assert ids(found) == ["one.png", "two.png"]
    assert found.templates.n_faces.tolist() == [1, 2]
    assert found.summary.n_faces == 3
    assert found.summary.counts == Counts(n_seen=3, n_embedded=2, n_unreadable=0, n_excluded={"no_face": 1})
    (nobody,) = found.summary.excluded
    assert nobody == Exclusion(
        id="nobody.png", rule="no_face", reason="no face was found in it", sha256=nobody.sha256
    )
    assert (found.alignment.asked, found.alignment.used) == ("mtcnn", "mtcnn")

    large, small = faces_of(found)[1:]
    assert large is not None
    assert small is not None
    assert large.box[0] > 240 > small.box[2]
    expected = []
    for name in ids(found):
        pixels = np.array(Image.open(people.folder / "people" / name))
        detector = Mtcnn()
        expected += [aligned_chip(pixels, face, ARCFACE_112, 32) for face in detector.detect([pixels])[0]]
    np.testing.assert_array_equal(
        found.templates.templates.vectors, embedder.embed(np.stack(expected)).vectors, strict=True
    )
    boxes = found.gallery().boxes
    assert boxes is not None
    assert [tuple(box) for box in np.asarray(boxes).tolist()] == [
        face.box for face in faces_of(found) if face
    ]


@pytest.mark.parametrize("by_dataset", [False, True], ids=["embedder", "dataset"])
def test_the_largest_face_alone(by_dataset: bool, people: Project) -> None:
    everyone = people.embed(people.dataset("people"), ChipPixels(), align="mtcnn")
    dataset = people.dataset("people", faces="largest" if by_dataset else None)
    found = people.embed(dataset, ChipPixels(), align="mtcnn", faces="error" if by_dataset else "largest")
    assert people.n_embedded == 0
    assert ids(found) == ["one.png", "two.png"]
    assert (found.templates.n_faces.tolist(), found.summary.n_faces) == ([1, 1], 2)
    assert faces_of(found) == faces_of(everyone)[:2]
    np.testing.assert_array_equal(
        found.templates.templates.vectors, everyone.templates.templates.vectors[:2], strict=True
    )


@pytest.mark.parametrize("by_dataset", [False, True], ids=["embedder", "dataset"])
def test_several_faces_may_make_a_picture_unusable(by_dataset: bool, people: Project) -> None:
    dataset = people.dataset("people", faces="error" if by_dataset else None)
    found = people.embed(dataset, ChipPixels(), align="mtcnn", faces="all" if by_dataset else "error")
    assert (ids(found), found.summary.n_faces) == (["one.png"], 1)
    assert found.summary.counts == Counts(
        n_seen=3, n_embedded=1, n_unreadable=0, n_excluded={"no_face": 1, "several_faces": 1}
    )
    assert [(gone.id, gone.rule, gone.reason) for gone in found.summary.excluded] == [
        ("nobody.png", "no_face", "no face was found in it"),
        ("two.png", "several_faces", "it shows 2 faces, and the policy says faces: error"),
    ]


def test_pictures_without_a_face_are_not_looked_at_again(people: Project) -> None:
    people.embed(people.dataset("people"), ChipPixels(), align="mtcnn")
    embedder = ChipPixels()
    people.embed(people.dataset("people"), embedder, align="mtcnn")
    assert (people.n_decoded, people.n_embedded, embedder.n_loads) == (0, 0, 0)


def test_whole_pictures_and_faces_of_one_embedder_are_kept_apart(people: Project) -> None:
    aligned = people.embed(people.dataset("people"), ChipPixels(), align="none", faces="all")
    assert (aligned.summary.n_faces, aligned.templates.faces) == (None, None)
    assert people.n_embedded == 3
    dataset = people.dataset("people", align="mtcnn")
    found = people.embed(dataset, ChipPixels(), align="none")
    assert (people.n_embedded, found.summary.n_faces) == (3, 3)
    assert (found.alignment.asked, found.alignment.used) == ("mtcnn", "mtcnn")
    specs = [json.loads(path.read_text()) for path in people.store.rglob("spec.json")]
    assert sorted(spec["alignment"] for spec in specs) == [
        "mtcnn (version 1, longest side 224 to 640 pixels, confidence from 0.9): five points to arcface-112",
        "none: the whole picture, padded to a square with black and resized bilinearly",
    ]
    assert {spec["template"]["name"] for spec in specs} == {"arcface-112"}


def test_the_survey_is_made_once(people: Project) -> None:
    first = people.embed(people.dataset("people"), ChipPixels(), align="mtcnn")
    assert people.n_decoded == 3 + 3
    assert people.told == ["listing people", "sampling people", "embedding people"]
    assert first.alignment.survey is not None
    assert (first.alignment.survey.n_sampled, first.alignment.survey.n_with_face) == (3, 2)
    again = people.embed(people.dataset("people"), ChipPixels(), align="mtcnn")
    assert (people.n_decoded, people.told) == (0, ["listing people"])
    assert (again.summary, again.alignment) == (first.summary, first.alignment)


def test_a_damaged_survey_is_made_again(people: Project) -> None:
    first = people.embed(people.dataset("people"), ChipPixels(), align="mtcnn")
    (note,) = (people.store / "v2/surveys").iterdir()
    whole = note.read_text()
    note.write_text(whole.replace('"n_sampled": 3', '"n_sampled": 2'))
    again = people.embed(people.dataset("people"), ChipPixels(), align="mtcnn")
    assert (people.n_decoded, again.alignment) == (3, first.alignment)
    assert note.read_text() == whole


def test_the_survey_depends_on_contents_alone(people: Project) -> None:
    first = people.embed(people.dataset("people"), ChipPixels(), align="mtcnn")
    renamed = people.folder / "renamed"
    renamed.mkdir()
    for path, name in zip(
        sorted((people.folder / "people").iterdir()), ["z.png", "b.png", "a.png"], strict=True
    ):
        shutil.copy(path, renamed / name)
        shutil.copy(path, renamed / f"copy of {name}")
    again = people.embed(people.dataset("renamed"), ChipPixels(), align="mtcnn")
    assert (people.n_decoded, people.n_embedded) == (0, 0)
    assert again.alignment == first.alignment
    assert len(list((people.store / "v2/surveys").iterdir())) == 1


def test_a_survey_in_other_company_gives_the_same_figures(people: Project, tmp_path: Path) -> None:
    """A new store and other names: other batches, other threads, and not a bit of difference."""
    first = people.embed(people.dataset("people"), ChipPixels(), align="mtcnn")
    for path, name in zip(
        sorted((people.folder / "people").iterdir()), ["z.png", "b.png", "a.png"], strict=True
    ):
        path.rename(path.with_name(name))
    people.store = tmp_path / "another store"
    again = people.embed(people.dataset("people"), ChipPixels(), align="mtcnn")
    assert people.n_decoded == 6
    assert again.alignment == first.alignment
    order = {image.sha256: row for row, image in enumerate(again.images)}
    rows = np.array([order[image.sha256] for image in first.images])
    np.testing.assert_array_equal(
        again.templates.taken(rows).templates.vectors, first.templates.templates.vectors, strict=True
    )


def test_another_embedder_with_the_same_chips_needs_no_survey_of_its_own(people: Project) -> None:
    people.embed(people.dataset("people"), ChipPixels(), align="none")
    other, larger = ChipPixels(), ChipPixels()
    other.spec = replace(other.spec, name="other-pixels")
    people.embed(people.dataset("people"), other, align="none")
    assert "sampling people" not in people.told
    larger.spec = replace(larger.spec, template=replace(ARCFACE_112, size=128))
    people.embed(people.dataset("people"), larger, align="none")
    assert "sampling people" in people.told


def test_pictures_that_are_chips_already_are_left_alone(project: Project, astronaut: Pixels) -> None:
    turned = [np.asarray(Image.fromarray(astronaut).rotate(angle)) for angle in (0, 10, 20)]
    chips = {
        f"{n}.png": aligned_chip(picture, faces[0], ARCFACE_112, 112)
        for n, (picture, faces) in enumerate(zip(turned, Mtcnn().detect(turned), strict=True))
    }
    save(project.folder / "chips", chips)
    found = project.embed(project.dataset("chips"), ChipPixels())
    assert (found.alignment.asked, found.alignment.used) == ("auto", "none")
    assert found.templates.faces is None


def test_in_photographs_faces_are_looked_for(project: Project, astronaut: Pixels) -> None:
    photographs = {f"{n}.png": np.roll(astronaut, 40 * n, axis=1) for n in range(-1, 2)}
    save(project.folder / "photographs", photographs)
    found = project.embed(project.dataset("photographs"), ChipPixels())
    assert (found.alignment.asked, found.alignment.used) == ("auto", "mtcnn")
    assert found.summary.n_faces is not None
    assert found.summary.n_faces >= 3


# --------------------------------------------------------------------------------------- taking images out


def exclusion(image: ImageRef, rule: str) -> Exclusion:
    return Exclusion(id=image.id, rule=rule, reason="for a test", sha256=image.sha256)


def test_a_set_without_some_images(project: Project, write_set: WriteSet) -> None:
    write_set(project.folder / "photos", [f"{n}.png" for n in range(5)], seed=1)
    (project.folder / "photos/9.png").write_bytes(b"")
    found = project.embed(project.dataset("photos"))
    gone = {
        found.images[3].id: exclusion(found.images[3], "unreadable"),
        found.images[0].id: exclusion(found.images[0], "no_face"),
        "elsewhere.png": Exclusion(id="elsewhere.png", rule="no_face", reason="not of this set"),
    }
    left = found.without(gone)
    assert ids(left) == ["1.png", "2.png", "4.png"]
    np.testing.assert_array_equal(
        left.templates.templates.vectors, found.templates.templates.vectors[np.array([1, 2, 4])], strict=True
    )
    assert left.summary == replace(
        found.summary,
        counts=Counts(n_seen=6, n_embedded=3, n_unreadable=2, n_excluded={"no_face": 1}),
        excluded=(gone["0.png"], gone["3.png"], *found.summary.excluded),
    )
    assert found.without({}) is found
    assert found.without({"elsewhere.png": gone["elsewhere.png"]}) is found


def test_a_set_of_faces_without_some_images_has_fewer_faces(people: Project) -> None:
    found = people.embed(people.dataset("people"), ChipPixels(), align="mtcnn")
    one, two = found.images
    left = found.without({one.id: exclusion(one, "child")})
    assert (ids(left), left.summary.n_faces) == (["two.png"], 2)
    assert left.summary.counts == Counts(
        n_seen=3, n_embedded=1, n_unreadable=0, n_excluded={"child": 1, "no_face": 1}
    )
    assert faces_of(left) == faces_of(found)[1:]
    nobody = left.without({two.id: exclusion(two, "child")})
    assert (nobody.images, nobody.summary.n_faces, len(nobody.templates.templates)) == ((), 0, 0)
    assert nobody.summary.counts.n_excluded == {"child": 2, "no_face": 1}


def test_faces_by_content(people: Project) -> None:
    shutil.copy(people.folder / "people/two.png", people.folder / "people/again.png")
    found = people.embed(people.dataset("people"), ChipPixels(), align="mtcnn")
    assert ids(found) == ["again.png", "one.png", "two.png"]
    of = found.faces_by_content()
    one, two = faces_of(found)[2], faces_of(found)[3:]
    assert [of(image) for image in found.images] == [tuple(two), (one,), tuple(two)]
    largest = people.embed(people.dataset("people"), ChipPixels(), align="mtcnn", faces="largest")
    assert [largest.faces_by_content()(image) for image in found.images] == [(two[0],), (one,), (two[0],)]
    whole = people.embed(people.dataset("people"), ChipPixels(), align="none")
    assert [whole.faces_by_content()(image) for image in found.images] == [None] * 3


def test_each_content_once_keeps_every_label() -> None:
    images = tuple(
        ImageRef(id=f"{n}.png", sha256=content * 64, labels=labels)
        for n, (content, labels) in enumerate(
            [("a", ("ann",)), ("b", ()), ("a", ("bob", "ann")), ("b", ()), ("a", ("cid",)), ("c", ("bob",))]
        )
    )
    assert each_content_once(ImageList.of(images)) == (
        replace(images[0], labels=("ann", "bob", "cid")),
        images[1],
        images[5],
    )


def test_summaries_add_up() -> None:
    images = tuple(ImageRef(id=f"{n}.png", sha256=f"{n}" * 64) for n in range(4))
    found = ImageSet(name="photos", images=images, n_other_files={".txt": 2})
    first = summary_of(found, 2, (exclusion(images[1], "no_face"), exclusion(images[2], "unreadable")))
    assert first.counts == Counts(n_seen=4, n_embedded=2, n_unreadable=1, n_excluded={"no_face": 1})
    assert (first.sha256, first.n_other_files) == (found.sha256, {".txt": 2})
    more = [exclusion(images[3], "no_face"), exclusion(images[0], "adult")]
    second = with_excluded(first, more)
    assert second.counts == Counts(
        n_seen=4, n_embedded=0, n_unreadable=1, n_excluded={"adult": 1, "no_face": 2}
    )
    assert [gone.id for gone in second.excluded] == ["0.png", "1.png", "2.png", "3.png"]
    assert second.counts.n_seen == second.counts.n_embedded + second.counts.n_left_out
