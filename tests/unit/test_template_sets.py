from __future__ import annotations

import hashlib
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hand_made_sets import embedded, image, unit

from faceleak_check.copies import Kinds
from faceleak_check.embedders.fake_pixels import FakePixels
from faceleak_check.embedders.precomputed import Precomputed
from faceleak_check.embedding import EmbeddedSets, build_embedder
from faceleak_check.errors import DatasetError, ModelError, StoreError
from faceleak_check.executors.local import LocalExecutor
from faceleak_check.image_sets import EmbeddedSet
from faceleak_check.policy.schema import ArrayNames, Dataset, EmbedderChoice, Labels, TemplateOrigin
from faceleak_check.readers.decode import decode
from faceleak_check.records import Alignment, Counts, EmbedderSpec, Exclusion, Pair, Rows
from faceleak_check.template_file import write_templates
from faceleak_check.template_sets import origin_sha256, template_set

Array = npt.NDArray[Any]

SHA, OTHER = "ab" * 32, "cd" * 32
CHOICE = EmbedderChoice(name="precomputed", sha256=SHA, dimension=16, licence="MIT")
PLACE = "(see datasets.training at line 4, column 3 of the policy)"


def nothing(stage: str, done: int, total: int) -> None:
    """Nobody is told."""


def embeddings(n: int, *, seed: int = 1) -> Array:
    return np.random.default_rng(seed).normal(size=(n, 16)).astype(np.float32)


class Project:
    """A file of templates, and a store."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "training.npz"
        self.store = folder / "store"

    def dataset(self, **keys: Any) -> Dataset:
        origin = TemplateOrigin(**{"embedder": "adaface-ir101", "sha256": SHA, **keys.pop("origin", {})})
        defaults: dict[str, Any] = {"labels": Labels(kind="none"), "templates": origin, "path": self.path}
        return Dataset(name="training", format="arrays", columns=None, line=4, column=3, **(defaults | keys))

    def save(self, **named: Array) -> None:
        np.savez(self.path, **named)  # type: ignore[arg-type]

    def set(self, spec: EmbedderSpec | None = None, **keys: Any) -> EmbeddedSet:
        return template_set(self.dataset(**keys), spec or Precomputed(CHOICE).spec, self.store, nothing)

    def sets(self) -> EmbeddedSets:
        return EmbeddedSets(self.store, LocalExecutor(decode, 1), nothing, [])


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


# ------------------------------------------------------------------------------------------------------- the set


def test_a_set_of_templates_is_a_set_that_was_embedded(project: Project) -> None:
    rows = 3 * embeddings(5)
    rows[2] = np.nan
    project.save(rows=rows, who=np.array(["ann", "bob", "ann", "", "bob"]))
    found = project.set(arrays=ArrayNames(identity="who"), labels=Labels(kind="own"))
    left = np.array([0, 1, 3, 4])
    assert found.images.contents == [hashlib.sha256(row.tobytes()).hexdigest() for row in rows[left]]
    assert found.images.labels == [("ann",), ("bob",), (), ("bob",)]
    assert isinstance(found.templates.templates.vectors, Rows)
    assert np.abs(found.templates.templates.vectors[:] - unit(rows[left])).max() < 1e-7
    assert found.templates.n_faces.tolist() == [1, 1, 1, 1]
    assert found.templates.faces is None
    assert not found.has_pictures
    assert found.alignment == Alignment(
        asked="none", used="none", reason="its templates were computed elsewhere by 'adaface-ir101'"
    )
    summary = found.summary
    assert (summary.n_people, summary.n_faces) == (2, None)
    assert summary.counts == Counts(n_seen=5, n_embedded=4, n_unreadable=1)
    assert summary.median_norm == pytest.approx(np.median(np.linalg.norm(rows[left], axis=1)))
    assert [(gone.id, gone.reason) for gone in summary.excluded] == [
        ("row 00000002", "its template holds numbers that are not finite")
    ]


@pytest.mark.parametrize("kind", ["<f4", "<f2"])
def test_of_rows_that_were_scaled_nobody_knows_how_long_the_embeddings_were(
    kind: str, project: Project
) -> None:
    project.save(rows=unit(embeddings(5)).astype(kind))
    assert project.set().summary.median_norm is None


@pytest.mark.parametrize(
    ("align", "reason"),
    [
        ("none", "its templates were computed elsewhere by 'adaface-ir101', of whole pictures"),
        ("mtcnn", "its templates were computed elsewhere by 'adaface-ir101', of faces that mtcnn found"),
    ],
)
def test_how_faces_were_found_stands_in_the_record(align: str, reason: str, project: Project) -> None:
    project.save(rows=embeddings(2))
    assert project.set(origin={"align": align}).alignment.reason == reason


def test_it_enters_where_pictures_do_and_nothing_is_embedded(project: Project) -> None:
    project.save(rows=embeddings(4))
    sets = project.sets()
    found = sets.embed(project.dataset(), CHOICE, Precomputed(CHOICE))
    assert (len(found.images), sets.n_embedded) == (4, 0)
    assert sorted(path.name for path in (project.store / "v2").iterdir()) == []


def test_rows_are_read_once(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("faceleak_check.readers.storage.local.SETTLED_NS", -1)
    project.save(rows=unit(embeddings(4)))
    first = project.set()
    monkeypatch.setattr("faceleak_check.readers.arrays.listed.row_facts", None)
    again = project.set()
    assert again.images == first.images
    assert (np.asarray(again.templates.templates.vectors) == unit(embeddings(4))).all()
    (kept,) = (path for path in project.store.rglob("*") if path.is_file())
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


def test_a_store_that_cannot_be_written_costs_a_reading_alone(project: Project, tmp_path: Path) -> None:
    project.store.write_bytes(b"no folder")
    project.save(rows=unit(embeddings(4)))
    assert len(project.set().images) == 4
    project.save(rows=2 * embeddings(4))
    with pytest.raises(StoreError) as caught:
        project.set()
    assert str(caught.value) == (
        "the template store cannot be written: File exists\n"
        f"{project.store}: choose another folder with --faceleak-store DIR or FACELEAK_STORE, or free some space."
    )


# ---------------------------------------------------------------------------------------------- what made them


@pytest.mark.parametrize(
    ("origin", "spec", "made_by", "compared_by"),
    [
        (
            {"sha256": OTHER},
            {},
            "'adaface-ir101' (SHA-256 cdcdcdcdcdcd)",
            "'precomputed' (SHA-256 abababababab)",
        ),
        (
            {},
            {"weights_sha256": OTHER, "name": "adaface-ir101"},
            "'adaface-ir101' (SHA-256 abababababab)",
            "'adaface-ir101' (SHA-256 cdcdcdcdcdcd)",
        ),
        (
            {"embedder": "adaface-ir50"},
            {"name": "adaface-ir101"},
            "'adaface-ir50' (SHA-256 abababababab)",
            "'adaface-ir101' (SHA-256 abababababab)",
        ),
    ],
)
def test_templates_of_another_network_are_never_compared(
    origin: dict[str, str], spec: dict[str, str], made_by: str, compared_by: str, project: Project
) -> None:
    project.save(rows=embeddings(4))
    with pytest.raises(DatasetError) as caught:
        project.set(replace(Precomputed(CHOICE).spec, **spec), origin=origin)
    theirs, ours = origin.get("sha256", SHA), spec.get("weights_sha256", SHA)
    assert str(caught.value) == (
        f"the templates of 'training' were made by {made_by}, and are to be compared by {compared_by}\n"
        f"{project.path} {PLACE}\n"
        f"In full: {theirs} under datasets.training.templates, {ours} of the embedder. Templates of two networks have "
        "nothing in common: name the one that made these as `embedder`, or have them made again."
    )


def test_templates_of_another_length_are_never_compared(project: Project) -> None:
    project.save(rows=embeddings(4))
    with pytest.raises(DatasetError) as caught:
        project.set(replace(Precomputed(CHOICE).spec, dimension=512))
    assert str(caught.value) == (
        "the templates of 'training' have 16 numbers, and those of 'precomputed' 512\n"
        f"{project.path} {PLACE}\nName the network that made them."
    )


def test_a_network_without_weights_is_known_by_its_spec(project: Project) -> None:
    fake = FakePixels(EmbedderChoice(name="fake-pixels")).spec
    assert origin_sha256(fake) == fake.sha256
    project.save(rows=np.ones((2, 192)))
    origin = {"embedder": "fake-pixels", "sha256": fake.sha256}
    assert len(project.set(fake, origin=origin).images) == 2


# ------------------------------------------------------------------------------------ the embedder without a network


def test_precomputed_is_what_the_policy_says_it_is() -> None:
    spec = Precomputed(CHOICE).spec
    assert (spec.name, spec.weights_sha256, spec.dimension, spec.licence) == ("precomputed", SHA, 16, "MIT")
    assert not spec.takes_pictures
    assert Precomputed.model_file(CHOICE) is None
    assert Precomputed(replace(CHOICE, licence=None)).spec.licence == "not stated"


@pytest.mark.parametrize("key", ["sha256", "dimension"])
def test_precomputed_must_be_told_what_made_the_templates(key: str) -> None:
    with pytest.raises(ModelError) as caught:
        build_embedder(replace(CHOICE, **{key: None}))
    assert str(caught.value) == (
        "embedder 'precomputed' is not told what made the templates\n"
        "State the digest of the network's weights as `sha256`, and the length of a template as `dimension`."
    )


def test_precomputed_embeds_no_picture(project: Project) -> None:
    embedder = Precomputed(CHOICE)
    embedder.load()
    dataset = replace(project.dataset(), format="folder", templates=None, path=project.path.parent)
    with pytest.raises(ModelError) as caught:
        project.sets().embed(dataset, CHOICE, embedder)
    assert str(caught.value) == (
        "'training' is a set of images, and embedder 'precomputed' has no network to embed them with\n"
        "Name the network that made the templates of the other set, such as `embedder: {name: adaface-ir101}`, or give "
        "the templates of this one, too."
    )
    with pytest.raises(ModelError) as caught:
        embedder.embed(np.zeros((2, 8, 8, 3), np.uint8))
    assert str(caught.value) == (
        "embedder 'precomputed' has no network to embed 2 pictures with\n"
        "Name the network that made the templates, such as `embedder: {name: adaface-ir101}`."
    )


def test_pairs_of_templates_stay_without_a_kind(project: Project) -> None:
    project.save(rows=embeddings(4))
    one = project.set()
    pictures = embedded("generated", [image("g")], embeddings(1))
    pair = Pair(generated=image("g"), source=one.images[0], similarity=0.9, distance=0.4)
    for generated, source in ((pictures, one), (one, pictures), (one, one)):
        assert Kinds(project.sets(), generated, source).told([pair]) == (pair,)


# -------------------------------------------------------------------------------------------------- a file of them


def handed_out(project: Project) -> EmbeddedSet:
    """Four pictures, of which one shows three faces; one that could not be decoded."""
    those = [
        *(
            image("a.png", "ann"),
            image("b.png", "bob"),
            image("c\udce9.png", content="c"),
            image("b.png#2", "zoë"),
        ),
    ]
    gone = Exclusion(id="torn.png", rule="unreadable", reason="torn", sha256=SHA)
    one = embedded("training", those, embeddings(6), n_faces=[1, 3, 1, 1], excluded=[gone])
    templates = replace(one.templates.templates, norms=np.array([1, 2, 3, 4, 5, 6], np.float32))
    return replace(one, templates=replace(one.templates, templates=templates))


def test_a_file_of_templates_is_read_as_what_was_written(project: Project) -> None:
    one = handed_out(project)
    write_templates(project.path, one, 16)
    assert stat.S_IMODE(project.path.stat().st_mode) == 0o600
    with np.load(project.path) as arrays:
        assert arrays["ids"].tolist() == [
            *("a.png", "b.png", "b.png#2#", "b.png#3", "c\\xe9.png", "b.png#2", "torn.png")
        ]
        assert arrays["people"].tolist() == ["ann", "bob", "bob", "bob", "", "zoë", ""]
        assert np.abs(arrays["templates"][:6] - unit(embeddings(6)) * np.arange(1, 7)[:, None]).max() < 1e-6
        assert np.isnan(arrays["templates"][6]).all()
    names = ArrayNames(data="templates", ids="ids", identity="people")
    found = project.set(arrays=names, labels=Labels(kind="own"))
    order = [0, 1, 5, 2, 3, 4]
    assert np.abs(np.asarray(found.templates.templates.vectors) - unit(embeddings(6))[order]).max() < 1e-6
    assert found.templates.templates.norms == pytest.approx(np.array([1, 2, 6, 3, 4, 5]))
    assert found.images.labels == [("ann",), ("bob",), ("zoë",), ("bob",), ("bob",), ()]
    assert [(gone.id, gone.rule) for gone in found.summary.excluded] == [("torn.png", "unreadable")]


def test_equal_templates_make_equal_files(project: Project, tmp_path: Path) -> None:
    write_templates(project.path, handed_out(project), 16)
    write_templates(tmp_path / "again.npz", handed_out(project), 16)
    assert project.path.read_bytes() == (tmp_path / "again.npz").read_bytes()


def test_many_templates_are_written_block_by_block(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("faceleak_check.template_file._BLOCK_ROWS", 3)
    rows = unit(embeddings(10))
    gone = [Exclusion(id=f"z{n}", rule="no_face", reason="none", sha256=SHA) for n in range(4)]
    one = embedded("training", [image(f"{n}.png") for n in range(10)], rows, excluded=gone)
    write_templates(project.path, one, 16)
    with np.load(project.path) as arrays:
        assert sorted(arrays) == ["ids", "templates"]
        assert (arrays["templates"][:10] == rows).all()
        assert np.isnan(arrays["templates"][10:]).all()
        assert arrays["ids"].tolist() == [*(f"{n}.png" for n in range(10)), "z0", "z1", "z2", "z3"]
    assert project.set(arrays=ArrayNames(data="templates", ids="ids")).summary.counts.n_seen == 14


def test_a_set_without_an_image_makes_a_file_without_a_row(project: Project) -> None:
    write_templates(project.path, embedded("training", [], np.empty((0, 16))), 16)
    with np.load(project.path) as arrays:
        assert arrays["templates"].shape == (0, 16)
