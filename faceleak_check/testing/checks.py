"""Whether a check keeps the rules."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np

from faceleak_check.checks.guarded import unsound
from faceleak_check.checks.judge import judge
from faceleak_check.matches import NO_MATCH, Matches
from faceleak_check.policy.pair_checks import why_not_a_check
from faceleak_check.protocols import PairCheck
from faceleak_check.records import ImageList, ImageRef

__all__ = ["check_check", "some_matches"]


def check_check(check: PairCheck, *, seed: int = 0) -> None:
    """Sees whether a check keeps the rules, on matches of all kinds.

    Args:
        check: The check with its keys.
        seed: Of the random similarities that it is shown.

    Raises:
        AssertionError: It breaks a rule; the message says which.
    """
    assert not (problem := why_not_a_check("", type(check))), f"it {problem}"
    assert isinstance(check.n_neighbours, int), f"n_neighbours is {check.n_neighbours!r}"
    assert check.n_neighbours >= 1, "it asks for no neighbours"
    assert check.metric in ("cosine", "euclidean"), f"its metric is {check.metric!r}"
    assert isinstance(check.needs_whole_set, bool), "needs_whole_set is neither True nor False"
    matches = some_matches(k=check.n_neighbours, seed=seed)
    nothing = matches.without(
        [(a, b) for a in matches.generated.contents for b in matches.source.contents], 1
    )
    for given in (matches, nothing, matches.without([], 1), _turned(matches)):
        _require_sound(check, given)
    value, turned = check.measure(matches).value, check.measure(_turned(matches)).value
    assert value == turned, f"its value depends on the order of the images: {value!r} and {turned!r}"
    assert not check.leaking(nothing).any(), "it says that a neighbour leaks which is not there"


def some_matches(n: int = 40, n_source: int = 12, k: int = 1, *, seed: int = 0) -> Matches:
    """Random matches with cosines from -1 to 1, the highest among them 1; every other image shows one of four people.

    Args:
        n: Number of generated images.
        n_source: Number of source images.
        k: Neighbours of each generated image.
        seed: Of the cosines.
    """
    random = np.random.default_rng(seed)
    columns = min(k, n_source)
    rows = np.array([random.permutation(n_source)[:columns] for _ in range(n)])
    similarity = -np.sort(-random.uniform(-1, 1, (n, columns)), axis=1)
    similarity[0, 0] = 1.0
    empty = ((0, 0), (0, k - columns))
    similarity = np.pad(similarity, empty, constant_values=NO_MATCH)
    distance = np.where(similarity >= -1, np.sqrt(np.clip(2 - 2 * similarity, 0, None)), np.inf)
    return Matches(
        generated=_images("g", n),
        source=_images("s", n_source),
        source_index=np.pad(rows, empty, constant_values=-1).astype(np.int64),
        similarity=similarity,
        distance=distance,
    )


def _images(prefix: str, n: int) -> ImageList:
    return ImageList.of(
        ImageRef(
            id=f"{prefix}{row:03}.png",
            sha256=hashlib.sha256(f"{prefix}{row}".encode()).hexdigest(),
            labels=(f"person {row % 8 // 2}",),
        )
        for row in range(n)
    )


def _turned(matches: Matches) -> Matches:
    """The same matches, the last image first."""
    backwards = np.arange(len(matches))[::-1]
    distance = None if matches.distance is None else matches.distance[backwards]
    return replace(
        matches,
        generated=matches.generated.taken(backwards),
        source_index=matches.source_index[backwards],
        similarity=matches.similarity[backwards],
        distance=distance,
    )


def _require_sound(check: PairCheck, matches: Matches) -> None:
    measured = check.measure(matches)
    assert not (problem := unsound(measured, matches)), f"its figure is {problem}"
    assert check.measure(matches) == measured, "it measures something else the second time"
    rows = check.leaking(matches)
    expected = (np.dtype(bool), matches.source_index.shape)
    assert (rows.dtype, rows.shape) == expected, f"leaking gave {rows.dtype} of shape {rows.shape}"
    assert judge(measured)[1], "nothing can be said of its figure"
