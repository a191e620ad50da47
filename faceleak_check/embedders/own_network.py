"""How a network of the user's own takes pictures: told by its file or stated in the policy, never guessed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from faceleak_check.errors import ModelError
from faceleak_check.landmarks import TEMPLATES
from faceleak_check.policy.schema import EmbedderChoice
from faceleak_check.records import ChipTemplate

__all__ = ["ChipRules", "Told", "checked_dimension", "chip_rules"]

_NEEDED = ("input_size", "colour_order", "mean", "std")
_SIDES = range(16, 1025)
_DIMENSIONS = range(16, 4097)


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """What a file says of its own network.

    Attributes:
        value: As the policy's key of the same name would have it.
        where: Where the file says so, in words.
    """

    value: str | float
    where: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ChipRules:
    """What a network wants as input.

    Attributes:
        input_size: Height and width of a chip in pixels.
        colour_order: ``RGB`` or ``BGR``.
        mean: Subtracted from each pixel value.
        std: What the difference is divided by.
        template: Where a face lies in a chip; None where nobody says.
    """

    input_size: int
    colour_order: Literal["RGB", "BGR"]
    mean: float
    std: float
    template: ChipTemplate | None

    @property
    def normalisation(self) -> str:
        """From bytes to the network's input, in words."""
        return f"({self.colour_order} - {self.mean:.15g}) / {self.std:.15g}"

    def network_input(self, chips: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """RGB chips, uint8, shape (n, size, size, 3) → the network's input, shape (n, 3, size, size)."""
        ordered = chips if self.colour_order == "RGB" else chips[..., ::-1]
        scaled = (ordered.astype(np.float32) - np.float32(self.mean)) / np.float32(self.std)
        return np.ascontiguousarray(scaled.transpose(0, 3, 1, 2))


def chip_rules(choice: EmbedderChoice, path: Path, told: Mapping[str, Told], hint: str = "") -> ChipRules:
    """Brings together what the policy states and what the file tells.

    Args:
        choice: The policy's ``embedder`` block.
        path: The network's file, for messages.
        told: What the file tells, by the policy's key.
        hint: Where else than in the policy the keys may be given, for messages.

    Raises:
        ModelError: A key is missing, out of range, or told in two ways.
    """
    rules = {key: _settled(key, choice, path, told.get(key)) for key in (*_NEEDED, "template")}
    missing = [key for key in _NEEDED if rules[key] is None]
    if missing:
        raise ModelError(
            f"embedder {choice.name!r} is not told how its network takes pictures: no {_or(missing)}",
            detail=f"{path}: state {_and(missing)} in the policy's `embedder`{hint}, as the network was trained. Usual "
            "for InsightFace's ArcFace files: `colour_order: RGB`, `mean: 127.5`, `std: 127.5`, "
            "`template: arcface-112`.",
        )
    _check_range(
        choice, path, "input_size", rules["input_size"], rules["input_size"] in _SIDES, _words(_SIDES)
    )
    _check_range(choice, path, "std", rules["std"], rules["std"] > 0, "a number above 0, such as 127.5")
    return ChipRules(**{**rules, "template": rules["template"] and TEMPLATES[rules["template"]]})


def checked_dimension(choice: EmbedderChoice, path: Path, dimension: int) -> int:
    """The length of a template.

    A classifier's output has the shape of an embedding too: whether the numbers mean a face, no shape can tell.

    Raises:
        ModelError: No face network has templates of that length.
    """
    _check_range(
        choice, path, "output", dimension, dimension in _DIMENSIONS, f"{_words(_DIMENSIONS)} numbers"
    )
    return dimension


def _settled(key: str, choice: EmbedderChoice, path: Path, told: Told | None) -> Any:
    stated = getattr(choice, key)
    if told is None or stated in (None, told.value):
        return stated if told is None else told.value
    raise ModelError(
        f"the policy and the network of embedder {choice.name!r} disagree on {key}",
        detail=f"{path}: found {key} {_shown(stated)} in the policy and {_shown(told.value)} {told.where}. "
        f"Leave `embedder.{key}` out, or correct one of them.",
    )


def _check_range(
    choice: EmbedderChoice, path: Path, what: str, found: float, is_right: bool, expected: str
) -> None:
    if not is_right:
        raise ModelError(
            f"the {what} of embedder {choice.name!r} is not that of a face network",
            detail=f"{path}: found {_shown(found)}, expected {expected}.",
        )


def _shown(value: object) -> str:
    return f"{value:,.15g}" if isinstance(value, int | float) else str(value)


def _words(numbers: range) -> str:
    return f"{numbers[0]:,} to {numbers[-1]:,}"


def _and(keys: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(f"`{key}`" for key in keys[:-1]), f"`{keys[-1]}`"]))


def _or(keys: list[str]) -> str:
    return " or ".join(filter(None, [", ".join(keys[:-1]), keys[-1]]))
