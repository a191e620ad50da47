"""Inner products on a CUDA device: cosines in half precision, finer ones in float32 where those do not tell enough.

How far a cosine in half precision may be off. Let x, y be the rows in float32 and x', y' in half precision. Then

    |x'·y' - x·y| <= |x' - x| |y'| + |x| |y' - y|

by Cauchy and Schwarz; the lengths of the differences are measured when rows are rounded. They are at most 2^-11 |x| and
2^-11 |y| (plus 2^-25 for each number that is smaller than 2^-14), together about 2^-10, and about a third of that in
practice. Products of two numbers of half precision are exact in float32, and tensor cores add them up in float32
without rounding to nearest, in blocks of which the order is not known: a sum of n is off by at most gamma(n) with a
unit of 2^-22, a margin of four (Blanchard, Higham, Lopez, Mary and Pranesh, Mixed precision block fused multiply-add,
SIAM J. Sci. Comput. 42(3), 2020, section 3). The result is rounded to half precision, 2^-11 of it. What the lengths of
templates are off from one comes on top, as in float32.

So the k-th nearest is not always among the k highest, but always among what comes within two such bounds of the k-th
highest (see `faceleak_check.search.candidates`), and all of that is worked out in float64 on the host.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from faceleak_check.records import FloatArray, Templates
from faceleak_check.search.places import Barred, Placed, gamma, placed, row_doubt
from faceleak_check.search.products import Hits, Products

__all__ = ["DeviceProducts"]

_HALF = 2.0**-11
_TENSOR_CORE = 2.0**-22
_LOOKED_THROUGH = 1 << 25
_FOR_PRODUCTS = 3
"""Of a device's memory one part in so many is kept free for products."""


class DeviceProducts:
    """Products by torch.

    Args:
        metric: ``cosine`` or ``euclidean``.
        device: ``cuda``; on ``cpu`` the same numbers come out slowly.
        half: Whether cosines are multiplied in half precision; embeddings of any length never are.
    """

    def __init__(self, metric: str, device: str, *, half: bool = True) -> None:
        self._metric = metric
        self._device = device
        self._half = half and metric == "cosine"

    @property
    def finer(self) -> Products | None:
        """Float32 on the same device."""
        return DeviceProducts(self._metric, self._device, half=False) if self._half else None

    @property
    def room(self) -> int:
        """See `Products`."""
        if self._device == "cpu":
            return 0
        free, total = torch.cuda.mem_get_info()
        return int(free - total // _FOR_PRODUCTS)

    def queries(self, templates: Templates) -> Placed:
        """See `Products`."""
        return self._brought(placed(templates, self._metric, is_source=False))

    def sources(self, templates: Templates) -> Placed:
        """See `Products`."""
        return self._brought(placed(templates, self._metric, is_source=True))

    def _brought(self, on_host: Placed) -> Placed:
        rows = torch.from_numpy(np.array(on_host.rows)).to(self._device)
        rounded = 0.0
        if self._half:
            half = rows.half()
            differences = torch.linalg.vector_norm((rows - half.float()).double(), dim=1)
            rounded = float(differences.max()) if len(rows) else 0.0
            rows = half
        return Placed(rows=rows, longest=on_host.longest, uneven=on_host.uneven, rounded=rounded)

    def doubt(self, queries: Placed, sources: Placed) -> float:
        """See `Products`; the bound above."""
        if not self._half:
            return row_doubt(queries, sources, self._metric)
        size = (queries.longest + queries.rounded) * (sources.longest + sources.rounded)
        rounded = queries.rounded * (sources.longest + sources.rounded) + queries.longest * sources.rounded
        sums = gamma(int(sources.rows.shape[1]) + 8, _TENSOR_CORE) * size
        result = _HALF * (size + sums) + 2.0**-25
        return rounded + sums + result + row_doubt(queries, sources, self._metric)

    def kth(self, queries: Placed, sources: Placed, k: int, barred: Barred | None) -> FloatArray:
        """See `Products`."""
        tile = self._tile(queries, sources, barred).float()
        kth: FloatArray = _on_host(torch.topk(tile, k, dim=1, sorted=True).values[:, -1])
        return kth

    def above(
        self, queries: Placed, sources: Placed, thresholds: FloatArray, barred: Barred | None
    ) -> Iterator[Hits]:
        """See `Products`."""
        tile = self._tile(queries, sources, barred)
        lowest = torch.from_numpy(thresholds).to(self._device)
        rows = (tile.amax(dim=1).float() >= lowest).nonzero().squeeze(1)
        n_rows = max(1, _LOOKED_THROUGH // tile.shape[1])
        for start in range(0, len(rows), n_rows):
            some = rows[start : start + n_rows]
            found = tile[some].float()
            line, column = (found >= lowest[some, None]).nonzero(as_tuple=True)
            yield _on_host(some[line]), _on_host(column), _on_host(found[line, column])

    def _tile(self, queries: Placed, sources: Placed, barred: Barred | None) -> torch.Tensor:
        one, other = queries.rows, sources.rows
        with torch.inference_mode(), _plain_arithmetic(self._device):
            # a processor may add up half precision in half precision
            on_host = self._half and self._device == "cpu"
            tile: torch.Tensor = (one.float() @ other.float().T).half() if on_host else one @ other.T
            if barred is not None:
                places = (torch.from_numpy(one).to(self._device) for one in (barred.queries, barred.sources))
                tile[tuple(places)] = -torch.inf
            return tile


def _on_host(tensor: torch.Tensor) -> Any:
    return tensor.cpu().numpy()


@contextmanager
def _plain_arithmetic(device: str) -> Iterator[None]:
    """A block in which float32 is float32 (not ten bits of it) and half precision is added up in float32."""
    if device == "cpu":
        yield
        return
    matmul = torch.backends.cuda.matmul
    # torch before 2.9 knows the older name alone, and reading that one may fail where a program set the newer one
    float32 = {"fp32_precision": "ieee"} if hasattr(matmul, "fp32_precision") else {"allow_tf32": False}
    wanted: dict[str, object] = {**float32, "allow_fp16_reduced_precision_reduction": False}
    before = {name: getattr(matmul, name) for name in wanted}
    _set(matmul, wanted)
    try:
        yield
    finally:
        _set(matmul, before)


def _set(matmul: object, settings: Mapping[str, object]) -> None:
    for name, value in settings.items():
        setattr(matmul, name, value)
