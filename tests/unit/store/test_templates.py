from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tiny_store import (
    DIMENSION,
    SPEC,
    assert_same,
    digests,
    found_faces,
    keys,
    missing,
    picked,
    shards,
    templates,
)

from faceleak_check.errors import ModelError
from faceleak_check.records import FaceTemplates, Templates
from faceleak_check.store.templates import DiskTemplateStore


def test_what_is_added_is_given_back_in_the_order_asked_for(root: Path, store: DiskTemplateStore) -> None:
    first, second = templates(2, seed=1), templates(1, seed=2)
    store.add(digests("a", "b"), first)
    store.add(digests("c"), second)

    for opened in (store, DiskTemplateStore(root, SPEC)):
        found = opened.get(keys("c", "a", "c"))
        one, other = first.templates, second.templates
        np.testing.assert_array_equal(
            found.templates.vectors, [other.vectors[0], one.vectors[0], other.vectors[0]]
        )
        np.testing.assert_array_equal(found.templates.norms, [other.norms[0], one.norms[0], other.norms[0]])
        assert (found.n_faces.tolist(), found.faces) == ([1, 1, 1], None)
        assert len(opened) == 3
        assert opened.damaged == ()


def test_missing_tells_of_each_image_in_order(store: DiskTemplateStore) -> None:
    store.add(digests("b"), templates(1))
    assert store.missing(keys("c", "b", "a", "c")).tolist() == [True, False, True, True]
    assert store.missing(keys()).tolist() == []


def test_an_empty_store_gives_no_rows(store: DiskTemplateStore) -> None:
    found = store.get(keys())
    assert (found.templates.vectors.shape, found.templates.norms.shape) == ((0, DIMENSION), (0,))
    assert (len(found), found.faces, len(store)) == (0, None, 0)


def test_an_unknown_digest_is_a_key_error(store: DiskTemplateStore) -> None:
    store.add(digests("a"), templates(1))
    with pytest.raises(KeyError):
        store.get(keys("a", "b"))


def test_nothing_to_add_writes_nothing(root: Path, store: DiskTemplateStore) -> None:
    store.add([], templates(0))
    assert shards(root) == []


def test_what_is_there_twice_keeps_its_first_template(root: Path, store: DiskTemplateStore) -> None:
    first, second = templates(1, seed=1), templates(1, seed=2)
    store.add(digests("a"), first)
    store.add(digests("a"), second)
    assert_same(store.get(keys("a")), first)


def test_the_same_shard_twice_shifts_nothing(root: Path, store: DiskTemplateStore) -> None:
    for _ in range(2):
        store.add(digests("a", "b"), found_faces(2, 1))
    store.add(digests("c"), found_faces(1, seed=2))
    assert_same(store.get(keys("c")), found_faces(1, seed=2))
    assert (len(shards(root)), len(store)) == (2, 3)


def test_memory_that_is_not_in_row_order_is_stored_in_row_order(root: Path, store: DiskTemplateStore) -> None:
    plain = found_faces(1, 0, 2, 1, 1, 1)
    assert plain.faces is not None
    turned = Templates(
        vectors=np.asfortranarray(plain.templates.vectors), norms=np.repeat(plain.templates.norms, 2)[::2]
    )
    n_faces, faces = np.repeat(plain.n_faces, 2)[::2], np.asfortranarray(plain.faces)
    store.add(digests(*range(6)), FaceTemplates(n_faces=n_faces, templates=turned, faces=faces))
    assert_same(DiskTemplateStore(root, SPEC).get(keys(*range(6))), plain)


def test_equal_templates_make_equal_shards(tmp_path: Path) -> None:
    for name in ("one", "other"):
        DiskTemplateStore(tmp_path / name, SPEC).add(digests("a", "b"), templates(2))
    (one,), (other,) = shards(tmp_path / "one"), shards(tmp_path / "other")
    assert (one.name, one.read_bytes()) == (other.name, other.read_bytes())


def test_an_image_without_a_face_is_known_and_has_no_rows(root: Path, store: DiskTemplateStore) -> None:
    store.add(digests("a", "b"), found_faces(0, 0))
    for opened in (store, DiskTemplateStore(root, SPEC)):
        found = opened.get(keys("b", "a", "b"))
        assert missing(opened, "a", "b", "c") == ["c"]
        assert (len(opened), len(found), found.n_faces.tolist()) == (2, 3, [0, 0, 0])
        assert found.templates.vectors.shape == (0, DIMENSION)
        assert found.faces is not None
        assert found.faces.shape == (0, 15)


@pytest.mark.parametrize("seed", range(5))
def test_each_image_gets_its_own_faces_in_their_order(
    seed: int, root: Path, store: DiskTemplateStore
) -> None:
    random = np.random.default_rng(seed)
    kept = found_faces(*random.integers(0, 4, 30).tolist(), seed=seed)
    for start in range(0, 30, 10):
        images = range(start, start + 10)
        store.add(digests(*images), picked(kept, *images))
    asked = random.integers(0, 30, 50).tolist()

    for opened in (store, DiskTemplateStore(root, SPEC)):
        assert_same(opened.get(keys(*asked)), picked(kept, *asked))
        assert opened.damaged == ()


def test_an_image_that_is_there_twice_keeps_the_faces_that_were_found_first(
    root: Path, store: DiskTemplateStore
) -> None:
    first, second = found_faces(2, 1, seed=1), found_faces(3, 0, seed=2)
    store.add(digests("a", "b"), first)
    store.add(digests("b", "c"), second)
    assert_same(store.get(keys("a", "b")), first)
    assert store.get(keys("c", "b")).n_faces.tolist() == [0, 1]
    assert len(store) == 3


@pytest.mark.parametrize(("kept", "other"), [(found_faces(1), templates(1)), (templates(1), found_faces(1))])
def test_whole_pictures_and_faces_do_not_mix(
    kept: FaceTemplates, other: FaceTemplates, root: Path, store: DiskTemplateStore
) -> None:
    late = DiskTemplateStore(root, SPEC)
    store.add(digests("a"), kept)
    with pytest.raises(ModelError) as refused:
        store.add(digests("b"), other)
    assert str(refused.value) == (
        "the faces for embedder 'tiny' cannot be kept\n"
        "Found whole pictures and faces under one spec; expected 1 float32 rows of box, five "
        "points and confidence in [0, 1], or none for whole pictures. The detector is broken, or two alignments "
        "share a spec."
    )
    assert (len(shards(root)), len(store)) == (1, 1)

    late.add(digests("b"), other)
    store.refresh()
    assert (len(store.damaged), missing(store, "b")) == (1, ["b"])


def test_a_shard_of_one_picture_without_a_face_is_shorter_than_its_rows_are_wide(root: Path) -> None:
    spec = replace(SPEC, dimension=512)
    nothing = FaceTemplates(
        n_faces=np.zeros(1, np.int64),
        templates=Templates(vectors=np.empty((0, 512), np.float32), norms=np.empty(0, np.float32)),
        faces=np.empty((0, 15), np.float32),
    )
    DiskTemplateStore(root, spec).add(digests("a"), nothing)
    opened = DiskTemplateStore(root, spec)
    assert opened.damaged == ()
    assert opened.get(keys("a")).n_faces.tolist() == [0]
