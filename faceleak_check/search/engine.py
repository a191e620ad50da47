"""How nearest neighbours are looked for, and the searches that are made so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial

from faceleak_check.compute import torch_device
from faceleak_check.kept_arrays import Memory
from faceleak_check.protocols import Progress
from faceleak_check.records import Templates
from faceleak_check.search.checkpoints import digest_of, found_in, kept_of, key_of
from faceleak_check.search.exact import ExactSearch, Tell, some_rows
from faceleak_check.search.figures import Nearest
from faceleak_check.search.ivf import FEWEST_ROWS, IvfSearch
from faceleak_check.search.memory import Blocks, blocks_of
from faceleak_check.search.places import Barred
from faceleak_check.search.products import BlasProducts, Products
from faceleak_check.silence import silent

__all__ = ["SearchEngine", "Sources"]

_BLOCK_ROWS = 8192
"""Queries for which an answer is kept at a time: some minutes of work with ten million sources."""
_LONG = 2_000_000_000
"""Pairs of queries and sources from which on an answer is kept."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchEngine:
    """How nearest neighbours are looked for; but for `index` the answer does not depend on any of it.

    Attributes:
        memory: How much memory a search may take, in bytes; a quarter of what is free where it is None.
        device: What multiplies, ``cpu``, ``cuda``, or ``auto`` for cuda where there is one.
        index: ``exact``, or ``ivf`` for an approximate search of large sets.
        progress: Told how far a search is.
        checkpoints: Where long searches keep what they have found; None where they keep nothing.
        stage: What is being done, in words.
    """

    memory: int | None = None
    device: str = "cpu"
    index: str = "exact"
    progress: Progress = silent
    checkpoints: Memory | None = None
    stage: str = "comparing templates"

    def between(self, queries: str, sources: str) -> SearchEngine:
        """The same for searches of one set in another, by their names."""
        return replace(self, stage=f"comparing {queries} with {sources}")

    @property
    def exact(self) -> SearchEngine:
        """The same without anything approximate."""
        return replace(self, index="exact")

    def over(self, sources: Templates, metric: str) -> Sources:
        """What looks queries up in these sources.

        Args:
            sources: The templates that are looked for.
            metric: ``cosine`` or ``euclidean``.
        """
        return Sources(self, sources, metric)

    def blocks(self, dimension: int, k: int) -> Blocks:
        """The blocks of a search."""
        return blocks_of(self.memory, dimension, k, torch_device(self.device))

    def products(self, metric: str) -> Products:
        """What multiplies.

        Raises:
            ModelError: The device is not there.
        """
        device = torch_device(self.device)
        if device == "cpu":
            return BlasProducts(metric)
        from faceleak_check.search.device import DeviceProducts

        return DeviceProducts(metric, device)


class Sources:
    """Templates that are looked for, once or several times.

    Args:
        engine: How.
        templates: The templates.
        metric: ``cosine`` or ``euclidean``.
    """

    def __init__(self, engine: SearchEngine, templates: Templates, metric: str) -> None:
        self._engine = engine
        self._templates = templates
        self._metric = metric
        self._products: Products | None = None

    @property
    def is_approximate(self) -> bool:
        """Whether neighbours may be missed; in a small set they never are."""
        return self._engine.index == "ivf" and len(self._templates) >= FEWEST_ROWS

    @property
    def lists(self) -> tuple[int, int]:
        """Number of lists of an approximate search, and how many of them are looked through for a query."""
        return self._ivf.n_lists, self._ivf.n_probed

    def nearest(self, queries: Templates, k: int, barred: Barred | None = None) -> Nearest:
        """The k nearest of these for each query, see `faceleak_check.search.exact`.

        Args:
            queries: n templates.
            k: Neighbours wanted; there may be fewer.
            barred: Pairs that do not count; not in an approximate search.

        Raises:
            ModelError: The device is not there.
        """
        n, k = len(queries), min(k, len(self._templates))
        look_up = self._look_up(queries.dimension, k)
        is_long = n * len(self._templates) > _LONG
        found = Nearest.none(n, k, len(self._templates))
        if n:
            self._engine.progress(self._engine.stage, 0, n)
        for start in range(0, n, _BLOCK_ROWS):
            end = min(start + _BLOCK_ROWS, n)
            part = some_rows(queries, slice(start, end))
            here = barred and barred.of_queries(start, end)
            tell = partial(self._tell, self._engine.stage, n, start, end)
            work = partial(look_up, part, k, here, tell)
            found.put(slice(start, end), self._kept(part, k, here, work) if is_long else work())
        if n:
            self._engine.progress(self._engine.stage, n, n)
        return found

    def n_missed(self, queries: Templates) -> int:
        """Of how many of these an approximate search does not find the nearest."""
        found = self.nearest(queries, 1).nearness(self._metric)
        exact = Sources(self._engine.exact, self._templates, self._metric)
        return int((exact.nearest(queries, 1).nearness(self._metric) > found).sum())

    def _tell(self, stage: str, n: int, start: int, end: int, share: float) -> None:
        done = min(n - 1, start + int(share * (end - start)))  # the stage ends once all is put together
        self._engine.progress(stage, done, n)

    def _look_up(self, dimension: int, k: int) -> Callable[[Templates, int, Barred | None, Tell], Nearest]:
        if self.is_approximate:
            return self._look_up_in_lists
        search = ExactSearch(
            self._templates,
            self._metric,
            products=self._engine.products(self._metric),
            blocks=self._engine.blocks(dimension, k),
        )
        return lambda part, k, barred, tell: search.nearest(part, k, tell=tell, barred=barred)

    def _look_up_in_lists(self, part: Templates, k: int, barred: Barred | None, tell: Tell) -> Nearest:
        assert barred is None
        return self._ivf.nearest(part, k, tell=tell)

    def _kept(self, part: Templates, k: int, barred: Barred | None, work: Callable[[], Nearest]) -> Nearest:
        """What was found before; else what is found now, kept for the next time."""
        checkpoints = self._engine.checkpoints
        if checkpoints is None:
            return work()
        key = key_of(part, self._digest, self._rules(k), barred)
        found = found_in(checkpoints.recall(key), Nearest.none(len(part), k, len(self._templates)))
        if found is None:
            found = work()
            checkpoints.keep(key, kept_of(found))
        return found

    def _rules(self, k: int) -> Mapping[str, object]:
        rules: dict[str, object] = {"metric": self._metric, "k": k}
        return rules | {"lists": self.lists} if self.is_approximate else rules

    @cached_property
    def _digest(self) -> str:
        return digest_of(self._templates)

    @cached_property
    def _ivf(self) -> IvfSearch:
        n = len(self._templates)
        blocks = blocks_of(self._engine.memory, self._templates.dimension, 1)
        stage = f"{self._engine.stage}: lists"
        tell = partial(self._tell, stage, n, 0, n)
        found = IvfSearch(self._templates, self._metric, blocks=blocks, tell=tell)
        self._engine.progress(stage, n, n)
        return found
