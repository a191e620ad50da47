"""Whether an embedder or a screen keeps the rules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from faceleak_check.errors import InconclusiveError
from faceleak_check.guards import require_spec
from faceleak_check.policy.screen_rules import is_screen
from faceleak_check.protocols import Embedder, Pixels, Screen
from faceleak_check.records import EmbedderSpec, Face, ScreenSpec, Templates
from faceleak_check.store.templates import refuse_unsound
from faceleak_check.store.values import refuse_no_probabilities
from faceleak_check.testing.asking import ANEW, IN_THREADS, batches, in_threads, require_equal, sent_elsewhere

__all__ = ["check_embedder", "check_screen"]

_N_PICTURES = 7
_FACE = Face(
    box=(4.0, 4.0, 28.0, 28.0),
    points=((12.0, 12.0), (20.0, 12.0), (16.0, 17.0), (13.0, 22.0), (19.0, 22.0)),
    confidence=0.99,
)


def check_embedder(embedder: Embedder, *, seed: int = 0) -> None:
    """Sees whether an embedder keeps the rules.

    Args:
        embedder: The embedder, not loaded yet.
        seed: Of the random chips that it is shown.

    Raises:
        AssertionError: It breaks a rule; the message says which.
    """
    _require_spec(embedder, EmbedderSpec, embedder.spec.name)
    size = embedder.spec.input_size
    chips = np.random.default_rng(seed).integers(0, 256, (_N_PICTURES, size, size, 3), dtype=np.uint8)
    before, copy = chips.copy(), sent_elsewhere(embedder)
    assert copy.spec == embedder.spec, "its pickled copy has another spec"
    embedder.load()
    alone = [_embedded(embedder, chips[n : n + 1]) for n in range(len(chips))]
    assert np.array_equal(chips, before), "it changes the chips that it is given"
    assert len(np.unique(_rows(alone), axis=0)) == len(chips), "it gives different pictures the same template"
    together = [_embedded(embedder, part) for part in batches(chips[::-1], embedder.batch_size)]
    require_equal(_rows(alone), _rows(together)[::-1], "a chip's template depends on the others in its batch")
    copy.load()
    require_equal(_rows(alone), _rows([_embedded(copy, chips[n : n + 1]) for n in range(len(chips))]), ANEW)
    at_once = in_threads(lambda n: _embedded(embedder, chips[n : n + 1]), len(chips))
    require_equal(_rows(alone), _rows(at_once), IN_THREADS)


def check_screen(screen: Screen, *, seed: int = 0) -> None:
    """Sees whether a screen keeps the rules.

    Args:
        screen: The screen, not loaded yet.
        seed: Of the random pictures that it is shown.

    Raises:
        AssertionError: It breaks a rule; the message says which.
    """
    keys = "its class has no `keys` made with check_keys that hold method and reject_above"
    assert is_screen(type(screen)), keys
    _require_spec(screen, ScreenSpec, screen.spec.method)
    pictures = _pictures(seed)
    copy = sent_elsewhere(screen)
    assert copy.spec == screen.spec, "its pickled copy has another spec"
    screen.load()
    copy.load()
    for faces in (None, (), (_FACE,)):
        alone = [_measured(screen, [picture], [faces]) for picture in pictures]
        backwards = [
            _measured(screen, part, [faces] * len(part))
            for part in batches(pictures[::-1], screen.batch_size)
        ]
        depends = "a picture's value depends on the others in its batch"
        require_equal(np.concatenate(alone), np.concatenate(backwards)[::-1], depends)
        again = [_measured(copy, [picture], [faces]) for picture in pictures]
        require_equal(np.concatenate(alone), np.concatenate(again), ANEW)
        at_once = in_threads(
            lambda n, faces=faces: _measured(screen, [pictures[n]], [faces]),  # type: ignore[misc]
            len(pictures),
        )
        require_equal(np.concatenate(alone), np.concatenate(at_once), IN_THREADS)


def _require_spec(made: Any, kind: type[EmbedderSpec | ScreenSpec], name: str) -> None:
    try:
        require_spec("the part", made, kind, name)
    except InconclusiveError as error:
        raise AssertionError(str(error)) from None


def _embedded(embedder: Embedder, chips: npt.NDArray[np.uint8]) -> Templates:
    found = embedder.embed(chips)
    assert isinstance(found, Templates), f"embed gave {type(found).__name__}, expected Templates"
    arrays = {
        "n_faces": np.ones(len(chips), np.int64),
        "vectors": np.asarray(found.vectors),
        "norms": np.asarray(found.norms),
    }
    try:
        refuse_unsound(len(chips), arrays, embedder.spec.dimension)
    except ValueError as error:
        raise AssertionError(f"embed gave {error}") from None
    return found


def _measured(
    screen: Screen, pictures: Sequence[Pixels], faces: Sequence[tuple[Face, ...] | None]
) -> npt.NDArray[np.float64]:
    values = screen.measure(pictures, faces)
    try:
        refuse_no_probabilities(len(pictures), {"values": values})
    except ValueError as error:
        raise AssertionError(f"measure gave {error}") from None
    return values


def _rows(parts: Sequence[Templates]) -> npt.NDArray[np.float32]:
    return np.concatenate([np.column_stack([np.asarray(part.vectors), part.norms]) for part in parts])


def _pictures(seed: int) -> list[Pixels]:
    """Pictures of many shapes: noise, one colour, one pixel, much wider than high."""
    random = np.random.default_rng(seed)
    shapes = [(32, 32), (48, 32), (1, 1), (2, 90), (90, 2), (64, 64)]
    noise = [random.integers(0, 256, (*shape, 3), dtype=np.uint8) for shape in shapes]
    return [*noise, np.zeros((32, 32, 3), np.uint8), np.full((32, 32, 3), 255, np.uint8)]
