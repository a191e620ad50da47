"""The same neighbours on a CUDA device as on the CPU, bit by bit."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from faceleak_check.records import Templates
from faceleak_check.search.device import DeviceProducts
from faceleak_check.search.engine import SearchEngine
from faceleak_check.search.figures import Nearest

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device, and there is none"),
]


def templates(rows: np.ndarray) -> Templates:
    norms = np.linalg.norm(rows, axis=1)
    return Templates(vectors=(rows / norms[:, None]).astype(np.float32), norms=norms.astype(np.float32))


def found_by(device: str, queries: Templates, sources: Templates, k: int, metric: str) -> Nearest:
    return SearchEngine(device=device).over(sources, metric).nearest(queries, k)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("k", [1, 10, 200])
@pytest.mark.parametrize("spread", [1.0, 1e-3, 1e-6, 0.0])
def test_the_answer_is_that_of_the_processor(spread: float, k: int, metric: str) -> None:
    random = np.random.default_rng(7)
    centre = random.standard_normal(512)
    sources = templates(centre + spread * random.standard_normal((100_000, 512)))
    queries = templates(centre + random.standard_normal((500, 512)) * random.choice([0.01, 1], (500, 1)))
    on_host, on_device = (found_by(device, queries, sources, k, metric) for device in ("cpu", "cuda"))
    for name in ("rows", "similarity", "distance"):
        assert getattr(on_host, name).tobytes() == getattr(on_device, name).tobytes()


@pytest.mark.parametrize("dimension", [128, 512, 1024])
def test_no_product_is_further_off_than_its_bound(dimension: int) -> None:
    """On tensor cores, where half precision and how sums are rounded are the device's own."""
    random = np.random.default_rng(8)
    sources = templates(np.abs(random.standard_normal((2000, dimension))) + 0.1)
    truth = np.asarray(sources.vectors, np.float64)
    truth = truth @ truth.T
    products = DeviceProducts("cosine", "cuda")
    one, other = products.queries(sources), products.sources(sources)
    found = np.full(truth.shape, np.nan)
    for line, column, product in products.above(one, other, np.full(2000, -5, np.float32), None):
        found[line, column] = product
    assert np.abs(found - truth).max() <= products.doubt(one, other)


def test_rows_that_do_not_fit_on_the_device_are_brought_again(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(9)
    sources, queries = (templates(random.standard_normal((n, 64))) for n in (200_000, 20_000))
    expected = found_by("cuda", queries, sources, 3, "cosine")
    monkeypatch.setattr(DeviceProducts, "room", 0)
    again = found_by("cuda", queries, sources, 3, "cosine")
    assert again.rows.tobytes() == expected.rows.tobytes()


def test_auto_takes_the_device() -> None:
    assert isinstance(SearchEngine(device="auto").products("cosine"), DeviceProducts)
