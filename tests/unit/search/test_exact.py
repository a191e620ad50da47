from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceleak_check.records import FloatArray, IntArray, Rows, Templates
from faceleak_check.search import candidates, exact
from faceleak_check.search.exact import ExactSearch, nearest
from faceleak_check.search.figures import Nearest, figures
from faceleak_check.search.memory import Blocks, blocks_of
from faceleak_check.search.places import Barred

METRICS = ["cosine", "euclidean"]
TIES = 1e-12
"""Rows nearer to each other than this are equal to the oracle."""
SMALL = Blocks(query_rows=7, source_rows=11, tile_rows=3, tile_columns=4)


def templates(rows: npt.ArrayLike) -> Templates:
    """Embeddings of any length as the store keeps them."""
    embeddings = np.asarray(rows, dtype=np.float64)
    norms = np.linalg.norm(embeddings, axis=1)
    return Templates(vectors=(embeddings / norms[:, None]).astype(np.float32), norms=norms.astype(np.float32))


def random_templates(n: int, seed: int, dimension: int = 16) -> Templates:
    random = np.random.default_rng(seed)
    lengths = random.uniform(0.5, 2, (n, 1))
    return templates(random.standard_normal((n, dimension)) * lengths)


def joined(*parts: Templates) -> Templates:
    return Templates(
        vectors=np.concatenate([np.asarray(part.vectors) for part in parts]),
        norms=np.concatenate([part.norms for part in parts]),
    )


def in_shards(one: Templates) -> Templates:
    """The same rows as they come from a store: in several arrays, in an order of their own."""
    vectors = np.asarray(one.vectors)
    order = np.random.default_rng(len(one)).permutation(len(one))
    places = np.argsort(order)
    parts = np.array_split(vectors[order], min(3, len(one)))
    return Templates(vectors=Rows(parts, places), norms=one.norms)


def oracle(
    queries: Templates, sources: Templates, k: int, metric: str
) -> tuple[IntArray, FloatArray, FloatArray]:
    """All pairs in float64, ordered by nearness, equal ones by row."""
    x, y = np.asarray(queries.vectors, np.float64), np.asarray(sources.vectors, np.float64)
    cosine = (x @ y.T) / np.outer(np.linalg.norm(x, axis=1), np.linalg.norm(y, axis=1))
    left, right = x * queries.norms[:, None], y * sources.norms[:, None]
    distance = np.linalg.norm(left[:, None] - right[None], axis=2)
    nearness = np.round(cosine if metric == "cosine" else -distance, 12)
    rows = np.argsort(-nearness, axis=1, kind="stable")[:, :k]
    return rows, np.take_along_axis(cosine, rows, 1), np.take_along_axis(distance, rows, 1)


def assert_equals_oracle(
    queries: Templates, sources: Templates, k: int, metric: str, blocks: Blocks | None = None
) -> None:
    found = nearest(queries, sources, k, metric=metric, blocks=blocks)
    true_rows, true_similarity, true_distance = oracle(queries, sources, k, metric)
    np.testing.assert_array_equal(found.rows, true_rows)
    np.testing.assert_allclose(found.similarity, true_similarity, rtol=0, atol=TIES)
    np.testing.assert_allclose(found.distance, true_distance, rtol=0, atol=TIES)
    assert (found.rows.dtype, found.similarity.dtype, found.distance.dtype) == (
        np.int32,
        np.float64,
        np.float64,
    )


def by_figures(queries: Templates, sources: Templates, k: int, metric: str) -> Nearest:
    """Every pair by the very figures that a verdict rests on, so that no two of them are nearly equal."""
    n, m = len(queries), len(sources)
    found = figures(queries.part(np.repeat(np.arange(n), m)), sources.part(np.tile(np.arange(m), n)))
    similarity, distance = (one.reshape(n, m) for one in found)
    rows = np.argsort(-similarity if metric == "cosine" else distance, axis=1, kind="stable")[:, :k]
    return Nearest(
        rows=rows.astype(np.int32),
        similarity=np.take_along_axis(similarity, rows, 1),
        distance=np.take_along_axis(distance, rows, 1),
    )


def assert_same_bits(one: Nearest, other: Nearest) -> None:
    for name in ("rows", "similarity", "distance"):
        assert getattr(one, name).tobytes() == getattr(other, name).tobytes(), name


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    ("n", "m", "k"), [(30, 200, 1), (30, 200, 10), (5, 12, 12), (5, 12, 40), (9, 1, 3), (1, 60, 2)]
)
def test_equals_all_pairs_in_float64(n: int, m: int, k: int, metric: str) -> None:
    assert_equals_oracle(random_templates(n, 1), random_templates(m, 2), k, metric)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("k", [1, 3, 25])
def test_equals_all_pairs_with_more_rows_than_a_block(k: int, metric: str) -> None:
    assert_equals_oracle(random_templates(40, 3), random_templates(150, 4), k, metric, SMALL)


@settings(max_examples=120, deadline=None)
@given(
    n=st.integers(1, 30),
    m=st.integers(1, 120),
    dimension=st.integers(1, 20),
    k=st.integers(1, 12),
    metric=st.sampled_from(METRICS),
    kind=st.sampled_from(["grid", "equal", "any", "long"]),
    blocks=st.sampled_from(
        [
            None,
            SMALL,
            Blocks(query_rows=64, source_rows=50, tile_rows=9, tile_columns=7, n_threads=2),
            Blocks(query_rows=1, source_rows=1, tile_rows=1, tile_columns=1),
        ]
    ),
    is_mapped=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_equals_every_pair_by_its_figures(
    *,
    n: int,
    m: int,
    dimension: int,
    k: int,
    metric: str,
    kind: str,
    blocks: Blocks | None,
    is_mapped: bool,
    seed: int,
) -> None:
    """Ties, duplicates and near ones, in memory and in shards, in blocks of all sizes."""
    random = np.random.default_rng(seed)
    sides = []
    for size in (n, m):
        rows = random.standard_normal((size, dimension)) * random.uniform(0.1, 30, (size, 1))
        if kind == "grid":
            rows = random.integers(-2, 3, (size, dimension)).astype(np.float64)
            rows[(rows == 0).all(axis=1)] = 1
        if kind == "equal":
            rows[random.integers(0, size, size)] = np.arange(1, dimension + 1)
        if kind == "long":
            rows *= 1000
        sides.append(in_shards(templates(rows)) if is_mapped else templates(rows))
    found = nearest(*sides, k, metric=metric, blocks=blocks)
    assert_same_bits(found, by_figures(*sides, k, metric))


@pytest.mark.parametrize("metric", METRICS)
def test_lengths_that_differ_much_are_told_apart_by_distance(metric: str) -> None:
    random = np.random.default_rng(12)
    lengths = random.uniform(0.01, 0.1, (4000, 1))
    rows = random.standard_normal((4000, 16))
    sources = templates(rows / np.linalg.norm(rows, axis=1, keepdims=True) * lengths)
    queries = Templates(vectors=np.asarray(sources.vectors)[:50], norms=sources.norms[50:100])
    assert_equals_oracle(queries, sources, 3, metric)


@pytest.mark.parametrize("blocks", [None, SMALL])
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("k", [1, 4, 30])
def test_of_many_equal_rows_the_lower_ones_are_nearer(k: int, metric: str, blocks: Blocks | None) -> None:
    some = random_templates(40, 5)
    same = templates(np.tile(np.arange(1.0, 17.0), (70, 1)))
    sources = joined(some, same, some)
    queries = joined(templates([np.arange(1.0, 17.0)]), some)

    found = nearest(queries, sources, k, metric=metric, blocks=blocks)

    np.testing.assert_array_equal(found.rows[0, :k], np.arange(40, 40 + k))
    assert_equals_oracle(queries, sources, k, metric, blocks)


@pytest.mark.parametrize("metric", METRICS)
def test_rows_that_float32_cannot_tell_apart_are_ordered_by_float64(metric: str) -> None:
    """60 sources whose cosines to the query differ by less than float32 resolves, best one last."""
    query = np.zeros(64)
    query[0] = 1
    rows = np.zeros((60, 64))
    rows[:, 0] = 1
    for row in range(60):
        rows[row, 1 + row] = 1e-4 * (1 + (60 - row) / 100)
    sources, queries = templates(rows), templates([query])
    assert len(set((sources.vectors @ queries.vectors[0]).tolist())) == 1

    found = nearest(queries, sources, 3, metric=metric)

    np.testing.assert_array_equal(found.rows, [[59, 58, 57]])


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    "blocks",
    [
        Blocks(query_rows=1, source_rows=1000, tile_rows=1, tile_columns=1000),
        Blocks(query_rows=3, source_rows=7, tile_rows=2, tile_columns=2),
        Blocks(query_rows=64, source_rows=2, tile_rows=64, tile_columns=100),
        Blocks(query_rows=17, source_rows=50, tile_rows=9, tile_columns=16, n_threads=3),
    ],
)
def test_no_bit_depends_on_the_blocks(blocks: Blocks, metric: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exact, "_WORTH_THREADS", 0)
    some = random_templates(120, 6, dimension=128)
    sources = joined(some, some, random_templates(60, 7, dimension=128))
    queries = joined(random_templates(30, 8, dimension=128), some.part(slice(20)))
    whole = nearest(queries, sources, 5, metric=metric)
    assert_same_bits(whole, nearest(queries, sources, 5, metric=metric, blocks=blocks))
    assert_same_bits(whole, nearest(in_shards(queries), in_shards(sources), 5, metric=metric, blocks=blocks))


@pytest.mark.parametrize("metric", METRICS)
def test_no_bit_depends_on_the_memory(metric: str) -> None:
    sources, queries = (
        in_shards(random_templates(5000, 6, dimension=64)),
        random_templates(300, 8, dimension=64),
    )
    found = [
        nearest(queries, sources, 5, metric=metric, blocks=blocks_of(memory, 64, 5))
        for memory in (None, 64 << 20, 1 << 16)
    ]
    for other in found[1:]:
        assert_same_bits(found[0], other)


@pytest.mark.parametrize("metric", METRICS)
def test_of_thousands_of_equal_rows_no_more_are_held_than_are_wanted(
    metric: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[int] = []
    plain = candidates.Candidates.sift

    def sift(self: candidates.Candidates) -> None:
        plain(self)
        held.append(len(self._rows))

    monkeypatch.setattr(candidates.Candidates, "sift", sift)
    sources = templates(np.tile(np.arange(1.0, 9.0), (20_000, 1)))
    blocks = Blocks(query_rows=16, source_rows=512, tile_rows=16, tile_columns=128)
    found = nearest(sources.part(slice(10)), sources, 4, metric=metric, blocks=blocks)
    np.testing.assert_array_equal(found.rows, [[0, 1, 2, 3]] * 10)
    assert max(held) <= 10 * (4 + 256)


@pytest.mark.parametrize("blocks", [None, SMALL, Blocks(source_rows=64, tile_columns=10)])
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("k", [1, 4])
def test_barred_pairs_are_passed_over(k: int, metric: str, blocks: Blocks | None) -> None:
    queries, sources = random_templates(20, 15), random_templates(90, 16)
    random = np.random.default_rng(3)
    is_barred = random.random((20, 90)) < 0.5
    is_barred[3] = True
    is_barred[4, 2:] = True
    source, query = is_barred.T.nonzero()
    barred = Barred(queries=query, sources=source)

    found = ExactSearch(sources, metric, blocks=blocks).nearest(queries, k, barred=barred)

    for line in range(20):
        left = np.flatnonzero(~is_barred[line])
        expected = np.full(k, -1)
        if len(left):
            rows = by_figures(queries.part(slice(line, line + 1)), sources.part(left), k, metric).rows[0]
            expected[: len(rows)] = left[rows]
        np.testing.assert_array_equal(found.rows[line], expected)
    assert found.similarity[3].tolist() == [-2.0] * k
    assert found.distance[3].tolist() == [np.inf] * k


def test_the_work_is_told_from_begin_to_end() -> None:
    told: list[float] = []
    search = ExactSearch(random_templates(30, 2), "cosine", blocks=SMALL)
    search.nearest(random_templates(20, 1), 2, tell=told.append)
    assert all(one < other for one, other in itertools.pairwise(told))
    assert (len(told), told[-1]) == (9, 1.0)


def test_the_two_metrics_disagree_where_lengths_differ() -> None:
    sources = templates([[4.0, 0.0], [1.0, 0.5]])
    queries = templates([[1.0, 0.0]])

    by_cosine = nearest(queries, sources, 1, metric="cosine")
    by_distance = nearest(queries, sources, 1, metric="euclidean")

    assert [by_cosine.rows.item(), by_cosine.similarity.item(), by_cosine.distance.item()] == [0, 1.0, 3.0]
    assert by_distance.rows.item() == 1
    assert by_distance.similarity.item() == pytest.approx(1 / np.sqrt(1.25), abs=1e-7)
    assert by_distance.distance.item() == pytest.approx(0.5, abs=1e-7)


def test_a_copy_has_a_cosine_of_one_and_no_distance() -> None:
    """Rounded to float32 a unit vector is not quite of length 1: a threshold of 1 must still find copies."""
    faces = random_templates(200, 9, dimension=128)
    found = nearest(faces, faces, 1)
    np.testing.assert_array_equal(found.rows[:, 0], np.arange(200))
    np.testing.assert_array_equal(found.similarity, 1.0)
    np.testing.assert_array_equal(found.distance, 0.0)


def test_no_cosine_is_above_one() -> None:
    """Rounding makes some of almost equal vectors look more than equal."""
    face = random_templates(1, 14, dimension=128)
    almost = np.repeat(np.asarray(face.vectors), 128, axis=0)
    np.fill_diagonal(almost, np.nextafter(np.diagonal(almost), np.float32(2)))
    found = nearest(face, Templates(vectors=almost, norms=np.repeat(face.norms, 128)), 128)
    assert found.similarity.max() == 1.0


def test_opposite_vectors_have_a_cosine_of_minus_one() -> None:
    face = random_templates(1, 10)
    opposite = Templates(vectors=-np.asarray(face.vectors), norms=face.norms)
    assert nearest(face, opposite, 1).similarity.item() == -1.0


@pytest.mark.parametrize("metric", METRICS)
def test_no_queries_find_nothing(metric: str) -> None:
    nobody = Templates(vectors=np.empty((0, 16), np.float32), norms=np.empty(0, np.float32))
    found = nearest(nobody, random_templates(5, 11), 3, metric=metric)
    assert found.rows.shape == found.similarity.shape == found.distance.shape == (0, 3)
