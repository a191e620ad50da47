from __future__ import annotations

import numpy as np
import pytest

from faceleak_check.records import Rows, Templates
from faceleak_check.search import engine as engine_module
from faceleak_check.search import ivf
from faceleak_check.search.engine import SearchEngine
from faceleak_check.search.exact import nearest
from faceleak_check.search.figures import Nearest, figures
from faceleak_check.search.ivf import IvfSearch
from faceleak_check.search.memory import Blocks, blocks_of

METRICS = ["cosine", "euclidean"]


def templates(rows: np.ndarray) -> Templates:
    norms = np.linalg.norm(rows, axis=1)
    return Templates(vectors=(rows / norms[:, None]).astype(np.float32), norms=norms.astype(np.float32))


def people(n_people: int, n_images: int, seed: int, dimension: int = 24) -> Templates:
    """Some images of each of many people, near to each other."""
    random = np.random.default_rng(seed)
    places = np.repeat(random.standard_normal((n_people, dimension)), n_images, axis=0)
    rows = places + 0.3 * random.standard_normal(places.shape)
    return templates(rows * random.uniform(1, 2, (len(rows), 1)))


def assert_same_bits(one: Nearest, other: Nearest) -> None:
    for name in ("rows", "similarity", "distance"):
        assert getattr(one, name).tobytes() == getattr(other, name).tobytes(), name


SOURCES = people(600, 5, seed=1)
QUERIES = SOURCES.part(np.arange(0, 3000, 30))
BLOCKS = blocks_of(64 << 20, 24, 3)


@pytest.mark.parametrize("metric", METRICS)
def test_through_all_lists_it_is_the_exact_search(metric: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ivf, "_PROBED", 1)
    search = IvfSearch(SOURCES, metric, blocks=BLOCKS)
    assert (search.n_lists, search.n_probed) == (219, 219)
    assert_same_bits(nearest(QUERIES, SOURCES, 7, metric=metric), search.nearest(QUERIES, 7))


@pytest.mark.parametrize("metric", METRICS)
def test_it_finds_near_ones_by_their_true_figures_and_misses_few(metric: str) -> None:
    search = IvfSearch(SOURCES, metric, blocks=BLOCKS)
    assert (search.n_lists, search.n_probed) == (219, 13)
    random = np.random.default_rng(2)
    near = np.asarray(QUERIES.vectors) + 0.05 * random.standard_normal((100, 24))
    queries = templates(near * QUERIES.norms[:, None])
    found = search.nearest(queries, 3)
    for column in range(3):
        similarity, distance = figures(queries, SOURCES.part(found.rows[:, column]))
        assert found.similarity[:, column].tobytes() == similarity.tobytes()
        assert found.distance[:, column].tobytes() == distance.tobytes()
    assert (np.diff(found.nearness(metric), axis=1) <= 0).all()
    exact = nearest(queries, SOURCES, 3, metric=metric)
    assert (found.rows == exact.rows).mean() > 0.8


@pytest.mark.parametrize("metric", METRICS)
def test_the_answer_depends_on_neither_blocks_nor_shards(metric: str) -> None:
    vectors = np.asarray(SOURCES.vectors)
    mapped = Templates(vectors=Rows([vectors[:1234], vectors[1234:]]), norms=SOURCES.norms)
    small = Blocks(query_rows=33, source_rows=500, tile_rows=20, tile_columns=7)
    one = IvfSearch(SOURCES, metric, blocks=BLOCKS).nearest(QUERIES, 3)
    assert_same_bits(one, IvfSearch(mapped, metric, blocks=small).nearest(QUERIES, 3))


def test_an_image_with_too_few_neighbours_in_its_lists_is_looked_up_in_all() -> None:
    search = IvfSearch(SOURCES, "cosine", blocks=BLOCKS)
    found = search.nearest(QUERIES.part(slice(3)), 1000)
    assert_same_bits(nearest(QUERIES.part(slice(3)), SOURCES, 1000), found)


def test_equal_templates_make_no_trouble() -> None:
    same = templates(np.ones((300, 8)))
    found = IvfSearch(same, "cosine", blocks=BLOCKS).nearest(same.part(slice(5)), 2)
    assert found.rows.tolist() == [[0, 1]] * 5


def test_a_small_source_is_searched_exactly() -> None:
    engine = SearchEngine(index="ivf")
    small = engine.over(SOURCES, "cosine")
    assert not small.is_approximate
    assert_same_bits(nearest(QUERIES, SOURCES, 3), small.nearest(QUERIES, 3))


def test_what_is_missed_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "FEWEST_ROWS", 3000)
    random = np.random.default_rng(4)
    queries = templates(random.standard_normal((200, 24)))  # nobody's: their nearest is anywhere
    told: list[tuple[str, int, int]] = []
    engine = SearchEngine(index="ivf", progress=lambda *one: told.append(one)).between("a", "b")
    search = engine.over(SOURCES, "cosine")
    assert search.is_approximate
    found, exact = search.nearest(queries, 1), nearest(queries, SOURCES, 1)
    n_missed = int((found.similarity < exact.similarity).sum())
    assert search.n_missed(queries) == n_missed
    assert 20 < n_missed < 180
    assert search.lists == (219, 13)
    assert {stage for stage, _, _ in told} == {"comparing a with b", "comparing a with b: lists"}
    assert not engine.exact.over(SOURCES, "cosine").is_approximate
