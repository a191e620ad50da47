from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Collection

import numpy as np
import pytest

from faceleak_check import records
from faceleak_check.matches import NO_MATCH, Matches
from faceleak_check.records import (
    Counts,
    Exclusion,
    Face,
    FaceTemplates,
    ImageRef,
    ImageSet,
    Outcome,
    Pair,
    Templates,
    Verdict,
)

A, B = "a" * 64, "b" * 64


def image(name: str, sha256: str = A, labels: tuple[str, ...] = ()) -> ImageRef:
    return ImageRef(id=name, sha256=sha256, labels=labels)


def gone(name: str, rule: str = "unreadable", sha256: str | None = None, reason: str = "torn") -> Exclusion:
    return Exclusion(id=name, rule=rule, reason=reason, sha256=sha256)


def digest_of(*members: ImageRef | Exclusion, name: str = "photos") -> str:
    return ImageSet(
        name=name,
        images=tuple(member for member in members if isinstance(member, ImageRef)),
        excluded=tuple(member for member in members if isinstance(member, Exclusion)),
    ).sha256


# --------------------------------------------------------------------------------------- the digest of a set


def test_the_digest_is_of_ids_and_contents_in_the_order_of_the_ids() -> None:
    expected = hashlib.sha256(f"{B} 1.png\0unreadable 2.png\0{A} 3.png\0".encode()).hexdigest()
    assert digest_of(image("3.png"), image("1.png", B), gone("2.png")) == expected


def test_the_order_and_the_name_of_the_set_do_not_matter() -> None:
    assert digest_of(image("1"), image("2", B)) == digest_of(image("2", B), image("1"), name="other")


@pytest.mark.parametrize(
    "other",
    [
        (image("1.jpg"), gone("2.png")),
        (image("1.png", B), gone("2.png")),
        (image("1.png"),),
        (image("1.png"), gone("3.png")),
        (image("1.png"), gone("2.png", "link")),
        (image("1.png"), gone("2.png", sha256=B)),
        (image("1.png"), gone("2.png"), image("3.png")),
        (),
    ],
)
def test_names_contents_and_exclusions_matter(other: tuple[ImageRef | Exclusion, ...]) -> None:
    assert digest_of(image("1.png"), gone("2.png")) != digest_of(*other)


def test_a_name_that_is_split_elsewhere_is_another_set() -> None:
    assert digest_of(image(f"1\n{B} 2")) != digest_of(image("1"), image("2", B))


def test_a_name_that_is_no_utf8_has_a_digest_of_its_bytes() -> None:
    name = os.fsdecode(b"gr\xfc\xdfe.png")
    assert digest_of(image(name)) == hashlib.sha256(A.encode() + b" gr\xfc\xdfe.png\0").hexdigest()


# ------------------------------------------------------------------------------------- matches and waivers

GENERATED = (image("g0", "0" * 64), image("g1", "1" * 64))
SOURCE = tuple(image(f"s{number}", f"{number}" * 64) for number in range(2, 6))


def matches(index: list[list[int]], *, distances: bool = True) -> Matches:
    """Neighbours with cosines .9, .8 … and distances 1, 2 … by place."""
    places = np.arange(len(index[0]))
    there = np.array(index) >= 0
    return Matches(
        generated=GENERATED,
        source=SOURCE,
        source_index=np.array(index, dtype=np.int64),
        similarity=np.where(there, 0.9 - places / 10, NO_MATCH),
        distance=np.where(there, 1.0 + places, np.inf) if distances else None,
    )


THREE = matches([[0, 1, 2], [2, 3, 0]])


def rows(found: Matches) -> tuple[list[list[int]], list[list[float]]]:
    return found.source_index.tolist(), np.round(found.similarity, 9).tolist()


def without(pairs: Collection[tuple[int, int]], k: int, found: Matches = THREE) -> Matches:
    """Pairs by the numbers of generated image and source row."""
    return found.without({(GENERATED[g].sha256, SOURCE[s].sha256) for g, s in pairs}, k)


def test_nothing_taken_out_leaves_the_nearest() -> None:
    assert rows(without([], 2)) == ([[0, 1], [2, 3]], [[0.9, 0.8], [0.9, 0.8]])
    assert rows(without([], 3)) == rows(THREE)


def test_when_the_nearest_is_taken_out_the_next_steps_up() -> None:
    left = without([(0, 0)], 1)
    assert rows(left) == ([[1], [2]], [[0.8], [0.9]])
    assert left.distance is not None
    assert left.distance.tolist() == [[2.0], [1.0]]
    assert (left.generated, left.source, left.k, len(left)) == (GENERATED, SOURCE, 1, 2)


def test_a_pair_in_the_middle_leaves_the_others_in_order() -> None:
    assert rows(without([(0, 1), (1, 0)], 3)) == (
        [[0, 2, -1], [2, 3, -1]],
        [[0.9, 0.7, NO_MATCH], [0.9, 0.8, NO_MATCH]],
    )


def test_where_all_are_taken_out_nothing_is_left() -> None:
    left = without([(0, 0), (0, 1), (0, 2)], 2)
    assert rows(left) == ([[-1, -1], [2, 3]], [[NO_MATCH, NO_MATCH], [0.9, 0.8]])
    assert left.distance is not None
    assert left.distance.tolist() == [[np.inf, np.inf], [1.0, 2.0]]


def test_many_neighbours_stay_in_order_too() -> None:
    source = tuple(image(f"s{number}", f"{number:064x}") for number in range(200))
    many = Matches(
        generated=GENERATED[:1],
        source=source,
        source_index=np.arange(200)[None],
        similarity=np.linspace(0.9, 0.1, 200)[None],
    )
    taken = {(GENERATED[0].sha256, source[number].sha256) for number in range(0, 200, 2)}
    assert many.without(taken, 100).source_index.tolist() == [list(range(1, 200, 2))]


def test_a_pair_that_is_not_among_the_neighbours_changes_nothing() -> None:
    assert rows(without([(0, 3), (1, 1)], 3)) == rows(THREE)


def test_matches_without_distances_stay_without() -> None:
    left = without([(0, 0)], 2, matches([[0, 1, 2], [2, 3, 0]], distances=False))
    assert (left.distance, rows(left)[0]) == (None, [[1, 2], [2, 3]])


def test_a_neighbour_that_is_not_there_is_not_taken_for_the_last_source() -> None:
    padded = matches([[0, -1, -1], [3, -1, -1]])
    assert rows(without([(0, 3)], 3, padded)) == rows(padded)
    assert rows(without([(1, 3)], 1, padded)) == ([[0], [-1]], [[0.9], [NO_MATCH]])


def test_matches_without_sources_can_be_asked() -> None:
    nothing = dataclasses.replace(matches([[-1], [-1]]), source=())
    assert rows(nothing.without({(A, B)}, 1)) == ([[-1], [-1]], [[NO_MATCH], [NO_MATCH]])


def test_the_given_matches_stay_as_they_were() -> None:
    before = rows(THREE)
    without([(0, 0), (1, 3)], 2)
    assert rows(THREE) == before


def test_a_pair_holds_both_images_and_figures() -> None:
    assert THREE.pair(1, 1) == Pair(generated=GENERATED[1], source=SOURCE[3], similarity=0.8, distance=2.0)
    bare = matches([[0], [1]], distances=False)
    assert bare.pair(0, 0) == Pair(generated=GENERATED[0], source=SOURCE[0], similarity=0.9)


# ------------------------------------------------------------------------------------------------ the rest


def test_counts_add_up_what_was_left_out() -> None:
    counts = Counts(n_seen=10, n_embedded=4, n_unreadable=1, n_excluded={"link": 2, "child": 3})
    assert counts.n_left_out == 6


def test_only_pass_and_waived_let_a_release_through() -> None:
    passed = {
        outcome: Verdict(outcome=outcome, policy="p", check="c", case="c[a-vs-b]").passed
        for outcome in Outcome
    }
    assert passed == {
        Outcome.PASS: True,
        Outcome.LEAK: False,
        Outcome.WAIVED: True,
        Outcome.INCONCLUSIVE: False,
    }
    assert [str(outcome) for outcome in Outcome] == ["pass", "leak", "waived", "inconclusive"]


def test_templates_have_as_many_as_rows() -> None:
    assert len(Templates(vectors=np.zeros((3, 4), np.float32), norms=np.ones(3, np.float32))) == 3


def found_faces(*n_faces: int, whole: bool = False) -> FaceTemplates:
    n = sum(n_faces)
    return FaceTemplates(
        n_faces=np.array(n_faces, np.int64),
        templates=Templates(vectors=np.ones((n, 1), np.float32), norms=np.ones(n, np.float32)),
        faces=None if whole else np.arange(n * 15, dtype=np.float32).reshape(n, 15) / 64,
    )


@pytest.mark.parametrize(
    ("n_faces", "first_row"),
    [((), []), ((1, 1, 1), [0, 1, 2]), ((2, 0, 3, 0, 0, 1), [0, 2, 2, 5, 5, 5]), ((0, 0), [0, 0])],
)
def test_the_faces_of_each_image_begin_where_those_of_the_images_before_end(
    n_faces: tuple[int, ...], first_row: list[int]
) -> None:
    found = found_faces(*n_faces)
    assert (found.first_row.tolist(), len(found)) == (first_row, len(n_faces))
    assert found.first_row.dtype == np.int64


def test_some_of_the_images_come_with_their_faces_in_the_order_wanted() -> None:
    found = found_faces(2, 0, 3, 1)
    assert found.faces is not None
    for largest_only, n_faces, rows in [
        (False, [1, 3, 0, 2, 3], [5, 2, 3, 4, 0, 1, 2, 3, 4]),
        (True, [1, 1, 0, 1, 1], [5, 2, 0, 2]),
    ]:
        taken = found.taken(np.array([3, 2, 1, 0, 2]), largest_only=largest_only)
        assert taken.n_faces.tolist() == n_faces
        np.testing.assert_array_equal(taken.faces, found.faces[rows])
        assert len(taken.templates) == len(taken.templates.norms) == len(rows)


def test_a_row_holds_box_points_and_confidence() -> None:
    found = found_faces(1, 0, 1)
    assert found.face(1) == Face(
        box=(15 / 64, 16 / 64, 17 / 64, 18 / 64),
        points=(
            (19 / 64, 20 / 64),
            (21 / 64, 22 / 64),
            (23 / 64, 24 / 64),
            (25 / 64, 26 / 64),
            (27 / 64, 28 / 64),
        ),
        confidence=29 / 64,
    )
    with pytest.raises(IndexError):
        found.face(2)


def test_a_whole_picture_has_no_face() -> None:
    assert found_faces(1, 1, whole=True).face(1) is None


RECORDS = [
    kind for kind in vars(records).values() if isinstance(kind, type) and dataclasses.is_dataclass(kind)
]


@pytest.mark.parametrize("kind", RECORDS, ids=lambda kind: kind.__name__)
def test_what_crosses_a_border_is_frozen_keyword_only_and_slotted(kind: type) -> None:
    settings = kind.__dataclass_params__  # type: ignore[attr-defined]
    assert settings.frozen
    assert "__slots__" in vars(kind)
    assert all(field.kw_only for field in dataclasses.fields(kind))


def test_the_digest_of_labels_follows_the_names_of_people_alone() -> None:
    def labelled(*people: str) -> str | None:
        images = tuple(
            ImageRef(id=f"{row}.png", sha256=f"{row:064x}", labels=(person,) if person else ())
            for row, person in enumerate(people)
        )
        return ImageSet(name="training", images=images).labels_sha256

    assert labelled("", "") is None
    assert labelled("ann", "bob") == labelled("ann", "bob")
    assert len({labelled("ann", "bob"), labelled("bob", "ann"), labelled("ann", "")}) == 3
