from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from faceleak_check.errors import InconclusiveError
from faceleak_check.matches import NO_MATCH, Gone, Matches
from faceleak_check.records import ImageColumns, ImageList, ImageRef, Pair, Templates
from faceleak_check.search.engine import Sources
from faceleak_check.search.figures import Nearest, figures
from faceleak_check.search.neighbours import Gallery, Neighbours
from faceleak_check.search.places import Barred


def digest(name: str) -> str:
    return name.encode().hex().ljust(64, "0")


def gallery(prefix: str, n_faces: list[int], seed: int, *, grid: int = 3, boxes: bool = False) -> Gallery:
    """Images whose faces' templates lie on a coarse grid, so that equal similarities are common."""
    random = np.random.default_rng(seed)
    n_rows = sum(n_faces)
    rows = random.integers(-grid, grid + 1, (n_rows, 3)).astype(np.float64)
    rows[(rows == 0).all(axis=1)] = 1
    norms = np.linalg.norm(rows, axis=1)
    edges = np.arange(4 * n_rows, dtype=np.float32).reshape(-1, 4)
    return Gallery(
        images=tuple(ImageRef(id=f"{prefix}{n}", sha256=digest(f"{prefix}{n}")) for n in range(len(n_faces))),
        n_faces=np.array(n_faces, dtype=np.int64),
        templates=Templates(
            vectors=(rows / norms[:, None]).astype(np.float32), norms=norms.astype(np.float32)
        ),
        boxes=edges if boxes else None,
    )


def oracle(
    generated: Gallery, source: Gallery, k: int, gone: Gone, metric: str
) -> list[list[tuple[str, float]]]:
    """For each image that counts: the k nearest sources and their nearness, from all pairs of faces."""
    answer = []
    for g, image in enumerate(generated.images):
        if image.sha256 in gone.generated:
            continue
        near = []
        for s, other in enumerate(source.images):
            if other.sha256 in gone.source or (image.sha256, other.sha256) in gone.pairs:
                continue
            pairs = itertools.product(
                np.flatnonzero(generated.image_of == g), np.flatnonzero(source.image_of == s)
            )
            left, right = (np.array(side) for side in zip(*pairs, strict=True))
            similarity, distance = figures(generated.part(left), source.part(right))
            near.append((float((similarity if metric == "cosine" else -distance).max()), -s))
        answer.append([(source.images[-s].id, value) for value, s in sorted(near, reverse=True)[:k]])
    return answer


def as_lists(matches: Matches, metric: str) -> list[list[tuple[str, float]]]:
    assert matches.distance is not None
    values = matches.similarity if metric == "cosine" else -matches.distance
    return [
        [(matches.source[row].id, float(value)) for row, value in zip(rows, line, strict=True) if row >= 0]
        for rows, line in zip(matches.source_index.tolist(), values, strict=True)
    ]


def same(found: list[list[tuple[str, float]]], expected: list[list[tuple[str, float]]]) -> None:
    """Equal values in every place; the names as well, but for faces that are equally near."""
    assert [[value for _, value in line] for line in found] == [
        [value for _, value in line] for line in expected
    ]
    for line, other in zip(found, expected, strict=True):
        assert len({name for name, _ in line}) == len(line)
        for value in {value for _, value in line[:-1]} - {line[-1][1]} if line else set():
            assert {name for name, one in line if one == value} == {
                name for name, one in other if one == value
            }


faces = st.lists(st.integers(1, 4), min_size=1, max_size=12)
many = st.lists(st.integers(1, 3), min_size=1, max_size=40)


@settings(max_examples=150, deadline=None)
@given(
    own=faces,
    others=many,
    k=st.integers(1, 6),
    seed=st.integers(0, 1000),
    metric=st.sampled_from(["cosine", "euclidean"]),
    share=st.sampled_from([0.0, 0.3, 0.9, 1.0]),
)
def test_equals_what_all_pairs_of_faces_say_whatever_is_gone(
    own: list[int], others: list[int], k: int, seed: int, metric: str, share: float
) -> None:
    generated, source = gallery("g", own, seed), gallery("s", others, seed + 1)
    random = np.random.default_rng(seed)
    gone = Gone(
        pairs=frozenset(
            (image.sha256, other.sha256)
            for image in generated.images
            for other in source.images
            if random.random() < share / 2
        ),
        generated=frozenset(image.sha256 for image in generated.images if random.random() < share / 3),
        source=frozenset(image.sha256 for image in source.images if random.random() < share),
    )
    neighbours = Neighbours(generated=generated, source=source, metric=metric)
    matches = neighbours.matches(k, gone)
    k = min(k, len(source))
    same(as_lists(matches, metric), oracle(generated, source, k, gone, metric))


def test_one_search_serves_deeper_and_shallower_questions() -> None:
    generated, source = gallery("g", [1] * 5, 1), gallery("s", [1] * 60, 2)
    neighbours = Neighbours(generated=generated, source=source, metric="cosine")
    for k in (1, 40, 2):
        same(as_lists(neighbours.matches(k), "cosine"), oracle(generated, source, k, Gone(), "cosine"))


@pytest.fixture
def searches(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Queries and depth of every search that is made."""
    made: list[tuple[int, int]] = []
    plain = Sources.nearest

    def nearest(self: Sources, queries: Templates, k: int, barred: Barred | None = None) -> Nearest:
        made.append((len(queries), k))
        return plain(self, queries, k, barred)

    monkeypatch.setattr(Sources, "nearest", nearest)
    return made


def test_only_the_images_concerned_are_searched_deeper(searches: list[tuple[int, int]]) -> None:
    generated, source = gallery("g", [1] * 50, 1, grid=50), gallery("s", [1] * 200, 2, grid=50)
    neighbours = Neighbours(generated=generated, source=source, metric="cosine")
    matches = neighbours.matches(20)
    first = generated.images[7].sha256
    gone = Gone(pairs=frozenset((first, source.images[row].sha256) for row in matches.source_index[7]))
    again = neighbours.matches(20, gone)
    assert searches == [(50, 22), (1, 44)]
    same(as_lists(again, "cosine"), oracle(generated, source, 20, gone, "cosine"))


def test_what_was_searched_deeper_is_known_from_then_on(searches: list[tuple[int, int]]) -> None:
    generated, source = gallery("g", [1, 2, 1, 3, 1], 1, grid=50), gallery("s", [1] * 90, 2, grid=50)
    neighbours = Neighbours(generated=generated, source=source, metric="cosine")
    best = neighbours.matches(9)
    gone = Gone()
    for image in (3, 0, 1, 4, 2):
        name = generated.images[image].sha256
        taken_out = [(name, source.images[row].sha256) for row in best.source_index[image]]
        gone = gone.and_pairs(taken_out)
        for _ in range(2):
            found = as_lists(neighbours.matches(9, gone), "cosine")
            same(found, oracle(generated, source, 9, gone, "cosine"))
    # of the image of three faces enough was known from the start
    assert searches == [(8, 11), (1, 22), (2, 22), (1, 22), (1, 22)]


def test_places_that_nothing_is_left_for_are_empty() -> None:
    generated, source = gallery("g", [2, 1], 1), gallery("s", [1, 1, 2], 2)
    gone = Gone(source=frozenset(image.sha256 for image in source.images[:2]))
    matches = Neighbours(generated=generated, source=source, metric="cosine").matches(3, gone)
    assert matches.source_index.tolist() == [[2, -1, -1], [2, -1, -1]]
    assert matches.similarity[:, 1:].tolist() == [[NO_MATCH] * 2] * 2
    assert matches.distance is not None
    assert matches.distance[:, 1:].tolist() == [[np.inf] * 2] * 2


def test_each_pair_tells_which_faces_are_near() -> None:
    generated, source = gallery("g", [1, 2], 5, boxes=True), gallery("s", [2], 6, boxes=True)
    near = np.array([[1.0, 0, 0], [0, 1, 0], [0, 0, 1]], dtype=np.float32)
    far = np.array([[0, -1, 0], [0, 0, 1]], dtype=np.float32)
    generated = Gallery(
        images=generated.images,
        n_faces=generated.n_faces,
        templates=Templates(vectors=near, norms=np.ones(3, np.float32)),
        boxes=generated.boxes,
    )
    source = Gallery(
        images=source.images,
        n_faces=source.n_faces,
        templates=Templates(vectors=far, norms=np.ones(2, np.float32)),
        boxes=source.boxes,
    )
    pair = Neighbours(generated=generated, source=source, metric="cosine").matches(1).pair(1, 0)
    assert pair.similarity == 1
    assert pair.generated_box == (8, 9, 10, 11)
    assert pair.source_box == (4, 5, 6, 7)


def test_whole_pictures_have_no_boxes() -> None:
    neighbours = Neighbours(generated=gallery("g", [1], 1), source=gallery("s", [1], 2), metric="cosine")
    pair = neighbours.matches(1).pair(0, 0)
    assert (pair.generated_box, pair.source_box) == (None, None)


def test_more_neighbours_than_can_be_held_are_refused() -> None:
    random = np.random.default_rng(1)
    sides = [
        Gallery(
            images=ImageList(ImageColumns.numbered(prefix, random.integers(0, 256, (300_000, 32), np.uint8))),
            n_faces=np.ones(300_000, np.int64),
            templates=Templates(
                vectors=np.ones((300_000, 1), np.float32), norms=np.ones(300_000, np.float32)
            ),
        )
        for prefix in "gs"
    ]
    with pytest.raises(InconclusiveError) as refused:
        Neighbours(generated=sides[0], source=sides[1], metric="cosine").matches(250_000)
    assert refused.value.message == "250,002 neighbours of each of 300,000 faces are too many to hold"
    before, _, after = refused.value.detail.partition(", and ")
    assert before == "They take 1.4 TiB"
    assert after.endswith(" are free: choose a smaller k, or compare fewer images at a time.")


def by_full_depth(neighbours: Neighbours, k: int, gone: Gone) -> list[tuple[str, str, float]]:
    """The k nearest pairs by k neighbours of every image, and those as near as the last."""
    matches = neighbours.matches(k, gone)
    rows, columns = (matches.source_index >= 0).nonzero()
    pairs = [matches.pair(int(row), int(column)) for row, column in zip(rows, columns, strict=True)]
    return worst(pairs, k, neighbours.metric)


def worst(pairs: list[Pair], k: int, metric: str) -> list[tuple[str, str, float]]:
    values = [pair.similarity if metric == "cosine" else -(pair.distance or 0.0) for pair in pairs]
    lowest = sorted(values, reverse=True)[k - 1] if len(values) >= k else -np.inf
    return sorted(
        (pair.generated.id, pair.source.id, value)
        for pair, value in zip(pairs, values, strict=True)
        if value >= lowest
    )


@settings(max_examples=150, deadline=None)
@given(
    own=faces,
    others=many,
    k=st.integers(1, 60),
    seed=st.integers(0, 1000),
    metric=st.sampled_from(["cosine", "euclidean"]),
    grid=st.sampled_from([1, 3, 50]),
    share=st.sampled_from([0.0, 0.4, 1.0]),
)
@example(own=[3], others=[2, 3], k=2, seed=8, metric="cosine", grid=3, share=0.0)  # of one face more is known
def test_the_nearest_pairs_of_all_are_those_of_a_search_at_full_depth(
    own: list[int], others: list[int], k: int, seed: int, *, metric: str, grid: int, share: float
) -> None:
    generated, source = gallery("g", own, seed, grid=grid), gallery("s", others, seed + 1, grid=grid)
    random = np.random.default_rng(seed)
    gone = Gone(
        pairs=frozenset(
            (image.sha256, other.sha256)
            for image in generated.images
            for other in source.images
            if random.random() < share / 2
        ),
        generated=frozenset(image.sha256 for image in generated.images if random.random() < share / 3),
        source=frozenset(image.sha256 for image in source.images if random.random() < share / 2),
    )
    neighbours = Neighbours(generated=generated, source=source, metric=metric)
    matches = neighbours.best_pairs(k, gone)
    assert matches.source_index.shape == (len(matches), 1)
    pairs = [matches.pair(row, 0) for row in range(len(matches))]
    again = Neighbours(generated=generated, source=source, metric=metric)
    assert worst(pairs, k, metric) == by_full_depth(again, k, gone)
    assert len(set(pairs)) == len(pairs)


def test_of_many_pairs_only_images_with_many_of_them_are_searched_deeper(
    searches: list[tuple[int, int]],
) -> None:
    generated, source = gallery("g", [1] * 100, 1, grid=500), gallery("s", [1] * 1500, 2, grid=500)
    vectors = np.array(source.templates.vectors)
    vectors[:300] = generated.templates.vectors[5] + 1e-4 * vectors[:300]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    source = replace(source, templates=replace(source.templates, vectors=vectors))
    neighbours = Neighbours(generated=generated, source=source, metric="cosine")
    pairs = neighbours.best_pairs(400)
    assert len(pairs) == 400
    assert sum(image.id == "g5" for image in pairs.generated) >= 300
    assert searches[0] == (100, 3)
    assert max(depth for _, depth in searches) >= 384
    assert sum(n * depth for n, depth in searches[1:]) < 6000
    whole = Neighbours(generated=generated, source=source, metric="cosine")
    found = [pairs.pair(row, 0) for row in range(400)]
    assert worst(found, 400, "cosine") == by_full_depth(whole, 400, Gone())
