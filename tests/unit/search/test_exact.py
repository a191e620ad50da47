from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from faceleak_check.records import FloatArray, IntArray, Templates
from faceleak_check.search import exact
from faceleak_check.search.exact import nearest

METRICS = ["cosine", "euclidean"]
TIES = 1e-12
"""Rows nearer to each other than this are equal to the oracle."""


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
        vectors=np.concatenate([part.vectors for part in parts]),
        norms=np.concatenate([part.norms for part in parts]),
    )


def oracle(
    queries: Templates, sources: Templates, k: int, metric: str
) -> tuple[IntArray, FloatArray, FloatArray]:
    """All pairs in float64, ordered by nearness, equal ones by row."""
    x, y = queries.vectors.astype(np.float64), sources.vectors.astype(np.float64)
    cosine = (x @ y.T) / np.outer(np.linalg.norm(x, axis=1), np.linalg.norm(y, axis=1))
    left, right = x * queries.norms[:, None], y * sources.norms[:, None]
    distance = np.linalg.norm(left[:, None] - right[None], axis=2)
    nearness = np.round(cosine if metric == "cosine" else -distance, 12)
    rows = np.argsort(-nearness, axis=1, kind="stable")[:, :k]
    return rows, np.take_along_axis(cosine, rows, 1), np.take_along_axis(distance, rows, 1)


def assert_equals_oracle(queries: Templates, sources: Templates, k: int, metric: str) -> None:
    rows, similarity, distance = nearest(queries, sources, k, metric=metric)
    true_rows, true_similarity, true_distance = oracle(queries, sources, k, metric)
    np.testing.assert_array_equal(rows, true_rows)
    np.testing.assert_allclose(similarity, true_similarity, rtol=0, atol=TIES)
    np.testing.assert_allclose(distance, true_distance, rtol=0, atol=TIES)
    assert (rows.dtype, similarity.dtype, distance.dtype) == (np.int64, np.float64, np.float64)


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exact, "_QUERY_ROWS", 7)
    monkeypatch.setattr(exact, "_SOURCE_ROWS", 11)
    monkeypatch.setattr(exact, "_RECHECKED_ROWS", 5)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    ("n", "m", "k"), [(30, 200, 1), (30, 200, 10), (5, 12, 12), (5, 12, 40), (9, 1, 3), (1, 60, 2)]
)
def test_equals_all_pairs_in_float64(n: int, m: int, k: int, metric: str) -> None:
    assert_equals_oracle(random_templates(n, 1), random_templates(m, 2), k, metric)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("k", [1, 3, 25])
@pytest.mark.usefixtures("small_blocks")
def test_equals_all_pairs_with_more_rows_than_a_block(k: int, metric: str) -> None:
    assert_equals_oracle(random_templates(40, 3), random_templates(150, 4), k, metric)


@pytest.mark.parametrize("metric", METRICS)
def test_lengths_that_differ_much_are_told_apart_by_distance(metric: str) -> None:
    random = np.random.default_rng(12)
    lengths = random.uniform(0.01, 0.1, (4000, 1))
    rows = random.standard_normal((4000, 16))
    sources = templates(rows / np.linalg.norm(rows, axis=1, keepdims=True) * lengths)
    queries = Templates(vectors=sources.vectors[:50], norms=sources.norms[50:100])
    assert_equals_oracle(queries, sources, 3, metric)


@pytest.mark.parametrize("blocks", ["large", "small"])
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("k", [1, 4, 30])
def test_of_many_equal_rows_the_lower_ones_are_nearer(
    k: int, metric: str, blocks: str, request: pytest.FixtureRequest
) -> None:
    if blocks == "small":
        request.getfixturevalue("small_blocks")
    some = random_templates(40, 5)
    same = templates(np.tile(np.arange(1.0, 17.0), (70, 1)))
    sources = joined(some, same, some)
    queries = joined(templates([np.arange(1.0, 17.0)]), some)

    rows, _, _ = nearest(queries, sources, k, metric=metric)

    np.testing.assert_array_equal(rows[0, :k], np.arange(40, 40 + k))
    assert_equals_oracle(queries, sources, k, metric)


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

    found, _, _ = nearest(queries, sources, 3, metric=metric)

    np.testing.assert_array_equal(found, [[59, 58, 57]])


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    ("query_rows", "source_rows", "rechecked_rows"), [(1, 1000, 1), (3, 7, 2), (64, 2, 100), (17, 50, 9)]
)
def test_no_bit_depends_on_the_blocks(
    query_rows: int, source_rows: int, rechecked_rows: int, metric: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    some = random_templates(120, 6, dimension=128)
    sources = joined(some, some, random_templates(60, 7, dimension=128))
    queries = joined(
        random_templates(30, 8, dimension=128), Templates(vectors=some.vectors[:20], norms=some.norms[:20])
    )
    whole = nearest(queries, sources, 5, metric=metric)

    monkeypatch.setattr(exact, "_QUERY_ROWS", query_rows)
    monkeypatch.setattr(exact, "_SOURCE_ROWS", source_rows)
    monkeypatch.setattr(exact, "_RECHECKED_ROWS", rechecked_rows)
    in_blocks = nearest(queries, sources, 5, metric=metric)

    for one, other in zip(whole, in_blocks, strict=True):
        assert one.tobytes() == other.tobytes()


def test_the_two_metrics_disagree_where_lengths_differ() -> None:
    sources = templates([[4.0, 0.0], [1.0, 0.5]])
    queries = templates([[1.0, 0.0]])

    by_cosine = nearest(queries, sources, 1, metric="cosine")
    by_distance = nearest(queries, sources, 1, metric="euclidean")

    assert [by_cosine[0].item(), by_cosine[1].item(), by_cosine[2].item()] == [0, 1.0, 3.0]
    assert by_distance[0].item() == 1
    assert by_distance[1].item() == pytest.approx(1 / np.sqrt(1.25), abs=1e-7)
    assert by_distance[2].item() == pytest.approx(0.5, abs=1e-7)


def test_a_copy_has_a_cosine_of_one_and_no_distance() -> None:
    """Rounded to float32 a unit vector is not quite of length 1: a threshold of 1 must still find copies."""
    faces = random_templates(200, 9, dimension=128)
    rows, similarity, distance = nearest(faces, faces, 1)
    np.testing.assert_array_equal(rows[:, 0], np.arange(200))
    np.testing.assert_array_equal(similarity, 1.0)
    np.testing.assert_array_equal(distance, 0.0)


def test_no_cosine_is_above_one() -> None:
    """Rounding makes some of almost equal vectors look more than equal."""
    face = random_templates(1, 14, dimension=128)
    almost = np.repeat(face.vectors, 128, axis=0)
    np.fill_diagonal(almost, np.nextafter(np.diagonal(almost), np.float32(2)))
    _, similarity, _ = nearest(face, Templates(vectors=almost, norms=np.repeat(face.norms, 128)), 128)
    assert similarity.max() == 1.0


def test_opposite_vectors_have_a_cosine_of_minus_one() -> None:
    face = random_templates(1, 10)
    opposite = Templates(vectors=-face.vectors, norms=face.norms)
    assert nearest(face, opposite, 1)[1].item() == -1.0


@pytest.mark.parametrize("metric", METRICS)
def test_no_queries_find_nothing(metric: str) -> None:
    nobody = Templates(vectors=np.empty((0, 16), np.float32), norms=np.empty(0, np.float32))
    found = nearest(nobody, random_templates(5, 11), 3, metric=metric)
    assert [array.shape for array in found] == [(0, 3)] * 3
