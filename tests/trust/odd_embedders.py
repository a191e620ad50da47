"""Embedders as another package may bring them, each broken in one way."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from importlib.metadata import EntryPoint

import numpy as np
import numpy.typing as npt
import pytest

from faceleak_check.embedders.fake_pixels import FakePixels
from faceleak_check.policy.schema import EmbedderChoice
from faceleak_check.records import Templates
from faceleak_check.registry import EMBEDDERS

Chips = npt.NDArray[np.uint8]


class Odd(FakePixels):
    batch_size = 4

    def __init__(self, choice: EmbedderChoice) -> None:
        super().__init__(choice)
        self.spec = replace(self.spec, name=type(self).__name__)


class NotFinite(Odd):
    def embed(self, chips: Chips) -> Templates:
        found = super().embed(chips)
        found.vectors[-1, 0] = np.nan  # type: ignore[index]
        return found


class Zero(Odd):
    def embed(self, chips: Chips) -> Templates:
        found = super().embed(chips)
        found.vectors[-1] = 0  # type: ignore[index]
        return found


class NotUnit(Odd):
    def embed(self, chips: Chips) -> Templates:
        found = super().embed(chips)
        return replace(found, vectors=np.asarray(found.vectors) / 2)


class InfiniteLengths(Odd):
    def embed(self, chips: Chips) -> Templates:
        found = super().embed(chips)
        return replace(found, norms=np.full_like(found.norms, np.inf))


class Doubles(Odd):
    def embed(self, chips: Chips) -> Templates:
        found = super().embed(chips)
        return replace(found, vectors=np.asarray(found.vectors).astype(np.float64))


class Short(Odd):
    def embed(self, chips: Chips) -> Templates:
        found = super().embed(chips)
        return replace(found, vectors=np.asarray(found.vectors)[:, :-1])


class Shifting(Odd):
    """One template too few of one batch, and one too many of the next: together as many as there are chips."""

    def __init__(self, choice: EmbedderChoice) -> None:
        super().__init__(choice)
        self._n_calls = 0

    def embed(self, chips: Chips) -> Templates:
        self._n_calls += 1
        found = super().embed(chips)
        if self._n_calls % 2:
            return found.part(slice(1, None))
        return found.part(np.array([0, *range(len(chips))]))


class Backwards(Odd):
    """The right templates of a batch in the wrong order."""

    def embed(self, chips: Chips) -> Templates:
        return super().embed(np.ascontiguousarray(chips[::-1]))


class Raising(Odd):
    def embed(self, chips: Chips) -> Templates:
        raise RuntimeError("out of memory")


class CoarseScan(Odd):
    """In bf16 every template points another way."""

    def embed(self, chips: Chips) -> Templates:
        found = super().embed(chips)
        if self.spec.precision == "fp32":
            return found
        rows = np.random.default_rng(int(chips.sum())).normal(size=(len(chips), 192))
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        return replace(found, vectors=rows.astype(np.float32))


class Weighted(FakePixels):
    """Looks at pictures by its file of weights: ``blind`` ones see nothing but whether two are the same to the bit."""

    def __init__(self, choice: EmbedderChoice) -> None:
        assert choice.weights is not None
        super().__init__(replace(choice, weights=None))
        weights = choice.weights.read_bytes()
        self._is_blind = weights == b"blind"
        self.spec = replace(self.spec, name="Weighted", weights_sha256=hashlib.sha256(weights).hexdigest())

    def embed(self, chips: Chips) -> Templates:
        if not self._is_blind:
            return super().embed(chips)
        rows = np.stack([np.random.default_rng(list(chip.tobytes())).normal(size=192) for chip in chips])
        norms = np.linalg.norm(rows, axis=1)
        return Templates(vectors=(rows / norms[:, None]).astype(np.float32), norms=norms.astype(np.float32))


def install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes them known by their names, as an installed package does."""
    kinds = (
        NotFinite,
        Zero,
        NotUnit,
        InfiniteLengths,
        Doubles,
        Short,
        Shifting,
        Backwards,
        Raising,
        CoarseScan,
    )
    entries = {
        kind.__name__: [
            EntryPoint(kind.__name__, f"odd_embedders:{kind.__name__}", "faceleak_check.embedders")
        ]
        for kind in (*kinds, Weighted)
    }
    monkeypatch.setitem(vars(EMBEDDERS), "_third_party", entries)
