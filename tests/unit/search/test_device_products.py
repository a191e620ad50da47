"""The search of a CUDA device, with the same numbers on the processor: half precision proposes, float64 decides."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceleak_check.records import IntArray, Rows, Templates
from faceleak_check.search.device import DeviceProducts
from faceleak_check.search.exact import ExactSearch, nearest
from faceleak_check.search.figures import Nearest
from faceleak_check.search.memory import Blocks
from faceleak_check.search.places import Barred

SMALL = Blocks(query_rows=20, source_rows=60, tile_rows=11, tile_columns=40)


def templates(rows: np.ndarray) -> Templates:
    norms = np.linalg.norm(rows, axis=1)
    return Templates(vectors=(rows / norms[:, None]).astype(np.float32), norms=norms.astype(np.float32))


def on_device(
    queries: Templates, sources: Templates, k: int, metric: str, blocks: Blocks | None = None
) -> Nearest:
    products = DeviceProducts(metric, "cpu")
    return ExactSearch(sources, metric, products=products, blocks=blocks).nearest(queries, k)


def assert_same_bits(one: Nearest, other: Nearest) -> None:
    for name in ("rows", "similarity", "distance"):
        assert getattr(one, name).tobytes() == getattr(other, name).tobytes(), name


@settings(max_examples=60, deadline=None)
@given(
    dimension=st.sampled_from([1, 2, 16, 128, 512]),
    kind=st.sampled_from(["any", "few", "halfway", "tiny"]),
    seed=st.integers(0, 1000),
)
def test_no_product_is_further_off_than_its_bound(dimension: int, kind: str, seed: int) -> None:
    random = np.random.default_rng(seed)
    rows = random.standard_normal((40, dimension)) + 1e-3
    if kind == "few":
        rows[:, dimension // 4 + 1 :] = 0
    if (
        kind == "halfway"
    ):  # every number lies in the middle between two of half precision, and is rounded down
        rows = 2.0 ** random.integers(-6, 0, (40, dimension)) * (1 + 2.0**-11)
    if kind == "tiny":
        rows[:, 1:] *= 1e-6
    sources = templates(rows)
    truth = np.asarray(sources.vectors, np.float64)
    truth = (truth @ truth.T) / np.outer(np.linalg.norm(truth, axis=1), np.linalg.norm(truth, axis=1))
    for half in (True, False):
        products = DeviceProducts("cosine", "cpu", half=half)
        one, other = products.queries(sources), products.sources(sources)
        lowest = np.full(40, -5, np.float32)
        found = np.full((40, 40), np.nan)
        for line, column, product in products.above(one, other, lowest, None):
            found[line, column] = product
        assert np.abs(found - truth).max() <= products.doubt(one, other)
        assert products.doubt(one, other) < (1.7e-3 if half else 1e-4)


@settings(max_examples=40, deadline=None)
@given(
    k=st.integers(1, 12),
    metric=st.sampled_from(["cosine", "euclidean"]),
    spread=st.sampled_from([0.0, 1e-7, 1e-5, 1e-3, 1.0]),
    blocks=st.sampled_from([None, SMALL]),
    seed=st.integers(0, 1000),
)
def test_the_answer_is_that_of_the_processor_for_every_k(
    k: int, metric: str, spread: float, blocks: Blocks | None, seed: int
) -> None:
    """Also where half precision cannot tell the rows apart at all."""
    random = np.random.default_rng(seed)
    centre = random.standard_normal(24)
    sources = templates(centre + spread * random.standard_normal((150, 24)))
    queries = templates(centre + random.standard_normal((30, 24)) * random.choice([0.01, 1], (30, 1)))
    expected = nearest(queries, sources, k, metric=metric)
    assert_same_bits(expected, on_device(queries, sources, k, metric, blocks))


@pytest.mark.parametrize(
    "blocks", [None, Blocks(query_rows=64, source_rows=300, tile_rows=16, tile_columns=100)]
)
def test_queries_with_too_many_near_rows_are_looked_up_again_in_float32(
    blocks: Blocks | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked_again: list[list[int]] = []
    plain = ExactSearch._again

    def again(
        self: ExactSearch, queries: Templates, rows: IntArray, found: Nearest, barred: Barred | None
    ) -> None:
        asked_again.append(rows.tolist())
        plain(self, queries, rows, found, barred)

    monkeypatch.setattr(ExactSearch, "_again", again)
    random = np.random.default_rng(5)
    crowd = random.standard_normal(32) + 1e-5 * random.standard_normal((2000, 32))
    others = random.standard_normal((500, 32))
    sources = templates(np.concatenate([others, crowd]))
    queries = templates(np.concatenate([random.standard_normal((3, 32)), crowd[:2]]))

    assert_same_bits(nearest(queries, sources, 3), on_device(queries, sources, 3, "cosine", blocks))

    assert asked_again == [[3, 4]]


def test_barred_pairs_are_passed_over_there_too() -> None:
    random = np.random.default_rng(1)
    crowd = random.standard_normal(16) + 1e-5 * random.standard_normal((300, 16))
    one = templates(np.concatenate([crowd, random.standard_normal((50, 16))]))
    rows = np.arange(350)
    barred = Barred(queries=rows, sources=rows)
    expected = ExactSearch(one, "cosine").nearest(one, 2, barred=barred)
    products = DeviceProducts("cosine", "cpu")
    for blocks in (None, Blocks(query_rows=200, source_rows=90, tile_rows=120, tile_columns=50)):
        found = ExactSearch(one, "cosine", products=products, blocks=blocks).nearest(one, 2, barred=barred)
        assert_same_bits(expected, found)
    assert not (expected.rows == rows[:, None]).any()


def test_rows_come_from_shards_as_well() -> None:
    random = np.random.default_rng(2)
    sources = templates(random.standard_normal((120, 16)))
    vectors = np.asarray(sources.vectors)
    mapped = Templates(vectors=Rows([vectors[:50], vectors[50:]]), norms=sources.norms)
    assert_same_bits(nearest(sources, sources, 4), on_device(mapped, mapped, 4, "cosine", SMALL))
