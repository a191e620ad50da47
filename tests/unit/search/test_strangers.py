from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hand_made_sets import gallery, image, names, people
from hypothesis import given, settings
from hypothesis import strategies as st

import faceleak_check.search.engine as module
from faceleak_check.search.memory import Blocks
from faceleak_check.search.neighbours import Gallery
from faceleak_check.search.strangers import Strangers, strangers

LABELS: list[tuple[str, ...]] = [(), ("ann",), ("ben",), ("cy",), ("ann", "ben"), ("cy", "dee")]


def oracle(one: Gallery, probe: int) -> tuple[set[int], float]:
    """The rows of the nearest images of somebody else, and the cosine to them, one pair of faces after the other."""
    nearest: dict[int, float] = {}
    for other, shown in enumerate(one.images):
        if not shown.labels or set(shown.labels) & set(one.images[probe].labels):
            continue
        for face in one.faces_of(probe):
            for theirs in one.faces_of(other):
                vectors = one.templates.vectors
                cosine = float(vectors[face].astype(np.float64) @ vectors[theirs].astype(np.float64))
                nearest[other] = max(cosine, nearest.get(other, -2.0))
    best = max(nearest.values(), default=-2.0)
    return {row for row, cosine in nearest.items() if cosine > best - 1e-6} or {-1}, best


def check(one: Gallery, found: Strangers) -> None:
    for probe, nearest, similarity in zip(
        found.probe.tolist(), found.nearest.tolist(), found.similarity.tolist(), strict=True
    ):
        rows, cosine = oracle(one, probe)
        assert nearest in rows
        assert similarity == pytest.approx(cosine, abs=1e-6)


@settings(max_examples=80, deadline=None)
@given(
    labels=st.lists(st.sampled_from(LABELS), min_size=1, max_size=25),
    n_faces=st.lists(st.integers(1, 3), min_size=25, max_size=25),
    blocks=st.sampled_from([None, Blocks(query_rows=3, source_rows=5, tile_rows=2, tile_columns=3)]),
    seed=st.integers(0, 100),
)
def test_equals_what_all_pairs_of_faces_say(
    labels: list[tuple[str, ...]], n_faces: list[int], blocks: Blocks | None, seed: int
) -> None:
    n_faces = n_faces[: len(labels)]
    vectors = people(sum(n_faces), seed=seed, dimension=3)
    one = gallery([image(f"i{n}", *who) for n, who in enumerate(labels)], vectors, n_faces=n_faces)
    with pytest.MonkeyPatch.context() as patch:
        if blocks is not None:
            patch.setattr(module, "blocks_of", lambda *_: blocks)
        found = strangers(one)
    assert found.probe.tolist() == [row for row, who in enumerate(labels) if who]
    check(one, found)


def test_an_image_under_two_names_is_a_stranger_to_neither_person() -> None:
    vectors = np.array([[1, 0], [1, 0.01], [1, 0.1], [1, 0.2]])
    shown = [("ann", "ben"), ("ben",), ("ann",), ("cy", "dee")]
    found = strangers(gallery([image(f"i{n}", *who) for n, who in enumerate(shown)], vectors))
    assert found.nearest.tolist() == [3, 2, 1, 2]


def test_where_there_is_nobody_else_nobody_is_found() -> None:
    one = gallery([image("a", "ann"), image("b", "ann"), image("c")], people(3, seed=1))
    found = strangers(one)
    assert (found.probe.tolist(), found.nearest.tolist(), found.similarity.tolist()) == (
        [0, 1],
        [-1, -1],
        [-2.0, -2.0],
    )


def test_a_gallery_without_names_asks_nobody() -> None:
    found = strangers(gallery([image("a"), image("b")], people(2, seed=1)))
    assert [len(column) for column in (found.probe, found.nearest, found.similarity)] == [0, 0, 0]


def test_equal_templates_of_two_people_have_a_cosine_of_1_at_most() -> None:
    """Unit-length vectors of 32 bits may be a little longer."""
    one = gallery([image("a", "ann"), image("b", "ben")], people(1, seed=3)[[0, 0]])
    vectors = one.templates.vectors * np.float32(1 + 1e-6)
    found = strangers(replace(one, templates=replace(one.templates, vectors=vectors)))
    assert (found.nearest.tolist(), found.similarity.tolist()) == ([1, 0], [1.0, 1.0])


def test_of_many_images_as_many_people_as_can_be_are_asked() -> None:
    """Every person's first image by content, then every person's second."""
    who = names("p", 5, 10)
    shown = [image(f"i{n}", *one) for n, one in enumerate(who)]
    one = gallery(shown, people(5, 10, seed=1))
    found = strangers(one, n_most=7)
    assert found.probe.tolist() == sorted(found.probe.tolist())
    asked = [shown[row] for row in found.probe.tolist()]
    assert sorted({image.labels for image in asked}) == sorted(set(who))
    by_person = {name: sorted(image.sha256 for image in shown if image.labels == name) for name in set(who)}
    expected = {digests[0] for digests in by_person.values()}
    expected |= set(sorted(digests[1] for digests in by_person.values())[:2])
    assert {image.sha256 for image in asked} == expected
    check(one, found)


def test_the_order_of_the_images_does_not_matter() -> None:
    who = names("p", 6, 4)
    shown = [image(f"i{n}", *one) for n, one in enumerate(who)]
    vectors = people(6, 4, seed=2)
    turned = np.random.default_rng(1).permutation(len(shown))
    plain = strangers(gallery(shown, vectors), n_most=9)
    other = strangers(gallery([shown[row] for row in turned], vectors[turned]), n_most=9)
    assert {shown[row].id for row in plain.probe} == {shown[turned[row]].id for row in other.probe}
    assert sorted(plain.similarity) == pytest.approx(sorted(other.similarity), abs=1e-6)
