"""Networks on their way to another process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Self

from faceleak_check.errors import ModelError

if TYPE_CHECKING:
    from faceleak_check.records import EmbedderSpec, ScreenSpec

__all__ = ["Remade"]


class Remade:
    """Is pickled as the arguments it was made of, and made anew from them: no network and no lock goes along.

    So each machine takes the weights that it finds itself, and refuses to work with others than were meant.

    Attributes:
        spec: All that decides what it answers.
    """

    spec: EmbedderSpec | ScreenSpec
    _made_of: tuple[tuple[Any, ...], Mapping[str, Any]]

    def __new__(cls, *arguments: Any, **named: Any) -> Self:  # noqa: D102
        made = super().__new__(cls)
        made._made_of = arguments, named
        return made

    def __reduce__(self) -> tuple[object, ...]:
        return _again, (type(self), *self._made_of, self.spec)


def _again(
    kind: type[Remade],
    arguments: tuple[Any, ...],
    named: Mapping[str, Any],
    expected: EmbedderSpec | ScreenSpec,
) -> Remade:
    """The same once more.

    Raises:
        ModelError: It is not the same here.
    """
    made = kind(*arguments, **named)
    if made.spec != expected:
        found, wanted = asdict(made.spec), asdict(expected)
        name = wanted.get("name") or wanted.get("method")
        others = [key for key in wanted if found.get(key) != wanted[key]]
        told = "; ".join(f"{key} {found.get(key)!r}, expected {wanted[key]!r}" for key in others)
        raise ModelError(
            f"{name!r} is not the same on all machines",
            detail=f"Found {told}. Give all machines the same weights and the same versions of all packages.",
        )
    return made
