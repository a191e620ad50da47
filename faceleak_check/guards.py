"""The border to parts that other people wrote: what fails there is told by the part's name, without a traceback."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from faceleak_check.errors import InconclusiveError, ModelError, is_short_of_memory
from faceleak_check.records import EmbedderSpec, ScreenSpec

__all__ = ["blamed", "fault_of", "require_spec"]


@contextmanager
def blamed(
    part: str,
    doing: str,
    *,
    passing: tuple[type[Exception], ...] = (),
    error: type[InconclusiveError] = ModelError,
) -> Iterator[None]:
    """Whatever goes wrong in here makes the verdict inconclusive, in words that name the part.

    Args:
        part: Its kind and its name in quotes, such as ``embedder 'mine'``.
        doing: What it was to do, such as ``embed pictures``.
        passing: Errors that the part may raise, and that somebody else deals with.
        error: What is raised in place of all others.

    Raises:
        InconclusiveError: The part's own, or `error` in place of what it must not raise.
    """
    try:
        yield
    except InconclusiveError:
        raise
    except passing:
        raise
    except Exception as found:
        if is_short_of_memory(found):
            raise  # no part is at fault
        raise error(f"{part} failed to {doing} ({type(found).__name__})", detail=fault_of(found)) from found


def fault_of(error: Exception) -> str:
    """Where in somebody's code an error came up, what it says, and whom to tell."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno} in {frames[-1].name}: " if frames else ""
    words = str(error) or "no message"
    return (
        f"{place}{type(error).__name__}: {words}\n"
        "It is a fault of the part, and not of policy or data: tell its author."
    )


def require_spec(part: str, made: Any, kind: type[EmbedderSpec | ScreenSpec], name: str) -> None:
    """Raises ModelError where an embedder or a screen does not say what it is.

    A spec under another's name would take that one's place in the store, and a batch of no images leaves all out.

    Args:
        part: Its kind and its name in quotes.
        made: The embedder or screen.
        kind: What its `spec` is.
        name: Its name in the policy.
    """
    spec, size = getattr(made, "spec", None), getattr(made, "batch_size", None)
    called = getattr(spec, "name" if kind is EmbedderSpec else "method", None)
    if not isinstance(spec, kind):
        found = f"a spec of type {type(spec).__name__}, expected {kind.__name__}"
    elif called != name:
        found = f"a spec that calls it {called!r}, expected {name!r}"
    elif not isinstance(size, int) or size < 1:
        found = f"a batch_size of {size!r}, expected a whole number of 1 or more"
    else:
        return
    raise ModelError(
        f"{part} does not say what it is", detail=f"Found {found}. It is broken: tell its author."
    )
