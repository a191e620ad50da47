"""How the parts are asked: in batches, from several threads, with nobody to be told how far it is."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy.typing as npt

__all__ = ["ANEW", "IN_THREADS", "batches", "in_threads", "require_equal", "sent_elsewhere"]

_N_THREADS = 4
ANEW = "its pickled copy, made anew, answers something else"
IN_THREADS = "it answers something else when several threads ask at once"


def batches(pictures: Any, size: int) -> list[Any]:
    """The pictures in parts of that size, in their order."""
    return [pictures[start : start + size] for start in range(0, len(pictures), size)]


def in_threads(work: Callable[[int], Any], n: int) -> list[Any]:
    """What comes of each number below `n`, several worked on at once."""
    with ThreadPoolExecutor(_N_THREADS) as threads:
        return list(threads.map(work, range(n)))


def require_equal(one: npt.NDArray[Any], other: npt.NDArray[Any], problem: str) -> None:
    """Raises AssertionError where rows differ in a single bit."""
    n = int((one != other).reshape(len(one), -1).any(axis=1).sum())
    assert not n, f"{problem}: {n} of {len(one)} differ"


def sent_elsewhere(part: Any) -> Any:
    """A part as it comes out of a pickle on another machine."""
    try:
        return pickle.loads(pickle.dumps(part))  # noqa: S301 — it was made here
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        raise AssertionError(f"it cannot be sent to other machines: {error}") from error
